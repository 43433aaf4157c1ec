"""Two schools full of canaries: every text, number and file of a place carries a mark that nobody outside that place may read.

A mark is `雀<place><kind>`: places are 甲一 (first class of the first college of the first school, where the roles of the tests
work), 甲二 (the second college of that school) and 乙一 (another school). Kinds:

    人  about a student: for staff over that place, and that student
    师  a member of staff: likewise, and those below
    部  a college, major or class: for everybody of that school (where one may move to is no secret)
    设  a setting of the school: likewise
    位  an employer: for the school's office, that employer, whom it has invited to sign, and the staff over those
    私  somebody's own: for that person alone (`owner`)

ID numbers and phones are unique too and are never to be read in full by anybody but the person they belong to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from django.contrib.auth.models import Permission
from django.db import models, transaction
from django.utils import timezone

from models.accounts.models import FunctionOverride, StudentAccount, User
from models.audit.models import Action
from models.audit.services import record as audit
from models.codes.models import Code, CodeTable
from models.employers.models import AccountAppeal, Blacklist, Employer, EmployerVerification
from models.jobs.files import store_private
from models.jobs.models import Job
from models.lists.models import PastedList
from models.notices.models import Mail, Notice
from models.organisation.models import Campus
from models.releases.models import ExportRecord
from models.students.models import GraduateProfile, MajorTransfer, RollChange, Student
from models.transfer.models import ColumnMapping, ImportRow, ImportRun
from tests.contract import later
from tests.factories import employers, people
from tests.factories import matters as make
from workflows import actions, fields, policy, requests
from workflows.chain import matters
from workflows.errors import Refused
from workflows.levels import Verb
from workflows.models import ExtraField, FieldPolicy, Flow, ReturnReason, Window
from workflows.scoping import system

STAFF_ROLES = ("counselor", "college", "school", "data", "province", "superuser")
ROLES = ("anonymous", "student", "employer", *STAFF_ROLES, "must_change")
PLACES = ("甲一", "甲二", "乙一")
MARK = re.compile(r"雀(甲一|甲二|乙一)(人|部|师|设|位|私)")
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
MISSING = 10**9


def mark(place: str, kind: str) -> str:
    """The canary of a place and kind."""
    return f"雀{place}{kind}"


@dataclass
class World:
    """What the tests walk over: `users` by role, `rows` by model label and place, what is secret, what is whose."""

    users: dict[str, User] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, SimpleNamespace] = field(default_factory=dict)
    secrets: dict[str, int | None] = field(
        default_factory=dict
    )  # full ID number or phone → account of the person it belongs to
    own_rows: dict[tuple[str, str], Any] = field(default_factory=dict)  # (model label, role) → the row this role owns

    def row(self, model: type[models.Model], place: str = "甲一", role: str = "") -> Any:
        """The row of `model` at a place; for models whose rows are one person's, that of `role`."""
        label = model._meta.label_lower
        if (own := self.own_rows.get((label, role))) is not None and place == "甲一":
            return own
        if label not in self.rows or place not in self.rows[label]:
            raise LookupError(f"no {label} at {place}: teach tests/contract/world.py to make one")
        return self.rows[label][place]

    def may_read(self, role: str, place: str, kind: str) -> bool:
        """Whether somebody of this role may read this canary anywhere at all."""
        if role in ("province", "superuser"):
            return True
        if role in ("anonymous", "must_change"):
            return False
        same_school = place.startswith("甲")
        if role == "employer":  # whom it has invited, and where they study
            return place == "甲一" and kind in ("位", "师", "人", "设")
        if kind == "位":  # an invitation names the employer to its student and their staff
            return place == "甲一" if role in ("student", "counselor", "college") else same_school
        if kind == "设" or (kind == "部" and role != "student"):
            return same_school
        if role == "student":
            return place == "甲一" and kind in ("人", "部", "师")
        if kind == "私":
            return role == "college" and place == "甲一"
        return same_school if role in ("school", "data") else place == "甲一"


def keep(world: World, place: str, row: models.Model, model: type[models.Model] | None = None) -> Any:
    """File a row under its place."""
    world.rows.setdefault((model or type(row))._meta.label_lower, {})[place] = row
    return row


