"""上报 in the back office, as its people use it: order, download, mark, answer, repeat; compare, decide, apply; who sees what."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from admin_site.stale import SEEN
from models.audit.models import Action, AuditEntry
from models.outcomes.models import Outcome
from models.reporting.models import EmploymentPlan, Reconciliation, ReportBatch, ReportSetting
from tests.factories import people
from tests.reporting.test_reconcile import compared, row_of, their_sheet
from tests.security.looks import looks_are_counted
from workflows.levels import COLLEGE, SCHOOL

pytestmark = pytest.mark.django_db
ROOT = "/admin/reporting/"


def at(person) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def office(made) -> Client:
    return at(made.person)


@pytest.fixture
def college(made) -> Client:
    return at(people.staff(COLLEGE, made.classes[0].parent))


def book_of(answer) -> openpyxl.Workbook:
    return openpyxl.load_workbook(BytesIO(b"".join(answer.streaming_content)))


def sheet_of(*rows) -> SimpleUploadedFile:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = BytesIO()
    book.save(out)
    return SimpleUploadedFile("反馈.xlsx", out.getvalue())


def order(office, made, capture, **values) -> ReportBatch:
    with capture(execute=True):
        office.post(
            ROOT + "reportbatch/order/",
            {"cohort": made.cohort.pk, "kind": "employment", "extent": "full", "channel": "file", **values},
        )
    return ReportBatch.objects.order_by("-pk").first()


def test_a_batch_goes_its_whole_way(made, office, django_capture_on_commit_callbacks):
    batch = order(office, made, django_capture_on_commit_callbacks)
    url = f"{ROOT}reportbatch/{batch.pk}/"
    assert (batch.state, batch.count) == ("ready", 12)
    answer = office.post(url + "download/")
    assert book_of(answer).active.max_row == 14
    assert AuditEntry.objects.filter(action=Action.VIEW_FILE, school_id=made.school.pk).count() == 1
    office.post(url + "deed/", {"deed": "mark"})
    number = [student.number for student in made.students]
    rows = [
        ("学号", "结果", "反馈"),
        *((n, "接收", "") for n in number[2:]),
        (number[0], "退回", "单位代码有误 13800001111"),
    ]
    answer = office.post(url + "deed/", {"deed": "answer", "file": sheet_of(*rows)}, follow=True)
    assert "接收 10 条、退回 1 条" in answer.text
    batch.refresh_from_db()
    assert (batch.state, batch.accepted, batch.rejected) == ("sent", 10, 1)
    page = office.get(url + "change/?state=rejected")
    assert "138****1111" in page.text
    assert made.students[5].name not in page.text
    again = office.post(url + "deed/", {"deed": "repeat"}, follow=True)
    assert "1 条" in again.text
    smallest = ReportBatch.objects.order_by("-pk").first()
    assert (smallest.pk != batch.pk, smallest.count) == (True, 1)
    assert made.students[0].name in office.get(ROOT + f"reportitem/?q={number[0]}").text


def test_an_answer_sheet_is_taken_whole_or_not_at_all(made, office, django_capture_on_commit_callbacks):
    batch = order(office, made, django_capture_on_commit_callbacks)
    url = f"{ROOT}reportbatch/{batch.pk}/deed/"
    first, second = made.students[0].number, made.students[1].number
    early = office.post(url, {"deed": "answer", "file": sheet_of(("学号", "结果"), (first, "接收"))}, follow=True)
    assert "上报以后才能登记反馈" in early.text
    office.post(url, {"deed": "mark"})
    for rows, sentence in (
        ([("学号", "结果"), (first, "接收"), (second, "也许")], "第 3 行的结果“也许”无法识别"),
        ([("学号", "结果"), (first, "接收"), (first, "退回")], "第 3 行的学号与前面的行重复"),
        ([("学号", "备注"), (first, "接收")], "“学号”和“结果”两列"),
        ([("学号", "结果"), ("99999999", "接收")], "没有一个学号属于这个批次"),
    ):
        answer = office.post(url, {"deed": "answer", "file": sheet_of(*rows)})
        assert (answer.status_code, sentence in answer.text) == (400, True), sentence
    batch.refresh_from_db()
    assert (batch.accepted, batch.rejected) == (0, 0)
    broken = office.post(url, {"deed": "answer", "file": SimpleUploadedFile("反馈.xlsx", b"not a book")})
    assert broken.status_code == 400


def test_a_batch_through_the_interface_is_sent_and_its_exchanges_are_shown(
    made, office, reference, django_capture_on_commit_callbacks
):
    batch = order(office, made, django_capture_on_commit_callbacks, channel="http")
    assert (batch.state, batch.accepted) == ("done", 12)
    page = office.get(f"{ROOT}reportbatch/{batch.pk}/change/").text
    assert "接口日志" in page
    assert "接收 12 条，退回 0 条" in page


def test_a_plan_is_made_shown_masked_and_downloaded_in_full(made, office):
    answer = office.post(
        ROOT + "employmentplan/make/", {"cohort": made.cohort.pk, "title": "初次方案", "layout": ""}, follow=True
    )
    plan = EmploymentPlan.objects.get()
    assert "与编制时一致" in answer.text
    assert plan.count == 12
    assert made.students[0].id_number not in answer.text
    sheet = book_of(office.post(f"{ROOT}employmentplan/{plan.pk}/download/")).active
    assert made.students[0].id_number in [cell.value for cell in sheet[3]]
    assert AuditEntry.objects.filter(action=Action.VIEW_FILE).exists()
    empty = office.post(ROOT + "employmentplan/make/", {"cohort": made.cohort.pk, "title": " ", "layout": ""})
    assert empty.status_code == 400


def test_a_college_sees_its_own_graduates_only_and_takes_nothing_away(
    made, office, college, django_capture_on_commit_callbacks
):
    batch = order(office, made, django_capture_on_commit_callbacks)
    office.post(ROOT + "employmentplan/make/", {"cohort": made.cohort.pk, "title": "初次方案", "layout": ""})
    plan = EmploymentPlan.objects.get()
    for page in (f"{ROOT}reportbatch/{batch.pk}/change/", f"{ROOT}employmentplan/{plan.pk}/change/"):
        text = college.get(page).text
        assert made.students[0].number in text, page
        assert made.students[1].number not in text, page
    assert college.post(f"{ROOT}reportbatch/{batch.pk}/download/").status_code == 403
    assert college.post(f"{ROOT}employmentplan/{plan.pk}/download/").status_code == 403
    assert college.post(f"{ROOT}reportbatch/{batch.pk}/deed/", {"deed": "mark"}).status_code == 403
    assert college.get(ROOT + "employmentplan/make/").status_code == 403
    found = Reconciliation.objects.create(
        school=made.school, cohort=made.cohort, kind="employment", layout=batch.layout, file_name="x.xlsx", state="open"
    )
    assert college.get(f"{ROOT}reconciliation/{found.pk}/change/").status_code == 404
    assert "x.xlsx" not in college.get(ROOT + "reconciliation/").text


def test_another_school_finds_nothing(made, office, django_capture_on_commit_callbacks):
    batch = order(office, made, django_capture_on_commit_callbacks)
    other = people.school("19777", "另一大学", colleges=1, classes=1)
    stranger = at(people.staff(SCHOOL, other.center))
    for path in ("change/", "top/"):
        assert stranger.get(f"{ROOT}reportbatch/{batch.pk}/{path}").status_code == 404
    assert stranger.post(f"{ROOT}reportbatch/{batch.pk}/download/").status_code == 404


def test_a_comparison_is_decided_and_carried_out(made, office, django_capture_on_commit_callbacks):
    students = made.students

    def change(sheet, columns):
        for student in students[:3]:
            sheet.cell(row_of(sheet, columns, student), columns["毕业去向代码"]).value = "46"
        sheet.delete_rows(row_of(sheet, columns, students[5]))

    upload = their_sheet(made, change)
    with django_capture_on_commit_callbacks(execute=True):
        office.post(ROOT + "reconciliation/begin/", {"cohort": made.cohort.pk, "kind": "employment", "file": upload})
    found = Reconciliation.objects.get()
    assert (found.state, found.different, found.only_ours) == ("open", 3, 1)
    url = f"{ROOT}reconciliation/{found.pk}/"
    page = office.get(url + "change/")
    assert students[0].name in page.text
    assert "上次上报" in page.text
    lacking = office.get(url + "change/?column=-").text  # nothing to compare: one column says what is the matter
    assert '<td data-l="说明">对方没有这名学生</td>' in lacking
    assert "上次上报" not in lacking
    rows = list(found.differences.exclude(column="").order_by("pk"))
    column = rows[0].column
    assert "还没有决定" in office.post(url + "deed/", {"deed": "apply"}, follow=True).text
    office.post(url + "deed/", {"deed": "choose", "column": column, f"d{rows[0].pk}": "ours", "d99999999": "theirs"})
    office.post(url + "deed/", {"deed": "column.ours", "column": "-"})
    before = {row.pk: row.category for row in Outcome.objects.all()}
    with django_capture_on_commit_callbacks(execute=True):
        office.post(url + "deed/", {"deed": "apply"})
    found.refresh_from_db()
    assert found.state == "applied"
    assert {row.pk: row.category for row in Outcome.objects.all()} == before
    smallest = ReportBatch.objects.order_by("-pk").first()
    assert {item.student_id for item in smallest.items.all()} == {rows[0].student_id, students[5].pk}
    assert f"/reportbatch/{smallest.pk}/" in office.get(url + "change/").text


def test_full_numbers_of_a_comparison_are_shown_by_a_counted_look(made, office, college, monkeypatch):
    """Two students whose ID numbers differ in hidden digits: the page says so, and shows them to who presses for it."""
    changed = {}

    def change(sheet, columns):
        for student in made.students[:2]:
            cell = sheet.cell(row_of(sheet, columns, student), columns["身份证号"])
            changed[student.pk] = cell.value = f"{cell.value[:9]}{(int(cell.value[9]) + 1) % 10}{cell.value[10:]}"

    found = compared(made, change)
    url = f"{ROOT}reconciliation/{found.pk}/change/?column=身份证号"
    theirs = changed[made.students[0].pk]
    assert "隐藏的几位有变化" in office.get(url).text
    looks_are_counted(monkeypatch, office, url, theirs, people=2)
    assert college.post(url, {"deed": "reveal"}).status_code == 404
    assert office.post(url, {"deed": "else"}).status_code == 403


def test_a_setting_offers_layouts_by_name_and_refuses_a_strange_address(made, office):
    url = f"{ROOT}reportsetting/{made.setting.pk}/change/"
    page = office.get(url)
    assert "就业信息上报（50 列，含去向）" in page.text
    values = {
        "school": made.school.pk, "cohort": "", "trigger": "submitted", "basic_layout": "upload50", "employment_layout": "employment74",
        "endpoint": "https://evil.example/", "token_name": "", SEEN: page.context["seen"],
    }  # fmt: skip
    refused = office.post(url, values)
    assert "REPORT_HOSTS" in refused.text
    office.post(url, {**values, "endpoint": "", "basic_layout": "nonsense"})
    assert ReportSetting.objects.get().trigger == "approved"
    office.post(url, {**values, "endpoint": ""})
    assert ReportSetting.objects.get().employment_layout == "employment74"
