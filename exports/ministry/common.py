"""What the official sheets share: where a column of theirs is found here, by its Chinese name.

"民族代码" is not listed: it is the code of what is listed as 民族.
"""

from __future__ import annotations

from exports.ministry.layouts import CODE, Cell

MODEL = "students.graduateprofile"
NO_REPORT_CARD = "自 2023 届起不再签发报到证，此列保留为空"
LATER = "毕业去向登记后填写"
NOT_KEPT = "系统不登记此项"
AUTUMN = "系统只记录入学年份，按秋季入学写作 9 月"

SOURCES: dict[str, str] = {
    "考生号": "student.exam_number", "姓名": "student.name", "身份证号": "student.id_number", "性别": "student.sex", "民族": "student.nation",
    "政治面貌": "political_status", "院校代码": "student.school.code", "院校名称": "student.school.name", "学校名称": "student.school.name",
    "分校名称": "student.major.campus.name", "学历": "student.degree", "专业代码": "student.major.code", "专业": "student.major.name",
    "专业方向": "student.major.direction", "培养方式": "student.training_mode", "定向或委培单位": "student.sponsor",
    "委培单位名称": "student.sponsor", "生源所在地": "origin_region", "城乡生源": "urban_rural", "户籍性质": "urban_rural",
    "学制": "student.study_length", "毕业时间": "student.grad_month", "毕业年月": "student.grad_month", "毕业年度": "student.grad_year",
    "师范生类别": "teacher_training", "非师范生类别": "teacher_training", "困难生类别": "hardship", "所在院系": "student.major.college.name",
    "院系": "student.major.college.name", "所在班级": "student.unit.name", "班级": "student.unit.name", "学号": "student.number",
    "入学前档案所在单位": "former_archive_unit", "入学前户口所在地派出所": "former_police_station", "户口是否转入学校": "household_moved",
    "档案是否转入学校": "archive_moved", "手机号码": "phone", "手机": "phone", "电子邮箱": "email", "邮箱": "email", "QQ号码": "qq",
    "家庭住址": "home_address", "常住地址": "home_address", "家庭电话": "home_phone", "家庭邮编": "home_postcode", "婚姻状况": "marital",
    "健康状况": "health",
}  # fmt: skip
SPECIAL: dict[str, dict] = {
    "入学时间": {"source": "student.enrol_year", "pattern": "{}09", "note": AUTUMN},
    "入学年月": {"source": "student.enrol_year", "pattern": "{}09", "note": AUTUMN},
    "出生日期": {"source": "student.birth_date", "compact": True},
}


def cell(label: str, code: str = "") -> Cell:
    """A column by its Chinese name; "民族代码" is the code of 民族. What is not known here is blank, with the reason."""
    if label in SPECIAL:
        return Cell(label, code, **SPECIAL[label])
    if label in SOURCES:
        return Cell(label, code, SOURCES[label])
    base = label.removesuffix("代码")
    if base != label and base in SOURCES:
        return Cell(label, code, SOURCES[base], CODE)
    if "报到" in label or "签往" in label:
        return Cell(label, code, note=NO_REPORT_CARD)
    return Cell(label, code, note=NOT_KEPT if label in {"委培单位所在地", "职业资格"} else LATER)


def cells(labels: str) -> tuple[Cell, ...]:
    """Columns from their names, separated by commas."""
    return tuple(cell(label.strip()) for label in labels.replace("\n", "").split(",") if label.strip())


def coded_cells(pairs: str) -> tuple[Cell, ...]:
    """Columns from lines of "code name"."""
    return tuple(cell(name, code) for code, name in (line.split() for line in pairs.strip().splitlines()))
