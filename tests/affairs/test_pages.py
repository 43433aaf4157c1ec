"""One student on one page, and the lists of roll changes and transfers: page by role, deed by form."""

from __future__ import annotations

import pytest
from django.urls import reverse

from models.organisation.models import Cohort
from models.students import transfers
from models.students.models import MajorTransfer, RollChange
from tests.factories import people
from workflows.scoping import system


def url(student, page="change") -> str:
    return reverse(f"admin:students_student_{page}", args=[student.pk])


def text_of(response) -> str:
    return response.content.decode()


def post(client, student, deed, **data):
    return client.post(url(student), {"deed": deed, "expected": student.version, **data})


BUTTONS = {
    "counselor": {"reset_password", "unlock", "reveal"},
    "college": {"reset_password", "unlock", "reveal", "save", "roll", "transfer"},
    "school": {"reset_password", "unlock", "reveal", "save", "roll", "transfer", "move"},
    "province": {"reset_password", "unlock", "reveal"},
    "data": {"save"},
}


@pytest.mark.parametrize("role", sorted(BUTTONS))
def test_each_role_sees_the_page_with_its_own_buttons_and_can_do_nothing_else(world, login, role, stored):
    with system("a test sets up rows"):
        person = getattr(world.staff, role, None) or people.staff("data", world.center)
    client, student = login(person), world.students[0]
    response = client.get(url(student))
    page = text_of(response)
    assert response.status_code == 200
    assert world.students[0].id_number not in page
    found = {deed for deed in BUTTONS["school"] if f'value="{deed}"' in page}
    assert found == BUTTONS[role]
    assert client.get(url(student, "summary")).status_code == 200
    forms = {
        "save": {"v-name": "改名"},
        "roll": {"roll-new_status": "02", "roll-reason": "休学"},
        "move": {"move-cohort": world.cohort.pk, "move-reason": "延期"},
        "transfer": {"transfer-to_major": world.majors[1].pk, "transfer-reason": "转专业"},
    }
    for deed in BUTTONS["school"] - found:
        assert post(client, student, deed, **forms.get(deed, {})).status_code in (400, 403), deed
    assert stored(student).version == student.version


def test_the_page_tells_everything_about_the_student(world, login, submit):
    student = world.students[0]
    submit(world.records[0])
    client = login(world.staff.school)
    post(client, student, "roll", **{"roll-new_status": "02", "roll-reason": "因病休学"})
    page = text_of(client.get(url(student, "summary")))
    for told in (
        student.name,
        student.number,
        "第1学院 · 专业11 · 专业11-2301",
        "辅导员待审",
        "提交审核",
        "在读 → 休学",
        "因病休学",
        "从未登录",
        "以学生身份查看",
    ):
        assert told in page, told


def test_a_foreign_student_is_absent_whatever_is_posted(world, login):
    client = login(world.staff.counselor)
    assert client.get(url(world.elsewhere)).status_code == 404
    assert client.get(url(world.elsewhere, "summary")).status_code == 404
    for deed in BUTTONS["school"]:
        assert post(client, world.elsewhere, deed).status_code == 404
    assert not RollChange._base_manager.exists()


def test_roll_facts_are_saved_from_the_form_and_errors_stand_beside_the_field(world, login, stored):
    student, client = world.students[0], login(world.staff.college)
    form = client.get(url(student)).context["forms"]["save"]
    data = {form.add_prefix(field.name): field.value() if field.value() is not None else "" for field in form}
    bad = post(client, student, "save", **{**data, "v-number": world.elsewhere.number})
    assert bad.status_code == 400
    assert "本校已有该学号的学生。" in text_of(bad)
    nothing = post(client, student, "save", **data)
    assert nothing.status_code == 302
    assert stored(student).version == student.version
    answer = post(client, student, "save", **{**data, "v-name": "改名", "v-unit": world.classes[1].pk})
    assert answer.url == url(student)
    now = stored(student)
    assert (now.name, now.unit, now.org_path, now.id_number) == (
        "改名",
        world.classes[1],
        world.classes[1].path,
        student.id_number,
    )
    stale = post(client, student, "save", **{**data, "v-name": "又改"})
    assert stale.status_code == 409
    assert stored(student).name == "改名"


def test_another_class_of_another_college_cannot_be_posted(world, login, stored):
    student, client = world.students[0], login(world.staff.college)
    answer = post(client, student, "save", **{"v-unit": world.classes[2].pk})
    assert answer.status_code == 400
    assert stored(student).unit == world.classes[0]


def test_the_account_is_reset_and_unlocked_from_the_page(world, login):
    student, client = world.students[0], login(world.staff.counselor)
    for deed in ("reset_password", "unlock"):
        assert post(client, student, deed).url == url(student)
    student.user.refresh_from_db()
    assert student.user.password_state == "none"


