"""The audit trail: rows are added with the right facts, never changed, and purged only when old enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from models.audit import door
from models.audit.checks import retention
from models.audit.models import Action, AppendOnlyError, AuditEntry, AuditSeal, Result
from models.audit.seals import seal
from models.audit.services import record
from workflows import checks
from workflows.scoping import Scope, UnscopedQuery, system, within

pytestmark = pytest.mark.django_db

IDENTITY = "990101200501011234"
PHONE = "19912345678"


@pytest.fixture
def staff():
    return get_user_model().objects.create_user("wang")


@pytest.fixture
def student():
    return get_user_model().objects.create_user("2027001")


def all_rows():
    return AuditEntry.unscoped.order_by("pk")


def test_row_says_who_from_where_what_and_how_it_ended(rf, staff):
    request = rf.get("/", REMOTE_ADDR="192.0.2.7")
    request.user, request.request_id = staff, "abcdef12"
    entry = record("export", request=request, obj=staff, purpose="核对名单", result="denied", school_id=7, rows=3)
    entry = AuditEntry.unscoped.get(pk=entry.pk)
    assert (entry.action, entry.result, entry.actor, entry.actor_label) == (Action.EXPORT, Result.DENIED, staff, "wang")
    assert (entry.ip, entry.request_id, entry.school_id) == ("192.0.2.7", "abcdef12", 7)
    assert (entry.object_type, entry.object_id, entry.object_label) == (
        staff._meta.label_lower,
        str(staff.pk),
        str(staff),
    )
    assert (entry.purpose, entry.detail, entry.on_behalf_of) == ("核对名单", {"rows": 3}, None)


def test_list_is_an_object_too(staff):
    entry = record(Action.EXPORT, actor=staff, obj=type(staff))
    assert (entry.object_type, entry.object_id) == (staff._meta.label_lower, "")


def test_unknown_action_is_refused():
    with pytest.raises(ValueError, match="drink_tea"):
        record("drink_tea")


def test_looking_as_a_student_names_both(rf, staff, student):
    request = rf.get("/student/")
    request.user, request.impersonator = student, staff
    entry = record(Action.VIEW_FILE, request=request)
    assert (entry.actor, entry.on_behalf_of) == (staff, student)


def test_no_number_and_no_secret_gets_in(staff):
    named_by_number = get_user_model()(pk=5, username=IDENTITY)
    entry = record(
        Action.REVEAL,
        actor=staff,
        obj=named_by_number,
        purpose=f"来电 {PHONE}",
        text=f"证件 {IDENTITY}",
        nested=[{"phone": PHONE, "password": "hunter2-Secret", PHONE: 1}],
        number=int(IDENTITY),
    )
    entry.refresh_from_db()
    stored = f"{entry.purpose} {entry.detail} {entry.object_label}"
    assert IDENTITY not in stored
    assert PHONE not in stored
    assert "hunter2" not in stored
    assert entry.purpose == "来电 199****5678"


def test_row_cannot_be_changed_or_deleted(staff):
    entry = record(Action.LOGIN, actor=staff)
    entry.action = Action.LOGOUT
    for attempt in (
        entry.save,
        entry.delete,
        lambda: all_rows().update(action="logout"),
        lambda: all_rows().delete(),
        lambda: AuditEntry.unscoped.bulk_update([entry], ["action"]),
        lambda: AuditEntry._base_manager.update(action="logout"),
        lambda: AuditEntry._base_manager.all().delete(),
        lambda: AuditEntry._base_manager.all()._raw_delete("default"),
    ):
        with pytest.raises(AppendOnlyError, match="只能追加"):
            attempt()
    assert all_rows().get().action == Action.LOGIN


def test_copy_under_an_existing_key_is_refused(staff):
    entry = record(Action.LOGIN, actor=staff)
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry(pk=entry.pk, action=Action.LOGOUT).save()
    assert all_rows().get().action == Action.LOGIN


BY_HAND = {
    "update": "UPDATE audit_auditentry SET action = 'logout'",
    "delete": "DELETE FROM audit_auditentry",
    "seal changed": "UPDATE audit_auditseal SET digest = ''",
    "seal deleted": "DELETE FROM audit_auditseal",
}
BY_HAND |= (
    {"truncate": "TRUNCATE audit_auditentry CASCADE", "seals truncated": "TRUNCATE audit_auditseal"}
    if connection.vendor == "postgresql"
    else {
        "replace": "INSERT OR REPLACE INTO audit_auditentry SELECT * FROM audit_auditentry",
        "seal replaced": "INSERT OR REPLACE INTO audit_auditseal SELECT * FROM audit_auditseal",
    }
)
OLD = timedelta(days=201)  # past the period of the settings, too


def by_hand(sql):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize("how", BY_HAND)
def test_database_refuses_it_by_hand(staff, how):
    """F2: whoever reaches the tables, whatever the age of the row."""
    record(Action.LOGIN, actor=staff)
    AuditEntry(action=Action.EXPORT, at=timezone.now() - OLD).save()
    seal()
    before = list(all_rows().values()), list(AuditSeal.objects.values())
    with pytest.raises(DatabaseError, match="append-only"):
        by_hand(BY_HAND[how])
    assert (list(all_rows().values()), list(AuditSeal.objects.values())) == before


def test_the_purges_own_door_lets_no_row_of_the_last_six_months_go(staff):
    young = record(Action.LOGIN, actor=staff)
    old = AuditEntry(action=Action.EXPORT, at=timezone.now() - OLD)
    old.save()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        door.remove([old.pk, young.pk], "default")
    assert all_rows().count() == 2
    assert door.remove([old.pk], "default") == 1
    AuditEntry(action=Action.EXPORT, at=timezone.now() - OLD).save()
    with pytest.raises(DatabaseError, match="append-only"):
        by_hand("DELETE FROM audit_auditentry")  # shut again behind it


@pytest.mark.postgres
def test_a_role_without_any_right_to_remove_can_still_purge(staff):
    """As docs/deployment.md sets it up: the application adds and reads; what is old goes by the function, what is young by nothing."""
    young = record(Action.LOGIN, actor=staff)
    old = AuditEntry(action=Action.EXPORT, at=timezone.now() - OLD)
    old.save()
    by_hand("CREATE ROLE qihang_app_of_a_test")
    by_hand("GRANT SELECT, INSERT ON audit_auditentry, audit_auditseal TO qihang_app_of_a_test")
    by_hand("SET LOCAL ROLE qihang_app_of_a_test")
    for sql in (
        "DELETE FROM audit_auditentry",
        "TRUNCATE audit_auditentry",
        "DROP TRIGGER audit_no_delete ON audit_auditentry",
    ):
        with pytest.raises(DatabaseError, match=r"permission denied|must be owner"):
            by_hand(sql)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        door.remove([young.pk], "default")
    assert AuditEntry.unscoped.purge() == 1
    assert [entry.pk for entry in all_rows()] == [young.pk]


@pytest.mark.parametrize("trigger", door.TRIGGERS[connection.vendor])
def test_a_guard_that_is_gone_is_named(trigger):
    """`verify` says so; with all of them there it says nothing."""
    assert door.missing() == []
    table = "audit_auditseal" if "seal" in trigger else "audit_auditentry"
    by_hand(f"DROP TRIGGER {trigger}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))
    (finding,) = checks.run(["audit.guard"])
    assert [fault.where for fault in finding.faults] == [f"触发器 {trigger}"]


def test_deleting_an_account_leaves_its_trail(staff):
    entry = record(Action.LOGIN, actor=staff)
    with system("test"):
        staff.delete()
    kept = all_rows().select_related("actor").get(pk=entry.pk)
    assert kept.actor_id is not None
    assert (kept.actor, kept.actor_label) == (None, "wang")


class TestPurge:
    """F4: 200 days and settable; younger rows are never removed."""

    @pytest.fixture
    def aged(self):
        """One row for each age in days; the clock stands still, not far from the database's own."""
        with time_machine.travel(datetime.now(UTC), tick=False):
            for days in (1, 199, 200, 201, 400):
                AuditEntry(action=Action.LOGIN, at=timezone.now() - timedelta(days=days), detail={"age": days}).save()
            yield

    def ages(self):
        return sorted(entry.detail["age"] for entry in all_rows() if "age" in entry.detail)

    @pytest.mark.usefixtures("aged")
    def test_by_default_only_what_is_older_than_the_period(self):
        assert AuditEntry.unscoped.purge() == 2
        assert self.ages() == [1, 199, 200]

    @pytest.mark.usefixtures("aged")
    def test_period_is_settable(self, settings):
        settings.AUDIT_RETENTION_DAYS = 300
        assert AuditEntry.unscoped.purge() == 1
        assert self.ages() == [1, 199, 200, 201]

    @pytest.mark.usefixtures("aged")
    def test_less_than_six_months_is_not_done(self, settings):
        settings.AUDIT_RETENTION_DAYS = 30
        assert AuditEntry.unscoped.purge() == 4
        assert self.ages() == [1]

    @pytest.mark.usefixtures("aged")
    def test_asking_for_more_does_not_get_more(self):
        AuditEntry.unscoped.purge(timezone.now())
        assert self.ages() == [1, 199, 200]

    @pytest.mark.usefixtures("aged")
    def test_command_keeps_to_an_earlier_day_and_records_itself(self):
        call_command("purge_audit", before=f"{timezone.localdate() - timedelta(days=300)}")
        assert self.ages() == [1, 199, 200, 201]
        call_command("purge_audit")
        assert self.ages() == [1, 199, 200]
        assert [e.detail for e in all_rows().filter(action=Action.PURGE)] == [{"rows": 1}, {"rows": 1}]

    def test_nothing_old_leaves_no_row(self):
        call_command("purge_audit")
        assert not all_rows().exists()

    def test_bad_day_is_a_sentence(self):
        with pytest.raises(CommandError, match="2026-11-22"):
            call_command("purge_audit", before="yesterday")

    def test_period_below_six_months_is_a_deployment_warning(self, settings):
        assert retention() == []
        settings.AUDIT_RETENTION_DAYS = 183
        assert [warning.id for warning in retention()] == ["audit.W001"]

    @pytest.mark.usefixtures("aged")
    def test_in_chunks(self, monkeypatch):
        monkeypatch.setattr("models.audit.models.PURGE_CHUNK", 1)
        assert AuditEntry.unscoped.purge() == 2


