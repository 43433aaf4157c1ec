"""The official sheets filled from destinations: the 50-column upload and the 74-column national sheet, of graduates with a current 毕业去向.

The columns are those of `upload` and `national`; what these leave blank until a destination is registered is filled here.
"""

from __future__ import annotations

from dataclasses import replace

from exports.ministry import national, upload
from exports.ministry.common import NO_REPORT_CARD
from exports.ministry.layouts import CODE, Cell, Layout

OUTCOME = "outcomes.outcome"
_PROFILE = "student.graduateprofile."
_DISPATCH = "student.dispatch."

FILLED: dict[str, str] = {
    "毕业去向": "category", "单位组织机构代码": "uscc", "统一社会信用代码": "uscc", "单位名称": "employer_name", "单位性质": "employer_type",
    "单位行业": "industry", "单位所在地": "region", "工作职位类别": "job_category", "单位联系人": "contact", "联系人电话": "contact_phone",
    "联系人手机": "contact_mobile", "联系人电子邮箱": "contact_email", "联系人传真": "contact_fax", "单位地址": "address", "单位邮编": "postcode",
    "档案转寄单位名称": _DISPATCH + "archive_unit", "档案转寄单位地址": _DISPATCH + "archive_address",
    "档案转寄单位邮编": _DISPATCH + "archive_postcode", "户口迁转地址": _DISPATCH + "household_address",
}  # fmt: skip
LEGACY: dict[str, str] = {
    "报到证签发类别": _DISPATCH + "report_type", "报到证签往单位名称": _DISPATCH + "report_unit", "签往单位所在地": _DISPATCH + "report_region",
    "报到证编号": _DISPATCH + "report_number", "报到起始时间": _DISPATCH + "report_from",
}  # fmt: skip
LAST_REPORT_CARD_YEAR = 2022  # 人社部发〔2023〕26号


def of_outcome(cell: Cell, *, legacy: bool) -> Cell:
    """The same column, filled from the destination, its graduate's record or dispatch."""
    base = cell.label.removesuffix("代码") if cell.label not in FILLED else cell.label
    if base in FILLED:
        return Cell(cell.label, cell.code, FILLED[base], CODE if base != cell.label else cell.show)
    if base in LEGACY:
        if not legacy:
            return Cell(cell.label, cell.code, note=NO_REPORT_CARD)
        return Cell(
            cell.label,
            cell.code,
            LEGACY[base],
            CODE if base != cell.label else cell.show,
            compact=base == "报到起始时间",
        )
    if cell.source and not cell.source.startswith("student."):
        return replace(cell, source=_PROFILE + cell.source)
    return cell


def _layout(base: Layout, key: str, title: str, *, legacy: bool) -> Layout:
    return Layout(
        key=key,
        title=title,
        model_label=OUTCOME,
        cells=tuple(of_outcome(cell, legacy=legacy) for cell in base.cells),
        source=base.source,
        sureness=base.sureness,
        coded_header=base.coded_header,
        valid_from=None if legacy else LAST_REPORT_CARD_YEAR + 1,
        valid_to=LAST_REPORT_CARD_YEAR if legacy else None,
    )


LAYOUTS = (
    _layout(upload.LAYOUT, "employment50", "就业信息上报（50 列，含去向）", legacy=False),
    _layout(national.LAYOUT, "employment74", "全国就业信息库（74 列，含去向）", legacy=False),
    _layout(upload.LAYOUT, "employment50_2022", "就业信息上报（50 列，含报到证）", legacy=True),
    _layout(national.LAYOUT, "employment74_2022", "全国就业信息库（74 列，含报到证）", legacy=True),
)
