"""The plan sheet of 2024 (就业方案导出): its columns as an export of February 2025 had them, filled from destinations."""

from exports.ministry.common import AUTUMN, NOT_KEPT
from exports.ministry.layouts import CODE, Cell, Layout

PROFILE = "student.graduateprofile."
# label: (source, whether the code is written)
COLUMNS: dict[str, tuple[str, bool]] = {
    "学号": ("student.number", False), "姓名": ("student.name", False), "性别": ("student.sex", False), "出生日期": ("student.birth_date", False),
    "毕业年份": ("student.grad_year", False), "生源地名称": (PROFILE + "origin_region", False), "生源地代码": (PROFILE + "origin_region", True),
    "民族名称": ("student.nation", False), "政治面貌": (PROFILE + "political_status", False), "城乡生源": (PROFILE + "urban_rural", False),
    "学历层次": ("student.degree", False), "专业名称": ("student.major.name", False), "专业方向": ("student.major.direction", False),
    "专业代码": ("student.major.code", False), "入学年月": ("student.enrol_year", False), "毕业日期": ("student.grad_month", False),
    "培养方式": ("student.training_mode", False), "委培单位": ("student.sponsor", False), "学习形式": ("", False),
    "毕业去向类别代码": ("category", True), "毕业去向": ("category", False), "签约日期": ("signed_on", False), "单位名称": ("employer_name", False),
    "统一社会信用代码": ("uscc", False), "留学国家地区": ("country", False), "留学院校中文名称": ("school_name_cn", False),
    "留学院校外文名称": ("school_name_foreign", False), "留学专业中文名称": ("major_cn", False), "留学专业外文名称": ("major_foreign", False),
    "单位性质代码": ("employer_type", True), "单位性质名称": ("employer_type", False), "单位行业代码": ("industry", True),
    "单位行业名称": ("industry", False), "单位所在地代码": ("region", True), "单位所在地名称": ("region", False), "单位地址": ("address", False),
    "工作职位类别代码": ("job_category", True), "工作职位类别名称": ("job_category", False),
}  # fmt: skip


def _cell(label: str, source: str, as_code: bool) -> Cell:
    if label == "入学年月":
        return Cell(label, source=source, pattern="{}09", note=AUTUMN)
    return Cell(label, source=source, note="" if source else NOT_KEPT, **({"show": CODE} if as_code else {}))


LAYOUT = Layout(
    key="plan2024",
    title="就业方案（2024）",
    model_label="outcomes.outcome",
    source="“2024届就业方案导出”表头（2025 年 2 月一份实际导出件的部分列）",
    sureness="code",
    valid_from=2021,
    note="表头取自一份实际导出件的部分列，全表更宽。",
    cells=tuple(_cell(label, *filled) for label, filled in COLUMNS.items()),
)
