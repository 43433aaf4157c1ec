"""Random lives: a school, four students, two employers, staff of every level and strangers, and everything they can try, at random.

A `Town` is what there is; a `Walk` is one seeded stream of deeds in it, legal and illegal, with fresh and with stale pages. Single
threaded, a walk looks at the whole database after every deed (`Watch`); several walks at once are looked at when they rest.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from django.db.models import Count, F
from django.utils import timezone

from exports.reporting import batches, plans
from exports.reporting.rows import digest_of
from models.accounts.functions import sync_groups
from models.accounts.models import User
from models.agreements import applying, invitations, policy, signing, terminations
from models.agreements.finding import find_student
from models.agreements.inviting import State
from models.agreements.models import (
    Agreement,
    AgreementNumber,
    NumberApplication,
    PhoneCheck,
    SigningInvitation,
    Termination,
)
from models.dispatch.models import Dispatch
from models.evidence.models import Evidence
from models.outcomes import services as destinations
from models.outcomes.models import Outcome
from models.recommendations.models import RecommendationForm
from models.reporting.models import Channel, EmploymentPlan, Kind, ReportBatch, ReportItem
from models.students import affairs, transfers
from models.students.models import GraduateProfile, Student
from self_service import subjects
from tests.factories import outcomes as fill
from tests.factories import people
from tests.factories import signing as make
from tests.factories.evidence import complete
from workflows import checks, requests
from workflows.actions import perform, save_fields
from workflows.batch import perform_many
from workflows.batch_edit import edit_many
from workflows.chain import TABLE
from workflows.errors import Refused
from workflows.levels import LEVEL_OF, LEVELS, PENDING, Status, Verb
from workflows.matter import ReviewedMatter
from workflows.models import ChangeRequest, ReviewLog
from workflows.scoping import acting, system

MATTERS: tuple[type[ReviewedMatter], ...] = (
    GraduateProfile, RecommendationForm, Agreement, Termination, Outcome, Dispatch, NumberApplication,
)  # fmt: skip
WRITTEN = {
    "foreign_language": "英语 CET-6",
    "experience": "班长",
    "awards": "奖学金",
    "self_recommendation": "踏实肯学",
}
PAPERS = {"archive_transfer": "1", "household_transfer": "1", "archive_unit": "示例中心", "archive_address": "示例路1号",
          "archive_contact": "示例老师", "archive_phone": "023-65100000", "household_address": "示例路1号"}  # fmt: skip
CATEGORIES = ("11", "46", "71", "701", "721", "801")
OWN = (Status.DRAFT, Status.RETURNED)


class Broken(AssertionError):
    """An invariant does not hold; the deeds that led there are in the message."""


def town(*, hours: int = 24, issue: str = "automatic") -> SimpleNamespace:
    """What there is: two schools, people of every kind. Call inside `system(...)`."""
    sync_groups()
    made, other = people.school(), people.school("19902", "缙云学院", colleges=1, classes=1)
    setting = {"termination_month": 9, "termination_day": 1, "consideration_hours": hours, "number_issue": issue}
    make.setting(made, **setting)
    policy.forget()
    made.staff = people.reviewers(made)
    made.others = [
        people.staff("counselor", made.classes[-1]), people.staff("college", made.colleges[1]),
    ]  # fmt: skip
    foreign = people.student(other)
    made.strangers = [people.staff("school", other.center), people.staff("college", other.colleges[0]), foreign.user]
    made.students = [people.student(made, enrol_year=2023) for _ in range(4)]
    made.employers = [make.employer(made) for _ in range(2)]
    now = timezone.now()
    for number, student in enumerate(made.students):
        student.user.preferences = {"consent": {"version": "2026-11", "at": "2026-11-01T08:00"}}
        student.user.save()
        phone = GraduateProfile.objects.get(student=student).phone
        PhoneCheck.objects.create(
            student=student, org_path=student.org_path, phone=phone, code="-", verified_at=now, used_at=now
        )
        if number < 3:  # the fourth begins at the beginning
            approve_all(GraduateProfile.objects.get(student=student), made)
    return made


def approve_all(record: Any, made: SimpleNamespace) -> None:
    """Submitted by its student, approved level by level."""
    perform(record, Verb.SUBMIT, by=record.student.user)
    while record.waiting_level and record.waiting_level != "province":
        perform(record, Verb.APPROVE, by=getattr(made.staff, record.waiting_level))


class Walk:
    """One stream of deeds. `trace` tells them; `done` counts those that went through, by name."""

    def __init__(self, made: SimpleNamespace, seed: int, *, alone: bool = True, travel: Callable | None = None) -> None:
        self.made, self.rng, self.alone, self.travel = made, random.Random(seed), alone, travel
        self.seed, self.trace, self.done = seed, [], {}
        self.last = ("", "")  # the deed at hand, and of what kind its doer is
        self.after: Callable[[], None] = lambda: None  # looked at after every deed that went through
        self.staff = [getattr(made.staff, level).pk for level in LEVELS]
        self.outsiders = {user.pk for user in made.strangers}
        students = [student.user_id for student in made.students]
        employers = [employer.account_id for employer in made.employers]
        self.everybody = [*students, *employers, *self.staff, *(user.pk for user in [*made.others, *made.strangers])]
        self.deeds: list[tuple[float, Callable[[], None]]] = [
            (22, self.push), (7, self.any_verb), (2, self.edit), (2, self.begin), (2, self.invite), (3, self.answer),
            (1, self.step_back), (1, self.time_passes), (1, self.give_up), (1, self.apply_for_number), (2, self.end),
            (2, self.answer_end), (1, self.let_again), (1, self.register_for), (3, self.say), (3, self.change_request),
            (2, self.many), (1, self.edit_many), (2, self.report), (2, self.after_report), (1, self.plan), (0.5, self.roll), (0.7, self.move),
        ]  # fmt: skip

    # -- one deed ----------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One deed, chosen at random."""
        (deed,) = self.rng.choices([one for _w, one in self.deeds], [weight for weight, _d in self.deeds])
        deed()

    def person(self, pk: int) -> User:
        """An account as a request has it: read afresh."""
        return User.objects.get(pk=pk)

    def anybody(self) -> User:
        return self.person(self.rng.choice(self.everybody))

    def student(self) -> Student:
        pk = self.rng.choice(self.made.students).pk
        return Student._base_manager.select_related("user", "cohort", "school", "unit", "major").get(pk=pk)

    def staff_at(self, level: str) -> User:
        """Mostly who holds the level, sometimes the school for them, sometimes anybody at all."""
        if self.rng.random() < 0.15:
            return self.anybody()
        return self.person(getattr(self.made.staff, level if self.rng.random() < 0.85 else "school").pk)

    def newest(self, model: type, student: Student) -> Any:
        return model._base_manager.select_related(*model.joins()).filter(student=student).order_by("-pk").first()

    def some(self, rows: Any) -> Any:
        """One of these rows, or None."""
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        return (
            rows.filter(pk=self.rng.choice(keys)).first() if keys else None
        )  # somebody else may have decided it meanwhile

    def stale(self, record: Any) -> int | None:
        """The version on the person's page: not given, the present one, or an older one."""
        return self.rng.choice([None, record.version, record.version, record.version - 1])

    def attempt(self, what: str, by: User, deed: Callable[[], Any], *, never: str = "") -> bool:
        """Try; a Refused is an answer and leaves nothing behind, anything else a fault. `never`: why this must be refused."""
        told, self.last = f"{what} · {by.name}", (what.split()[0], by.kind)
        before = fingerprint() if self.alone else None
        try:
            with acting(by):
                deed()
        except Refused as refusal:
            self.trace.append(f"{told} ✗ {refusal}")
            if self.alone and fingerprint() != before:
                raise Broken(self.story("拒绝以后留下了改动")) from refusal
            return False
        self.trace.append(f"{told} ✓")
        self.done[what.split()[0]] = self.done.get(what.split()[0], 0) + 1
        if by.pk in self.outsiders:
            never = "外人"
        if never:
            raise Broken(self.story(f"本应拒绝：{never}"))
        self.after()
        return True

    def story(self, why: str) -> str:
        """What happened, for the reader of a failure."""
        return "\n".join([f"seed {self.seed}: {why}", *self.trace[-25:]])

    # -- every matter ------------------------------------------------------------------------------------------------

    def any_verb(self) -> None:
        """Anybody does anything to any record, by a page of any age."""
        model = self.rng.choice(MATTERS)
        record = self.some(model._base_manager.select_related(*model.joins()))
        if record is None:
            return
        verb = self.rng.choice(list(TABLE))
        level = LEVEL_OF.get(Status(record.status), "school")
        subject = verb in (Verb.SUBMIT, Verb.WITHDRAW, Verb.AMEND)
        by = self.person(record.subject_user_id or record.student.user_id) if subject else self.staff_at(level)
        if verb in (Verb.VOID, Verb.REOPEN) and self.rng.random() < 0.8:
            by = self.person(self.made.staff.school.pk)
        if by.pk in self.outsiders and subject:
            return  # a record of another school, by whose it is: that is theirs to do
        expected = self.stale(record)
        never = "旧页面" if self.alone and expected not in (None, record.version) else ""
        if verb in (Verb.APPROVE, Verb.RETURN, Verb.VOID, Verb.REOPEN) and by.kind != User.Kind.STAFF:
            never = "不是老师"
        name = f"{verb} {model.__name__} {record.pk} {record.status}"
        self.attempt(name, by, lambda: perform(record, verb, by=by, text="办理", expected=expected), never=never)

    def push(self) -> None:
        """The next legal steps of one of a student's records: histories get somewhere."""
        student = self.student()
        model = self.rng.choice(
            (GraduateProfile, RecommendationForm, Agreement, Agreement, Outcome, Dispatch, Termination)
        )
        for _ in range(self.rng.randint(1, 4)):
            record = self.newest(model, student)
            if record is None or (record.status == Status.VOIDED and model in (Agreement, Outcome)):
                self.begin(model, student)
            elif record.status in OWN:
                self.hand_in(record, student)
            elif level := record.waiting_level:
                self.approve(record, level)

    def approve(self, record: Any, level: str) -> None:
        by, name = self.staff_at(level), f"{Verb.APPROVE} {type(record).__name__} {record.pk} {record.status}"
        self.attempt(name, by, lambda: perform(record, Verb.APPROVE, by=by, text="同意"))

    def begin(self, model: type | None = None, student: Student | None = None) -> None:
        """Begin a record as the student's pages do."""
        student = student or self.student()
        model = model or self.rng.choice((RecommendationForm, Agreement, Outcome, Dispatch))
        by = student.user
        if model is Agreement:
            self.attempt("begin agreement", by, lambda: self.draft(student))
        elif model is not Termination:
            self.attempt(f"begin {model.__name__}", by, lambda: subjects.create(by, model))

    def draft(self, student: Student) -> None:
        row = signing.begin(student, by=student.user)
        save_fields(row, make.PAPER, by=student.user)

    def hand_in(self, record: Any, student: Student) -> None:
        """Fill in what is asked for and submit."""
        by = self.person(record.subject_user_id)
        name = type(record).__name__
        self.attempt(f"fill {name} {record.pk}", by, lambda: self.fill_in(record, by))
        with system("a test puts files to a record"):
            record = type(record)._base_manager.select_related(*type(record).joins()).get(pk=record.pk)
            if isinstance(record, Outcome):
                for one in fill.first_of_each(record):
                    fill.file(record, one.kind.key, content=f"{record.pk}{one.kind.key}{record.version}")
            else:
                complete(record)
        expected = self.stale(record)
        never = "旧页面" if self.alone and expected not in (None, record.version) else ""
        deed = lambda: perform(record, Verb.SUBMIT, by=by, expected=expected)  # noqa: E731
        self.attempt(f"{Verb.SUBMIT} {name} {record.pk} {record.status}", by, deed, never=never)

    def fill_in(self, record: Any, by: User) -> None:
        if isinstance(record, RecommendationForm):
            save_fields(record, WRITTEN, by=by)
        elif isinstance(record, Outcome) and record.agreement_id is None:
            category = self.rng.choice(CATEGORIES)
            save_fields(record, {"category": category, **fill.values(category)}, by=by)
        elif isinstance(record, Dispatch):
            save_fields(record, PAPERS, by=by)
        elif isinstance(record, Agreement):
            signing.generate(record, by=by)

    def edit(self) -> None:
        """A field is changed, by whoever tries."""
        model, name, values = self.rng.choice([
            (GraduateProfile, "home_address", ["示例路2号", "示例路3号"]), (Agreement, "job_title", ["甲职", "乙职"]),
            (Outcome, "job_title", ["丙职", "丁职"]), (Dispatch, "archive_unit", ["甲中心", "乙中心"]),
            (Outcome, "employer_name", ["示例甲公司", "示例乙公司"]), (Dispatch, "archive_transfer", ["1", "2"]),
        ])  # fmt: skip
        record = self.newest(model, self.student())
        if record is None:
            return
        by = self.rng.choice([record.student.user, self.person(self.made.staff.school.pk), self.anybody()])
        expected, value = self.stale(record), self.rng.choice(values)
        never = "旧页面" if self.alone and expected not in (None, record.version) else ""
        deed = lambda: save_fields(record, {name: value}, by=by, expected=expected)  # noqa: E731
        self.attempt(f"edit {model.__name__} {record.pk} {name}", by, deed, never=never)

    def many(self) -> None:
        """A batch over a matter, as the lists do it."""
        model = self.rng.choice(MATTERS)
        verb = self.rng.choice([Verb.APPROVE, Verb.APPROVE, Verb.RETURN])
        by = self.person(self.rng.choice(self.staff))
        keys = list(model._base_manager.order_by("pk").values_list("pk", flat=True))
        chosen = self.rng.sample(keys, min(len(keys), 3))
        self.attempt(f"many {verb} {model.__name__} {chosen}", by,
                     lambda: perform_many(model.objects.filter(pk__in=chosen), verb, by=by, text="批量"))  # fmt: skip

    def edit_many(self) -> None:
        by, (model, name, values) = self.person(self.rng.choice(self.staff)), self.rng.choice([
            (Dispatch, "archive_unit", ["丙中心", "丁中心"]), (Outcome, "job_title", ["戊职", "己职"]), (Outcome, "agreement_number", ["A1", ""]),
        ])  # fmt: skip
        value, rows = self.rng.choice(values), model.objects.order_by("pk")
        self.attempt(f"edit_many {model.__name__} {name}", by, lambda: edit_many(rows, name, value, by=by))

    def change_request(self) -> None:
        """申请修改 of an approved record, and its decision."""
        waiting = self.some(ChangeRequest._base_manager.filter(state=ChangeRequest.State.WAITING))
        if waiting is not None and self.rng.random() < 0.7:
            by, accept = self.staff_at("school"), self.rng.random() < 0.6
            self.attempt("decide", by, lambda: requests.decide(waiting, accept=accept, by=by, opinion="核对过"))
            return
        model, values = self.rng.choice([
            (GraduateProfile, {"home_address": f"示例路{self.rng.randint(4, 9)}号"}), (Outcome, {"remark": f"备注{self.rng.randint(1, 9)}"}),
            (Dispatch, {"archive_unit": f"示例{self.rng.randint(1, 9)}中心"}), (Outcome, {"category": "701"}),
        ])  # fmt: skip
        record = self.newest(model, self.student())
        if record is not None:
            by = record.student.user
            self.attempt(f"ask {model.__name__} {record.pk}", by, lambda: requests.ask(record, values, "有变", by=by))

    # -- signing -----------------------------------------------------------------------------------------------------

    def invite(self) -> None:
        student, employer = self.student(), self.rng.choice(self.made.employers)
        by = self.person(employer.account_id)
        profile = GraduateProfile._base_manager.get(student=student)

        def deed() -> None:
            found = find_student(employer, student.name, student.grad_year, profile.phone, by=by)
            invitations.send(employer, found["ticket"], make.OFFER, by=by)

        self.attempt("invite", by, deed)

    def answer(self) -> None:
        rows = SigningInvitation._base_manager.select_related("student__user", "employer__account")
        offer = self.some(rows.filter(state=State.SENT) if self.rng.random() < 0.9 else rows)
        if offer is None:
            return
        by = offer.student.user if self.rng.random() < 0.9 else self.anybody()
        how = self.rng.choice(["accept", "accept", "accept", "refuse", "recall"])
        never = "别人的邀请" if how != "recall" and by.pk != offer.student.user_id else ""
        deeds = {
            "accept": lambda: invitations.accept(offer, read_rules=True, sure=True, by=by),
            "refuse": lambda: invitations.refuse(offer, "不考虑", by=by),
            "recall": lambda: invitations.recall(offer, by=by),
        }
        if how == "recall":
            by = self.person(offer.employer.account_id)
        self.attempt(f"{how} offer {offer.pk}", by, deeds[how], never=never)

    def step_back(self) -> None:
        rows = SigningInvitation._base_manager.filter(state=State.CONSIDERING).select_related("student__user")
        if offer := self.some(rows):
            by = offer.student.user
            self.attempt(f"step_back {offer.pk}", by, lambda: invitations.step_back(offer, by=by))

    def time_passes(self) -> None:
        if self.travel is not None:
            self.travel(self.rng.choice([1, 23, 25, 130]))
        with system("upkeep settles what time has decided"):
            invitations.settle_due()
        self.trace.append("time")
        self.after()

    def give_up(self) -> None:
        student = self.student()
        if row := signing.latest(student):
            self.attempt(f"discard {row.pk}", student.user, lambda: signing.discard(row, by=student.user))

    def apply_for_number(self) -> None:
        student, kind = self.student(), self.rng.choice(["first", "lost", "breach"])
        by = student.user

        def deed() -> None:
            row = applying.begin(student, by=by)
            if row.kind == "":
                save_fields(row, {"kind": kind, "reason": "需要"}, by=by)

        if self.attempt("begin number", by, deed):
            row = self.newest(NumberApplication, student)
            self.hand_in(row, student)
            school = self.person(self.made.staff.school.pk)
            self.attempt(f"number {row.pk}", school, lambda: perform(row, Verb.APPROVE, by=school))

    # -- ending ------------------------------------------------------------------------------------------------------

    def end(self) -> None:
        row = signing.latest(self.student())
        if row is None:
            return
        mode = self.rng.choice(["proof", "consent"])
        by = row.student.user
        if row.employer is not None and row.employer.account_id and self.rng.random() < 0.4:
            by = self.person(row.employer.account_id)
        self.attempt(f"end {row.pk} {mode}", by, lambda: make.ending(row, by, mode=mode))

    def answer_end(self) -> None:
        rows = Termination._base_manager.filter(status__in=PENDING.values())
        row = self.some(rows.select_related(*Termination.joins(), "agreement__employer__account"))
        if row is None:
            return
        if self.rng.random() < 0.6:
            make.prove(row)
        elif row.agreement.employer and row.agreement.employer.account_id:
            by, yes = self.person(row.agreement.employer.account_id), self.rng.random() < 0.7
            self.attempt(f"answer {row.pk}", by, lambda: terminations.answer(row, consents=yes, note="说明", by=by))

    def let_again(self) -> None:
        student, by = self.student(), self.person(self.made.staff.school.pk)
        self.attempt("allow", by, lambda: terminations.allow_again(student, "情况特殊", by=by))

    # -- destinations ------------------------------------------------------------------------------------------------

    def register_for(self) -> None:
        """代为登记 and 送审."""
        student, by = self.student(), self.staff_at("college")

        def deed() -> None:
            row = destinations.begin_for(student, by)
            category = self.rng.choice(CATEGORIES)
            save_fields(row, {"category": category, **fill.values(category)}, by=by)
            destinations.hand_in(row, by)

        with system("a test decides what is tried"):
            held = destinations.current_of(student)
        # Begun, filled in, handed in: three deeds of which the last may be refused, so nothing is compared.
        alone, self.alone = self.alone, False
        self.attempt(f"register_for {held and held.pk}", by, deed)
        self.alone = alone

    def say(self) -> None:
        """The graduate confirms or disputes, the school settles."""
        row = self.newest(Outcome, self.student())
        if row is None:
            return
        how = self.rng.choice(["confirm", "confirm", "dispute", "settle", "settle"])
        by = self.staff_at("school") if how == "settle" else row.student.user
        expected = self.stale(row)
        never = "旧页面" if self.alone and expected not in (None, row.version) else ""
        values = self.rng.choice([None, {"remark": "核实"}])
        deeds = {
            "confirm": lambda: destinations.confirm(row, by, expected=expected),
            "dispute": lambda: destinations.dispute(row, by, "不属实", expected=expected),
            "settle": lambda: destinations.settle(row, by, "已核实", values=values, expected=expected),
        }
        self.attempt(f"{how} {row.pk}", by, deeds[how], never=never)

    # -- reporting ---------------------------------------------------------------------------------------------------

    def report(self) -> None:
        by = self.person(self.made.staff.school.pk) if self.rng.random() < 0.8 else self.anybody()
        kind, changes = self.rng.choice(list(Kind.values)), self.rng.random() < 0.5

        def deed() -> None:
            batch = batches.build(
                batches.order(self.made.cohort, kind, changes_only=changes, channel=Channel.FILE, by=by)
            )
            if self.alone:
                self.only_ready(batch)

        self.attempt(f"report {kind}", by, deed)

    def only_ready(self, batch: ReportBatch) -> None:
        """Nobody is in it whose record is not approved, on the roll, undisputed and confirmed."""
        for item in batch.items.all():
            with system("a test looks"):
                rows = (GraduateProfile if batch.kind == Kind.BASIC else Outcome)._base_manager
                rows = rows.filter(student=item.student_id, status=Status.APPROVED, on_roll=True)
                if batch.kind == Kind.EMPLOYMENT:
                    rows = rows.filter(is_current=True, frozen=False, awaits_confirmation=False)
                if not rows.exists():
                    raise Broken(self.story(f"上报了不该上报的学生 {item.student_id}"))

    def after_report(self) -> None:
        """Sent, answered, or those sent back once more."""
        batch = self.some(ReportBatch._base_manager.all())
        if batch is None:
            return
        by = self.person(self.made.staff.school.pk)
        how = self.rng.choice(["sent", "answers", "repeat"])
        students = list(
            ReportItem._base_manager.filter(batch=batch).order_by("pk").values_list("student_id", flat=True)
        )
        answers = {pk: (self.rng.random() < 0.7, "反馈") for pk in students if self.rng.random() < 0.8}
        deeds = {
            "sent": lambda: batches.mark_sent(batch, by=by),
            "answers": lambda: batches.take_answers(batch, answers) if batch.state in ("sent", "done") else None,
            "repeat": lambda: batches.repeat(batch, by=by),
        }
        self.attempt(f"{how} batch {batch.pk} {batch.state}", by, deeds[how])

    def plan(self) -> None:
        by = self.person(self.made.staff.school.pk)
        self.attempt("plan", by, lambda: plans.make(self.made.cohort, "方案", by=by))

    # -- the roll ----------------------------------------------------------------------------------------------------

    def roll(self) -> None:
        student, by = self.student(), self.staff_at("school")
        off = self.some(Student._base_manager.filter(school=self.made.school).exclude(roll_status="01"))
        student, status = (off, "01") if off is not None else (student, self.rng.choice(["02", "03"]))
        self.attempt(f"roll {student.pk} {status}", by, lambda: affairs.change_roll(student, status, "变动", by=by))

    def move(self) -> None:
        """To a class of the other college and back."""
        student, by = self.student(), self.person(self.made.staff.school.pk)
        unit = self.rng.choice(self.made.classes)
        if student.unit_id != unit.pk and self.rng.random() < 0.6:
            unit = self.made.classes[0]
        major = next(one for one in self.made.majors if one.unit_id == unit.parent_id)
        self.attempt(
            f"move {student.pk} {unit.pk}", by, lambda: transfers.move_now(student, unit, major, "转专业", by=by)
        )


