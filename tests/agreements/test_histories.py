"""Invariants of domain.md §5.3 and §5.4 under random histories: mostly legal moves by students, employers and staff, and time that passes.

After every step the database is looked at by rules written here, and at the end of a history by `manage.py verify`'s own checks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from models.agreements import applying, effects, invitations, policy, signing, terminations
from models.agreements.inviting import State
from models.agreements.models import Agreement, AgreementNumber, NumberApplication, SigningInvitation, Termination
from models.dispatch.models import Dispatch
from models.outcomes.models import Outcome
from tests.agreements.conftest import NOW
from tests.factories import people
from tests.factories import signing as make
from tests.factories.evidence import complete
from workflows.actions import perform, save_fields
from workflows.checks import run
from workflows.errors import Refused
from workflows.levels import PENDING, Status, Verb

CLOCK: dict[str, Any] = {}
WHO = st.integers(0, 2)
STEPS = {PENDING["college"]: "college", PENDING["school"]: "school"}


class Histories(RuleBasedStateMachine):
    """Three students, two employers, one school."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now, self.done = NOW, 0
        CLOCK["traveller"].move_to(self.now, tick=False)
        policy.forget()

    def teardown(self) -> None:
        try:
            faults = [
                f"{f.where} {f.sentence}"
                for one in run(["agreements.", "review.status", "review.chain", "review.legal"])
                for f in one.faults
                if "生源" not in f.where
            ]
            assert faults == []
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    @initialize(issue=st.sampled_from(["automatic", "automatic", "central"]), hours=st.sampled_from([0, 24]))
    def begin(self, issue: str, hours: int) -> None:
        self.place = people.school()
        self.place.staff = people.reviewers(self.place)
        make.setting(self.place, number_issue=issue, consideration_hours=hours)
        policy.forget()
        self.students = [make.signer(self.place) for _ in range(3)]
        self.employers = [make.employer(self.place) for _ in range(2)]

    def attempt(self, deed: Any) -> None:
        """Refusals are answers, not faults; whatever is refused leaves nothing behind."""
        try:
            with transaction.atomic():
                deed()
                self.done += 1
        except Refused:
            pass

    def held(self, who: int) -> Agreement | None:
        return signing.latest(self.students[who])

    # -- online ----------------------------------------------------------------------------------------------------

    @rule(who=WHO, employer=st.integers(0, 1))
    def invite(self, who: int, employer: int) -> None:
        self.attempt(lambda: make.invited(self.employers[employer], self.students[who]))

    @precondition(lambda self: SigningInvitation.objects.filter(state=State.SENT).exists())
    @rule(data=st.data(), answer=st.sampled_from(["accept", "accept", "accept", "refuse", "recall"]))
    def answer(self, data: Any, answer: str) -> None:
        offer = data.draw(
            st.sampled_from(
                list(
                    SigningInvitation.objects.filter(state=State.SENT).select_related(
                        "student__user", "employer__account"
                    )
                )
            )
        )
        student = offer.student
        deeds = {
            "accept": lambda: invitations.accept(offer, read_rules=True, sure=True, by=student.user),
            "refuse": lambda: invitations.refuse(offer, "不考虑", by=student.user),
            "recall": lambda: invitations.recall(offer, by=offer.employer.account),
        }
        self.attempt(deeds[answer])

    @precondition(lambda self: SigningInvitation.objects.filter(state=State.CONSIDERING).exists())
    @rule()
    def step_back(self) -> None:
        offer = SigningInvitation.objects.filter(state=State.CONSIDERING).select_related("student__user").first()
        self.attempt(lambda: invitations.step_back(offer, by=offer.student.user))

    @rule(hours=st.sampled_from([1, 23, 24, 25, 130]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        CLOCK["traveller"].move_to(self.now, tick=False)
        invitations.settle_due()

    # -- on paper --------------------------------------------------------------------------------------------------

    def write(self, who: int) -> None:
        self.attempt(lambda: make.drafted(self.students[who]))

    def generate_and_submit(self, who: int) -> None:
        row = self.held(who)
        if row is None or row.status not in signing.OWN:
            return
        user = self.students[who].user

        def deed() -> None:
            signing.generate(row, by=user)
            complete(row)
            perform(row, Verb.SUBMIT, by=user)

        self.attempt(deed)

    @rule(who=st.integers(0, 1), steps=st.integers(2, 6))
    def carry_on(self, who: int, steps: int) -> None:
        """The next legal steps of this student's agreement: histories get somewhere."""
        for _ in range(steps):
            row = self.held(who)
            if row is None or row.status == Status.VOIDED:
                self.write(who=who)
            elif row.status in signing.OWN:
                self.generate_and_submit(who=who)
            elif row.status in STEPS:
                by = getattr(self.place.staff, STEPS[row.status])
                self.attempt(lambda row=row, by=by: perform(row, Verb.APPROVE, by=by))

    @rule(who=WHO)
    def give_up(self, who: int) -> None:
        if (row := self.held(who)) is not None:
            self.attempt(lambda: signing.discard(row, by=self.students[who].user))

    @rule(who=WHO, job=st.sampled_from(["甲职", "乙职"]))
    def rewrite(self, who: int, job: str) -> None:
        if (row := self.held(who)) is not None:
            self.attempt(lambda: save_fields(row, {"job_title": job}, by=self.students[who].user))

    @rule(who=WHO, kind=st.sampled_from(["first", "lost", "breach"]))
    def apply_for_number(self, who: int, kind: str) -> None:
        student = self.students[who]

        def deed() -> None:
            row = applying.begin(student, by=student.user)
            if row.kind == "":
                save_fields(row, {"kind": kind, "reason": "需要"}, by=student.user)
            row = NumberApplication.objects.get(pk=row.pk)
            complete(row)
            perform(row, Verb.SUBMIT, by=student.user)
            perform(row, Verb.APPROVE, by=self.place.staff.school)

        self.attempt(deed)

    # -- staff -----------------------------------------------------------------------------------------------------

    @rule(
        who=WHO,
        verb=st.sampled_from([Verb.RETURN, Verb.VOID, Verb.APPROVE, Verb.REOPEN]),
    )
    def review_agreement(self, who: int, verb: Verb) -> None:
        if (row := self.held(who)) is None:
            return
        level = STEPS.get(row.status, "school")
        by = getattr(self.place.staff, "school" if verb in (Verb.VOID, Verb.REOPEN) else level)
        self.attempt(lambda: perform(row, verb, by=by, text="办理"))

    @rule(who=WHO)
    def end(self, who: int) -> None:
        if (row := self.held(who)) is not None:
            self.attempt(lambda: make.ending(row, self.students[who].user))

    @precondition(lambda self: Termination.objects.filter(status__in=list(PENDING.values())).exists())
    @rule(verb=st.sampled_from([Verb.APPROVE, Verb.APPROVE, Verb.APPROVE, Verb.RETURN, Verb.VOID]), proof=st.booleans())
    def review_termination(self, verb: Verb, proof: bool) -> None:
        row = (
            Termination.objects.filter(status__in=list(PENDING.values())).select_related("agreement", "student").first()
        )
        if proof and row.status == PENDING["school"]:
            make.prove(row)
        by = getattr(self.place.staff, "school" if verb == Verb.VOID else STEPS[row.status])
        self.attempt(lambda: perform(row, verb, by=by, text="办理"))

    @rule(who=WHO)
    def let_again(self, who: int) -> None:
        self.attempt(lambda: terminations.allow_again(self.students[who], "情况特殊", by=self.place.staff.school))

    # -- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def one_in_force_and_one_current(self) -> None:
        for student in getattr(self, "students", ()):
            assert Agreement.objects.filter(student=student, in_force=True).count() <= 1
            assert Outcome.objects.filter(student=student, is_current=True).count() <= 1

    @invariant()
    def approved_rests_and_others_do_not(self) -> None:
        approved = set(Agreement.objects.filter(status=Status.APPROVED).values_list("pk", flat=True))
        resting = Outcome.objects.exclude(status=Status.VOIDED).exclude(agreement=None)
        assert set(resting.values_list("agreement_id", flat=True)) == approved
        assert set(Dispatch.objects.exclude(agreement=None).values_list("agreement_id", flat=True)) == approved

    @invariant()
    def numbers_are_used_once(self) -> None:
        used = list(Agreement.objects.exclude(number="").values_list("number", flat=True))
        assert len(used) == len(set(used))
        known = AgreementNumber.objects.filter(number__in=used).exclude(state="used")
        assert not known.exists()


FEW = settings(
    max_examples=8,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)


@pytest.mark.django_db
def test_no_history_breaks_an_invariant(everything, time_machine):
    CLOCK["traveller"] = time_machine
    run_state_machine_as_test(Histories, settings=FEW)


@pytest.mark.django_db
def test_a_planted_fault_is_found(everything, time_machine, monkeypatch):
    """Control: where an ended agreement leaves its destination behind, the same histories say so."""
    CLOCK["traveller"] = time_machine
    monkeypatch.setattr(effects, "released", lambda row, by, why: None)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Histories, settings=settings(FEW, max_examples=30, phases=[Phase.generate]))
