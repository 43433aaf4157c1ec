"""数据比对: their sheet against our records and what was last reported, source by source; accept either side.

Code and name of one thing ("民族代码", "民族") are one comparison, made by code. A value is theirs only where their sheet has the column.
Accepting theirs writes our records through the ordinary doors, so that rules, history and the student's confirmation hold; accepting
ours puts the graduate into the smallest upload batch. Nothing else changes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.utils import timezone

from exports.importing.refusal import UploadRefused
from exports.ministry.layouts import CODE, Cell, Layout, all_layouts
from exports.reporting import batches
from exports.reporting.rights import require
from exports.reporting.rows import BLOCK, MODELS, candidates, layout_for, ready_states, setting_of, written
from exports.reporting.theirs import TheirRow, read, tidy
from models.audit.models import Action
from models.audit.services import record
from models.codes.lookup import normalise, table
from models.jobs.files import store_private
from models.organisation.models import Cohort
from models.reporting.models import FOLDER, Difference, Kind, Reconciliation, ReportBatch
from models.students.facts import FACTS, save_facts
from models.students.models import GraduateProfile, Student
from workflows import fields, holding
from workflows.actions import save_fields
from workflows.bulkrows import those
from workflows.errors import Absent, Invalid, Refused, WrongState

REASON = "数据比对，以对方为准"
Progress = Callable[[int, int], None]
ONLY_OURS, ONLY_THEIRS = "对方没有这名学生", "我方没有这名学生"
NOT_SENT = "对方没有这名学生，我方可以上报但还没有上报"


@dataclass(frozen=True)
class Compared:
    """One thing that is compared: the columns of the layout that show it, and where it is written (None: it cannot be taken over)."""

    source: str
    label: str
    cells: tuple[tuple[int, Cell], ...]
    code_table: str
    target: tuple[str, str] | None

    def ours(self, values: Sequence[str]) -> str:
        """Our value as compared: the code where there is one."""
        return tidy(values[self._chosen(lambda cell: True)])

    def _chosen(self, has: Callable[[Cell], bool]) -> int:
        shown = [(index, cell) for index, cell in self.cells if has(cell)]
        return next((index for index, cell in shown if cell.show == CODE), shown[0][0])

    def theirs(self, cells: dict[str, str], year: int) -> str | None:
        """Their value in the same form; None where their sheet has no such column."""
        given = [(cell, cells[cell.label]) for _index, cell in self.cells if cell.label in cells]
        if not given:
            return None
        if not self.code_table:
            return given[0][1]
        wants_code = any(cell.show == CODE for _index, cell in self.cells)
        text = next((t for c, t in given if c.show == CODE and t), given[-1][1])
        if not wants_code or not text:
            return text
        return table(self.code_table).resolve(text, year) or text

    def same(self, ours: str, theirs: str) -> bool:
        """Whether the two mean the same: by code, or as text without white space and width."""
        if normalise(ours) == normalise(theirs):
            return True
        if self.code_table and ours and theirs:
            known = table(self.code_table)
            return (known.resolve(ours) or ours) == (known.resolve(theirs) or theirs)
        return _digits_of_day(ours) == _digits_of_day(theirs) != ""

    def shown(self, value: str) -> str:
        """A value as people read it: name and code."""
        if self.code_table and value:
            name = table(self.code_table).name(value)
            return f"{name}（{value}）" if name != value else value
        return value


def _digits_of_day(text: str) -> str:
    found = re.fullmatch(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})?日?", text)
    return "".join(part.zfill(2) for part in found.groups() if part) if found else ""


def compared(kind: str, layout: Layout) -> list[Compared]:
    """What a layout compares, in its order: one entry per source."""
    grouped: dict[str, list[tuple[int, Cell]]] = defaultdict(list)
    for index, cell in enumerate(layout.cells):
        if cell.source:
            grouped[cell.source].append((index, cell))
    found = []
    for source, cells in grouped.items():
        spec = fields.native(MODELS[kind], source)
        label = next((cell.label for _index, cell in cells if cell.show != CODE), cells[0][1].label)
        found.append(Compared(source, label, tuple(cells), spec.code_table, _target(kind, source)))
    return found


def _target(kind: str, source: str) -> tuple[str, str] | None:
    """(which record, field) a source is written to, or None: school, major, class and number are moved by their own doors."""
    owner, _dot, name = source.rpartition(".")
    if not owner:
        return ("record", name) if name in MODELS[kind].subject_fields else None
    if owner == "student":
        return ("student", name) if name in FACTS and name not in ("number", "unit") else None
    if owner == "student.graduateprofile" and name in GraduateProfile.subject_fields:
        return "profile", name
    return None


# -- comparing ---------------------------------------------------------------------------------------------------------------


def begin(cohort: Cohort, kind: str, file: Any, *, by: Any, request: Any = None) -> Reconciliation:
    """Keep their sheet privately and put the comparison on record. Raises NotAllowed and Invalid."""
    require(by, "add_reconciliation", cohort.school_id, "数据比对")
    if kind not in Kind.values:
        raise Invalid({"kind": "请选择比对内容。"})
    setting = setting_of(cohort)
    layout = layout_for(kind, setting.basic_layout if kind == Kind.BASIC else setting.employment_layout, cohort.year)
    found = Reconciliation.objects.create(
        school=cohort.school, cohort=cohort, kind=kind, layout=layout.key, file_name=str(file.name)[:200], made_by=by,
        file=store_private(str(file.name), file, FOLDER),
    )  # fmt: skip
    record(Action.RECONCILE, request=request, obj=found, kind=kind)
    return found


def compare(found: Reconciliation, progress: Progress | None = None) -> Reconciliation:
    """Read their sheet and write down what differs; done again after a kill it gives the same. Raises UploadRefused."""
    layout = all_layouts()[found.layout]
    try:
        theirs = list(read(default_storage.path(found.file.name), found.file_name, layout))
    except UploadRefused as refusal:
        Reconciliation.objects.filter(pk=found.pk).update(
            state=Reconciliation.State.FAILED, problem=refusal.sentence[:300]
        )
        raise
    known = _ours_by_key(found.cohort)
    things = compared(found.kind, layout)
    reported = batches.last_reported(found.kind, found.cohort)
    matched: dict[int, TheirRow] = {}
    rows: list[Difference] = []
    for row in theirs:
        student = next((known[key][value] for key, value in row.keys.items() if value in known[key]), None)
        if student is None or student in matched:
            text = ONLY_THEIRS if student is None else "对方表中同一学生出现两次"
            key = "/".join([*row.keys.values()][:1]) or "-"
            rows.append(
                Difference(
                    reconciliation=found,
                    key=f"{key}#{row.number}"[:40],
                    row=row.number,
                    name=row.cells.get("姓名", "")[:60],
                    theirs=text,
                )
            )
        else:
            matched[student] = row
    keys = list(candidates(found.kind, found.cohort).values_list("pk", flat=True))
    ready = ready_states(found.kind, setting_of(found.cohort).trigger)
    same = different = only_ours = not_due = 0
    for start in range(0, len(keys), BLOCK):
        part = keys[start : start + BLOCK]
        names = _names(found.kind, part)
        for ours in written(found.kind, layout, part):
            number, name, status = names[ours.student_id]
            row = matched.get(ours.student_id)
            if row is None and ours.student_id not in reported and status not in ready:
                not_due += 1  # they cannot have what could not go to them yet
                continue
            if row is None:
                only_ours += 1
                text = ONLY_OURS if ours.student_id in reported else NOT_SENT
                rows.append(
                    Difference(reconciliation=found, student_id=ours.student_id, key=number, name=name, ours=text)
                )
                continue
            cells = _differences(
                found, things, ours.values, row, reported.get(ours.student_id), (ours.student_id, number, name)
            )
            different += bool(cells)
            same += not cells
            rows += cells
        if progress:
            progress(start + len(part), len(keys))
    only_theirs = sum(1 for one in rows if one.student_id is None)
    with transaction.atomic():
        locked = holding.locking(Reconciliation.objects.all()).get(pk=found.pk)
        if locked.state == Reconciliation.State.APPLIED:
            raise WrongState("这次比对的结果已经处理，不能重新比对；如需再比，请重新上传对方的表格。")
        Difference.objects.filter(reconciliation=found).delete()
        Difference.objects.bulk_create(rows, batch_size=BLOCK)
        Reconciliation.objects.filter(pk=found.pk).update(
            state=Reconciliation.State.OPEN,
            same=same,
            different=different,
            only_ours=only_ours,
            not_due=not_due,
            only_theirs=only_theirs,
        )
    found.refresh_from_db()
    return found


def _ours_by_key(cohort: Cohort) -> dict[str, dict[str, int]]:
    """学号, 考生号, 身份证号 → student, of the cohort; an empty or ambiguous one finds nobody."""
    found: dict[str, dict[str, int]] = {"学号": {}, "考生号": {}, "身份证号": {}}
    twice: set[tuple[str, str]] = set()
    for pk, *values in (
        Student.objects.filter(cohort=cohort).values_list("pk", "number", "exam_number", "id_number").iterator(BLOCK)
    ):
        for key, value in zip(found, values, strict=True):
            if value and value.upper() in found[key]:
                twice.add((key, value.upper()))
            elif value:
                found[key][value.upper()] = pk
    for key, value in twice:
        del found[key][value]
    return found


def _names(kind: str, keys: Sequence[int]) -> dict[int, tuple[str, str, str]]:
    """Student → number, name and the state of the record."""
    rows = those(MODELS[kind].objects.order_by(), "id", keys)
    return {pk: who for pk, *who in rows.values_list("student_id", "student__number", "student__name", "status")}


def _differences(
    found: Reconciliation, things: Iterable[Compared], values: Sequence[str], row: TheirRow,
    reported: tuple[str, list[str]] | None, who: tuple[int, str, str],
) -> list[Difference]:  # fmt: skip
    rows = []
    for thing in things:
        theirs, ours = thing.theirs(row.cells, found.cohort.year), thing.ours(values)
        if theirs is None or thing.same(ours, theirs):
            continue
        before = thing.ours(reported[1]) if reported and len(reported[1]) == len(values) else ""
        rows.append(Difference(
            reconciliation=found, student_id=who[0], key=who[1], name=who[2], row=row.number, column=thing.label,
            ours=ours[:500], reported=before[:500], theirs=theirs[:500],
        ))  # fmt: skip
    return rows


# -- deciding ----------------------------------------------------------------------------------------------------------------


def takeable(found: Reconciliation) -> dict[str, Compared]:
    """Columns whose value can be taken over from them, by label."""
    return {one.label: one for one in compared(found.kind, all_layouts()[found.layout]) if one.target}


def choose(found: Reconciliation, keys: Iterable[int], choice: str, *, by: Any) -> int:
    """Decide on differences (keys, of this comparison); returns how many took the decision.

    Theirs only where the column can be taken over; a graduate whom only they have cannot be decided here.
    """
    if choice not in Difference.Choice.values:
        raise Invalid({"choice": "请选择以我方或对方为准。"})
    with transaction.atomic():
        _open(found, by)
        rows = Difference.objects.filter(reconciliation=found, pk__in=list(keys), student__isnull=False, result="")
        if choice == Difference.Choice.THEIRS:
            rows = rows.filter(column__in=list(takeable(found)))
        return rows.update(choice=choice)


def choose_column(found: Reconciliation, column: str, choice: str, *, by: Any) -> int:
    """The same for every open difference of a column ("" = graduates whom they lack)."""
    keys = Difference.objects.filter(reconciliation=found, column=column, choice="").values_list("pk", flat=True)
    return choose(found, list(keys), choice, by=by)


def _may_decide(found: Reconciliation, by: Any) -> None:
    require(by, "change_reconciliation", found.school_id, "处理比对结果")
    if found.state != Reconciliation.State.OPEN:
        raise WrongState(f"该比对为「{found.get_state_display()}」，不能再处理。")


def _open(found: Reconciliation, by: Any) -> Reconciliation:
    """The comparison as it is now, locked till the end of the transaction. Raises as `_may_decide`."""
    locked = holding.locking(Reconciliation.objects.all()).get(pk=found.pk)
    _may_decide(locked, by)
    return locked


def apply(
    found: Reconciliation, *, by: Any, request: Any = None, progress: Progress | None = None
) -> ReportBatch | None:
    """Carry the decisions out: theirs into our records, ours into the smallest upload batch (returned, None when there is none).

    Each graduate is one transaction; one that is refused keeps its reason in the difference and stays as it was. Of two who apply
    at once one ends it and the other is told; what was decided meanwhile is carried out too.
    """
    _may_decide(found, by)
    columns, taken = takeable(found), set()
    while True:
        taken |= _take_all(found, columns, by, progress)
        ours = list(_decided(found, Difference.Choice.OURS).values_list("pk", "student_id"))
        students = {student for _pk, student in ours}
        gathered = batches.gather(found.cohort, found.kind, found.layout, students=students) if students else None
        with transaction.atomic():
            _open(found, by)
            rows = _decided(found, Difference.Choice.THEIRS, Difference.Choice.OURS)
            if rows.exclude(pk__in=[pk for pk, _student in ours]).exists():
                continue
            batch = batches.keep(found.cohort, found.kind, found.layout, gathered, by=by) if gathered else None
            Difference.objects.filter(pk__in=[pk for pk, _student in ours]).update(result="列入上报批次")
            Reconciliation.objects.filter(pk=found.pk).update(
                state=Reconciliation.State.APPLIED, applied_at=timezone.now()
            )
            found.refresh_from_db()
            record(Action.RECONCILE, request=request, obj=found, taken=len(taken), sent=len(students))
        return batch


def _decided(found: Reconciliation, *choices: str) -> models.QuerySet:
    """Decisions that have not been carried out."""
    return Difference.objects.filter(reconciliation=found, choice__in=choices, result="").order_by("pk")


def _take_all(found: Reconciliation, columns: dict[str, Compared], by: Any, progress: Progress | None) -> set[int]:
    """Their values into our records, graduate by graduate; whose records were touched."""
    per: dict[int, list[Difference]] = defaultdict(list)
    for row in _decided(found, Difference.Choice.THEIRS):
        per[row.student_id].append(row)
    for done, (student, rows) in enumerate(per.items(), start=1):
        _take(found, student, [(row, columns.get(row.column)) for row in rows], by)
        if progress and done % 50 == 0:
            progress(done, len(per))
    return set(per)


def _take(found: Reconciliation, student: int, rows: Sequence[tuple[Difference, Compared | None]], by: Any) -> None:
    """Write their values into one graduate's records, all or none; what somebody else has carried out meanwhile is left alone."""
    waiting = Difference.objects.filter(pk__in=[row.pk for row, _thing in rows], result="")
    try:
        with transaction.atomic():
            person = holding.taken(Student.objects.filter(pk=student), "没有找到该学生。", whole=True)
            held = set(holding.locking(waiting.order_by("pk")).values_list("pk", flat=True))
            values: dict[str, dict[str, Any]] = defaultdict(dict)
            for row, thing in rows:
                if row.pk in held and thing is not None and thing.target:
                    values[thing.target[0]][thing.target[1]] = _entered(row.theirs, thing)
            _write(found, person, values, by)
            waiting.update(result="已采用")
    except Invalid as refusal:
        waiting.update(result=f"未采用：{'；'.join(refusal.errors.values())}"[:200])
    except Refused as refusal:
        waiting.update(result=f"未采用：{refusal.sentence}"[:200])


