"""F1: every kind of deed leaves its audit row, with who, from where, about what and how it ended; F5: what is asked for in full is counted.

`DEEDS` is the table. A member of `Action` that stands neither there nor in `ELSEWHERE` fails: a new kind of deed brings its test along.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from admin_site import revealing
from exports.selection import Selection
from models.audit.models import Action, AuditEntry, Result
from models.organisation.models import Cohort
from models.students.models import GraduateProfile, Student
from tests.contract.visits import client_for
from tests.contract.world import World
from tests.factories import people
from workflows.scoping import system

pytestmark = pytest.mark.django_db

PROFILE = "students.graduateprofile"
IP = "203.0.113.9"

# Deeds whose rows other tests prove, walking the whole way to them.
ELSEWHERE = {
    Action.IMPORT: "tests/imports/test_wizard.py",
    Action.UNDO_IMPORT: "tests/imports/test_undo.py",
    Action.ACTIVATION: "tests/accounts/test_joining.py",
    Action.ISSUE: "tests/recommendations/test_pages.py",
    Action.STUDENT_LOOKUP: "tests/agreements/test_online.py",
    Action.AGREEMENT_NUMBER: "tests/agreements/test_numbers.py",
    Action.FORCED_TERMINATION: "tests/agreements/test_ending.py",
    Action.DESTINATION_DISPUTE: "tests/outcomes/test_flow.py",
    Action.BLACKLIST: "tests/employers/test_office.py",
    Action.ACCOUNT_APPEAL: "tests/employers/test_office.py",
    Action.EMPLOYER_REGISTRATION: "tests/employers/test_registration.py",
    Action.REPORT: "tests/reporting/test_batches.py",
    Action.RECONCILE: "tests/reporting/test_reconcile.py",
    Action.SNAPSHOT: "tests/rates/test_screens.py",
    Action.PURGE: "tests/audit/test_trail.py",
    Action.VERIFY: "tests/verify/test_checks.py",
    Action.BACKUP: "tests/backups/test_backup.py",
    Action.RESTORE: "tests/backups/test_drill.py",
}


def student_page(world: World) -> str:
    return reverse("admin:students_student_change", args=[world.row(Student).pk])


def record_page(world: World) -> str:
    return reverse("admin:students_graduateprofile_change", args=[world.row(GraduateProfile).pk])


def log_in(world: World, client: Client, password: str) -> None:
    client.logout()
    client.post("/login/", {"username": world.users["college"].username, "password": password})


def log_in_rightly(world: World, client: Client) -> None:
    log_in(world, client, people.demo_password())


def log_in_wrongly(world: World, client: Client) -> None:
    log_in(world, client, "nothing-of-that-kind")


def log_out(world: World, client: Client) -> None:
    client.post("/logout/")


def be_refused(world: World, client: Client) -> None:
    client.get(reverse("admin:audit_auditentry_changelist"))


def reveal_on_the_record(world: World, client: Client) -> None:
    client.post(record_page(world), {"deed": "reveal"})


def reveal_on_the_student(world: World, client: Client) -> None:
    client.post(student_page(world), {"deed": "reveal"})


def search_by_number(world: World, client: Client) -> None:
    client.get(reverse("admin:students_student_changelist"), {"q": world.row(Student).id_number})


def fetch_a_proof(world: World, client: Client) -> None:
    client.get(reverse("admin:students_graduateprofile_file", args=[world.row(GraduateProfile).pk, "extra.proof"]))


def fetch_the_own_proof(world: World, client: Client) -> None:
    client.get("/api/matters/graduateprofile/mine/files/proof/")


def export(world: World, client: Client) -> None:
    posted = {
        "selection": Selection(PROFILE).as_json(),
        "all": "1",
        "step": "export",
        "columns": ["student.number"],
        "codes": "name",
        "format": "xlsx",
    }
    client.post(reverse("admin:students_graduateprofile_export"), posted)


def approve(world: World, client: Client) -> None:
    record = world.row(GraduateProfile)
    client.post(record_page(world), {"deed": "approve", "expected": record.version})


def confirm(client: Client, verb: str, label: str, key: int, **more: Any) -> None:
    url = reverse(f"admin:{label.replace('.', '_')}_batch", args=[verb])
    data = {"selection": Selection(label).as_json(), "ids": [key], **more}
    preview = client.post(url, data)
    client.post(url, {**data, "step": "confirm", "token": preview.context["token"]})


def approve_several(world: World, client: Client) -> None:
    confirm(client, "approve", PROFILE, world.row(GraduateProfile).pk)


def edit_several(world: World, client: Client) -> None:
    url = reverse("admin:students_graduateprofile_batch", args=["edit"])
    data = {
        "selection": Selection(PROFILE).as_json(),
        "ids": [world.row(GraduateProfile).pk],
        "field": "hardship",
        "value": "1",
    }
    preview = client.post(url, {**data, "step": "check"})
    client.post(url, {**data, "step": "confirm", "token": preview.context["token"]})


def reset_passwords(world: World, client: Client) -> None:
    confirm(client, "reset_password", "students.student", world.row(Student).pk)


def reset_a_colleague(world: World, client: Client) -> None:
    client.post(f"/admin/accounts/user/{world.users['counselor'].pk}/reset-password/")


def unlock_a_colleague(world: World, client: Client) -> None:
    Client().post("/login/", {"username": world.users["counselor"].username, "password": "wrong"})
    client.post(f"/admin/accounts/user/{world.users['counselor'].pk}/unlock/")


def disable_a_colleague(world: World, client: Client) -> None:
    client.post(f"/admin/accounts/user/{world.users['counselor'].pk}/switch/")


def give_a_function(world: World, client: Client) -> None:
    person = world.users["counselor"]
    client.post(
        reverse("admin:accounts_functions_apply"), {"ids": str(person.pk), "f__students.delete_student": "give"}
    )


def change_a_setting(world: World, client: Client) -> None:
    client.post(
        reverse("admin:organisation_campus_add"), {"school": world.places["甲一"].made.school.pk, "name": "新校区"}
    )


def put_off_the_roll(world: World, client: Client) -> None:
    client.post(
        student_page(world),
        {"deed": "roll", "expected": world.row(Student).version, "roll-new_status": "02", "roll-reason": "因病休学"},
    )


def move_to_another_year(world: World, client: Client) -> None:
    with system("a test adds a year"):
        later = Cohort.objects.create(school=world.places["甲一"].made.school, year=2028)
    client.post(
        student_page(world),
        {"deed": "move", "expected": world.row(Student).version, "move-cohort": later.pk, "move-reason": "延期毕业"},
    )


def transfer_at_once(world: World, client: Client) -> None:
    there = world.places["甲二"].unit
    client.post(
        student_page(world),
        {
            "deed": "transfer",
            "expected": world.row(Student).version,
            "transfer-to_unit": there.pk,
            "transfer-reason": "转专业",
        },
    )


def look_as_a_student(world: World, client: Client) -> None:
    client.post(
        reverse("admin:accounts_studentaccount_impersonate", args=[world.users["student"].pk]),
        {"reason": "学生来电求助"},
    )


def stop_looking(world: World, client: Client) -> None:
    look_as_a_student(world, client)
    client.post("/impersonate/stop/")


def change_the_own_password(world: World, client: Client) -> None:
    client.post("/password/change/", {"old": people.demo_password(), "new1": "Sp4nn-ender!", "new2": "Sp4nn-ender!"})


def change_the_own_contact(world: World, client: Client) -> None:
    client.post(
        "/student/account/", {"phone": "19900009999", "email": "new@example.edu.cn", "password": people.demo_password()}
    )


DEEDS: list[tuple[Action, str, Callable[[World, Client], None], Result]] = [
    (Action.LOGIN, "college", log_in_rightly, Result.OK),
    (Action.LOGIN_FAILED, "", log_in_wrongly, Result.FAILED),
    (Action.LOGOUT, "college", log_out, Result.OK),
    (Action.DENIED, "counselor", be_refused, Result.DENIED),
    (Action.REVEAL, "counselor", reveal_on_the_record, Result.OK),
    (Action.REVEAL, "college", reveal_on_the_student, Result.OK),
    (Action.SEARCH_BY_ID, "school", search_by_number, Result.OK),
    (Action.VIEW_FILE, "counselor", fetch_a_proof, Result.OK),
    (Action.VIEW_FILE, "student", fetch_the_own_proof, Result.OK),
    (Action.EXPORT, "college", export, Result.OK),
    (Action.REVIEW, "counselor", approve, Result.OK),
    (Action.BATCH_REVIEW, "counselor", approve_several, Result.OK),
    (Action.BATCH_EDIT, "school", edit_several, Result.OK),
    (Action.PASSWORD_RESET, "college", reset_passwords, Result.OK),
    (Action.PASSWORD_RESET, "school", reset_a_colleague, Result.OK),
    (Action.UNLOCK, "school", unlock_a_colleague, Result.OK),
    (Action.RIGHTS_CHANGE, "school", disable_a_colleague, Result.OK),
    (Action.RIGHTS_CHANGE, "school", give_a_function, Result.OK),
    (Action.SETTING_CHANGE, "school", change_a_setting, Result.OK),
    (Action.ROLL_CHANGE, "school", put_off_the_roll, Result.OK),
    (Action.MOVE_COHORT, "school", move_to_another_year, Result.OK),
    (Action.MAJOR_TRANSFER, "school", transfer_at_once, Result.OK),
    (Action.IMPERSONATE_START, "counselor", look_as_a_student, Result.OK),
    (Action.IMPERSONATE_STOP, "counselor", stop_looking, Result.OK),
    (Action.PASSWORD_CHANGE, "college", change_the_own_password, Result.OK),
    (Action.CONTACT_CHANGE, "student", change_the_own_contact, Result.OK),
]


@pytest.mark.parametrize(
    ("action", "role", "deed", "result"), DEEDS, ids=[deed.__name__ for _action, _role, deed, _result in DEEDS]
)
def test_a_deed_leaves_its_row(
    world: World, action: Action, role: str, deed: Callable[[World, Client], None], result: Result, run_jobs: Any
):
    client = client_for(world, role or "college")
    client.defaults["REMOTE_ADDR"] = IP
    before = set(AuditEntry.unscoped.values_list("pk", flat=True))
    deed(world, client)
    run_jobs()
    rows = [row for row in AuditEntry.unscoped.exclude(pk__in=before) if row.action == action]
    assert rows, f"no row of {action}"
    row = rows[-1]
    assert row.result == result
    assert row.ip == IP
    assert row.at is not None
    if role:
        assert row.actor_id == world.users[role].pk
        assert row.actor_label == world.users[role].username
    if action in (Action.IMPERSONATE_START, Action.IMPERSONATE_STOP):
        assert row.on_behalf_of_id == world.users["student"].pk
    if action not in (Action.LOGIN_FAILED, Action.DENIED):
        assert row.object_type
    assert row.school_id == world.places["甲一"].made.school.pk or not role
    stored = f"{row.detail} {row.purpose} {row.object_label}"
    assert not [number for number in world.secrets if number in stored]
    assert people.demo_password() not in stored


def test_every_kind_of_deed_is_proved_somewhere():
    proved = {action for action, *_rest in DEEDS} | set(ELSEWHERE)
    assert [str(action) for action in Action if action not in proved] == []
    for action, path in ELSEWHERE.items():
        told = (Path(settings.BASE_DIR) / path).read_text(encoding="utf-8")
        assert f"Action.{action.name}" in told or f'"{action}"' in told, f"{path} does not look for {action}"


def test_full_numbers_are_counted_over_both_pages_together(world: World, monkeypatch: pytest.MonkeyPatch):
    """F5: the limit an hour is one for the person, wherever the number is asked for, and a refusal shows nothing."""
    assert revealing.PEOPLE_AN_HOUR <= 100
    monkeypatch.setattr(revealing, "PEOPLE_AN_HOUR", 2)
    client, number = client_for(world, "college"), world.row(Student).id_number
    assert number in client.post(record_page(world), {"deed": "reveal"}).content.decode()
    assert number in client.post(student_page(world), {"deed": "reveal"}).content.decode()
    for page in (record_page(world), student_page(world)):
        answer = client.post(page, {"deed": "reveal"})
        assert answer.status_code == 429
        assert number not in answer.content.decode()
    assert number not in client.get(record_page(world)).content.decode(), "one look does not open the page for good"


def test_looking_as_a_student_begins_with_a_new_session_key(world: World):
    """B5: a key planted before is worth nothing afterwards."""
    client = client_for(world, "counselor")
    before = client.session.session_key
    look_as_a_student(world, client)
    assert client.session.session_key != before
    assert client.get("/student/").status_code == 200
