"""What leaves for the ministry: who goes, who stays behind and why; only what changed; answers row by row; retries that repeat nothing."""

from __future__ import annotations

import openpyxl
import pytest
import time_machine
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from exports.reporting import batches, client
from exports.reporting.plans import faults, make
from models.audit.models import Action, AuditEntry
from models.outcomes.models import Outcome
from models.reporting.models import Channel, EmploymentPlan, Exchange, Kind, PlanRow, ReportBatch, ReportItem
from tests.factories import people
from workflows.checks import run
from workflows.errors import Invalid, NotAllowed, WrongState
from workflows.levels import COUNSELOR

pytestmark = pytest.mark.django_db


def raw(statement: str, *values) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))


def batch_of(made, kind=Kind.EMPLOYMENT, *, changes_only=False, channel=Channel.FILE) -> ReportBatch:
    found = batches.order(made.cohort, kind, changes_only=changes_only, channel=channel, by=made.person)
    return batches.build(found)


def test_a_full_batch_has_every_graduate_that_may_go_in_the_order_of_numbers(made):
    found = batch_of(made)
    items = list(found.items.order_by("pk"))
    assert (found.state, found.count, len(items)) == (ReportBatch.State.READY, 12, 12)
    assert [item.student for item in items] == sorted(made.students, key=lambda s: s.number)
    sheet = openpyxl.load_workbook(default_storage.open(found.file.name)).active
    assert (sheet.max_row, sheet.max_column) == (14, 50)
    assert [cell.value for cell in sheet[1]][:3] == ["ksh", "xm", "sfzh"]
    assert sheet.cell(3, 3).value == items[0].student.id_number
    column = [cell.value for cell in sheet[2]].index("毕业去向代码") + 1
    assert [sheet.cell(row, column).value for row in range(3, 15)] == [
        Outcome.objects.get(student=item.student).category for item in items
    ]


def test_basic_data_go_only_after_the_schools_approval(made):
    raw("UPDATE students_graduateprofile SET status = 'pending_school' WHERE student_id = %s", made.students[0].pk)
    found = batch_of(made, Kind.BASIC)
    assert found.count == 11
    assert [(one["number"], one["reason"]) for one in found.left_out] == [
        (made.students[0].number, "尚未到上报状态（学校待审）")
    ]


def test_the_schools_trigger_lets_submitted_destinations_go(made):
    raw("UPDATE outcomes_outcome SET status = 'pending_college' WHERE student_id = %s", made.students[0].pk)
    assert batch_of(made).count == 11
    made.setting.trigger = "submitted"
    made.setting.save()
    assert batch_of(made).count == 12


def test_what_a_graduate_disputes_or_has_not_confirmed_stays_behind(made):
    Outcome.objects.filter(student=made.students[0]).update(frozen=True)
    Outcome.objects.filter(student=made.students[1]).update(
        awaits_confirmation=True, staff_changed={"category": ["71", "701"]}
    )
    Outcome.objects.filter(student=made.students[2]).update(is_current=False)
    found = batch_of(made)
    assert found.count == 9
    assert {one["reason"] for one in found.left_out} == {"学生提出异议，已冻结", "老师更正的内容待学生确认"}


def test_a_rule_that_stops_reporting_is_named(made):
    Outcome.objects.filter(student=made.students[0]).update(category="999")
    (left,) = batch_of(made).left_out
    assert left["number"] == made.students[0].number
    assert "去向" in left["reason"]


def test_only_what_changed_since_the_last_batch(made):
    batches.mark_sent(batch_of(made), by=made.person)
    assert (batch_of(made, changes_only=True).count, batch_of(made, changes_only=True).unchanged) == (0, 12)
    Outcome.objects.filter(student=made.students[3]).update(category="722")
    found = batch_of(made, changes_only=True)
    assert [item.student for item in found.items.all()] == [made.students[3]]
    assert found.unchanged == 11


def test_what_was_sent_back_goes_again_though_it_is_unchanged(made):
    sent = batches.mark_sent(batch_of(made), by=made.person)
    answers = {student.pk: (True, "") for student in made.students} | {made.students[5].pk: (False, "考生号不存在")}
    done = batches.take_answers(sent, answers)
    assert (done.state, done.accepted, done.rejected) == (ReportBatch.State.DONE, 11, 1)
    again = batch_of(made, changes_only=True)
    assert [item.student for item in again.items.all()] == [made.students[5]]