def build() -> World:
    """Everything, without row limits."""
    with system("a test seeds its world"):
        policy.forget_all()
        world = World()
        first = people.school("19981", "雀甲大学", colleges=2, majors=1, classes=1)
        second = people.school("19982", "雀乙大学", colleges=1, majors=1, classes=1)
        for place, made, index in (("甲一", first, 0), ("甲二", first, 1), ("乙一", second, 0)):
            world.places[place] = _place(world, place, made, index)
        _users(world)
        for place in PLACES:
            _settings(world, place)
            _people(world, place)
        for place in PLACES:
            _employers(world, place)
            _traces(world, place)
            later.fill(world, place, keep, mark)
        _own(world)
        for model, key in ((CodeTable, {"key": "nation"}), (Code, {"table": "nation", "code": "01"})):
            keep(world, "甲一", model.objects.get(**key))
        policy.forget_all()
        return world


def _place(world: World, place: str, made: SimpleNamespace, index: int) -> SimpleNamespace:
    college, major, group = made.colleges[index], made.majors[index], made.classes[index]
    for unit, what in ((college, "学院"), (group, "班")):
        unit.name = f"{mark(place, '部')}{what}"
        unit.save()
    campus = keep(world, place, Campus.objects.create(school=made.school, name=f"{mark(place, '设')}校区"))
    major.name, major.college, major.campus = f"{mark(place, '设')}专业", college, campus
    major.save()
    made.school.contact = f"{mark(place, '设')}楼"
    made.school.save()
    for row in (major, made.cohort, made.school):
        keep(world, place, row)
    keep(world, place, group)
    staff = {
        "counselor": people.staff("counselor", group, name=f"{mark(place, '师')}辅"),
        "college": people.staff("college", college, name=f"{mark(place, '师')}院"),
    }
    for person in staff.values():
        person.phone = _phone(world, person)
        person.save()
    keep(world, place, staff["counselor"])
    keep(world, place, staff["counselor"].staff_appointments.get())
    return SimpleNamespace(made=made, college=college, major=major, unit=group, staff=staff, campus=campus)


def _phone(world: World, owner: User) -> str:
    number = f"1990077{len(world.secrets):04d}"
    world.secrets[number] = owner.pk
    return number


def _users(world: World) -> None:
    """The roles, all over 甲一 but province and superuser; and the head of the other school, for what is theirs."""
    here, there = world.places["甲一"], world.places["乙一"]
    world.users |= {
        "counselor": here.staff["counselor"],
        "college": here.staff["college"],
        "school": people.staff("school", here.made.center, name=f"{mark('甲一', '师')}校"),
        "data": people.staff("data", here.made.center, name=f"{mark('甲一', '师')}数"),
        "province": people.staff("province", None, name="省级老师"),
        "superuser": User.objects.create_superuser("sec-root", people.demo_password(), name="超管"),
        "must_change": people.staff("school", here.made.center, name=f"{mark('甲一', '师')}新", password_state=User.PasswordState.INITIAL),
    }  # fmt: skip
    there.staff["school"] = people.staff("school", there.made.center, name=f"{mark('乙一', '师')}校")
    here.staff["school"] = world.places["甲二"].staff["school"] = world.users["school"]


def _settings(world: World, place: str) -> None:
    made, words = world.places[place].made, mark(place, "设")
    matter = GraduateProfile._meta.label_lower
    if place == "甲二":  # settings are the school's: one set per school is enough
        for model in (Flow, Window, ReturnReason, FieldPolicy, ExtraField, ColumnMapping):
            keep(world, place, world.row(model))
        return
    where = {"matter": matter, "school": made.school}
    keep(world, place, Flow.objects.create(**where, levels="counselor,college,school"))
    keep(
        world,
        place,
        Window.objects.create(
            **where, opens_at=timezone.now() - timedelta(days=3), closes_at=timezone.now() + timedelta(days=3)
        ),
    )
    keep(world, place, ReturnReason.objects.create(**where, text=f"{words}原因"))
    keep(world, place, FieldPolicy.objects.create(**where, field="qq", mode="editable", help_text=f"{words}说明"))
    keep(world, place, ExtraField.objects.create(**where, key="proof", label=f"{words}证明", kind="file"))
    ExtraField.objects.create(**where, key="own_word", label=f"{words}文字", kind="text")
    keep(
        world, place, ColumnMapping.objects.create(school=made.school, kind="students", mapping={f"{words}列": "学号"})
    )


