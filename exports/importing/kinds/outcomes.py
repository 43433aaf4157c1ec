"""毕业去向：destinations by 学号, in the words of the 2024 plan sheet; under the same rules as a student's own form.

What is imported goes to review like everything else (who imports does not review it), and the student is asked to confirm it. A
destination that rests on an agreement is changed with the agreement only, one in dispute by nobody.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from exports.importing import normalise
from exports.importing.columns import Cell
from exports.importing.kinds.base import Entry, same
from exports.importing.kinds.by_number import OPEN, Columns, RecordKind
from exports.importing.kinds.employers import UsccCell
from models.outcomes import bulk
from models.outcomes.models import Outcome
from models.students.models import Student
from workflows import fields, rules
from workflows.levels import Status

LOCKED = (
    "该生的毕业去向状态为“{status}”，导入不能改动已提交的内容。请退回后再导入，或由有权人员勾选“同时更正已提交的记录”。"
)


class Pay(Cell):
    """An amount in yuan."""

    def find(self, value: Any) -> Decimal | None:
        number = normalise.decimal(value, low=0, high=1_000_000)[0]
        return None if number is None else Decimal(str(number)).quantize(Decimal("0.01"))


_in = Columns("outcome")


class OutcomeKind(RecordKind):
    """毕业去向."""

    name = "outcomes"
    title = "毕业去向"
    about = "按学号登记毕业去向（西部计划、选调生名单等）。导入后进入审核，并请学生确认；规则与学生填报时相同。"
    permissions = ("outcomes.import_outcome",)
    rows_of = Outcome
    owner = "outcome"
    bulk = bulk

    category = _in.code("毕业去向", "category", "outcome_category", "毕业去向名称", "毕业去向类别", required=True, example="国家基层项目—西部计划")  # fmt: skip
    signed_on = _in.of("签约日期", "signed_on", Cell(normalise.full_date), example="2027-05-20")
    employer_name = _in.text("单位名称", "employer_name", "就业单位名称", example="示例科技有限公司")
    uscc = _in.of("统一社会信用代码", "uscc", UsccCell(), "单位信用代码", "单位统一社会信用代码")
    uscc_missing_reason = _in.code("无信用代码的原因", "uscc_missing_reason", "uscc_missing")
    country = _in.code("留学国家地区", "country", "country", "留学国家（地区）", "留学国家或地区")
    school_name_cn = _in.text("留学院校中文名称", "school_name_cn")
    school_name_foreign = _in.text("留学院校外文名称", "school_name_foreign", length=150)
    major_cn = _in.text("留学专业中文名称", "major_cn")
    major_foreign = _in.text("留学专业外文名称", "major_foreign", length=150)
    employer_type = _in.code("单位性质", "employer_type", "employer_type", "单位性质名称")
    industry = _in.code("单位行业", "industry", "industry", "单位行业名称")
    region = _in.code("单位所在地", "region", "region", "单位所在地名称", example="重庆市渝中区")
    address = _in.text("单位地址", "address", length=200)
    postcode = _in.text("单位邮编", "postcode", read=normalise.postcode)
    job_category = _in.code("工作职位类别", "job_category", "job_category", "工作职位类别名称")
    job_title = _in.text("岗位名称", "job_title", length=60)
    contact = _in.text("单位联系人", "contact", length=40)
    contact_mobile = _in.of("联系人手机", "contact_mobile", Cell(normalise.phone), mask="phone")
    contact_phone = _in.text("联系人电话", "contact_phone", read=normalise.landline)
    contact_email = _in.text("联系人电子邮箱", "contact_email", read=normalise.email)
    contact_fax = _in.text("联系人传真", "contact_fax", read=normalise.landline)
    monthly_pay = _in.of("月收入", "monthly_pay", Pay(), "月收入（元）")
    starts_on = _in.of("报到或开始日期", "starts_on", Cell(normalise.full_date))
    agreement_number = _in.text("协议书编号", "agreement_number", length=30)
    school_name = _in.text("升学院校名称", "school_name", "升学院校")
    school_code = _in.text("升学院校代码", "school_code", length=5)
    study_major = _in.text("升学专业", "study_major", "升学专业名称")
    study_degree = _in.code("升学学历", "study_degree", "study_degree", "升学层次")
    project_unit = _in.text("项目派遣单位", "project_unit")
    work_content = _in.text("工作内容", "work_content", length=500)
    remark = _in.text("备注", "remark", length=500)

    @classmethod
    def exportable(cls, rows: Any) -> Any:
        """One row a student: the current destination, with a category."""
        return rows.filter(is_current=True).exclude(category="")

    def compare(self, entry: Entry, student: dict[str, Any], row: Outcome | None) -> Outcome | None:
        wanted = self.wanted(entry)
        fresh = row is None or row.status == Status.VOIDED
        if fresh:
            person = Student(**{name: student[name] for name in bulk.STUDENT_COLUMNS})
            row = bulk.new_draft(person, self.context.cohort)
        before = {name: getattr(row, name) for name in bulk.OWN}
        for name, value in wanted.items():
            setattr(row, name, value)
        if not fresh and not same(before["category"], row.category):
            fields.clear_hidden(row)
            for name, value in wanted.items():
                setattr(
                    row, name, value
                )  # what the sheet gives and does not belong is refused by rule R07, not dropped
        new = {name: getattr(row, name) for name in bulk.OWN if not same(before[name], getattr(row, name))}
        if not new and not fresh:
            return None
        if not fresh and (sentence := self._locked(row)):
            for name in new:
                entry.fail(self.header_of(name), "under_review", sentence)
            return None
        self.plan_for(entry, row, new, before, fresh=fresh)
        return row

    def _locked(self, row: Outcome) -> str:
        """Why this destination is not changed by a sheet, "" when it is."""
        if row.frozen:
            return "学生对该去向提出了异议，须先由学校处理异议。"
        if row.source == Outcome.Source.AGREEMENT:
            return "该去向由就业协议书同步，只能随协议书变更；去向不同的，请先办理解约。"
        may = self.context.reviewed and self.context.may("outcomes.change_outcome")
        return "" if row.status in OPEN or may else LOCKED.format(status=Status(row.status).label)

    def ask(self, changed: list[tuple[Entry, Outcome]]) -> None:
        """The rules of the submission; a blocking finding fails the row at the column it is about."""
        if not changed:
            return
        Outcome.gather_facts([row for _entry, row in changed])
        for entry, row in changed:
            for finding in rules.run(row, rules.SUBMISSION):
                if finding.severity == rules.Severity.ERROR:
                    header = (
                        self.header_of(finding.field) if f"outcome.{finding.field}" in self.by_target else "毕业去向"
                    )
                    entry.fail(header, finding.rule, f"{finding.sentence}{finding.fix}（规则 {finding.rule}）")
                else:
                    self.context.note(
                        f"有 {{n}} 处提醒：{finding.rule} {_titles()[finding.rule]}，导入后在审核页面处理"
                    )


def _titles() -> dict[str, str]:
    return {rule.id: str(rule.title) for rule in Outcome.rules}