def test_a_batch_built_again_is_the_same(made):
    """Security E8: re-run identical; totals equal an independent count."""
    found = batch_of(made)
    ReportBatch.objects.filter(pk=found.pk).update(state=ReportBatch.State.BUILDING)
    again = batches.build(ReportBatch.objects.get(pk=found.pk))
    assert (again.digest, again.count) == (found.digest, found.count)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM outcomes_outcome o JOIN students_student s ON s.id = o.student_id "
            "WHERE o.cohort_id = %s AND o.is_current AND o.status = 'approved' AND o.on_roll",
            [made.cohort.pk],
        )
        assert cursor.fetchone()[0] == again.count
    assert [one.faults for one in run(["reporting."])] == [[], []]
    ReportItem.objects.filter(batch=found).first().delete()
    assert [one.count for one in run(["reporting.counted"])] == [1]


def test_one_graduate_more_costs_no_further_statement(made, django_assert_max_num_queries):
    batch = batches.order(made.cohort, Kind.EMPLOYMENT, changes_only=False, channel=Channel.FILE, by=made.person)
    with django_assert_max_num_queries(30):
        batches.build(batch)


def test_who_may_not_report_is_told(made):
    with pytest.raises(NotAllowed, match="功能分配"):
        batches.order(
            made.cohort, Kind.BASIC, changes_only=False, channel=Channel.FILE,
            by=people.staff(COUNSELOR, made.classes[0]),
        )  # fmt: skip
    with pytest.raises(Invalid):
        batches.order(made.cohort, "x", changes_only=False, channel=Channel.FILE, by=made.person)
    with pytest.raises(Invalid) as refused:
        batches.order(made.cohort, Kind.BASIC, changes_only=False, channel=Channel.HTTP, by=made.person)
    assert "接口地址" in refused.value.errors["channel"]
    found = batches.mark_sent(batch_of(made), by=made.person)
    assert AuditEntry.unscoped.filter(action=Action.REPORT, object_id=str(found.pk)).count() == 2
    with pytest.raises(WrongState):
        batches.mark_sent(found, by=made.person)


# -- the interface -----------------------------------------------------------------------------------------------------------


def sent(made, **options) -> ReportBatch:
    return client.send(batch_of(made, channel=Channel.HTTP), sleep=lambda seconds: None, **options)


def test_the_other_side_has_exactly_what_was_sent_and_answers_row_by_row(made, reference, monkeypatch):
    monkeypatch.setattr(client, "PART", 5)
    bad = made.students[4]
    reference.refuse = {bad.number: f"身份证号 {bad.id_number} 与学籍不符"}
    found = sent(made)
    assert (found.state, found.accepted, found.rejected) == (ReportBatch.State.DONE, 11, 1)
    assert reference.requests == 3
    assert set(reference.rows) == {student.number for student in made.students} - {bad.number}
    assert reference.rows[made.students[0].number]["姓名"] == made.students[0].name
    item = found.items.get(student=bad)
    assert item.state == ReportItem.State.REJECTED
    assert bad.id_number not in item.message
    assert "与学籍不符" in item.message
    assert [(one.part, one.attempt, one.status) for one in Exchange.objects.order_by("pk")] == [
        (1, 1, 200), (2, 1, 200), (3, 1, 200),
    ]  # fmt: skip
    assert all(bad.id_number not in one.answer for one in Exchange.objects.all())


def test_a_busy_server_is_asked_again_and_gets_nothing_twice(made, reference):
    reference.fail = [503, 500]
    reference.drop_after_taking = 1
    found = sent(made)
    assert found.state == ReportBatch.State.DONE
    assert [one.status for one in Exchange.objects.order_by("pk")] == [503, 500, None, 200]
    assert len(reference.bodies) == 1  # taken once: the repeated request had the same key


def test_without_the_key_the_cut_line_would_have_sent_twice(made, reference):
    """The control of the test above."""
    reference.drop_after_taking = 1
    reference.seen = type("Forgetful", (dict,), {"__contains__": lambda self, key: False})()
    sent(made)
    assert len(reference.bodies) == 2


