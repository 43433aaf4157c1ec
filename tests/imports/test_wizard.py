"""The four steps in the back office, as people of several rights and scopes walk them."""

from __future__ import annotations

from io import BytesIO
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from exports.exporting.template import masks_of
from exports.importing.kinds import KINDS
from models.audit.models import AuditEntry
from models.notices.models import Notice
from models.students.models import Student
from models.transfer.models import ColumnMapping, ImportRow, ImportRun
from tests.factories.people import staff
from tests.importing.books import package, workbook
from tests.imports.conftest import HEADERS, person, roster
from tests.security.looks import looks_are_counted
from workflows.levels import COLLEGE, COUNSELOR, SCHOOL
from workflows.scoping import system

pytestmark = pytest.mark.django_db


def client_of(user) -> Client:
    client = Client()
    client.force_login(user, backend="models.accounts.backends.FunctionBackend")
    return client


@pytest.fixture
def clerk(made: SimpleNamespace) -> Client:
    return client_of(made.clerk)


def send(client: Client, made: SimpleNamespace, data: bytes, kind: str = "students", name: str = "名单.xlsx", **fields):
    payload = {
        "kind": kind,
        "school": made.school.pk,
        "cohort_year": made.cohort.year,
        "file": SimpleUploadedFile(name, data),
        **fields,
    }
    return client.post(reverse("admin:imports_upload"), payload)


def newest() -> ImportRun:
    with system("test looks"):
        return ImportRun.objects.select_related("owner").latest("pk")


def columns(page) -> dict[str, str]:
    """What the matching form would post as it stands."""
    lines = [*page.missing, *page.matched, *page.optional]
    return {
        "check": "1",
        "sheet": page.sheet,
        "header_row": str(page.header_row),
        **{f"column-{line.number}": line.chosen for line in lines},
    }


def test_the_whole_way(made, clerk, run_jobs):
    home = clerk.get(reverse("admin:imports"))
    assert home.status_code == 200
    assert "上传并匹配列" in home.content.decode()

    answer = send(clerk, made, roster([person(1), person(2), person(3, 手机号码="1")]))
    run = newest()
    assert answer.url == reverse("admin:imports_match", args=[run.pk])
    page = clerk.get(answer.url).context["page"]
    assert (page.sheet, page.header_row, page.missing, len(page.matched)) == ("学生", 1, [], len(HEADERS))
    assert page.matched[0].samples == ("20230000001", "20230000002", "20230000003")

    answer = clerk.post(answer.url, columns(page))
    here = reverse("admin:imports_run", args=[run.pk])
    assert answer.url == here
    assert "核对中" in clerk.get(here).content.decode()
    assert "data-active" in clerk.get(reverse("admin:imports_progress", args=[run.pk])).content.decode()
    run_jobs()
    body = clerk.get(here).content.decode()
    assert "确认导入（新增 2，更新 0）" in body
    assert "1 只有 1 位" in body
    assert not _students()

    rows = clerk.get(
        reverse("admin:imports_rows", args=[run.pk]), {"status": "failed", "column": "手机号码", "code": "phone_format"}
    )
    assert [line.number for line in rows.context["lines"]] == [4]

    assert clerk.post(reverse("admin:imports_step", args=[run.pk, "run"])).url == here
    run_jobs()
    body = clerk.get(here).content.decode()
    assert "导入完成：共 3 行" in body
    assert _students() == ["20230000001", "20230000002"]
    with system("test looks"):
        assert AuditEntry.objects.filter(action="import", actor=made.clerk, object_id=str(run.pk)).count() == 1
        assert Notice.objects.get(recipient=made.clerk).body == "新增 2，更新 0，无变化 0，有误 1。"
        assert ColumnMapping.objects.get(school=made.school, kind="students").mapping["手机号码"] == "手机号码"

    errors = clerk.get(reverse("admin:imports_errors", args=[run.pk]))
    sheet = (
        CalamineWorkbook.from_filelike(BytesIO(b"".join(errors.streaming_content))).get_sheet_by_index(0).to_python()
    )
    assert [row[0] for row in sheet] == ["学号", "20230000003"]

    clerk.post(reverse("admin:imports_step", args=[run.pk, "undo"]))
    run_jobs()
    assert not _students()
    assert "撤销，下面是当时的结果" in clerk.get(here).content.decode()


