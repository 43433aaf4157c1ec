"""Invariants of 派遣与档案转递 for `manage.py verify`."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef

from models.dispatch.models import Dispatch
from models.outcomes.models import Outcome
from workflows.checks import Fault, check
from workflows.levels import Status


@check("dispatch.agreement", "派遣信息依据的协议书是本人的，并且有效")
def rests_on_ones_own_agreement() -> Iterator[Fault]:
    """Domain invariant 4: what an agreement brought goes with it."""
    rows = Dispatch._base_manager.exclude(agreement=None)
    for pk, agreement in rows.exclude(agreement__student=F("student")).values_list("pk", "agreement_id").iterator():
        yield Fault(f"派遣信息 {pk}", f"依据的协议书 {agreement} 是另一名学生的。")
    for pk, agreement in rows.filter(agreement__in_force=False).values_list("pk", "agreement_id").iterator():
        yield Fault(f"派遣信息 {pk}", f"依据的协议书 {agreement} 已不再有效。")


@check("dispatch.outcome", "依据协议书的派遣信息，毕业去向也依据同一份协议书")
def rests_on_the_same_agreement_as_the_destination() -> Iterator[Fault]:
    """An agreement brings both and takes both with it."""
    same = Outcome._base_manager.filter(student=OuterRef("student"), agreement=OuterRef("agreement")).exclude(
        status=Status.VOIDED
    )
    rows = Dispatch._base_manager.exclude(agreement=None).exclude(Exists(same))
    for pk, agreement in rows.values_list("pk", "agreement_id").iterator():
        yield Fault(f"派遣信息 {pk}", f"依据协议书 {agreement}，但该学生没有依据这份协议书的毕业去向。")
