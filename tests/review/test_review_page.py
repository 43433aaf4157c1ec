"""The review page: what it shows to whom, what each deed does, and what happens when somebody else was first."""

from __future__ import annotations

import html
import re

import pytest
from django.urls import reverse

from admin_site.matters.settings import keep
from models.agreements.models import Agreement
from models.audit.models import Action, AuditEntry
from models.lists.models import PastedList
from models.notices.models import Notice
from models.students.models import GraduateProfile, Student
from tests.factories import people, signing
from workflows.actions import perform, save_fields
from workflows.levels import Status, Verb
from workflows.models import ChangeRequest, ExtraField, ReviewLog
from workflows.requests import ask
from workflows.scoping import acting, system

CHANGE = "admin:students_graduateprofile_change"
LIST = "/admin/students/graduateprofile/"


def url(record, query: str = "") -> str:
    return reverse(CHANGE, args=[record.pk]) + query


def post(client, record, deed, query="", **data):
    return client.post(url(record, query), {"deed": deed, "expected": record.version, **data})


def text_of(response) -> str:
    return response.content.decode()


def test_it_shows_what_changed_the_rules_and_only_the_buttons_that_are_allowed(world, login, submit):
    with system("the student changes the record"):
        save_fields(world.records[0], {"home_address": "示例省示例市示例区新路9号"}, by=world.students[0].user)
    record = submit(world.records[0])
    client = login(world.staff.counselor)
    response = client.get(url(record))
    page = text_of(response)
    assert response.status_code == 200
    assert "1 处变化（与学校数据相比）" in page
    assert "<del>示例省示例市示例区示例路1号</del>" in page
    assert "<ins>示例省示例市示例区新路9号</ins>" in page
    assert "规则检查全部通过（7 条）" in page
    assert 'value="approve"' in page
    assert 'value="return"' in page
    assert "家庭地址不完整" in page  # a common reason
    assert 'value="void"' not in page  # the school's business


def test_what_was_empty_before_is_said_to_be_filled_in(world, login, submit):
    with system("the student fills in a field that the roster left empty"):
        type(world.records[0])._base_manager.filter(pk=world.records[0].pk).update(qq="")
        world.records[0].refresh_from_db()
        save_fields(world.records[0], {"qq": "7654321"}, by=world.students[0].user)
    page = text_of(login(world.staff.counselor).get(url(submit(world.records[0]))))
    assert "学生填写了 1 项" in page
    assert "<ins>7654321</ins>" in page
    assert "与学校数据相比" not in page


def test_what_nobody_has_filled_in_yet_is_said_to_be_so(world, login):
    student = world.students[0]
    with system("the school opens an agreement on paper for a student"):
        signing.ready(student)
        empty = Agreement.objects.create(student=student)
        filled = Agreement.objects.create(student=world.students[1], employer_name="示例科技有限公司")
    client = login(world.staff.school)
    page = text_of(client.get(reverse("admin:agreements_agreement_change", args=[empty.pk])))
    assert "学生尚未填写" in page
    assert "没有变化" not in page
    assert "学生尚未填写" not in text_of(client.get(reverse("admin:agreements_agreement_change", args=[filled.pk])))
    # What the roster brought is the school's data, written or not.
    assert "没有变化（与学校数据相比）" in text_of(client.get(url(world.records[0])))


def test_who_may_look_but_not_act_sees_no_button_and_who_has_it_next(world, login, submit):
    record = submit(world.records[0])
    page = text_of(login(world.staff.college).get(url(record)))
    assert 'value="approve"' not in page
    assert f"现在轮到：{world.staff.counselor.name}" in page
    school = text_of(login(world.staff.school).get(url(record)))
    assert "您以学校身份代审" in school
    assert 'value="approve"' in school