def _students() -> list[str]:
    with system("test looks"):
        return list(Student.objects.order_by("number").values_list("number", flat=True))


REFUSED = {
    "bomb": (package({"xl/worksheets/sheet1.xml": " " * 80_000_000}), "异常庞大"),
    "macro": (package({"xl/vbaProject.bin": b"x"}), "带有宏"),
    "html": (b"<html><table></table></html>", "其实是网页"),
    "picture": (b"\x89PNG\r\n", "图片"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_files_are_refused_at_the_door(name, made, clerk):
    data, words = REFUSED[name]
    answer = send(clerk, made, data)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    with system("test looks"):
        assert not ImportRun.objects.exists()


def test_a_formula_is_read_as_its_value_and_never_written_out_as_one(made, clerk, run_jobs):
    send(clerk, made, roster([person(1, 手机号码="=1+1", 家庭地址="=HYPERLINK(1)")]))
    run = newest()
    url = reverse("admin:imports_match", args=[run.pk])
    clerk.post(url, columns(clerk.get(url).context["page"]))
    run_jobs()
    answer = clerk.get(reverse("admin:imports_errors", args=[run.pk]))
    data = b"".join(answer.streaming_content)
    assert b"<f>" not in data
    cells = [cell for row in load_workbook(BytesIO(data)).active.iter_rows(min_row=2) for cell in row]
    assert "=HYPERLINK(1)" in [cell.value for cell in cells]
    assert {cell.data_type for cell in cells if cell.value} <= {"s", "n"}


def test_required_columns_that_are_not_matched_come_first_and_stop_the_check(made, clerk, run_jobs):
    headers = ["学号", "姓名", "身份证号", "攻读方向名称", "所在地"]
    row = person(1)
    send(clerk, made, workbook({"S": [headers, [row["学号"], row["姓名"], row["身份证号"], row["专业"], "x"]]}))
    run = newest()
    url = reverse("admin:imports_match", args=[run.pk])
    answer = clerk.get(url)
    page = answer.context["page"]
    assert [line.header for line in page.missing] == ["专业"]
    assert "必需的列还没有对应（1）" in answer.content.decode()
    assert "还不能核对" not in answer.content.decode()
    again = clerk.post(url, columns(page))
    assert again.status_code == 200
    assert "还不能核对：“专业”还没有对应的列。" in again.content.decode()
    assert newest().status == "uploaded"
    number = page.missing[0].number
    assert clerk.post(url, {**columns(page), f"column-{number}": "3"}).status_code == 302
    assert newest().mapping["攻读方向名称"] == "专业"
    run_jobs()
    assert newest().created == 1
    clerk.post(reverse("admin:imports_step", args=[run.pk, "run"]))
    run_jobs()
    # The next file of the school is matched as this one was.
    send(clerk, made, workbook({"S": [headers, [row["学号"], row["姓名"], row["身份证号"], row["专业"], "x"]]}))
    page = clerk.get(reverse("admin:imports_match", args=[newest().pk])).context["page"]
    assert not page.missing
    assert next(line for line in page.matched if line.header == "专业").how == "按上次或手工对应"


def test_sheet_and_header_row_can_be_changed(made, clerk):
    lines = [list(HEADERS), [person(1)[h] for h in HEADERS]]
    send(clerk, made, workbook({"旧": lines, "新": [["说明"], *lines]}))
    url = reverse("admin:imports_match", args=[newest().pk])
    page = clerk.get(url, {"sheet": "新"}).context["page"]
    assert (page.sheet, page.header_row) == ("新", 2)
    page = clerk.get(url, {"sheet": "新", "header_row": "3"}).context["page"]
    assert len(page.missing) == 4
    assert "没有名为" in clerk.get(url, {"sheet": "无此表"}).context["page"].problem
    assert clerk.get(url, {"sheet": "新", "header_row": "9" * 5000}).context["page"].header_row == 2


def test_a_sheet_of_something_else_is_said_to_be_one(made, clerk):
    send(clerk, made, workbook({"S": [["品名", "单价", "数量"], ["苹果", 3, 4], ["梨", 2, 1]]}))
    page = clerk.get(reverse("admin:imports_match", args=[newest().pk])).content.decode()
    assert "文件中没有一列与“学生”的模板同名。请看表头是否在第 1 行" in page
    assert "已对应的列" not in page


def test_the_file_of_another_import_is_recognised(made, clerk):
    """What people do wrong most: the right file, the wrong kind."""
    said = "这份文件的列与“专业设置”的模板一致。如果选错了导入内容，请放弃这次导入，重新上传时选择“专业设置”。"
    majors = clerk.get(reverse("admin:imports_template", args=["majors"])).content
    for chosen, expected in (("students", True), ("majors", False)):
        send(clerk, made, majors, chosen)
        page = clerk.get(reverse("admin:imports_match", args=[newest().pk]), follow=True)
        assert (said in page.text) == expected, chosen
    headers = [header for header in HEADERS if header != "姓名"]
    send(clerk, made, workbook({"S": [headers, [1] * len(headers)]}))
    page = clerk.get(reverse("admin:imports_match", args=[newest().pk]))
    assert "必需的列还没有对应（1）" in page.text
    assert "选错了导入内容" not in page.text, "a roster that lacks a column is still a roster"


def test_an_empty_workbook_leaves_one_way(made, clerk):
    send(clerk, made, workbook({"S": []}))
    page = clerk.get(reverse("admin:imports_match", args=[newest().pk])).content.decode()
    assert "这个工作簿里没有数据" in page
    assert "放弃这次导入，重新上传" in page
    assert "表头在第几行" not in page


def test_templates_carry_required_columns_lists_and_an_example(made, clerk):
    answer = clerk.get(reverse("admin:imports_template", args=["students"]))
    book = load_workbook(BytesIO(answer.content))
    sheet = book.worksheets[0]
    headers = {cell.value: cell for cell in sheet[1]}
    assert list(headers)[: len(HEADERS)] == list(HEADERS)
    assert {
        value for value, cell in headers.items() if cell.font.color and str(cell.font.color.rgb).endswith("C00000")
    } == {
        "学号",
        "姓名",
        "身份证号",
        "专业",
    }
    assert sheet["A2"].value.startswith("示例：")
    lists = {
        cell.value: [
            row[0].value
            for row in book["选项"].iter_rows(min_row=2, min_col=cell.column, max_col=cell.column)
            if row[0].value
        ]
        for cell in book["选项"][1]
    }
    assert lists["学院"] == ["第1学院", "第2学院"]
    assert "共青团员" in lists["政治面貌"]
    assert sheet.data_validations.count >= len(lists)


@pytest.mark.parametrize("kind", ["departments", "majors", "students", "profiles", "staff"])
def test_a_template_imports_without_a_word(kind, made, clerk, bring):
    data = clerk.get(reverse("admin:imports_template", args=[kind])).content
    run = bring(data, kind, check=True)
    assert (run.rows, run.failed) == (0, 0)  # the example row is no data


def test_who_may_not_import_sees_nothing_of_it(made):
    with system("test set-up"):
        counsellor, college = staff(COUNSELOR, made.classes[0]), staff(COLLEGE, made.colleges[0])
    assert client_of(counsellor).get(reverse("admin:imports")).status_code == 403
    client = client_of(college)
    assert set(client.get(reverse("admin:imports")).context["form"].kinds) == {"students", "profiles"}
    assert client.get(reverse("admin:imports_template", args=["staff"])).status_code == 404
    answer = send(client, made, roster([person(1)]), kind="staff")
    assert answer.status_code == 400


def test_another_colleges_import_looks_absent(made, run_jobs):
    with system("test set-up"):
        one, other = staff(COLLEGE, made.colleges[0]), staff(COLLEGE, made.colleges[1])
    mine, theirs, school = client_of(one), client_of(other), client_of(made.clerk)
    send(mine, made, roster([person(1)]))
    run = newest()
    for name in ("imports_match", "imports_run", "imports_rows", "imports_errors", "imports_progress"):
        assert theirs.get(reverse(f"admin:{name}", args=[run.pk])).status_code == 404
    assert theirs.post(reverse("admin:imports_step", args=[run.pk, "drop"])).status_code == 404
    assert "名单.xlsx" not in theirs.get(reverse("admin:imports")).content.decode()
    assert school.get(reverse("admin:imports_match", args=[run.pk])).status_code == 200
    assert "名单.xlsx" in mine.get(reverse("admin:imports")).content.decode()


def test_a_double_click_imports_once(made, clerk, run_jobs):
    send(clerk, made, roster([person(1)]))
    run = newest()
    url = reverse("admin:imports_match", args=[run.pk])
    clerk.post(url, columns(clerk.get(url).context["page"]))
    run_jobs()
    step = reverse("admin:imports_step", args=[run.pk, "run"])
    clerk.post(step)
    clerk.post(step)
    assert [job.kind for job in run_jobs()] == ["import.run"]
    assert newest().created == 1


def test_a_run_can_be_given_up(made, clerk):
    send(clerk, made, roster([person(1)]))
    run = newest()
    stored = run.file
    clerk.post(reverse("admin:imports_step", args=[run.pk, "drop"]))
    assert newest().status == "dropped"
    assert not stored.storage.exists(stored.name)
    assert not list(clerk.get(reverse("admin:imports")).context["runs"])


def test_numbers_are_masked_for_colleagues_who_may_not_see_them(made, bring, monkeypatch):
    with system("test set-up"):
        college = staff(COLLEGE, made.colleges[0])
        colleague = staff("data", made.colleges[0])
    bring(roster([person(1)]), by=college)
    run = bring(roster([person(1, 手机号码="19911111111")]), by=college)
    with system("test set-up"):
        ImportRun.objects.filter(pk=run.pk).update(org_path=made.colleges[0].path)
    url = reverse("admin:imports_rows", args=[run.pk])
    # Whoever brought the file sees its numbers, not those that it would replace: or invented ones would fetch the real ones.
    own = client_of(college).get(url).content.decode()
    assert "19911111111" in own
    assert "199****0001" in own
    assert "19900000001" not in own
    body = client_of(colleague).get(url).content.decode()
    assert "19911111111" not in body
    assert "199****1111" in body
    assert client_of(colleague).post(url, {"deed": "reveal"}).status_code == 403
    with system("test set-up"):
        office = staff(SCHOOL, made.center)
    looks_are_counted(monkeypatch, client_of(office), url, "19911111111")
    assert client_of(college).post(url, {"deed": "else"}).status_code == 403


def test_what_an_import_hides_follows_from_its_columns():
    assert {key for key in KINDS if masks_of(key)} == {"students", "profiles", "staff", "employers", "outcomes"}
    assert masks_of("employers") == {"联系手机": "phone"}
    assert masks_of("profiles")["身份证号"] == "id"


def test_a_job_that_loses_its_function_on_the_way_stops(made, clerk, run_jobs):
    send(clerk, made, roster([person(1)]))
    run = newest()
    url = reverse("admin:imports_match", args=[run.pk])
    clerk.post(url, columns(clerk.get(url).context["page"]))
    with system("test set-up"):
        made.clerk.staff_appointments.all().delete()
    assert [job.status for job in run_jobs()] == ["failed"]
    with system("test looks"):
        assert not ImportRow.objects.exists()
