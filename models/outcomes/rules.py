"""Rules of 毕业去向 R06–R19, R23–R29: what the authorities check (核查), told to people before they do it.

Ids, severities and bases follow the rule pack of standards.md §8.3, which is inferred from published checks and from rules seen in
provincial systems: every limit here may be set by the school, none of them is official. R20–R22 are statistical and belong to lists of
many; R30 and R31 are about where papers go (models.dispatch).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import timezone

from models.codes.lookup import table
from models.employers import uscc
from models.outcomes import matrix
from models.outcomes.facts import CONTACTS, plain
from workflows.fields import HIDDEN, REQUIRED
from workflows.rules import EVERYWHERE, REPORT, REVIEW, Rule, Severity

# Raise it when a rule changes: stored findings are then worked out afresh.
PACK = "2026.1"

Found = Iterator[tuple[str, str, str]]
SHORT_CODES_UNTIL = 2015  # 9-character 组织机构代码 were in use (standards.md §5.4)
NATIONAL = "10"  # 3rd and 4th character of a code registered with a national authority
INTERN_WORDS = ("实习", "见习", "顶岗")
INSTITUTION = re.compile(
    r"大学|学院|学校|研究院|研究所|科学院|中心|医院|党校|university|college|institute|school", re.I
)


def flags_of(record: Any) -> dict[str, Any]:
    """What the code table says about the record's category."""
    return table("outcome_category").flags(record.category)


def year_of(record: Any) -> int:
    """The graduation year whose rules hold."""
    return record.student.grad_year


def label(record: Any, name: str) -> str:
    """A field as people call it."""
    return str(record._meta.get_field(name).verbose_name)


# -- what is filled in -----------------------------------------------------------------------------------------------------


def category(record: Any) -> Found:
    """R06: the destination is a leaf of the cohort's table."""
    if not record.category:
        yield "category", "还没有选择毕业去向。", "请选择毕业去向类别。"
        return
    codes = table("outcome_category")
    if not codes.valid(record.category, year_of(record)):
        name = codes.name(record.category)
        yield "category", f"毕业去向「{name}」不在 {year_of(record)} 届的代码表中。", "请重新选择毕业去向类别。"
    elif not matrix.is_leaf(record.category, year_of(record)):
        yield "category", f"毕业去向「{codes.name(record.category)}」下面还有细分。", "请选到最末一级。"


def field_matrix(record: Any) -> Found:
    """R07: what the category requires is there, what does not belong to it is empty."""
    if not record.category:
        return
    asked = matrix.asked_of(record.category, record.school_id, record.cohort_id, year_of(record))
    kind = table("outcome_category").name(record.category)
    for name, one in asked.items():
        value = getattr(record, name)
        empty = value in (None, "")
        if one.need == REQUIRED and empty and name != "uscc":
            yield name, f"「{kind}」必须填写{label(record, name)}。", f"请填写{label(record, name)}。"
        elif one.need == HIDDEN and not empty:
            yield name, f"「{kind}」不应填写{label(record, name)}。", f"请清空{label(record, name)}。"
    if asked["contact"].need == REQUIRED and not record.contact_mobile and not record.contact_phone:
        yield "contact_mobile", "单位联系人的手机和电话至少填一项。", "请填写联系人手机或电话。"
    if (
        flags_of(record).get("agreement")
        and not record.agreement_number
        and not _has(record, "acceptance", "army_agreement", "foreign_proof")
    ):
        yield (
            "agreement_number",
            "签就业协议形式就业，没有填写协议书编号，也没有上传接收函。",
            "请填写协议书编号，或上传单位接收函。",
        )


def _has(record: Any, *kinds: str) -> bool:
    return any(one.kind in kinds for one in record.rule_facts["files"])


def credit_code(record: Any) -> Found:
    """R08: 统一社会信用代码 passes GB 32100; it is blank only with a reason."""
    need = _asked(record, "uscc")
    if need == HIDDEN:
        return
    if not record.uscc:
        if need == REQUIRED and not record.uscc_missing_reason:
            yield "uscc", "没有填写统一社会信用代码。", "请填写；单位确实没有代码的，请选择“无信用代码的原因”。"
        elif table("uscc_missing").flags(record.uscc_missing_reason).get("explain") and not record.remark:
            yield "remark", "无信用代码的原因选择了“其他”，但没有说明。", "请在备注中说明。"
        return
    if len(record.uscc) == 9 and year_of(record) <= SHORT_CODES_UNTIL:
        return
    if problem := uscc.problem(record.uscc):
        yield "uscc", problem, "请按营业执照或法人证书核对 18 位统一社会信用代码。"
    elif record.uscc_missing_reason:
        yield "uscc_missing_reason", "已填写统一社会信用代码，又选择了无代码的原因。", "请清空“无信用代码的原因”。"


