"""One student on one page: roll, matters, what happened, account; and what this person may do about each.

The page is the student's change URL as well as 学生信息汇总. Deeds are forms posted to the change URL, done by the services of
`models.students`; this module asks and shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from admin_site import revealing
from admin_site.forms import expected, valid
from admin_site.matters import record as pages
from admin_site.matters.verbs import url_name, url_or_none
from admin_site.students_forms import FactsForm, MoveForm, RollForm, TransferForm
from exports.batches import OPERATIONS
from models.accounts.models import User
from models.notices.models import Notice
from models.organisation.models import OrgUnit
from models.organisation.tree import names_on
from models.students import affairs, facts, transfers
from models.students.models import MajorTransfer, RollChange, Student
from models.students.places import matters_of
from workflows import fields
from workflows.errors import Absent, Invalid, Refused
from workflows.fields import native
from workflows.levels import SCHOOL
from workflows.models import ChangeRequest
from workflows.story import Entry, timeline

SHOWN = 20
JOINS = ("school", "cohort", "major__college", "major__unit", "unit", "user")


def urls(admin: Any) -> list[Any]:
    """学生信息汇总."""
    return [
        path(
            "<int:object_id>/summary/",
            admin.admin_site.admin_view(partial(change_view, admin)),
            name="students_student_summary",
        )
    ]


def change_view(admin: Any, request: HttpRequest, object_id: Any) -> HttpResponse:
    """The page (GET) and every deed on it (POST)."""
    student = admin.viewed_or_404(request, object_id, *JOINS)
    if request.method != "POST":
        return _page(admin, request, student)
    deed = request.POST.get("deed", "")
    handler = _DEEDS.get(deed)
    if handler is None:
        return _page(admin, request, student, status=400, problem="没有识别出要做的操作，请重试。")
    try:
        return handler(admin, request, student)
    except Absent:
        raise Http404 from None
    except Refused as refusal:
        student = admin.viewed_or_404(request, object_id, *JOINS)
        status = 429 if refusal.code == "limit" else refusal.status
        return _page(admin, request, student, status=status, problem=refusal.sentence, deed=deed, refusal=refusal)


# -- deeds -----------------------------------------------------------------------------------------------------------------


def _back(request: HttpRequest, student: Student, sentence: str) -> HttpResponse:
    """To the student's page; to the list when the student has left the person's scope."""
    messages.success(request, sentence)
    if request.user.scope_of(Student.objects.filter(pk=student.pk)).exists():
        return HttpResponseRedirect(reverse("admin:students_student_change", args=[student.pk]))
    return HttpResponseRedirect(reverse("admin:students_student_changelist"))


def _save(admin: Any, request: HttpRequest, student: Student) -> HttpResponse:
    affairs.check_version(student, expected(request))
    form = valid(FactsForm(student, request.POST))
    changed = facts.save_facts(student, form.values(), by=request.user, expected=expected(request), request=request)
    return _back(request, student, f"已保存 {len(changed)} 项修改。" if changed else "没有改动，未保存。")


def _roll(admin: Any, request: HttpRequest, student: Student) -> HttpResponse:
    data = valid(RollForm(student, request.POST)).cleaned_data
    entry = affairs.change_roll(
        student, data["new_status"], data["reason"], by=request.user, request=request, expected=expected(request)
    )
    return _back(request, student, f"{student.name} 的学籍状态已变更为「{entry.get_new_status_display()}」。")


def _move(admin: Any, request: HttpRequest, student: Student) -> HttpResponse:
    affairs.check_version(student, expected(request))
    data = valid(MoveForm(student, request.POST)).cleaned_data
    rows = Student.objects.filter(pk=student.pk)
    result = affairs.move_cohort(rows, data["cohort"], by=request.user, reason=data["reason"], request=request)
    if result.refused:
        raise Refused(next(iter(result.refused.values())))
    return _back(request, student, f"{student.name} 已转入{data['cohort']}，其全部记录随之转入。")


def _transfer(admin: Any, request: HttpRequest, student: Student) -> HttpResponse:
    affairs.check_version(student, expected(request))
    data = valid(TransferForm(student, request.POST, whole_school=_whole_school(request, student))).cleaned_data
    if data.get("to_unit"):
        unit = OrgUnit.objects.select_related("parent__major__unit").get(pk=data["to_unit"])
        major = unit.parent.major
        transfers.move_now(
            student, unit, major, data["reason"], by=request.user, to_cohort=data["to_cohort"], request=request
        )
        return _back(request, student, f"{student.name} 已转入{major}{unit}，其全部记录随之转移。")
    transfer = transfers.ask(
        student, data["to_major"], data["reason"], by=request.user, to_cohort=data["to_cohort"], request=request
    )
    return _back(request, student, f"已向「{transfer.to_major.college}」提出申请，等待对方接收。")


def _account(name: str, sentence: str, admin: Any, request: HttpRequest, student: Student) -> HttpResponse:
    result = OPERATIONS[name].run(Student.objects.filter(pk=student.pk), {}, request)
    if result.refused:
        raise Refused(next(iter(result.refused.values())))
    return _back(request, student, sentence)


def _reveal(admin: Any, request: HttpRequest, student: Student) -> HttpResponse:
    revealing.reveal(request, student, fields=["身份证号"])
    return _page(admin, request, student, reveal=True)


_DEEDS: dict[str, Callable[[Any, HttpRequest, Student], HttpResponse]] = {
    "save": _save,
    "roll": _roll,
    "move": _move,
    "transfer": _transfer,
    "reset_password": partial(
        _account, "reset_password", "密码已重置，请提醒学生重新激活，或用初始密码登录后立即修改。"
    ),
    "unlock": partial(_account, "unlock", "已清除登录失败记录，学生可以重新登录。"),
    revealing.DEED: _reveal,
}


# -- the page --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MatterLine:
    """One matter of the student: its record, its page, how it stands and its last event."""

    label: str
    record: Any
    link: str
    events: list[Entry]

    @property
    def last(self) -> Entry | None:
        """The newest event of the review log."""
        return self.events[-1] if self.events else None


def _matters(request: HttpRequest, student: Student) -> list[MatterLine]:
    """Every record about the student whose kind the person may look at; three queries a matter."""
    found = []
    for model, relation in matters_of(Student):
        if request.user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}"):
            for row in model.objects.filter(**{relation: student}).select_related(*model.joins()).order_by("pk"):
                link = url_or_none(url_name(model, "change"), row.pk) or ""
                found.append(MatterLine(str(model._meta.verbose_name), row, link, timeline(row)))
    return found


def _cells(student: Student, reveal: bool) -> list[tuple[str, list[tuple[str, str]]]]:
    """(title, (label, value)) of the roll; the ID number masked unless it was asked for."""
    found = []
    for title, names in Student.field_groups:
        cells = []
        for name in names:
            spec = native(Student, name)
            text = str(spec.value(student)) if spec.kind == "relation" else spec.present(spec.value(student))
            cells.append((spec.label, fields.mask(text, spec.mask) if spec.mask and not reveal else text))
        found.append((str(title), cells))
    return found


def _whole_school(request: HttpRequest, student: Student) -> bool:
    return request.user.holds(SCHOOL, student)


def _forms(request: HttpRequest, student: Student, deed: str, refusal: Refused | None) -> dict[str, Any]:
    """The forms of what this person may do; the one that was refused as it was filled in."""
    user, made = request.user, {}
    if student.cohort.closed:
        kinds = {"move": "students.move_cohort"}
    else:
        kinds = {
            "save": facts.CHANGE,
            "roll": "students.change_roll",
            "move": "students.move_cohort",
            "transfer": transfers.ASK,
        }
    builders = {
        "save": FactsForm,
        "roll": RollForm,
        "move": MoveForm,
        "transfer": partial(TransferForm, whole_school=_whole_school(request, student)),
    }
    for name, code in kinds.items():
        if not user.has_perm(code):
            continue
        again = name == deed and isinstance(refusal, Invalid)
        form = builders[name](student, request.POST if again else None)
        if again and form.is_valid():
            form.refuse(refusal.errors)  # type: ignore[union-attr]
        made[name] = form
    return made


def _page(
    admin: Any, request: HttpRequest, student: Student, *, status: int = 200, problem: str = "", deed: str = "",
    refusal: Refused | None = None, reveal: bool = False,
) -> HttpResponse:  # fmt: skip
    user = request.user
    lines = _matters(request, student)
    moves = MajorTransfer.objects.filter(student=student).select_related(
        "from_major", "to_major", "to_unit", "asked_by", "decided_by"
    )
    response = admin.page(
        request, "admin/students/student.html", title=f"{student.name} {student.number}", subtitle=None, student=student,
        units=" · ".join(names_on(student.org_path)), cells=_cells(student, reveal), lines=lines, problem=problem, deed=deed,
        events=sorted(((event, line) for line in lines for event in line.events), key=lambda pair: pair[0].at, reverse=True)[:SHOWN],
        rolls=RollChange.objects.filter(student=student).select_related("by")[:SHOWN], transfers=moves[:SHOWN],
        requests=_requests(lines), notices=_notices(user, student), account=student.user, forms=_forms(request, student, deed, refusal),
        state=User.PasswordState(student.user.password_state).label if student.user else "",
        may_reset=bool(student.user) and user.has_perm("accounts.reset_password"),
        may_unlock=bool(student.user) and user.has_perm("accounts.unlock_user"), reveal=reveal,
        may_reveal=not reveal and revealing.may_reveal(user) and bool(student.id_number), look=_look(user, student),
        history=reverse("admin:students_student_history", args=[student.pk]), post=reverse("admin:students_student_change", args=[student.pk]),
    )  # fmt: skip
    response.status_code = status
    return response


def _look(user: Any, student: Student) -> str:
    """Address of 以学生身份查看, "" where this person may not or there is no account."""
    if not student.user_id or not student.user.is_active or not user.has_perm("accounts.impersonate_student"):
        return ""
    return url_or_none("admin:accounts_studentaccount_impersonate", student.user_id) or ""


def _notices(user: Any, student: Student) -> Any:
    if not student.user_id or not user.has_perm("notices.view_notice"):
        return ()
    return Notice.objects.filter(recipient=student.user_id).select_related("sender")[:SHOWN]


def _requests(lines: list[MatterLine]) -> list[tuple[ChangeRequest, list[pages.Pair], str]]:
    """修改申请 of the student's records, what each asks for in words, and the page to decide on it."""
    by_key = {(line.record._meta.label_lower, line.record.pk): line for line in lines}
    asked = ChangeRequest.objects.filter(object_id__in=[pk for _label, pk in by_key]).select_related("decided_by")
    found = []
    for one in asked:
        if line := by_key.get((one.matter, one.object_id)):
            found.append((one, pages.pairs(line.record, one.values, reveal=False), line.link))
    return found
