"""A small school to import into, rows to import, and the way a test imports them: through a run, as a person or as the system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from exports.importing import runs
from models.accounts.models import User
from models.jobs.files import store_private
from models.transfer.models import ImportRow, ImportRun
from tests.factories.people import id_number, school, staff
from tests.importing.books import workbook
from workflows.levels import SCHOOL
from workflows.scoping import acting, system, within

HEADERS = (
    "学号", "姓名", "性别", "身份证号", "考生号", "民族", "政治面貌", "学院", "专业", "班级", "学历", "学制", "培养方式", "定向或委培单位",
    "生源地代码", "城乡生源", "入学年份", "毕业年份", "毕业时间", "师范生类别", "困难生类别", "手机号码", "电子邮箱", "QQ", "家庭地址", "家庭邮编",
    "家庭电话",
)  # fmt: skip


def person(serial: int, **cells: Any) -> dict[str, Any]:
    """A good row of a roster, by header."""
    row = {
        "学号": f"2023{serial:07d}", "姓名": "欧阳雨涵", "性别": "男", "身份证号": id_number(serial), "考生号": f"2399{serial:010d}",
        "民族": "汉族", "政治面貌": "共青团员", "学院": "第1学院", "专业": "专业11", "班级": "专业11-2301", "学历": "本科生毕业", "学制": "4",
        "培养方式": "非定向", "定向或委培单位": "", "生源地代码": "500103", "城乡生源": "城镇", "入学年份": "2023", "毕业年份": "2027",
        "毕业时间": "202706", "师范生类别": "非师范生", "困难生类别": "非困难生", "手机号码": f"199{serial:08d}",
        "电子邮箱": f"s{serial}@example.edu.cn", "QQ": "10001", "家庭地址": "示例省示例市示例区示例路1号", "家庭邮编": "400000", "家庭电话": "",
    }  # fmt: skip
    unknown = (
        cells.keys()
        - row.keys()
        - {"证件类型", "出生日期", "专业方向", "校区", "学籍状态", "婚姻状况", "宿舍", "户口是否转入学校"}
    )
    assert not unknown, unknown
    return {**row, **cells}


def roster(rows: Sequence[dict[str, Any]], headers: Sequence[str] | None = None) -> bytes:
    """An .xlsx of these rows, a header row on top."""
    headers = headers or list(dict.fromkeys([*HEADERS, *(key for row in rows for key in row)]))
    return workbook({"学生": [list(headers), *([row.get(header) for header in headers] for row in rows)]})


@pytest.fixture
def made(db: None) -> SimpleNamespace:
    """A school of two colleges with one major and two classes each, and its member of staff at school level."""
    with system("test set-up"):
        found = school()
        found.clerk = staff(SCHOOL, found.center)
    return found


@pytest.fixture
def upload(made: SimpleNamespace) -> Callable[..., ImportRun]:
    """Store a file as an upload of `by` (default: the system): upload(data, "students", name="x.xlsx", mapping={…})."""

    def store(
        data: bytes, kind: str = "students", *, name: str = "名单.xlsx", by: User | None = None, **fields: Any
    ) -> ImportRun:
        with system("test set-up"):
            return ImportRun.objects.create(
                kind=kind,
                school=made.school,
                cohort=made.cohort,
                owner=by,
                org_path=made.school.path,
                file=store_private(name, data, "imports"),
                file_name=name,
                **fields,
            )

    return store


def scope_of(run: ImportRun) -> AbstractContextManager[None]:
    """What the background job of the run would see."""
    return acting(run.owner) if run.owner else system("an import by the command")


@pytest.fixture
def bring(upload: Callable[..., ImportRun]) -> Callable[..., ImportRun]:
    """Upload and write at once; the run that comes back is done."""

    def do(data: bytes, kind: str = "students", *, check: bool = False, **fields: Any) -> ImportRun:
        run = upload(data, kind, **fields)
        with within(None), scope_of(run):
            (runs.check if check else runs.execute)(run)
        run.refresh_from_db()
        return run

    return do


def wrong(run: ImportRun) -> dict[int, list[tuple[str, str]]]:
    """{row number: [(column, code)]} of the rows that failed."""
    with system("test looks"):
        rows = ImportRow.objects.filter(run=run, status="failed").order_by("number").values_list("number", "errors")
        return {number: [(error["column"], error["code"]) for error in errors] for number, errors in rows}


def counts(run: ImportRun) -> tuple[int, int, int, int]:
    """(created, updated, unchanged, failed); they add up to the rows."""
    assert run.rows == run.created + run.updated + run.unchanged + run.failed
    return run.created, run.updated, run.unchanged, run.failed


BORN = date(2004, 3, 15)