def fingerprint() -> tuple:
    """What a refused deed must leave as it was."""
    with system("a test looks"):
        rows = [list(model._base_manager.order_by("pk").values_list("pk", "status", "version")) for model in MATTERS]
        return (
            *rows,
            list(
                Outcome._base_manager.order_by("pk").values_list(
                    "is_current", "frozen", "awaits_confirmation", "agreement"
                )
            ),
            list(Agreement._base_manager.order_by("pk").values_list("number", "in_force")),
            list(AgreementNumber._base_manager.order_by("pk").values_list("number", "state")),
            list(SigningInvitation._base_manager.order_by("pk").values_list("pk", "state")),
            list(ReportBatch._base_manager.order_by("pk").values_list("state", "count", "accepted", "rejected")),
            list(Student._base_manager.order_by("pk").values_list("org_path", "roll_status", "version")),
            [model._base_manager.count() for model in (ReviewLog, Evidence, ReportItem, EmploymentPlan)],
            list(ChangeRequest._base_manager.order_by("pk").values_list("pk", "state")),
        )


class Watch:
    """The invariants of signing, review and reporting, looked at from outside; it remembers what it has seen."""

    def __init__(self) -> None:
        self.logs: dict[int, tuple] = {}
        self.numbers: dict[str, int] = {}
        self.items: dict[int, tuple] = {}
        self.written: dict[int, tuple] = {}

    def look(self, walk: Walk, *, checked: bool = True) -> None:
        """Raises Broken when something does not hold."""
        with system("a test looks"):
            found = [*self.kept(), *self.one_of_each(), *self.agree(), *self.stood_by(*walk.last)]
            if checked:
                found += [f"{one.check.code} {f.where} {f.sentence}" for one in checks.run() for f in one.faults]
        if found:
            raise Broken(walk.story("；".join(found)))

    def kept(self) -> list[str]:
        """No log row and no reported row is ever changed or deleted; a number is used once, for ever."""
        found = []
        logs = {row[0]: row for row in ReviewLog._base_manager.values_list(
            "pk", "matter", "object_id", "seq", "verb", "from_status", "to_status", "actor", "level", "opinion", "at")}  # fmt: skip
        items = {row[0]: row for row in ReportItem._base_manager.values_list("pk", "batch", "student", "digest")}
        found += [f"审核记录 {pk} 被改动" for pk, row in self.logs.items() if logs.get(pk) != row]
        found += [f"上报明细 {pk} 被改动" for pk, row in self.items.items() if items.get(pk) != row]
        self.logs, self.items = logs, items
        for pk, number in Agreement._base_manager.exclude(number="").values_list("pk", "number"):
            if self.numbers.setdefault(number, pk) != pk:
                found.append(f"编号 {number} 用了两次")
        for pk, values, digest in ReportItem._base_manager.values_list("pk", "values", "digest"):
            if digest_of(values) != digest:
                found.append(f"上报明细 {pk} 与指纹不符")
        return found

    def one_of_each(self) -> list[str]:
        """At most one agreement in force and one current destination."""
        found = []
        for name, rows in (("有效协议书", Agreement._base_manager.filter(in_force=True)),
                           ("当前去向", Outcome._base_manager.filter(is_current=True))):  # fmt: skip
            twice = rows.order_by().values("student").annotate(n=Count("pk")).filter(n__gt=1)
            found += [f"学生 {row['student']} 有 {row['n']} 份{name}" for row in twice]
        return found

    def stood_by(self, deed: str, kind: str) -> list[str]:
        """What staff wrote into a graduate's destination waits for the graduate's word; in dispute nothing is written at all."""
        names = ("category", "employer_name", "job_title", "remark", "agreement_number")
        marks = ("awaits_confirmation", "frozen", "source", "status")
        rows = Outcome._base_manager.values_list("pk", *marks, *names)
        found, before = [], self.written
        self.written = {row[0]: (row[1:5], row[5:]) for row in rows}
        for pk, ((awaits, frozen, source, status), values) in self.written.items():
            if pk not in before or before[pk][1] == values or kind != User.Kind.STAFF or source == "agreement":
                continue
            if frozen and before[pk][0][1]:
                found.append(f"毕业去向 {pk} 在异议中被改动")
            if deed != "decide" and not awaits and status not in (Status.DRAFT, Status.VOIDED):
                found.append(f"毕业去向 {pk} 由老师改动，却不待学生确认")
        return found

    def agree(self) -> list[str]:
        """An approved agreement, its destination and its papers agree; nothing else rests on an agreement."""
        approved = set(Agreement._base_manager.filter(status=Status.APPROVED).values_list("pk", flat=True))
        resting = Outcome._base_manager.exclude(status=Status.VOIDED).exclude(agreement=None)
        found = []
        if set(resting.values_list("agreement_id", flat=True)) != approved:
            found.append("审核通过的协议书与毕业去向不对应")
        if set(Dispatch._base_manager.exclude(agreement=None).values_list("agreement_id", flat=True)) != approved:
            found.append("审核通过的协议书与派遣信息不对应")
        odd = resting.exclude(student=F("agreement__student"), agreement_number=F("agreement__number"))
        found += [f"毕业去向 {pk} 与协议书不符" for pk in odd.values_list("pk", flat=True)]
        return found


def nobody_outside_sees(made: SimpleNamespace) -> None:
    """Strangers find none of it, by list or count (domain.md §5.7)."""
    for stranger in made.strangers:
        user = User.objects.get(pk=stranger.pk)
        with acting(user):
            for model in (*MATTERS, ReportBatch, ReportItem, EmploymentPlan):
                rows = model.objects.all()
                mine = {"school": made.school} if model is not ReportItem else {"student__school": made.school}
                assert rows.filter(**mine).count() == 0, (user, model)
