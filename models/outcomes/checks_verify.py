"""Invariants of 毕业去向 for `manage.py verify`."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, OuterRef, Q

from models.outcomes.outcome import Outcome
from workflows.checks import Fault, check
from workflows.levels import Status


@check("outcomes.current", "有审核通过的去向的学生有且只有一条当前去向，作废的不是当前去向")
def one_is_current() -> Iterator[Fault]:
    """That there is not more than one, the database sees to; that there is one where a destination was approved, this."""
    rows = Outcome._base_manager
    mine = rows.filter(student=OuterRef("student"), is_current=True)
    lost = rows.filter(status=Status.APPROVED, is_current=False).exclude(Exists(mine))
    for pk in lost.values_list("pk", flat=True).iterator():
        yield Fault(f"毕业去向 {pk}", "该学生有审核通过的去向，却没有当前去向。")
    for pk in rows.filter(status=Status.VOIDED, is_current=True).values_list("pk", flat=True).iterator():
        yield Fault(f"毕业去向 {pk}", "已作废，却仍是当前去向。")


@check("outcomes.answers", "待确认与异议的记录前后一致")
def answers_agree() -> Iterator[Fault]:
    """Nothing that staff changed counts as confirmed; who froze a record said why."""
    odd = Q(awaits_confirmation=True, student_confirmed_at__isnull=False) | Q(frozen=True, disputed_at__isnull=True)
    for pk in Outcome._base_manager.filter(odd).values_list("pk", flat=True).iterator():
        yield Fault(f"毕业去向 {pk}", "待确认或冻结的标记与时间不一致。")


@check("outcomes.agreement", "去向依据的协议书仍然有效，已作废的去向不依据生效的协议书")
def agreements_stand() -> Iterator[Fault]:
    """Domain invariant 4: a voided agreement's destination is void too."""
    rows = Outcome._base_manager.exclude(agreement=None).exclude(status=Status.VOIDED)
    for pk in rows.filter(agreement__status=Status.VOIDED).values_list("pk", flat=True).iterator():
        yield Fault(f"毕业去向 {pk}", "所依据的就业协议书已作废。")