def _asked(record: Any, name: str) -> str:
    return matrix.asked_of(record.category, record.school_id, record.cohort_id, year_of(record))[name].need


# -- the employer ----------------------------------------------------------------------------------------------------------


def normalised(name: str) -> str:
    """A unit's name as it is compared: full width as half, no spaces, one kind of bracket."""
    return "".join(unicodedata.normalize("NFKC", name).split()).replace("(", "（").replace(")", "）").casefold()


def employer_name(record: Any) -> Found:
    """R09: the name is the one held for that code, or a former one; the same name is not held under another code."""
    held = record.rule_facts["employer"]
    if held is not None and record.employer_name:
        names = {normalised(name) for name in (held.name, *held.former_names)}
        if normalised(record.employer_name) not in names:
            yield (
                "employer_name",
                f"单位名称与用人单位库中该信用代码的名称「{held.name}」不一致。",
                "请核对单位名称与信用代码；单位更名的，请说明。",
            )
    elif record.rule_facts["namesake"]:
        yield (
            "uscc",
            f"用人单位库中「{record.employer_name}」的信用代码是 {record.rule_facts['namesake']}。",
            "请核对信用代码。",
        )


def employer_kind(record: Any) -> Found:
    """R10: type and industry equal the reference value."""
    held = record.rule_facts["employer"]
    if held is None:
        return
    for name in ("employer_type", "industry"):
        mine, theirs = getattr(record, name), getattr(held, name)
        if mine and theirs and mine != theirs:
            names = table(record._meta.get_field(name).code_table)
            yield (
                name,
                f"{label(record, name)}填的是「{names.name(mine)}」，用人单位库中是「{names.name(theirs)}」。",
                "请核对后更正。",
            )


def category_and_type(record: Any) -> Found:
    """R11: the destination does not contradict 单位性质 (参军 with a company, a business of one's own with an office of the state)."""
    groups = flags_of(record).get("employer_groups")
    if not groups or not record.employer_type:
        return
    types = table("employer_type")
    if types.flags(record.employer_type).get("group") not in groups:
        kind = table("outcome_category").name(record.category)
        yield (
            "employer_type",
            f"毕业去向「{kind}」与单位性质「{types.name(record.employer_type)}」不符。",
            f"单位性质应属于{'、'.join(groups)}，请核对毕业去向或单位性质。",
        )


def place(record: Any) -> Found:
    """R12: the place and the province in the code agree (a branch elsewhere explains a difference)."""
    code, region = record.uscc, record.region
    if len(code) != 18 or not region or code[2:4] == NATIONAL or not code[2:4].isdigit() or code[2:4] == region[:2]:
        return
    regions = table("region")
    home = regions.name(f"{code[2:4]}0000")
    if home == f"{code[2:4]}0000":
        return  # the code names no province that is known
    yield (
        "region",
        f"单位所在地在{regions.name(region[:2] + '0000')}，而信用代码的登记地在{home}。",
        "请核对；在异地分支机构工作的，可在备注中说明。",
    )


def job(record: Any) -> Found:
    """R13: 工作职位类别 is specific and goes with 单位性质."""
    jobs = table("job_category")
    flags = jobs.flags(record.job_category)
    if flags.get("vague"):
        yield (
            "job_category",
            f"工作职位类别「{jobs.name(record.job_category)}」过于笼统。",
            "请选择与岗位相符的具体类别。",
        )
    groups, types = flags.get("employer_groups"), table("employer_type")
    if not groups or not record.employer_type:
        return
    group = types.flags(record.employer_type).get("group")
    words = flags.get("employer_words", ())
    fits = group in groups and (group != "企业" or not words or any(word in record.employer_name for word in words))
    if not fits:
        yield (
            "job_category",
            f"工作职位类别「{jobs.name(record.job_category)}」与单位性质「{types.name(record.employer_type)}」不符。",
            "请核对职位类别与单位性质。",
        )


def contact_is_ours(record: Any) -> Found:
    """R14: the employer's telephone is not the student's, the family's or a member of staff's."""
    for name in ("contact_mobile", "contact_phone"):
        value = getattr(record, name)
        if value and (whose := record.rule_facts["phones"].get(plain(value))):
            yield name, f"{label(record, name)}是{whose}的号码。", "请填写用人单位联系人的号码。"


def contact_is_shared(record: Any) -> Found:
    """R15: one telephone or mailbox does not stand for several employers."""
    for name in CONTACTS:
        if others := record.rule_facts["shared"].get(name):
            more = f"等 {len(others)} 家单位" if len(others) > 1 else ""
            yield name, f"{label(record, name)}与「{others[0]}」{more}相同。", "请核对单位联系方式是否真实。"


# -- proof -----------------------------------------------------------------------------------------------------------------