def test_a_server_that_stays_away_leaves_what_was_answered_and_goes_on_later(made, reference, monkeypatch):
    monkeypatch.setattr(client, "PART", 5)
    batch = batch_of(made, channel=Channel.HTTP)
    part = client._part

    def second_fails(http, door, found, number, items, sleep):
        if number == 2:
            reference.fail = [503] * 10
        return part(http, door, found, number, items, sleep)

    monkeypatch.setattr(client, "_part", second_fails)
    with pytest.raises(client.Unreachable, match="第 2 包"):
        client.send(batch, sleep=lambda seconds: None)
    batch.refresh_from_db()
    assert (batch.state, batch.accepted) == (ReportBatch.State.FAILED, 5)
    reference.fail, reference.requests = [], 0
    monkeypatch.setattr(client, "_part", part)
    done = client.send(batch, sleep=lambda seconds: None)
    assert (done.state, done.accepted, reference.requests) == (ReportBatch.State.DONE, 12, 2)


def test_a_refusal_is_not_tried_again(made, reference, monkeypatch):
    monkeypatch.setenv("REPORT_TOKEN_TEST", "wrong")
    with pytest.raises(client.Unreachable, match="401"):
        sent(made)
    assert reference.requests == 1


def test_an_answer_that_makes_no_sense_changes_nothing(made, reference, monkeypatch):
    monkeypatch.setattr(reference, "refuse", {})
    reference.seen = type(
        "Odd", (dict,), {"__setitem__": lambda s, k, v: dict.__setitem__(s, k, b'{"results": [{"key": "1"}]}')}
    )()
    with pytest.raises(client.Unreachable, match="无法识别"):
        sent(made)
    assert not ReportItem.objects.exclude(state=ReportItem.State.WAITING).exists()


@pytest.mark.parametrize(
    ("endpoint", "token", "sentence"),
    [
        ("http://169.254.169.254/latest", "", "没有允许连接"),
        ("http://127.0.0.1@evil.example/", "", "没有允许连接"),
        ("https://127.0.0.1/?a=1", "", "不能带"),
        ("https://127.0.0.1/", "SECRET_KEY", "REPORT_TOKEN_"),
        ("https://127.0.0.1/", "REPORT_TOKEN_NONE", "没有名为"),
    ],
)
def test_no_setting_makes_the_server_call_a_stranger_or_tell_a_secret(settings, endpoint, token, sentence):
    settings.REPORT_HOSTS = ["127.0.0.1"]
    with pytest.raises(WrongState, match=sentence):
        client.door_of(endpoint, token)


def test_plain_http_is_refused_unless_the_server_is_set_so(settings):
    settings.REPORT_HOSTS = ["province.example"]
    with pytest.raises(WrongState, match="https"):
        client.door_of("http://province.example/", "")
    assert client.door_of("https://province.example/api/", "").url == "https://province.example/api"


# -- 就业方案 ----------------------------------------------------------------------------------------------------------------


def test_a_plan_is_frozen_and_verify_tells_what_was_altered(made):
    plan = make(made.cohort, "第一次方案", by=made.person)
    digest = plan.digest
    Outcome.objects.filter(student=made.students[0]).update(category="722")
    assert faults(plan) == []
    assert EmploymentPlan.objects.get().digest == digest
    assert make(made.cohort, "第二次方案", by=made.person).digest != digest
    row = PlanRow.objects.filter(plan=plan).first()
    PlanRow.objects.filter(pk=row.pk).update(values=[*row.values[:-1], "x"])
    assert len(faults(plan)) == 2
    assert [one.count for one in run(["reporting.plan"])] == [2]


def test_a_doubled_click_makes_one_plan(made):
    plan = make(made.cohort, "初次方案", by=made.person)
    assert make(made.cohort, "初次方案", by=made.person) == plan
    assert (EmploymentPlan.objects.count(), PlanRow.objects.count()) == (1, 12)
    # What another title, or a destination changed since, makes another plan of is no doubled click.
    assert make(made.cohort, "二次方案", by=made.person) != plan
    Outcome.objects.filter(student=made.students[0]).update(category="722")
    assert make(made.cohort, "初次方案", by=made.person) != plan
    with time_machine.travel(timezone.now() + batches.TWICE * 2):
        assert make(made.cohort, "二次方案", by=made.person) not in EmploymentPlan.objects.order_by("pk")[:3]


def test_a_plan_says_who_is_not_in_it(made):
    Outcome.objects.filter(student=made.students[0]).update(frozen=True)
    plan = make(made.cohort, "方案", by=made.person)
    assert (plan.count, [one["number"] for one in plan.left_out]) == (11, [made.students[0].number])
    with pytest.raises(NotAllowed):
        make(made.cohort, "方案", by=people.staff(COUNSELOR, made.classes[0]))
    with pytest.raises(Invalid):
        make(made.cohort, " ", by=made.person)
