"""Rules of signing: what an agreement, and a termination, must be before anybody approves them.

Ids: S… are this product's own. Sources name where the requirement is met in practice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.utils import timezone

from models.codes.lookup import table
from models.employers.uscc import problem
from workflows.levels import PENDING, SCHOOL, Status
from workflows.rules import Rule, Severity

PACK = "2026.1"
Found = Iterator[tuple[str, str, str]]


def code_of_employer(record: Any) -> Found:
    """S01: the employer's code is whole, or its absence has a reason."""
    if record.uscc:
        if sentence := problem(record.uscc):
            yield "uscc", sentence, "请对照营业执照核对统一社会信用代码。"
    elif not record.uscc_missing_reason:
        yield "uscc", "没有填写统一社会信用代码。", "请填写代码；单位确实没有代码的，请选择原因。"


_CODED = {"employer_type": "employer_type", "industry": "industry", "region": "region", "job_category": "job_category"}


def codes(record: Any) -> Found:
    """S02: codes are valid for the cohort."""
    for name, key in _CODED.items():
        value = getattr(record, name)
        if value and not table(key).valid(value, record.student.grad_year):
            label = record._meta.get_field(name).verbose_name
            yield name, f"{label}代码「{value}」不在 {record.student.grad_year} 届的代码表中。", "请重新选择。"


def dates(record: Any) -> Found:
    """S03: signed not in the future, reporting for work not before signing."""
    today = timezone.localdate()
    if record.signed_on and record.signed_on > today + timedelta(days=1):
        yield "signed_on", f"签约日期 {record.signed_on} 在将来。", "请填写实际签约的日期。"
    if record.signed_on and record.starts_on and record.starts_on < record.signed_on:
        yield "starts_on", "报到日期早于签约日期。", "请核对两个日期。"


def probation(record: Any) -> Found:
    """S04: 劳动合同法 Art. 19 allows six months of probation at most; 20: at least 80 % of the pay."""
    if record.probation_months and record.probation_months > 6:
        yield "probation_months", f"试用期 {record.probation_months} 个月超过法定的 6 个月。", "请与单位核对试用期。"
    if record.probation_pay and record.monthly_pay and record.probation_pay * 10 < record.monthly_pay * 8:
        yield "probation_pay", "试用期月薪低于转正后月薪的 80%。", "请与单位核对工资约定。"


def archive(record: Any) -> Found:
    """S05: who receives the archive says where."""
    if record.archive_reception in ("own", "agency"):
        for name in ("archive_unit", "archive_address", "archive_contact", "archive_phone"):
            if not getattr(record, name):
                label = record._meta.get_field(name).verbose_name
                yield name, f"单位或人才机构接收档案，但没有填写{label}。", "请向单位问清后填写，寄送档案时需要。"
    if record.household_reception == "received" and not record.household_address:
        yield "household_address", "单位接收户口，但没有填写户口迁往地址。", "请填写户口迁往的详细地址。"


AGREEMENT_RULES = (
    Rule("S01", Severity.ERROR, "单位统一社会信用代码正确", "GB 32100", code_of_employer),
    Rule("S02", Severity.ERROR, "代码有效", "全国高校毕业生就业管理系统代码表", codes),
    Rule("S03", Severity.ERROR, "日期合理", "省级就业系统校验规则", dates),
    Rule("S04", Severity.WARNING, "试用期符合法律规定", "劳动合同法第十九、二十条", probation),
    Rule("S05", Severity.WARNING, "户口与档案接收信息完整", "就业协议书填写说明", archive),
)


def employer_agrees(record: Any) -> Found:
    """S11: before the school decides, the employer has agreed online or its stamped proof is there."""
    if record.status != PENDING[SCHOOL]:
        return
    if sentence := record.waits_for():
        yield "employer_answer", sentence, "单位同意或证明上传后才能由学校审核。"


def agreement_stands(record: Any) -> Found:
    """S12: there is still an agreement to end."""
    if not record.agreement.in_force:
        yield "agreement.number", "这份协议书已经不再有效。", "无需解约，请作废本申请。"


TERMINATION_RULES = (
    Rule("S11", Severity.ERROR, "单位同意解约或已有解除证明", "就业协议解约办理流程", employer_agrees),
    Rule("S12", Severity.ERROR, "所解除的协议仍然有效", "就业协议解约办理流程", agreement_stands),
)


def first_is_first(record: Any) -> Found:
    """S21: 首次申请 is for who was never given a number on application (features E27)."""
    given = type(record)._base_manager.filter(student_id=record.student_id, kind="first", status=Status.APPROVED)
    if record.kind == "first" and given.exclude(pk=record.pk).exists():
        yield "kind", "首次申请每人只有一次。", "请选择违约、遗失、错填、损坏等申请类型。"


APPLICATION_RULES = (Rule("S21", Severity.ERROR, "首次申请只有一次", "就业协议书管理办法", first_is_first),)
