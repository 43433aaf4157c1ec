"""Selection: a description of "these records" that a list, a batch, an export and a message share.

It is plain data (JSON), so it can be posted, kept with a background job or put behind a link; what it means is worked out anew
each time, and only ever inside the scope of the person it is worked out for. It knows the columns a model declares and nothing
else: a look-up that is not on the list is not understood, let alone run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.db import connection, models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from exports import search
from exports.filters import MOST_VALUES, BadFilter, Filter, available
from exports.pasted import Found, locate
from models.lists.models import PastedList
from models.organisation.models import OrgUnit, School
from models.students.places import off_roll_codes
from workflows.levels import Status
from workflows.scoping import below, current

MOST_IDS = 5000
WAITING = "waiting"  # not a status: what waits for the person who asks
ON_ROLL, OFF_ROLL, WHOLE_ROLL = "on", "off", "all"
ROLL_NAMES = {ON_ROLL: "在籍", OFF_ROLL: "不在籍", WHOLE_ROLL: "含不在籍"}
PREFIX = "f."


class BadSelection(ValueError):
    """A description that cannot be understood; `str()` is a Chinese sentence. Answer 400."""


@dataclass(frozen=True)
class Part:
    """One condition for people: its key in the query string, what it is and its value."""

    key: str
    label: str
    text: str


@dataclass(frozen=True)
class Selection:
    """Records of one model.

    model_label   "students.graduateprofile", or any model that declares `columns` and `search_paths`
    cohort_ids    cohorts in view; None for all of them
    status        a Status, "waiting" (for the person who asks), or "" for all
    query         what was typed into the search box
    filters       {column name: values}, see exports.filters; dates and numbers as "from~to"
    unit          org path; the records below it
    roll          "on", "off", "all"; "" is "on" unless somebody was looked for by name or number
    pasted        key of a PastedList of the same person
    ids           exactly these records (ticked ones): nothing else but the scope then counts
    """

    model_label: str
    cohort_ids: tuple[int, ...] | None = None
    status: str = ""
    query: str = ""
    filters: dict[str, list[str]] = field(default_factory=dict)
    unit: str = ""
    roll: str = ""
    pasted: str = ""
    ids: tuple[int, ...] = ()

    # -- making ------------------------------------------------------------------------------------------------------

    @classmethod
    def from_params(cls, model: type[models.Model], params: Any, cohort_ids: Iterable[int] | None = None) -> Selection:
        """From a query string (a QueryDict). What it does not know is ignored; what it knows must be well formed."""
        filters: dict[str, list[str]] = {}
        for key in params:
            if key.startswith(PREFIX):
                name, values = key.removeprefix(PREFIX), [_plain(value) for value in params.getlist(key)]
                if name.endswith((".from", ".to")):
                    name, end = name.rsplit(".", 1)
                    start, _tilde, stop = (filters.get(name) or [""])[0].partition("~")
                    values = [f"{values[-1]}~{stop}" if end == "from" else f"{start}~{values[-1]}"]
                filters[name] = [value for value in values if value]
        return cls(
            model_label=model._meta.label_lower,
            cohort_ids=None if cohort_ids is None else tuple(cohort_ids),
            status=_plain(params.get("status", "")) if hasattr(model, "review") else "",
            query=search.clean(params.get("q", "")),
            filters={name: values for name, values in filters.items() if values and values != ["~"]},
            unit=_plain(params.get("unit", "")),
            roll=_plain(params.get("roll", "")),
            pasted=_plain(params.get("paste", "")),
        ).checked()

    @classmethod
    def from_json(cls, text: str) -> Selection:
        """The reverse of `as_json`; BadSelection for anything else."""
        try:
            data = json.loads(text)
            if not isinstance(data, dict) or not isinstance(data.get("filters", {}), dict):
                raise BadSelection("所选范围无法识别，请回到列表重新选择。")
            filters = {str(name): [str(value) for value in values] for name, values in data.pop("filters", {}).items()}
            cohorts, ids = data.pop("cohort_ids", None), data.pop("ids", ())
            made = cls(
                cohort_ids=None if cohorts is None else tuple(int(pk) for pk in cohorts), ids=tuple(int(pk) for pk in ids),
                filters=filters, **{name: _plain(str(value)) for name, value in data.items()},
            )  # fmt: skip
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BadSelection("所选范围无法识别，请回到列表重新选择。") from error
        return made.checked()

    def as_json(self) -> str:
        """JSON text, the same for equal selections."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    def picking(self, ids: Iterable[Any]) -> Selection:
        """The same list narrowed to ticked records; BadSelection for more than MOST_IDS or what is no key."""
        try:
            chosen = tuple(dict.fromkeys(int(pk) for pk in ids))
        except (TypeError, ValueError) as error:
            raise BadSelection("所选记录无法识别，请回到列表重新选择。") from error
        return replace(self, ids=chosen).checked()

    def checked(self) -> Selection:
        """Itself, if it is well formed; BadSelection otherwise. What its filters may be depends on who asks: `queryset`."""
        _ = self.model
        if self.status and self.status != WAITING and self.status not in Status.values:
            raise BadSelection("没有这一审核状态，请重新选择。")
        if self.roll and self.roll not in ROLL_NAMES:
            raise BadSelection("学籍范围无法识别，请重新选择。")
        if self.unit and not _is_path(self.unit):
            raise BadSelection("院系或班级无法识别，请重新选择。")
        if len(self.ids) > MOST_IDS or any(not 0 < pk < 2**63 for pk in self.ids):
            raise BadSelection(f"一次最多勾选 {MOST_IDS} 条，更多请使用“选择全部”。")
        if any(not 0 < pk < 2**63 for pk in self.cohort_ids or ()):
            raise BadSelection("毕业届无法识别，请重新选择。")
        if any(len(values) > MOST_VALUES for values in self.filters.values()) or len(self.filters) > MOST_VALUES:
            raise BadSelection(f"一个筛选条件最多选择 {MOST_VALUES} 项，请减少后重试。")
        return self

    # -- meaning -----------------------------------------------------------------------------------------------------

    @property
    def model(self) -> type[models.Model]:
        """The model; BadSelection when there is none that can be listed."""
        try:
            model = apps.get_model(self.model_label)
        except (LookupError, ValueError) as error:
            raise BadSelection("没有这类记录。") from error
        if not getattr(model, "search_paths", None) or not getattr(model, "columns", None):
            raise BadSelection("这类记录不能这样查询。")
        return model

    def filters_for(self, user: Any) -> dict[str, Filter]:
        """The filters `user` may use: declared columns, and the own fields of their schools."""
        return available(self.model, None if user.scope.everything else user.scope.school_ids)

    @property
    def roll_in_force(self) -> str:
        """Which students count: who was looked for by name or number is found on or off the roll."""
        return self.roll or (WHOLE_ROLL if self.query or self.pasted else ON_ROLL)

    @property
    def is_wide(self) -> bool:
        """Whether it may span many schools, so that counting to the end is not worth its time."""
        return (
            getattr(self.model, "by_cohort", True)
            and not (self.ids or self.pasted or self.unit)
            and (self.cohort_ids is None or len(self.cohort_ids) > 1)
        )

    def base(self, user: Any) -> models.QuerySet:
        """Every record of the cohorts in view that `user` may see, whatever else was chosen."""
        rows = self.model.objects.all()
        if current() != user.scope:
            rows = user.scope_of(rows)
        if self.cohort_ids is not None and getattr(self.model, "by_cohort", True):
            rows = (
                rows.filter(cohort_id=self.cohort_ids[0])
                if len(self.cohort_ids) == 1
                else rows.filter(cohort_id__in=self.cohort_ids)
            )
        return rows.order_by()

    def found(self, user: Any) -> tuple[PastedList | None, Found]:
        """The pasted list and what became of it; (None, nothing) when there is none any more."""
        kept = PastedList.objects.of(user, self.pasted) if self.pasted else None
        if kept is None or kept.model_label != self.model_label:
            return None, Found()
        return kept, locate(self.base(user), kept.items, self.cohort_ids)

    def queryset(self, user: Any, found: Found | None = None, *, any_status: bool = False) -> models.QuerySet:
        """The records, unordered. BadSelection for a filter value that is not on the list.

        found        what `found(user)` gave, when it was asked before
        any_status   leave the status out (for counts by status)
        """
        if self.ids:
            rows = replace(self, cohort_ids=None).base(user)
            return rows.filter(pk__in=one_of(self.ids))
        rows = self.base(user).filter(self._roll_condition(), **self._in_work())
        if self.unit:
            rows = rows.filter(below(self.model.scope_path, [self.unit]))
        if self.pasted:
            found = found or self.found(user)[1]
            rows = rows.filter(pk__in=one_of(found.ids))
        if not any_status:
            rows = self.open_tab(rows, user)
        known = self.filters_for(user) if self.filters else {}
        for name, values in self.filters.items():
            if name in known:
                try:
                    rows = rows.filter(known[name].condition(values))
                except BadFilter as error:
                    raise BadSelection(str(error)) from error
        return search.narrow(rows, self.query, self.cohort_ids) if self.query else rows

    def _roll_condition(self) -> Q:
        roll = self.roll_in_force
        if roll == WHOLE_ROLL:
            return Q()
        if hasattr(self.model, "review"):
            return Q(
                on_roll__in=[roll == ON_ROLL]
            )  # "= true" would be written as a bare column, which SQLite finds in no index
        off = Q(roll_status__in=off_roll_codes())
        return off if roll == OFF_ROLL else ~off

    def _in_work(self) -> dict[str, Any]:
        """What makes a row part of the work lists besides the roll (a destination that another replaced is not); all rows with the whole roll."""
        return {} if self.roll_in_force == WHOLE_ROLL else getattr(self.model, "in_work", {})

    def open_tab(self, rows: models.QuerySet, user: Any) -> models.QuerySet:
        """`rows` in the chosen status."""
        if not self.status:
            return rows
        if not hasattr(self.model, "review"):
            raise BadSelection("这类记录没有审核状态。")
        return rows.waiting_for(user) if self.status == WAITING else rows.filter(status=self.status)

    # -- for people --------------------------------------------------------------------------------------------------

    def describe(self, user: Any) -> list[Part]:
        """The conditions in words, without the status, in the order a person reads them; one query if a unit was chosen."""
        parts = []
        if self.ids:
            return [Part("ids", "勾选", f"{len(self.ids)} 条")]
        if self.unit:
            parts.append(Part("unit", "院系班级", unit_name(self.unit) or "所选部门"))
        if self.query:
            parts.append(Part("q", "查找", self.query))
        if self.pasted:
            parts.append(Part("paste", "批量查找", "已粘贴的名单"))
        if self.roll:
            parts.append(Part("roll", "学籍", ROLL_NAMES[self.roll]))
        known = self.filters_for(user) if self.filters else {}
        parts += [
            Part(f"{PREFIX}{name}", known[name].label, known[name].text(values))
            for name, values in self.filters.items()
            if name in known
        ]
        return parts

    def params(self, **changes: Any) -> dict[str, Any]:
        """The query string's values, without the cohort (that is the person's view); a change of None leaves a key out."""
        found: dict[str, Any] = {
            "status": self.status,
            "q": self.query,
            "unit": self.unit,
            "roll": self.roll,
            "paste": self.pasted,
        }
        found |= {f"{PREFIX}{name}": list(values) for name, values in self.filters.items()}
        found |= changes
        return {key: value for key, value in found.items() if value not in (None, "", [])}

    def link(self, **changes: Any) -> str:
        """`params` as a query string with its question mark, "" when there is nothing to say."""
        found = self.params(**changes)
        return f"?{urlencode(found, doseq=True)}" if found else "?"


def _plain(text: str) -> str:
    return text.replace("\x00", "").strip()


def _is_path(text: str) -> bool:
    return (
        len(text) <= 120
        and text.endswith("/")
        and all(part.isascii() and part.isdigit() for part in text[:-1].split("/"))
    )


def one_of(ids: Iterable[int]) -> RawSQL:
    """A sub-query of these keys with a single parameter, whatever their number."""
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::bigint[])", [list(ids)])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(ids))])


def unit_name(path: str) -> str:
    """Name of the unit (or school) at `path`, "" outside the scope."""
    parts = path.strip("/").split("/")
    model, key = (School, parts[0]) if len(parts) == 1 else (OrgUnit, parts[-1])
    return model.objects.filter(pk=int(key)).values_list("name", flat=True).first() or "" if len(key) < 19 else ""


def merged(params: Mapping[str, Any], **changes: Any) -> str:
    """A query string with changes (None removes), for links that keep the rest."""
    found = {**params, **changes}
    return f"?{urlencode({k: v for k, v in found.items() if v not in (None, '', [])}, doseq=True)}"