def same_proof(record: Any) -> Found:
    """R16: the same file does not prove two destinations."""
    for name in record.rule_facts["twins"]:
        yield "", f"证明材料「{name}」与其他学生上传的材料相同。", "请核对材料是否为本人的。"


def proof(record: Any) -> Found:
    """R17: the kinds of proof the category needs are there."""
    present = {one.kind for one in record.rule_facts["files"]}
    for names, sentence in wanting(record, present):
        yield f"evidence.{names[0]}", sentence, "请上传清晰完整的材料。"


def wanting(record: Any, present: set[str]) -> Iterator[tuple[tuple[str, ...], str]]:
    """(kinds, sentence) for every proof that is missing; alternatives are one. An agreement is proof of what it brought."""
    if record.source == "agreement":
        return
    groups: dict[str, list[matrix.Proof]] = {}
    for one in matrix.proof_of(record.category, record.school_id, record.cohort_id, year_of(record)):
        if one.must and not one.one_of and one.kind.key not in present:
            yield (one.kind.key,), f"缺少证明材料：{one.kind.label}。"
        elif one.must and one.one_of:
            groups.setdefault(one.one_of, []).append(one)
    for members in groups.values():
        keys = tuple(one.kind.key for one in members)
        if not present.intersection(keys):
            yield keys, f"缺少证明材料，以下任选一种：{'、'.join(one.kind.label for one in members)}。"


def pay(record: Any, tolerance: float) -> Found:
    """R18: stated pay is not below the local minimum wage of the day; 自由职业 is signed by college and school."""
    flags = flags_of(record)
    if flags.get("wage") and record.monthly_pay is not None:
        floor = minimum_wage(record.region, record.signed_on or record.starts_on or timezone.localdate())
        if floor is not None and record.monthly_pay + Decimal(str(tolerance)) < floor.monthly:
            yield (
                "monthly_pay",
                f"月收入 {record.monthly_pay:.0f} 元低于{floor.name}最低工资标准 {floor.monthly:.0f} 元。",
                "请核对收入；低于最低工资标准的，不能按此类去向登记。",
            )
    if flags.get("sign_off") and not {"college", "school"} <= set(record.level_list()):
        yield "category", "自由职业须经院系和学校两级审核。", "请学校在“审核流程”中保留院系、学校两级。"


class Floor:
    """A row of the table of minimum wages."""

    def __init__(self, entry: Any) -> None:
        self.name = table("region").path_name(entry.flags["region"]) or entry.name
        self.since = date.fromisoformat(entry.flags["since"])
        self.monthly = Decimal(str(entry.flags["monthly"]))
        self.hourly = Decimal(str(entry.flags.get("hourly", 0)))


def minimum_wage(region: str, day: date) -> Floor | None:
    """The minimum wage of a place on a day: of the county, else the city, else the province; None where the table knows none."""
    if not region:
        return None
    rows = [
        entry
        for entry in table("minimum_wage").entries
        if entry.active and {"region", "since", "monthly"} <= entry.flags.keys()
    ]
    for code in (region, f"{region[:4]}00", f"{region[:2]}0000"):
        held = [e for e in rows if e.flags["region"] == code and e.flags["since"] <= day.isoformat()]
        if held:
            return Floor(max(held, key=lambda entry: entry.flags["since"]))
    return None


def internship(record: Any) -> Found:
    """R19: an internship does not stand for a contract."""
    if not flags_of(record).get("contract"):
        return
    for one in record.rule_facts["files"]:
        if word := _intern_word(one.name):
            yield (
                f"evidence.{one.kind}",
                f"证明材料「{one.name}」含有“{word}”。",
                "实习、见习材料不能作为就业证明，请核对。",
            )
    for name in ("job_title", "work_content", "remark"):
        if word := _intern_word(getattr(record, name)):
            yield name, f"{label(record, name)}中含有“{word}”。", "实习、见习不能登记为就业，请核对。"


def _intern_word(text: str) -> str:
    return next((word for word in INTERN_WORDS if word in text), "")


def letter(record: Any) -> Found:
    """R26: 参军 and 基层项目 rest on a letter, or on the list the school imported."""
    if not flags_of(record).get("letter") or record.source == "import" or record.rule_facts["files"]:
        return
    yield "", "应征入伍、基层项目须有录用名单或通知书。", "请上传通知书，或由学校导入录用名单。"


# -- agreements, study, dates --------------------------------------------------------------------------------------------------


def agreement(record: Any) -> Found:
    """R23: an agreement in force allows no other destination."""
    held = record.rule_facts["agreement"]
    if held is None or record.agreement_id == held[0] or flags_of(record).get("study"):
        return
    if not flags_of(record).get("agreement"):
        yield "category", _signed(held), "就业去向与协议书不同的，请先办理解约。"
    elif record.agreement_number != held[1]:
        yield "agreement_number", _signed(held), "请填写生效协议书的编号，或先办理解约。"


