"""Employers: one account per code, reviewed data in the library, nobody admitted who was never reviewed."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F, Q

from models.employers import uscc
from models.employers.library import Employer
from models.employers.matters import EmployerAdmission, EmployerVerification
from models.employers.records import Blacklist
from workflows.checks import Fault, check
from workflows.levels import Status


@check("employers.account", "单位账号就是它的统一社会信用代码，一码一号")
def accounts() -> Iterator[Fault]:
    """The account's name is the code: the database then holds one account per code (features I02)."""
    wrong = Employer._base_manager.exclude(account=None).filter(
        ~Q(account__kind="employer") | ~Q(account__username=F("uscc"))
    )
    for pk, name in wrong.values_list("pk", "name").iterator(chunk_size=2000):
        yield Fault(f"用人单位 {pk}（{name}）", "账号不是单位账号，或与统一社会信用代码不一致。")


@check("employers.code", "统一社会信用代码的校验码正确")
def codes() -> Iterator[Fault]:
    """Whatever door a row came in by."""
    rows = Employer._base_manager.exclude(uscc="").values_list("pk", "name", "uscc")
    for pk, name, code in rows.iterator(chunk_size=2000):
        if sentence := uscc.problem(code):
            yield Fault(f"用人单位 {pk}（{name}）", sentence)


@check("employers.reviewed", "审核通过的单位在单位库中，入驻的单位都经过审核")
def reviewed() -> Iterator[Fault]:
    """What was approved is what everybody is offered; an admission rests on a review."""
    missing = EmployerVerification._base_manager.filter(status=Status.APPROVED, employer__checked_at=None)
    for pk in missing.values_list("pk", flat=True).iterator(chunk_size=2000):
        yield Fault(f"单位审核 {pk}", "已审核通过，但用人单位库中没有核对记录。")
    admitted = EmployerAdmission._base_manager.filter(status=Status.APPROVED, employer__checked_at=None)
    for pk in admitted.values_list("pk", flat=True).iterator(chunk_size=2000):
        yield Fault(f"单位入驻 {pk}", "已入驻，但单位从未审核通过。")


@check("employers.place", "单位记录的路径是审核学校的路径")
def place() -> Iterator[Fault]:
    """A matter of no graduation year stands at the school that was asked."""
    for model in (EmployerVerification, EmployerAdmission):
        for pk, path, school in model._base_manager.values_list("pk", "org_path", "school_id").iterator(
            chunk_size=2000
        ):
            if path != f"{school}/":
                yield Fault(f"{model._meta.verbose_name} {pk}", f"路径 {path} 不是所在学校的路径。")


@check("employers.blacklist", "解除不受信单位都有解除人和原因")
def lifted() -> Iterator[Fault]:
    """Neither placing nor lifting goes without a reason."""
    wrong = Blacklist._base_manager.filter(
        Q(lifted_at__isnull=False) & (Q(lifted_by=None) | Q(lift_reason=""))
        | Q(lifted_at=None, lifted_by__isnull=False)
    )
    for pk in wrong.values_list("pk", flat=True):
        yield Fault(f"不受信单位 {pk}", "解除时间、解除人和解除原因不完整。")