def _student(world: World, place: str, number: int) -> Student:
    here, words = world.places[place], mark(place, "人")
    index = PLACES.index(place) * 10 + number
    id_number = people.id_number(40_000 + index)
    person = people.student(
        here.made, unit=here.unit, number=f"77{index:08d}", name=f"{words}{'甲乙丙丁戊'[number]}", id_number=id_number, exam_number=f"{words}考{index}",
        profile={"home_address": f"{words}家{index}", "email": f"canary{index}@example.edu.cn"},
    )  # fmt: skip
    world.secrets[id_number] = person.user.pk
    person.user.phone = _phone(world, person.user)
    person.user.save()
    GraduateProfile.objects.filter(student=person).update(phone=_phone(world, person.user))
    return person


def _people(world: World, place: str) -> None:
    """One student before the counsellor (with a return behind, a change and a file), one approved who asks for a change, one draft."""
    here, words = world.places[place], mark(place, "人")
    person, approved, _draft = (_student(world, place, n) for n in range(3))
    here.student, here.others = person, [approved, _draft]
    keep(world, place, person)
    keep(world, place, person.user, model=StudentAccount)
    record = GraduateProfile.objects.select_related("student__user").get(student=person)
    stored = {"name": f"{words}证明.pdf", "stored": store_private("证明.pdf", PDF, "proofs"), "size": len(PDF)}
    record.extra = {"proof": stored, "own_word": f"{words}自填"}
    record.save()
    actions.perform(record, Verb.SUBMIT, by=person.user)
    actions.perform(record, Verb.RETURN, by=here.staff["counselor"], text=f"{words}意见")
    actions.save_fields(record, {"home_address": f"{words}新家"}, by=person.user)
    actions.perform(record, Verb.SUBMIT, by=person.user)
    keep(world, place, record)
    done = GraduateProfile.objects.select_related("student__user").get(student=approved)
    actions.perform(done, Verb.SUBMIT, by=approved.user)
    for level in ("counselor", "college", "school"):
        actions.perform(done, Verb.APPROVE, by=here.staff[level])
    asked = requests.ask(done, {"home_address": f"{words}再搬"}, f"{words}申请理由", by=approved.user)
    keep(world, place, asked)
    here.approved = done
    # Others than those above, whose records stand where the tests want them; one for what ends an agreement.
    doing, ending = _student(world, place, 3), _student(world, place, 4)
    for model in matters():
        if model._meta.label_lower not in world.rows or place not in world.rows[model._meta.label_lower]:
            _other_matter(world, place, model, ending if model.__name__ == "Termination" else doing)


def _other_matter(world: World, place: str, model: type[models.Model], person: Student) -> None:
    """A record of any further matter, before its first level."""
    made, words = world.places[place].made, mark(place, "人" if model.scope_source == "student" else "位")
    row = make.begun(model, person if model.scope_source == "student" else make.subject(model, made), made)
    for name in model.subject_fields:
        spec = fields.native(model, name)
        if spec.kind == "text" and make.sample(spec) == "示例":
            setattr(row, name, words)
    row.save()
    with suppress(Refused):  # what needs more than its declaration says stays a draft
        actions.perform(row, Verb.SUBMIT, by=make.subject_user(row))
    keep(world, place, row)


def _employers(world: World, place: str) -> None:
    """The employer behind the review that waits, an exclusion and an appeal of the school."""
    here, words = world.places[place], mark(place, "位")
    verification = world.row(EmployerVerification, place)
    employer = keep(world, place, Employer.objects.get(pk=verification.employer_id))
    employer.name = words
    employer.save()
    here.employer = employer.account
    verification.mobile = here.employer.phone = _phone(world, here.employer)
    verification.save()
    here.employer.name = words
    here.employer.save()
    known = employers.library()
    school = here.made.school
    if place != "甲二":
        keep(
            world,
            place,
            Blacklist.objects.create(
                school=school, employer=known, reason=f"{words}原因", placed_by=here.staff["school"]
            ),
        )
    else:
        keep(world, place, world.row(Blacklist))
    keep(
        world, place,
        AccountAppeal.objects.create(
            school=school, uscc=employer.uscc, name=f"{words}申诉", contact=f"{words}人", mobile="19900000008", email="a@example.com",
            reason=f"{words}原因", licence=store_private("x.pdf", PDF, "appeals"), licence_name="x.pdf",
        ),
    )  # fmt: skip