def test_numbers_are_masked_until_asked_for_and_asking_is_written_down(world, login, submit):
    record = submit(world.records[0])
    client = login(world.staff.counselor)
    page = text_of(client.get(url(record)))
    number, phone = world.students[0].id_number, record.phone
    assert number not in page
    assert phone not in page
    assert f"{number[:6]}{'*' * 10}{number[-2:]}" in page
    shown = post(client, record, "reveal")
    assert number in text_of(shown)
    assert phone in text_of(shown)
    assert "no-store" in shown["Cache-Control"]
    with system("a test looks"):
        entry = AuditEntry.objects.get(action=Action.REVEAL)
    assert (entry.actor_id, entry.object_id) == (world.staff.counselor.pk, str(record.pk))
    assert set(entry.detail["fields"]) == {"身份证号", "手机号码"}


def test_revealing_needs_the_function_and_has_a_limit(world, login, monkeypatch):
    monkeypatch.setattr("admin_site.revealing.PEOPLE_AN_HOUR", 2)
    client = login(world.staff.counselor)
    codes = [post(client, world.records[0], "reveal").status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    with system("a test sets up rows"):
        data = people.staff("data", world.center)
    refused = post(login(data), world.records[0], "reveal")
    assert refused.status_code == 403
    assert world.students[0].id_number not in text_of(refused)


def test_approving_leads_to_the_next_record_and_at_the_end_says_so(world, login, submit, stored):
    records = [submit(record) for record in world.records]
    client = login(world.staff.counselor)
    first = client.get(url(records[0]))
    assert "待我办理 1/3" in text_of(first)
    answer = post(client, records[0], "approve")
    assert answer.url == url(records[1])
    assert stored(records[0]).status == Status.PENDING_COLLEGE
    answer = post(client, records[2], "approve")
    end = client.get(answer.url)
    assert "前面还有 1 条没有办理" in text_of(end)
    answer = post(client, records[1], "approve")
    assert "这个队列已看到末尾" in text_of(client.get(answer.url))
    with system("a test looks"):
        assert AuditEntry.objects.filter(action=Action.REVIEW).count() == 3


def test_the_queue_is_the_list_that_was_left(world, login, submit):
    records = [submit(record) for record in world.records]
    client = login(world.staff.school)
    query = f"?q={world.students[1].number}"
    page = text_of(client.get(url(records[1], query)))
    assert "所选列表 1/1" in page
    assert 'rel="next"' not in page
    page = text_of(client.get(url(records[1], "?status=pending_counselor")))
    assert f'href="{url(records[2], "?status=pending_counselor")}" rel="next"' in page
    assert f'href="{url(records[0], "?status=pending_counselor")}" rel="prev"' in page
    answer = post(client, records[1], "approve", "?status=pending_counselor")
    assert answer.url == url(records[2], "?status=pending_counselor")


def walked(client, record, query) -> list[int]:
    """Keys of the queue's records from this one to its end, by the link to the next."""
    found, address = [], url(record, query)
    while address and len(found) < 10:
        page = client.get(address)
        found.append(page.context["record"].pk)
        address = page.context["following"] if "queue-end" not in page.context["following"] else ""
    return found


@pytest.mark.parametrize("order", ["-student.name", "student.name", "-qq", "qq"])
def test_the_queue_keeps_the_order_of_the_list(world, login, submit, stored, order):
    records = [submit(record) for record in world.records]
    with system("a test names them"):
        for record, name, qq in zip(records, ("乙", "甲", "丙"), (None, "300", None), strict=True):
            Student.objects.filter(pk=record.student_id).update(name=name)
            GraduateProfile.objects.filter(pk=record.pk).update(qq=qq or "")
        keep(world.staff.school, GraduateProfile, columns=["student.name", "student.number", "qq", "status"])
    client = login(world.staff.school)
    query = f"?status=pending_counselor&o={order}"
    listed = client.get(f"{LIST}{query}").content.decode()
    rows = [int(pk) for pk in re.findall(r'name="ids" value="(\d+)"', listed)]
    links = re.findall(r'href="([^"]+/change/[^"]*)"', listed)
    assert all(f"o={order}" in link for link in links if "/graduateprofile/" in link)
    first = GraduateProfile(pk=rows[0])
    assert walked(client, first, query) == rows
    pages = [client.get(url(GraduateProfile(pk=pk), query)).context for pk in rows]
    assert [page["place"].text for page in pages] == ["1/3", "2/3", "3/3"]
    assert [page["place"].previous for page in pages] == [None, *rows[:-1]]
    answer = post(client, stored(GraduateProfile(pk=rows[1])), "approve", query)
    assert answer.url == url(GraduateProfile(pk=rows[2]), query)


def test_a_list_without_conditions_is_a_queue_of_everything_and_a_pasted_one_keeps_its_order(world, login, submit):
    for record in world.records:
        submit(record)
    client = login(world.staff.counselor)
    listed = client.get(LIST).content.decode()
    first = next(link for link in re.findall(r'href="([^"]+/change/[^"]*)"', listed) if "/graduateprofile/" in link)
    assert "所选列表 1/" in text_of(client.get(html.unescape(first)))
    numbers = [student.number for student in world.students]
    with acting(world.staff.counselor):
        kept = PastedList.objects.keep(world.staff.counselor, "students.graduateprofile", "\n".join(reversed(numbers)))
    by_number = {record.student_id: record for record in world.records}
    backwards = [by_number[student.pk] for student in reversed(world.students)]
    assert walked(client, backwards[0], f"?paste={kept.key}") == [record.pk for record in backwards]


def test_a_return_needs_a_reason_and_the_student_reads_it(
    world, login, submit, stored, django_capture_on_commit_callbacks
):
    record = submit(world.records[0])
    client = login(world.staff.counselor)
    refused = post(client, record, "return")
    assert refused.status_code == 400
    assert "请选择或填写退回原因" in text_of(refused)
    with django_capture_on_commit_callbacks(execute=True):
        post(client, record, "return", reasons=["家庭地址不完整"], text="请写到门牌号")
    assert stored(record).last_reason == "家庭地址不完整；请写到门牌号"
    with system("a test looks"):
        assert "家庭地址不完整；请写到门牌号" in Notice.objects.get(recipient=world.students[0].user).body


def test_correct_and_approve_applies_tells_and_refuses_what_cannot_be(
    world, login, submit, stored, django_capture_on_commit_callbacks
):
    record = submit(world.records[0])
    client = login(world.staff.counselor)
    fields = form_data(client.get(url(record)))
    bad = post(client, record, "correct", **{**fields, "v-home_postcode": "12"})
    assert bad.status_code == 400
    assert "邮政编码应为 6 位数字" in text_of(bad)
    assert stored(record).status == Status.PENDING_COUNSELOR
    with django_capture_on_commit_callbacks(execute=True):
        answer = post(client, record, "correct", **{**fields, "v-home_postcode": "400000", "v-hardship": "2"})
    assert answer.status_code == 302
    now = stored(record)
    assert (now.status, now.home_postcode, now.hardship) == (Status.PENDING_COLLEGE, "400000", "2")
    assert now.phone == record.phone  # the masked field was left empty: nothing changed
    with system("a test looks"):
        log = ReviewLog.objects.filter(object_id=record.pk).order_by("-seq").first()
        notice = Notice.objects.get(recipient=world.students[0].user)
    assert log.corrections == {"hardship": ["0", "2"], "home_postcode": ["", "400000"]}
    assert "家庭邮编" in notice.body


def form_data(response) -> dict[str, str]:
    """The fields of the edit form as a browser would send them back."""
    form = response.context["form"]
    return {
        form.add_prefix(name): bound.value() if bound.value() is not None else ""
        for name, bound in ((f.name, f) for f in form)
    }


def test_a_stale_page_gets_409_with_both_versions_and_nothing_happens(world, login, submit, stored):
    record = submit(world.records[0])
    seen = record.version
    client = login(world.staff.counselor)
    fields = form_data(client.get(url(record)))
    with system("a colleague was first"):
        save_fields(record, {"home_address": "示例省示例市示例区别路3号"}, by=world.staff.school)
    record.version = seen
    for deed, data in (("approve", {}), ("correct", {**fields, "v-qq": "1234567"})):
        answer = post(client, record, deed, **data)
        assert answer.status_code == 409
        page = text_of(answer)
        assert "示例省示例市示例区示例路1号" in page
        assert "示例省示例市示例区别路3号" in page
        assert ("1234567" in page) == (deed == "correct")
    assert stored(record).status == Status.PENDING_COUNSELOR
    no_version = client.post(url(record), {"deed": "approve"})
    assert no_version.status_code == 409


def test_a_conflict_page_masks_numbers_too(world, login, submit):
    record = submit(world.records[0])
    seen = record.version
    with system("a colleague was first"):
        save_fields(record, {"phone": "19911112222"}, by=world.staff.school)
    record.version = seen
    page = text_of(post(login(world.staff.counselor), record, "approve"))
    assert "199****2222" in page
    assert "19911112222" not in page


def test_what_is_already_done_is_said_and_not_done_twice(world, login, submit, stored):
    record = submit(world.records[0])
    client = login(world.staff.counselor)
    post(client, record, "approve")
    again = post(client, stored(record), "approve")
    assert again.status_code == 403
    assert "该记录目前由院系办理" in text_of(again)
    with system("a test looks"):
        assert ReviewLog.objects.filter(object_id=record.pk, verb=Verb.APPROVE).count() == 1


def test_rules_that_block_are_named_with_rule_and_remedy(world, login, submit, stored):
    record = submit(world.records[0])
    with system("the roll changes meanwhile"):
        student = world.students[0]
        student.sex = "2"
        student.save()
    client = login(world.staff.counselor)
    page = text_of(client.get(url(record)))
    assert "必须处理" in page
    assert "R01 身份证号与性别、出生日期一致" in page
    assert "依据：GB 11643" in page
    refused = post(client, record, "approve")
    assert refused.status_code == 422
    assert stored(record).status == Status.PENDING_COUNSELOR


@pytest.mark.parametrize("deed", ["approve", "return", "correct", "save", "void", "reveal", "accept_change"])
def test_a_foreign_record_is_absent_whatever_is_posted(world, login, submit, deed, stored):
    record = submit(world.foreign)
    client = login(world.staff.counselor)
    assert client.get(url(record)).status_code == 404
    assert post(client, record, deed, text="x").status_code == 404
    assert client.get(reverse("admin:students_graduateprofile_history", args=[record.pk])).status_code == 404
    assert stored(record).status == Status.PENDING_COUNSELOR


def test_looking_changes_nothing(world, login, submit):
    record = submit(world.records[0])
    client = login(world.staff.counselor)
    with system("a test looks"):
        before = (record.version, AuditEntry.objects.count(), ReviewLog.objects.count())
    client.get(url(record))
    client.get(reverse("admin:students_graduateprofile_queue_end"))
    with system("a test looks"):
        record.refresh_from_db()
        assert (record.version, AuditEntry.objects.count(), ReviewLog.objects.count()) == before


def test_an_unknown_deed_is_refused(world, login):
    answer = post(login(world.staff.counselor), world.records[0], "submit")
    assert answer.status_code == 400


def test_staff_edit_an_imported_draft_and_only_with_the_function(world, login, stored):
    record = world.records[0]
    client = login(world.staff.counselor)
    page = client.get(url(record))
    assert "修改资料" in text_of(page)
    answer = post(client, record, "save", **{**form_data(page), "v-qq": "1234567"})
    assert answer.url == url(record)
    now = stored(record)
    assert (now.qq, now.status, now.baseline_version) == ("1234567", Status.DRAFT, now.version)
    with system("a test sets up rows"):
        data = people.staff("data", world.center)
    other = login(data)
    assert "act-edit" not in text_of(other.get(url(now)))
    assert post(other, now, "save", **{"v-qq": "7654321"}).status_code == 403
    assert stored(record).qq == "1234567"


def approve_all(world, record):
    with system("the chain"):
        for person in (world.staff.counselor, world.staff.college, world.staff.school):
            perform(record, Verb.APPROVE, by=person)
        record.refresh_from_db()


def test_a_change_request_is_shown_and_decided_by_the_last_level(world, login, submit, stored):
    record = submit(world.records[0])
    approve_all(world, record)
    with system("the student asks"):
        asked = ask(record, {"political_status": "01"}, "已转正", by=world.students[0].user)
    college = login(world.staff.college)
    page = text_of(college.get(url(record)))
    assert "学生申请修改" in page
    assert 'value="accept_change"' not in page
    assert post(college, record, "accept_change", request=asked.pk).status_code == 403
    school = login(world.staff.school)
    refused = post(school, record, "refuse_change", request=asked.pk)
    assert refused.status_code == 400
    assert "请填写不同意的原因" in text_of(refused)
    assert post(school, record, "accept_change", request=asked.pk + 1).status_code == 409
    assert post(school, record, "accept_change", request=asked.pk).status_code == 302
    assert stored(record).political_status == "01"
    with system("a test looks"):
        assert ChangeRequest.objects.get().state == "accepted"
    listed = text_of(school.get(reverse("admin:workflows_changerequest_changelist")))
    assert world.students[0].name in listed
    assert "政治面貌" in listed


def test_the_school_voids_and_reopens_with_a_reason(world, login, submit, stored):
    record = submit(world.records[0])
    client = login(world.staff.school)
    post(client, record, "void", text="重复登记")
    assert stored(record).status == Status.VOIDED
    page = text_of(client.get(url(record)))
    assert "恢复办理" in page
    post(client, stored(record), "reopen", text="登记有误")
    assert stored(record).status == Status.DRAFT


def test_a_file_of_a_records_own_field_goes_out_through_the_checked_door_only(world, login, stored):
    from models.jobs.files import store_private

    with system("a test sets up rows"):
        ExtraField.objects.create(
            matter="students.graduateprofile", school=world.school, key="proof", label="证明", kind="file"
        )
        stored_name = store_private("证明.pdf", b"%PDF-1.4 content", "proofs")
        record = world.records[0]
        record.extra = {"proof": {"name": "证明.pdf", "stored": stored_name, "size": 16}}
        record.save()
    file = reverse("admin:students_graduateprofile_file", args=[record.pk, "extra.proof"])
    client = login(world.staff.counselor)
    assert file in text_of(client.get(url(record)))
    answer = client.get(file)
    assert b"".join(answer.streaming_content) == b"%PDF-1.4 content"
    assert "attachment" in answer["Content-Disposition"]
    assert client.get(reverse("admin:students_graduateprofile_file", args=[record.pk, "phone"])).status_code == 404
    with system("a test sets up rows"):
        stranger = people.staff("counselor", world.classes[-1])
        assert AuditEntry.objects.filter(action=Action.VIEW_FILE).count() == 1
    assert login(stranger).get(file).status_code == 404


def test_the_page_costs_the_same_number_of_queries_whatever_the_log_is_long(
    world, login, submit, django_assert_max_num_queries
):
    record = submit(world.records[0])
    client = login(world.staff.school)
    client.get(url(record))
    with django_assert_max_num_queries(32) as few:
        client.get(url(record))
    with system("a long story"):
        for _ in range(12):
            perform(record, Verb.RETURN, by=world.staff.counselor, text="请核对")
            perform(record, Verb.SUBMIT, by=world.students[0].user)
    with django_assert_max_num_queries(len(few)):
        client.get(url(record))