def _write(found: Reconciliation, person: Student, values: dict[str, dict[str, Any]], by: Any) -> None:
    if values["student"]:
        save_facts(person, _facts(values["student"]), by=by)
    if values["profile"]:
        save_fields(GraduateProfile.objects.get(student=person), values["profile"], by=by, reason=REASON)
    if values["record"]:
        rows_of = MODELS[found.kind].objects.filter(student=person)
        current = (rows_of.filter(is_current=True) if found.kind == Kind.EMPLOYMENT else rows_of).first()
        if current is None:
            raise Absent("该学生现在没有这份记录，请重新比对。")
        save_fields(current, values["record"], by=by, reason=REASON)


def _entered(text: str, thing: Compared) -> Any:
    """Their text as a person would enter it here: a code for a coded field, a day with dashes, the year of an enrolment month."""
    cell = thing.cells[0][1]
    if cell.pattern:
        head, _brace, tail = cell.pattern.partition("{}")
        return text.removeprefix(head).removesuffix(tail)
    if cell.compact and re.fullmatch(r"\d{8}", text):
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text


def _facts(values: dict[str, Any]) -> dict[str, Any]:
    """Facts of the roll as the model stores them. Raises Invalid."""
    cleaned, errors = {}, {}
    for name, raw in values.items():
        spec = fields.native(Student, name)
        try:
            cleaned[name] = fields.clean_value(spec, raw, Student())
        except ValidationError as error:
            errors[name] = error.messages[0]
    if errors:
        raise Invalid(errors)
    return cleaned