def _traces(world: World, place: str) -> None:
    """What deeds leave behind: roll changes, transfers, notices, mails, audit rows, overrides."""
    here, words = world.places[place], mark(place, "人")
    person, other = here.student, here.others[1]
    keep(
        world,
        place,
        RollChange.objects.create(
            student=person, old_status="01", new_status="01", reason=f"{words}异动", by=here.staff["college"]
        ),
    )
    keep(
        world, place,
        MajorTransfer.objects.create(
            student=other, from_major=here.major, from_path=other.org_path, to_major=here.major, to_unit=here.unit, to_path=here.unit.path,
            reason=f"{words}转专业", asked_by=here.staff["college"],
        ),
    )  # fmt: skip
    notice = Notice.objects.create(recipient=person.user, sender=here.staff["counselor"], kind="remind", title=f"{words}通知", body=f"{words}正文",
                                   matter=GraduateProfile._meta.label_lower)  # fmt: skip
    keep(world, place, notice)
    keep(world, place, Mail.objects.create(key=f"canary-{place}", template="x", recipient=person.user, address="x@example.edu.cn", subject=f"{words}邮件",
                                           body=f"{words}邮件正文"))  # fmt: skip
    school_id = here.made.school.pk
    keep(
        world,
        place,
        audit(
            Action.REVIEW,
            actor=here.staff["college"],
            obj=person,
            purpose=f"{words}用途",
            school_id=school_id,
            note=f"{words}详情",
        ),
    )
    some = Permission.objects.get(codename="view_student", content_type__app_label="students")
    keep(world, place, FunctionOverride.objects.create(user=here.staff["counselor"], permission=some, granted=True))
    path = here.college.path
    run = ImportRun.objects.create(
        kind="students", school=here.made.school, cohort=here.made.cohort, owner=here.staff["college"], org_path=path, file_name=f"{words}名册.xlsx", sheet="Sheet1",
        header_row=1, mapping={}, status=ImportRun.Status.DONE, rows=2, created=1, failed=1, file=store_private("名册.xlsx", b"x", "imports"),
        errors_file=store_private("有误.xlsx", words.encode(), "imports"), finished_at=timezone.now(),
    )  # fmt: skip
    keep(world, place, run)
    ImportRow.objects.create(run=run, number=2, status="created", written=True, label=f"{words}行")
    bad = ImportRow.objects.create(
        run=run,
        number=3,
        status="failed",
        label=f"{words}行",
        errors=[{"column": "姓名", "code": "x", "message": f"{words}错"}],
    )
    keep(world, place, bad)
    _private(world, place, here.staff["college"], mark(place, "私"))


def _private(world: World, place: str, owner: User, words: str, role: str = "") -> None:
    """Rows that are one person's: a job with a result, an export, a pasted list, a notice to staff."""
    job = Job.objects.create(
        kind="exports.run", title=f"{words}任务", owner=owner, status="done", file_name=f"{words}.csv", result_file=store_private("结果.csv", words.encode(), "jobs"),
        finished_at=timezone.now(), done=1, total=1,
    )  # fmt: skip
    said = mark(place, "人")  # the office of the school reads in its log what was exported
    export = ExportRecord.objects.create(
        owner=owner, school_id=world.places[place].made.school.pk, model_label="students.student", title=f"{said}导出", described=[f"{said}范围"],
        purpose=f"{said}用途", state="done", rows=1, asked=1, columns=["number"], file=store_private("导出.csv", words.encode(), "exports"),
        file_name=f"{said}导出.csv", file_size=9, expires_at=timezone.now() + timedelta(days=5),
    )  # fmt: skip
    pasted = PastedList.objects.create(
        key=f"k{place}{role}"[:16], owner=owner, model_label="students.student", items=[f"{words}清单"]
    )
    rows = (job, export, pasted)
    if role:
        world.own_rows |= {(row._meta.label_lower, role): row for row in rows}
        world.own_rows[("notices.notice", role)] = Notice.objects.create(
            recipient=owner, kind="announce", title="本人通知", body="内容"
        )
    else:
        for row in rows:
            keep(world, place, row)


def _own(world: World) -> None:
    """Every role has something of its own; the student of the tests is the first one of 甲一."""
    world.users["student"] = world.places["甲一"].student.user
    world.users["employer"] = world.places["甲一"].employer
    world.own_rows[("notices.notice", "employer")] = Notice.objects.create(
        recipient=world.users["employer"], kind="announce", title="本单位通知", body="内容"
    )
    for role in STAFF_ROLES:
        _private(world, "甲一", world.users[role], "本人", role)
    world.own_rows[("notices.notice", "student")] = world.row(Notice)


@contextmanager
def rolled_back() -> Iterator[None]:
    """What happens inside is undone, the engine's memory of settings included."""
    point = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)
        policy.forget_all()