def study_and_agreement(record: Any) -> Found:
    """R24: who studies on has no agreement in force."""
    held = record.rule_facts["agreement"]
    if held is not None and flags_of(record).get("study"):
        yield "category", _signed(held), "升学的，请先办理解约。"


def _signed(held: tuple[int, str]) -> str:
    return f"有生效的就业协议书{f'（编号 {held[1]}）' if held[1] else ''}。"


def institution(record: Any) -> Found:
    """R25: the school one goes to is named as a school; abroad, country and foreign name are there."""
    flags = flags_of(record)
    if flags.get("study") and record.school_name and not INSTITUTION.search(record.school_name):
        yield "school_name", f"升学院校「{record.school_name}」不像院校名称。", "请填写录取院校的全称。"
    if flags.get("abroad"):
        for name in ("country", "school_name_foreign"):
            if not getattr(record, name):
                yield name, f"境外留学没有填写{label(record, name)}。", f"请填写{label(record, name)}。"


def dates(record: Any) -> Found:
    """R27: signed neither in the future nor before enrolment."""
    if record.signed_on is None:
        return
    if record.signed_on > timezone.localdate():
        yield "signed_on", f"签约日期 {record.signed_on} 在将来。", "请核对签约日期。"
    enrol = record.student.enrol_year
    if enrol and record.signed_on.year < enrol:
        yield "signed_on", f"签约日期 {record.signed_on} 早于入学年份 {enrol}。", "请核对签约日期。"


def confirmed(record: Any) -> Found:
    """R28: what staff changed has been confirmed by the graduate before it is reported."""
    if record.awaits_confirmation:
        yield "", "老师填写或更正的内容学生还没有确认。", "请提醒学生登录确认后再上报。"


def disputed(record: Any) -> Found:
    """R29: the graduate's own word that it is not true is settled first."""
    if record.frozen:
        yield "", f"学生反映去向不实：{record.dispute_text}", "请学校核实并处理异议。"


def rule(id_: str, severity: Severity, title: str, source: str, check: Any, **more: Any) -> Rule:
    """A rule of this pack."""
    return Rule(id_, severity, title, source, check, **more)


B, W = Severity.ERROR, Severity.WARNING
CHECKS = "教育部去向核查重点；省级就业系统校验规则"
OUTCOME_RULES = (
    rule("R06", B, "毕业去向在代码表中且为末级", "教学厅函〔2021〕19号；毕业去向代码表", category, fixed=True),
    rule("R07", B, "填写内容与毕业去向相符", "省级就业系统校验规则", field_matrix),
    rule("R08", B, "统一社会信用代码正确", "GB 32100-2015", credit_code),
    rule("R09", W, "单位名称与信用代码一致", "省级就业系统校验规则", employer_name),
    rule("R10", W, "单位性质、行业与用人单位库一致", "省级就业系统校验规则", employer_kind),
    rule("R11", B, "毕业去向与单位性质不矛盾", "省级就业系统校验规则", category_and_type),
    rule("R12", W, "单位所在地与信用代码一致", "GB 32100-2015", place),
    rule("R13", W, "工作职位类别具体且相符", "省级就业系统校验规则", job),
    rule("R14", W, "单位电话不是学生、家庭或老师的", CHECKS, contact_is_ours),
    rule("R15", W, "联系方式不为多家单位共用", CHECKS, contact_is_shared),
    rule("R16", W, "证明材料不重复使用", CHECKS, same_proof),
    rule("R17", B, "证明材料齐全", "教学厅函〔2021〕19号", proof, stages=frozenset({REVIEW, REPORT})),
    rule("R18", B, "收入不低于当地最低工资", "教学厅函〔2021〕19号；最低工资标准", pay, limit=0, unit="元，允许低于标准的数额"),
    rule("R19", W, "实习见习不作为就业", "教育部“四不准”", internship),
    rule("R23", B, "与生效的协议书一致", "省级就业系统校验规则", agreement),
    rule("R24", B, "升学的没有生效的协议书", "省级就业系统校验规则", study_and_agreement),
    rule("R25", W, "升学、留学院校填写完整", "省级就业系统校验规则", institution),
    rule("R26", B, "参军和基层项目有名单或通知书", "教育部去向核查重点", letter, stages=frozenset({REVIEW, REPORT})),
    rule("R27", W, "签约日期合理", "省级就业系统校验规则", dates),
    rule("R28", B, "老师更正的内容经学生确认", "教育部“三不得”；24365 去向本人核实", confirmed, stages=frozenset({REPORT}), fixed=True),
    rule("R29", B, "学生异议已处理", "24365 去向本人核实（存疑反馈）", disputed, stages=EVERYWHERE, fixed=True),
)  # fmt: skip