def test_the_number_is_revealed_once_and_written_down(world, login):
    student, client = world.students[0], login(world.staff.counselor)
    assert student.id_number in text_of(post(client, student, "reveal"))
    assert student.id_number not in text_of(client.get(url(student)))


def test_the_school_moves_the_student_to_another_year_and_class(world, login, stored):
    student, client = world.students[0], login(world.staff.school)
    with system("a test sets up rows"):
        later = Cohort.objects.create(school=world.school, year=2028)
    post(client, student, "move", **{"move-cohort": later.pk, "move-reason": "延期"})
    assert stored(student).cohort == later
    now = stored(student)
    post(client, now, "transfer", **{"transfer-to_unit": world.classes[3].pk, "transfer-reason": "调整"})
    assert stored(student).major == world.majors[1]


def test_a_transfer_can_take_the_student_to_another_year(world, login, stored):
    student, client = world.students[0], login(world.staff.school)
    with system("a test sets up rows"):
        later = Cohort.objects.create(school=world.school, year=2028)
        foreign = Cohort.objects.create(school=people.school("19902", "缙云学院").school, year=2029)
    target = {"transfer-to_unit": world.classes[3].pk, "transfer-reason": "降级转专业"}
    post(client, student, "transfer", **target, **{"transfer-to_cohort": foreign.pk})
    assert stored(student).major == student.major
    post(client, student, "transfer", **target, **{"transfer-to_cohort": later.pk})
    now = stored(student)
    assert (now.major, now.cohort) == (world.majors[1], later)


def test_a_transfer_goes_from_the_leaving_to_the_receiving_college(world, login, stored):
    student = world.students[0]
    with system("a test sets up rows"):
        receiver = people.staff("college", world.colleges[1])
        stranger = people.staff("college", people.school("19902", "缙云学院").colleges[0])
    leaving = login(world.staff.college)
    assert (
        post(
            leaving, student, "transfer", **{"transfer-to_major": world.majors[1].pk, "transfer-reason": "转专业"}
        ).status_code
        == 302
    )
    with system("a test looks"):
        transfer = MajorTransfer.objects.get()
    page = reverse("admin:students_majortransfer_change", args=[transfer.pk])
    assert student.name in text_of(leaving.get(reverse("admin:students_majortransfer_changelist")))
    assert 'value="accept"' not in text_of(leaving.get(page))
    assert leaving.post(page, {"deed": "accept", "to_unit": world.classes[2].pk}).status_code in (400, 403)
    assert login(stranger).get(page).status_code == 404
    taking = login(receiver)
    shown = text_of(taking.get(page))
    assert 'value="accept"' in shown
    assert 'value="cancel"' not in shown
    assert student.id_number not in shown
    assert taking.post(page, {"deed": "refuse", "opinion": ""}).status_code == 400
    assert taking.post(page, {"deed": "accept"}).status_code == 400
    assert taking.post(page, {"deed": "accept", "to_unit": world.classes[2].pk}).status_code == 302
    assert stored(student).unit == world.classes[2]
    again = taking.post(page, {"deed": "accept", "to_unit": world.classes[3].pk})
    assert again.status_code == 409
    assert taking.get(url(student)).status_code == 200
    gone = leaving.get(url(student))
    assert gone.status_code == 404


def test_the_leaving_college_takes_its_request_back(world, login):
    with system("a test sets up rows"):
        transfer = transfers.ask(world.students[0], world.majors[1], "转专业", by=world.staff.college)
    page = reverse("admin:students_majortransfer_change", args=[transfer.pk])
    assert login(world.staff.college).post(page, {"deed": "cancel"}).status_code == 302
    with system("a test looks"):
        assert MajorTransfer.objects.get().state == "cancelled"


def test_roll_changes_are_listed_and_lead_to_the_student(world, login):
    client, student = login(world.staff.college), world.students[0]
    post(client, student, "roll", **{"roll-new_status": "02", "roll-reason": "因病休学"})
    listed = text_of(client.get(reverse("admin:students_rollchange_changelist")))
    assert "因病休学" in listed
    with system("a test looks"):
        entry = RollChange.objects.get()
    assert client.get(reverse("admin:students_rollchange_change", args=[entry.pk])).url == url(student)
    with system("a test sets up rows"):
        stranger = people.staff("counselor", world.classes[-1])
    foreign = login(stranger)
    assert foreign.get(reverse("admin:students_rollchange_change", args=[entry.pk])).status_code == 404
    assert "因病休学" not in text_of(foreign.get(reverse("admin:students_rollchange_changelist")))
