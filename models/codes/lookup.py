"""Reading code tables: `table("nation").name("01")`, `.resolve("汉")`, `.choices(2027)` …

All of it is answered from memory (`models.codes.cache`). A `TableLookup` is one moment's view of one table: fetch it once
before a loop, do not keep it between requests. An unknown or not yet loaded table is an empty one (`exists` is False).
"""

import unicodedata
from collections.abc import Iterable

from models.codes import cache
from models.codes.cache import Entry, invalidate

__all__ = ["Entry", "TableLookup", "invalidate", "normalise", "stamp", "table", "tables", "warm"]

BIG = 300  # a table with more rows than this is searched, not listed
_INVISIBLE = dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))
_MEMO_LIMIT = 20_000


def normalise(text: object) -> str:
    """The form in which writings are compared: NFKC (full width → half), no white space or invisible characters, no case."""
    if isinstance(text, float) and text.is_integer():
        text = int(text)
    text = unicodedata.normalize("NFKC", str(text)).translate(_INVISIBLE)
    return "".join(text.split()).casefold()


class TableLookup:
    """One code table. Codes are strings; `cohort_year` is a graduation year such as 2027; flags are the table's own columns."""

    def __init__(self, key: str, row, entries: list[Entry], token: str):
        self.key = key
        self.exists = row is not None
        self.title = row.name if row else key
        self.editable = bool(row and row.editable)
        self.is_tree = bool(row and row.kind == "tree")
        self.stamp = token
        self.entries = entries
        self.is_big = len(entries) > BIG
        self._by_code = {entry.code: entry for entry in entries}
        self._lengths = sorted({len(code) for code in self._by_code if code.isdecimal()})
        self._index = self._children = self._full = None
        self._memo = {}
        self._paths = {}
        self._choices = {}

    def __contains__(self, code):
        return code in self._by_code

    def __len__(self):
        return len(self.entries)

    def get(self, code: str) -> Entry | None:
        """The whole row of a code, or None."""
        return self._by_code.get(code)

    def name(self, code: str) -> str:
        """Its name; "" for blank; the code itself where the table does not know it, so that nothing is hidden."""
        entry = self._by_code.get(code)
        return entry.name if entry else (code or "")

    def flags(self, code: str) -> dict:
        """Its grouping flags; {} for an unknown code."""
        entry = self._by_code.get(code)
        return entry.flags if entry else {}

    def codes_with(self, flag: str, value: object = True) -> list[str]:
        """All codes, former and inactive ones included, whose `flag` equals `value`: for a query's `__in`."""
        return [entry.code for entry in self.entries if entry.flags.get(flag) == value]

    def successor(self, code: str) -> str:
        """The code now in force for a former one ("" if not known); any other code is its own successor."""
        entry = self._by_code.get(code)
        return (entry.successor if entry.former else code) if entry else ""

    def valid(self, code: str, cohort_year: int | None = None) -> bool:
        """Whether a record of that cohort may carry the code: it exists, is switched on and the year lies within its years.

        A former region code stays valid for the cohorts that enrolled before it was abolished: its years say so.
        """
        entry = self._by_code.get(code)
        return bool(entry and entry.active and (cohort_year is None or _within(entry, cohort_year)))

    def ancestors(self, code: str) -> list[Entry]:
        """The rows above a code, nearest first; stops at an unknown parent or a circle."""
        found, entry, seen = [], self._by_code.get(code), {code}
        while entry and entry.parent and entry.parent not in seen:
            seen.add(entry.parent)
            entry = self._by_code.get(entry.parent)
            if entry:
                found.append(entry)
        return found

    def path_name(self, code: str, separator: str = "") -> str:
        """Names from the top down: 500103 → 重庆市渝中区; as `name` for a code without parents, and where the name names its parent
        itself (国家基层项目—三支一扶)."""
        found = self._paths.get((code, separator))
        if found is None:
            own = self.name(code)
            names = [] if "—" in own else [entry.name for entry in reversed(self.ancestors(code))]
            found = separator.join([*names, own])
            if code in self._by_code:
                self._paths[code, separator] = found
        return found

    def children(self, parent: str = "", former: bool = False) -> list[Entry]:
        """The active rows directly under `parent` ("" = the top level), abolished ones only if asked for."""
        if self._children is None:
            children = {}
            for entry in self.entries:
                if entry.active:
                    children.setdefault(entry.parent, []).append(entry)
            self._children = children
        return [entry for entry in self._children.get(parent, ()) if former or not entry.former]

    def choices(
        self, cohort_year: int | None = None, include: str | Iterable[str] | None = None
    ) -> list[tuple[str, str]]:
        """(code, name) of what may be chosen now: active, in force, within the cohort's years; plus the codes in `include`.

        `include` is for the value a record already has: it stays selectable whatever has become of it.
        """
        known = self._choices.get(cohort_year)
        if known is None:
            pairs = [
                (entry.code, entry.name)
                for entry in self.entries
                if entry.active and not entry.former and (cohort_year is None or _within(entry, cohort_year))
            ]
            known = self._choices[cohort_year] = pairs, {code for code, _ in pairs}
        pairs, offered = known
        extra = (include,) if isinstance(include, str) else (include or ())
        return [*pairs, *((code, self.path_name(code)) for code in extra if code and code not in offered)]

    def resolve(self, text: object, cohort_year: int | None = None) -> str | None:
        """What a person meant by `text`: a code (also "1" for "01", 4.0 for "4"), a name, a full name or an alias; else None.

        Says what was meant, not whether it is allowed: ask `valid` for that. Where a writing fits several rows, those valid
        for the cohort win, then those in force; if more than one is left (朝阳区) the answer is None, never a guess.
        """
        key = (text, cohort_year)
        try:
            return self._memo[key]
        except KeyError:
            pass
        found = self._resolve(normalise(text), cohort_year) if text not in (None, "") else None
        if len(self._memo) >= _MEMO_LIMIT:
            self._memo.clear()
        self._memo[key] = found
        return found

    def _resolve(self, key, cohort_year):
        codes, names = self._indexed()
        if not key:
            return None
        if key in codes:
            return codes[key]
        if key.replace(".", "", 1).isdecimal():
            found = self._resolve_number(key, codes)
            if found:
                return found
        for tier in names.get(key, ()):
            found = _narrow(tier, cohort_year)
            if found:
                return found[0].code if len(found) == 1 else None
        return None

    def _resolve_number(self, key, codes):
        whole, _, fraction = key.partition(".")
        if fraction.strip("0"):
            return codes.get(f"{whole.lstrip('0') or '0'}.{fraction.rstrip('0')}")
        for width in self._lengths:
            if whole.zfill(width) in codes:
                return codes[whole.zfill(width)]
        return codes.get(whole.lstrip("0") or "0")

    def _indexed(self):
        """codes: normalised code → code; names: writing → candidate tiers, the better first: names, then aliases, then former."""
        if self._index is None:
            codes = {normalise(code): code for code in self._by_code}
            plain = {entry.code: normalise(entry.name) for entry in self.entries}
            names = {}
            for entry in self.entries:
                if not entry.active:
                    continue
                own, other = self._writings(entry, plain)
                for tier, writings in ((2, own | other),) if entry.former else ((0, own), (1, other)):
                    for writing in writings:
                        names.setdefault(writing, ([], [], []))[tier].append(entry)
            self._index = codes, names
        return self._index

    def _writings(self, entry, plain):
        """The normalised writings of a row: (its name and full name, its aliases and shortened full names); `plain`: code → name."""
        tail = plain[entry.code]
        own, other = {tail}, {normalise(alias) for alias in entry.aliases}
        if above := self.ancestors(entry.code) if self.is_tree else ():
            top, *rest = [plain[item.code] for item in reversed(above)]
            middle = "".join(rest)
            own.add(top + middle + tail)
            for first in (top, *map(normalise, above[-1].aliases)):
                other |= {first + middle + tail, first + tail}
            if middle:
                other |= {middle + tail, middle.removesuffix("市") + tail}
        other.discard("")
        return own, other - own

    def search(
        self, text: str, limit: int = 20, cohort_year: int | None = None, former: bool = False
    ) -> list[tuple[str, str]]:
        """(code, full name) for an autocomplete: codes that start with `text`, or names, full names or aliases that contain it.

        Order: exact name, then name starting so, then the rest in table order. Former codes only if asked for or typed in full.
        """
        key = normalise(text)
        if not key:
            return []
        if self._full is None:
            self._full = [
                (
                    entry,
                    normalise(entry.name),
                    " ".join((normalise(self.path_name(entry.code)), *map(normalise, entry.aliases))),
                )
                for entry in self.entries
                if entry.active
            ]
        ranked = []
        for position, (entry, name, full) in enumerate(self._full):
            if entry.former and not former and entry.code != key:
                continue
            if cohort_year is not None and not _within(entry, cohort_year):
                continue
            by_code = entry.code.casefold().startswith(key)
            if by_code or key in full:
                rank = 0 if name == key or entry.code == key else 1 if by_code or name.startswith(key) else 2
                ranked.append((rank, position, entry.code))
        ranked.sort()
        return [(code, self.path_name(code)) for _, _, code in ranked[:limit]]