class TestScope:
    """Who may read the trail."""

    @pytest.fixture(autouse=True)
    def rows(self, staff, student):
        record(Action.EXPORT, actor=staff, school_id=1)
        record(Action.EXPORT, actor=staff, school_id=2)
        entry = AuditEntry(action=Action.IMPERSONATE_START, actor=staff, on_behalf_of=student, school_id=1)
        entry.save()

    def seen(self, scope):
        with within(scope):
            return [(entry.action, entry.school_id) for entry in AuditEntry.objects.order_by("pk")]

    def test_nobody_acting_is_an_error(self):
        with within(None), pytest.raises(UnscopedQuery):
            AuditEntry.objects.count()

    def test_staff_see_their_schools(self):
        assert self.seen(Scope(school_ids=(2,), prefixes=("2/",))) == [("export", 2)]

    def test_student_sees_only_who_looked(self, student):
        assert self.seen(Scope(school_ids=(1,), subject_id=student.pk)) == [("impersonate_start", 1)]
        person = SimpleNamespace(scope=Scope(school_ids=(1,), subject_id=student.pk))
        assert [entry.action for entry in AuditEntry.unscoped.visible_to(person)] == ["impersonate_start"]

    def test_nothing_without_a_scope(self):
        assert self.seen(Scope()) == []


