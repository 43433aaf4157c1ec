"""Matching works from the first rows read once; what ends badly is told; what is too large is refused politely (C2)."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from django.urls import reverse
from openpyxl import Workbook

from exports.importing import look, reading, runs
from exports.importing.refusal import BrokenCell
from models.jobs.errors import JobError
from models.jobs.models import Job
from models.jobs.models import Status as JobStatus
from models.notices.models import Notice
from models.transfer.models import ImportRun
from models.transfer.services import settle_all
from tests.importing.books import workbook
from tests.imports.conftest import person, roster
from tests.imports.test_wizard import client_of, columns, newest, send
from workflows.scoping import system

MOMENT = datetime(2027, 6, 30, 10, 5)  # noqa: DTZ001  a cell has no time zone

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(made):
    return client_of(made.clerk)


@pytest.fixture
def large(monkeypatch):
    """Every file is a large one."""
    monkeypatch.setattr(look, "AT_ONCE", 0)


def told(made):
    with system("test looks"):
        return list(Notice.objects.filter(recipient=made.clerk).values_list("title", "body"))


def test_a_large_file_is_read_by_a_job_and_no_request_unfolds_it(made, clerk, large, run_jobs, monkeypatch):
    match = send(clerk, made, roster([person(1), person(2)])).url
    run = newest()
    here = reverse("admin:imports_run", args=[run.pk])
    assert clerk.get(match).url == here
    assert clerk.get(match).url == here, "asked again while it is read"
    assert "读取中" in clerk.get(here).content.decode()
    assert [job.kind for job in run_jobs()] == ["import.look"]
    assert clerk.get(here).url == match
    with monkeypatch.context() as guard:
        guard.setattr(
            reading.CalamineWorkbook, "from_filelike", lambda *data: pytest.fail("a request unfolds the file")
        )
        page = clerk.get(match).context["page"]
        assert (page.sheet, page.header_row, page.missing, page.about) == ("学生", 1, [], 2)
        assert clerk.get(match, {"header_row": "2"}).status_code == 200
        clerk.post(match, columns(page))
    run_jobs()
    assert "确认导入（新增 2，更新 0）" in clerk.get(here).content.decode()


def test_the_sheets_are_kept_as_the_reader_gave_them(made, upload):
    book = Workbook()
    book.active.append(["学号", 1, 2.5, True, None, date(2027, 6, 30), MOMENT, "#N/A"])
    book.active["H1"].data_type = "e"
    book.create_sheet("空")
    with system("test"):
        run = upload(roster([person(1)]))
        path = run.file.storage.path(run.file.name)
        book.save(path)
        look.take(run)
        found = look.recall(run)
        whole = reading.open_workbook(path, "x.xlsx")
    assert [sheet.name for sheet in found.sheets] == ["Sheet"]
    assert found.head("Sheet") == whole.head("Sheet")
    assert isinstance(found.head("Sheet")[0].cells[-1], BrokenCell)
    assert found.head("没有这张表") == []


def test_a_large_file_that_cannot_be_read_says_so_and_is_told(made, clerk, large, run_jobs, monkeypatch):
    monkeypatch.setattr(
        reading, "_open_book", lambda *data: (_ for _ in ()).throw(reading.UploadRefused("这个文件已损坏。"))
    )
    match = send(clerk, made, roster([person(1)])).url
    clerk.get(match)
    assert [job.status for job in run_jobs()] == [JobStatus.FAILED]
    page = clerk.get(match)
    assert page.status_code == 200
    assert "这个文件已损坏。" in page.content.decode()
    assert [title for title, _body in told(made)] == ["读取没有完成：名单.xlsx"]
    assert not Job.objects.filter(status=JobStatus.QUEUED).exists(), "it is not read again and again"


def test_giving_up_removes_what_was_kept(made, clerk):
    clerk.get(send(clerk, made, roster([person(1)])).url)
    run = newest()
    stored = run.look.storage.path(run.look.name)
    assert "20230000001" in Path(stored).read_text()
    clerk.post(reverse("admin:imports_step", args=[run.pk, "drop"]))
    assert newest().look.name == ""
    assert not Path(stored).exists()


@pytest.mark.parametrize(
    ("error", "sentence"), [(JobError("磁盘空间不足。"), "磁盘空间不足。"), (KeyError("x"), "程序出错")]
)
def test_an_import_that_fails_is_told(made, clerk, run_jobs, monkeypatch, error, sentence):
    match = send(clerk, made, roster([person(1)])).url
    clerk.post(match, columns(clerk.get(match).context["page"]))
    run_jobs()
    monkeypatch.setattr(runs, "execute", lambda *run, **more: (_ for _ in ()).throw(error))
    clerk.post(reverse("admin:imports_step", args=[newest().pk, "run"]))
    run_jobs()
    ((title, body),) = told(made)
    assert title == "导入没有完成：名单.xlsx"
    assert sentence in body


def test_an_import_whose_worker_was_killed_is_told_without_anybody_looking(made, clerk):
    match = send(clerk, made, roster([person(1)])).url
    clerk.post(match, columns(clerk.get(match).context["page"]))
    with system("test"):
        assert settle_all() == 0
        Job.objects.filter(pk=newest().job_id).update(status=JobStatus.FAILED, error="任务多次中断，已停止。")
        assert settle_all() == 1
        assert settle_all() == 0
    assert newest().status == ImportRun.Status.UPLOADED
    assert told(made) == [("核对没有完成：名单.xlsx", "任务多次中断，已停止。\n请打开「导入」中的这次导入查看和处理。")]


def test_an_upload_beyond_the_limit_is_refused_politely_and_not_kept(made, clerk, settings):
    settings.UPLOAD_MAX_BYTES = 100_000
    answer = send(clerk, made, b"x" * 300_000, name="大.csv")
    assert answer.status_code == 413
    page = answer.content.decode()
    assert "文件超过 20 MB 的上限，没有上传" in page
    assert "上传并匹配列" in page
    with system("test looks"):
        assert not ImportRun.objects.exists()
    assert send(clerk, made, workbook({"学生": [["学号"]]})).status_code == 302
