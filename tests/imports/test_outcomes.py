"""毕业去向 by sheet: counted, under the form's rules, in review, to be confirmed; back unchanged; out and in again; taken back."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.storage import default_storage

from exports.exporting import engine
from exports.exporting.order import Order
from exports.importing import undo
from exports.selection import Selection
from models.outcomes.models import Outcome
from tests.factories import outcomes as make
from tests.factories import people
from tests.importing.books import workbook
from tests.imports.conftest import counts, wrong
from workflows.actions import perform
from workflows.levels import Status, Verb
from workflows.models import ReviewLog
from workflows.scoping import acting, system

pytestmark = pytest.mark.django_db


def line(number: str, category: str = "国家基层项目—西部计划", **cells: Any) -> dict[str, Any]:
    """A good row."""
    return {
        "学号": number, "毕业去向": category, "签约日期": "2026-05-20", "单位名称": "示例县团委", "单位性质名称": "机关", "单位行业名称": "公共管理、社会保障和社会组织",
        "单位所在地名称": "重庆市渝中区", "单位地址": "示例路1号", "工作职位类别名称": "办事人员和有关人员", "单位联系人": "杨老师", "联系人电话": "023-99000001", **cells,
    }  # fmt: skip


def sheet(*rows: dict[str, Any]) -> bytes:
    headers = list(dict.fromkeys(key for row in rows for key in row))
    return workbook({"去向": [headers, *([row.get(header) for header in headers] for row in rows)]})


@pytest.fixture
def students(made):
    with system("test set-up"):
        return [people.student(made, number=f"2023000{n:04d}", name=f"张{n}") for n in range(4)]


def test_new_destinations_go_to_review_and_ask_the_student(made, students, bring, everything):
    run = bring(
        sheet(
            *(line(s.number, 姓名=s.name) for s in students[:2]), line("nobody"), line(students[2].number, 姓名="别人")
        ),
        "outcomes",
        by=made.clerk,
    )
    assert counts(run) == (2, 0, 0, 2)
    assert wrong(run) == {4: [("学号", "unknown_student")], 5: [("姓名", "contradicts_record")]}
    row = Outcome.objects.get(student=students[0])
    assert (row.status, row.category, row.source, row.is_current) == (Status.PENDING_COLLEGE, "503", "import", True)
    assert (row.awaits_confirmation, row.staff_changed["employer_name"], row.submitted_by) == (
        True,
        ["", "示例县团委"],
        made.clerk,
    )
    assert ReviewLog.objects.filter(object_id=row.pk).count() == 1
    again = bring(sheet(line(students[0].number)), "outcomes", by=made.clerk)
    assert counts(again) == (0, 0, 1, 0)


def test_the_form_s_rules_fail_a_row_at_its_column(made, students, bring, everything):
    run = bring(
        sheet(
            line(students[0].number, 单位名称=None), line(students[1].number, 留学国家地区="英国"), line(students[2].number, "70"),
            line(students[3].number, "其他录用形式就业", 月收入=900),
        ), "outcomes", by=made.clerk,
    )  # fmt: skip
    found = wrong(run)
    assert ("单位名称", "R07") in found[2]
    assert ("留学国家地区", "R07") in found[3]
    assert found[4][0][0] == "毕业去向"
    assert ("月收入", "R18") in found[5]
    assert Outcome.objects.count() == 0


def test_what_was_submitted_is_not_changed_behind_the_reviewers(made, students, bring, everything):
    row = make.outcome(made, "503", student=students[0])
    perform(row, Verb.SUBMIT, by=students[0].user)
    run = bring(sheet(line(students[0].number)), "outcomes", by=made.clerk)
    assert counts(run) == (0, 0, 0, 1)
    assert {code for _column, code in wrong(run)[2]} == {"under_review"}
    run = bring(sheet(line(students[0].number)), "outcomes", by=made.clerk, options={"reviewed": True})
    assert counts(run) == (0, 1, 0, 0)
    row.refresh_from_db()
    assert (row.status, row.awaits_confirmation) == (Status.PENDING_COLLEGE, True)
    assert row.changes["employer_name"] == ["示例软件有限公司", "示例县团委"]


def test_a_destination_in_dispute_or_from_an_agreement_is_left_alone(made, students, bring, everything):
    row = make.outcome(made, "503", student=students[0])
    Outcome.objects.filter(pk=row.pk).update(frozen=True)
    other = make.outcome(made, "503", student=students[1])
    Outcome.objects.filter(pk=other.pk).update(source="agreement")
    run = bring(
        sheet(line(students[0].number), line(students[1].number)), "outcomes", by=made.clerk, options={"reviewed": True}
    )
    assert counts(run) == (0, 0, 0, 2)


def test_an_import_is_taken_back(made, students, bring, everything):
    held = make.outcome(made, "701", student=students[1], remark="原来")
    other = dict.fromkeys(line("")) | {"学号": students[1].number, "毕业去向": "待就业—求职中", "备注": "改了"}
    run = bring(sheet(line(students[0].number), other), "outcomes", by=made.clerk)
    assert counts(run) == (1, 1, 0, 0)
    assert undo.undo(run, made.clerk) == 2
    held.refresh_from_db()
    made_row = Outcome.objects.get(student=students[0])
    assert (held.remark, held.awaits_confirmation) == ("原来", False)
    assert (made_row.status, made_row.is_current) == (Status.VOIDED, False)


def test_what_is_exported_comes_in_again_unchanged(made, students, bring, everything):
    for student, category in zip(students, ("11", "801", "85", "76"), strict=True):
        make.outcome(made, category, student=student)
    with acting(made.clerk):
        chosen = Selection("outcomes.outcome", (made.cohort.pk,))
    order = Order(layout="import.outcomes", format="xlsx", reveal=True, purpose="核对后重新导入")
    record = engine.order_export(chosen, made.clerk, order)
    with default_storage.open(record.file.name) as file:
        run = bring(file.read(), "outcomes", by=made.clerk, check=True)
    assert (wrong(run), counts(run)) == ({}, (0, 0, 4, 0))


def test_the_plan_sheet_of_2024_is_filled(made, students, everything):
    make.outcome(made, "11", student=students[0])
    with acting(made.clerk):
        chosen = Selection("outcomes.outcome", (made.cohort.pk,))
    record = engine.order_export(
        chosen,
        made.clerk,
        Order(layout="plan2024", format="csv"),
    )
    with default_storage.open(record.file.name) as file:
        text = file.read().decode("utf-8-sig")
    assert "毕业去向类别代码" in text
    assert all(word in text for word in ("签劳动合同形式就业", "示例软件有限公司", "其他企业", students[0].number))
