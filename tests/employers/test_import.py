"""Import kind `employers` by wizard and command, taking it back, and the way round through an export."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command

from exports.exporting import engine
from exports.exporting.order import Order
from exports.exporting.tables import TableRows
from exports.importing import runs, undo
from models.employers import services, uscc
from models.employers.models import Employer
from models.jobs.errors import JobError
from models.jobs.files import store_private
from models.transfer.models import ImportRow, ImportRun
from tests.employers.conftest import client_of
from tests.factories import employers
from tests.importing.books import workbook
from workflows.scoping import acting, system

pytestmark = pytest.mark.django_db
HEAD = [
    "单位全称",
    "信用代码",
    "单位性质",
    "行业",
    "所在地",
    "地址",
    "邮编",
    "联系人",
    "电话",
    "手机",
    "邮箱",
    "网址",
    "曾用名",
]


def row(number: int, name: str = "", **more) -> list:
    cells = {
        "单位全称": name or f"示例单位{number}", "信用代码": uscc.made_up(number), "单位性质": "31", "行业": "制造业", "所在地": "重庆市渝中区",
        "地址": "示例路1号", "邮编": "400000", "联系人": "示例人", "电话": "023-65100000", "手机": "19900000001", "邮箱": "hr@example.com",
        "网址": "https://www.example.com", "曾用名": "", **more,
    }  # fmt: skip
    return [cells[head] for head in HEAD]


def bring(world, rows: list[list], *, by=None, check: bool = False) -> ImportRun:
    by = by or world.office
    with system("a test uploads"):
        run = ImportRun.objects.create(
            kind="employers", school=world.here.school, owner=by, org_path=world.here.school.path, file_name="单位.xlsx",
            file=store_private("单位.xlsx", workbook({"单位": [HEAD, *rows]}), "imports"), mapping={"单位全称": "单位名称"},
        )  # fmt: skip
    with acting(by):
        (runs.check if check else runs.execute)(run)
    run.refresh_from_db()
    return run


def counts(run: ImportRun) -> tuple[int, int, int, int]:
    return run.created, run.updated, run.unchanged, run.failed


def wrong(run: ImportRun) -> dict[int, list[tuple[str, str]]]:
    with system("a test looks"):
        rows = ImportRow.objects.filter(run=run, status="failed").values_list("number", "errors")
        return {number: [(error["column"], error["code"]) for error in errors] for number, errors in rows}


def test_rows_are_made_changed_left_alone_and_refused(world):
    rows = [row(701), row(702, 信用代码=f" {uscc.made_up(702).lower()} "), row(703, 信用代码=""), row(704, 信用代码="91990000000000000A"),
            row(705, 行业="养猫业"), row(701, "重复的单位"), row(706, "示例单位703", 信用代码="")]  # fmt: skip
    assert counts(bring(world, rows, check=True)) == (3, 0, 0, 4)
    run = bring(world, rows)
    assert counts(run) == (3, 0, 0, 4)
    assert wrong(run) == {
        5: [("统一社会信用代码", "uscc")],
        6: [("单位行业", "unknown_code")],
        7: [("统一社会信用代码", "duplicate_in_file")],
        8: [("单位名称", "duplicate_in_file")],
    }
    with system("a test looks"):
        found = Employer.objects.get(uscc=uscc.made_up(702))
        assert (found.industry, found.region, found.source, found.checked_by) == (
            "22",
            "500103",
            "import",
            world.office,
        )
        assert found.history.count() == 1
    assert counts(bring(world, rows[:3])) == (0, 0, 3, 0)
    assert counts(bring(world, [row(701, 地址="示例路2号"), row(702, 地址="")])) == (
        0,
        1,
        1,
        0,
    )  # a blank cell keeps what is there
    assert [known.address for known in services.look_up(uscc.made_up(702))] == ["示例路1号"]
    assert counts(bring(world, [row(701, "示例更名单位")])) == (0, 1, 0, 0)
    with system("a test looks"):
        assert Employer.objects.get(uscc=uscc.made_up(701)).former_names == ["示例单位701"]


def test_a_code_that_comes_later_finds_the_row_of_that_name(world):
    bring(world, [row(711, 信用代码="")])
    assert counts(bring(world, [row(711)])) == (0, 1, 0, 0)
    with system("a test looks"):
        assert Employer.objects.filter(name="示例单位711").count() == 1


def test_what_an_employer_says_of_itself_is_not_imported_over(world):
    line = row(0, world.known.name, 信用代码=world.known.uscc, 地址="别处")
    run = bring(world, [line])
    assert wrong(run) == {2: [("单位名称", "has_account")]}
    with system("a test looks"):
        assert Employer.objects.get(pk=world.known.pk).address == world.known.address


def test_an_import_is_taken_back_unless_something_rests_on_it(world):
    with system("a test fills the library"):
        old = employers.library(uscc=uscc.made_up(721), name="示例单位721", address="原址")
    run = bring(world, [row(721), row(722)])
    with acting(world.office):
        assert undo.undo(run, world.office) == 2
    with system("a test looks"):
        assert not Employer.objects.filter(uscc=uscc.made_up(722)).exists()
        assert Employer.objects.get(pk=old.pk).address == "原址"
    run = bring(world, [row(723)])
    with system("a test excludes what was imported"):
        from models.employers.blacklisting import place

        place(Employer.objects.get(uscc=uscc.made_up(723)), world.here.school, "示例", by=world.office)
    with acting(world.office), pytest.raises(JobError):
        undo.undo(run, world.office)


@pytest.mark.parametrize("reveal", [False, True])
def test_what_goes_out_comes_in_again_unchanged(world, reveal):
    bring(world, [row(731, 曾用名="甲单位、乙单位"), row(732, 信用代码=""), row(733, 行业="", 网址="")])
    with system("a test writes several lines"):
        Employer.objects.filter(uscc=uscc.made_up(733)).update(description="第一行\n第二行")
    with acting(world.office):
        chosen = TableRows.of("employers", Employer.objects.all())
    order = Order(layout="import.employers", reveal=reveal, purpose="下一年度重新导入单位库" if reveal else "")
    record = engine.order_export(chosen, world.office, order)
    with default_storage.open(record.file.name) as file, system("a test uploads"):
        run = ImportRun.objects.create(
            kind="employers", school=world.here.school, owner=world.office, org_path=world.here.school.path,
            file=store_private("x.xlsx", file.read(), "imports"), file_name="x.xlsx",
        )  # fmt: skip
    with acting(world.office):
        runs.check(run)
    run.refresh_from_db()
    assert counts(run) == (0, 0, record.rows, 0)
    assert record.rows == 5


def test_the_command_and_the_list_page(world, tmp_path):
    path, out = tmp_path / "单位.xlsx", StringIO()
    path.write_bytes(workbook({"单位": [["单位名称", "统一社会信用代码"], ["命令行单位", uscc.made_up(741)]]}))
    call_command("import_data", "employers", str(path), school=world.here.school.code, stdout=out)
    assert json.loads(out.getvalue().splitlines()[-1])["created"] == 1
    page = client_of(world.office).get("/admin/employers/employer/").content.decode()
    assert "/admin/employers/employer/export/" in page
    assert "kind=employers" in page
    answer = client_of(world.office).post("/admin/employers/employer/export/", {"step": "export", "format": "csv"})
    assert "命令行单位" in b"".join(answer.streaming_content).decode("utf-8-sig")