class TestSignals:
    """Log-in, log-out and failure record themselves."""

    def test_login_and_logout(self, rf, staff):
        request = rf.post("/login/", REMOTE_ADDR="192.0.2.9")
        user_logged_in.send(sender=type(staff), request=request, user=staff)
        user_logged_out.send(sender=type(staff), request=request, user=staff)
        user_logged_out.send(sender=type(staff), request=request, user=None)
        assert [(e.action, e.actor, e.ip) for e in all_rows()] == [
            ("login", staff, "192.0.2.9"),
            ("logout", staff, "192.0.2.9"),
        ]

    def test_failure_keeps_the_masked_name_and_not_the_password(self, rf):
        credentials = {"username": IDENTITY, "password": "hunter2"}
        user_login_failed.send(
            sender="test", credentials=credentials, request=rf.post("/login/", REMOTE_ADDR="192.0.2.9")
        )
        entry = all_rows().filter(action=Action.LOGIN_FAILED).get()
        assert (entry.result, entry.actor, entry.detail["username"]) == (Result.FAILED, None, "990*************34")


def test_rows_about_one_object_newest_first(staff, student):
    record(Action.REVEAL, actor=staff, obj=student)
    record(Action.UNLOCK, actor=staff, obj=student)
    record(Action.UNLOCK, actor=staff, obj=staff)
    assert [entry.action for entry in AuditEntry.unscoped.about(student)] == ["unlock", "reveal"]
