"""F3: what was changed or removed past the application is named by `manage.py verify`."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from models.audit.models import Action, AuditEntry, AuditSeal
from models.audit.seals import seal
from models.audit.services import record
from tests.conftest import GUARD

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries():
    made = [record(Action.EXPORT, rows=number, purpose="核对名单") for number in range(5)]
    assert seal() == 5
    return made


def by_hand(sql, *values):
    """As a hand with the owner's rights would do it: the guard off first."""
    with connection.cursor() as cursor:
        GUARD.drop(None, SimpleNamespace(connection=connection, execute=cursor.execute))
        cursor.execute(sql, values)


def verify(capsys):
    try:
        call_command("verify", "audit.chain")
    except SystemExit as end:
        return end.code, capsys.readouterr().out
    return 0, capsys.readouterr().out


def test_control_a_sound_trail_passes_and_is_sealed_once(entries, capsys):
    assert seal() == 0
    record(Action.LOGIN)
    assert verify(capsys)[0] == 0
    assert seal() == 1
    assert verify(capsys)[0] == 0


def test_a_changed_row_is_named(entries, capsys):
    by_hand("UPDATE audit_auditentry SET purpose = %s WHERE id = %s", "别的", entries[2].pk)
    code, said = verify(capsys)
    assert code == 1
    assert f"审计日志 {entries[2].pk}：内容与封存时不同" in said
    assert "共 1 处" in said


def test_a_removed_row_is_named(entries, capsys):
    by_hand("DELETE FROM audit_auditentry WHERE id = %s", entries[3].pk)
    code, said = verify(capsys)
    assert code == 1
    assert f"审计日志 {entries[3].pk}：已封存的记录不见了" in said


@pytest.mark.parametrize(
    "sql",
    ["DELETE FROM audit_auditseal WHERE number = 3", "UPDATE audit_auditseal SET entry_id = 999 WHERE number = 3"],
)
def test_a_seal_taken_out_or_bent_breaks_the_chain_there(entries, capsys, sql):
    by_hand(sql)
    code, said = verify(capsys)
    assert code == 1
    assert "审计封存 3：封存链在这里断开" in said


def test_a_purge_leaves_the_chain_whole(capsys, settings):
    AuditEntry(action=Action.LOGIN, at=timezone.now() - timedelta(days=settings.AUDIT_RETENTION_DAYS + 1)).save()
    record(Action.LOGIN)
    assert seal() == 2
    assert AuditEntry.unscoped.purge() == 1
    assert verify(capsys)[0] == 0
    assert AuditSeal.objects.count() == 2


def test_a_change_of_keys_leaves_the_chain_whole(entries, capsys, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-for-a-test"
    record(Action.LOGIN)
    assert seal() == 1
    assert verify(capsys)[0] == 0