def _within(entry: Entry, year: int) -> bool:
    return (entry.valid_from is None or entry.valid_from <= year) and (entry.valid_to is None or year <= entry.valid_to)


def _narrow(entries: list[Entry], cohort_year: int | None) -> list[Entry]:
    """Those valid for the cohort, if any; of these those in force, if any."""
    if len(entries) > 1 and cohort_year is not None:
        entries = [entry for entry in entries if _within(entry, cohort_year)] or entries
    if len(entries) > 1:
        entries = [entry for entry in entries if not entry.former] or entries
    return entries


def table(key: str) -> TableLookup:
    """The table as it is now."""
    snapshot = cache.current()
    found = snapshot.made.get(key)
    if found is None:
        row, entries = snapshot.tables.get(key, (None, []))
        found = snapshot.made[key] = TableLookup(key, row, entries, snapshot.token)
    return found


def tables() -> list[TableLookup]:
    """All tables, in display order."""
    rows = sorted((row.order, key) for key, (row, _) in cache.current().tables.items())
    return [table(key) for _, key in rows]


def stamp() -> str:
    """A string that changes whenever any code table does: keep it with a result that was computed from codes."""
    return cache.current().token


def warm() -> None:
    """Read the tables now, so that what follows costs no query for them."""
    cache.current()
