"""The database itself refuses to change or remove rows of the audit trail and of its seals, whatever code or hand asks (security row F2).

Takes the place of 0002's trigger. UPDATE and TRUNCATE are refused to everybody. DELETE is refused but for audit rows older than six months
(网络安全法第 23 条) by the purge: on PostgreSQL the function `audit_purge`, which runs with the owner's rights, so that the application's
role needs no right to DELETE; on SQLite while `audit_door()` is open, a function that only the application's own connection has
(`models.audit.door`). There is no setting, role or value that lets a younger row go; who owns the tables can drop the triggers, which
`manage.py verify` names.

A later migration that rebuilds one of the two tables on SQLite drops its triggers and has to run `create` again: `verify` and a test notice.
"""

from django.db import migrations

DAYS = 184  # six months, the longest way

SQLITE = [
    "CREATE TRIGGER audit_append_only BEFORE UPDATE ON audit_auditentry BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END",
    f"""CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_auditentry
        WHEN OLD.at >= datetime('now', '-{DAYS} days', '+1 second') OR audit_door() IS NOT 1
        BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END""",
    # INSERT OR REPLACE removes the old row without asking the trigger of DELETE.
    """CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit_auditentry WHEN EXISTS (SELECT 1 FROM audit_auditentry WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'audit rows are append-only'); END""",
    "CREATE TRIGGER audit_seal_append_only BEFORE UPDATE ON audit_auditseal BEGIN SELECT RAISE(ABORT, 'audit seals are append-only'); END",
    "CREATE TRIGGER audit_seal_no_delete BEFORE DELETE ON audit_auditseal BEGIN SELECT RAISE(ABORT, 'audit seals are append-only'); END",
    """CREATE TRIGGER audit_seal_no_replace BEFORE INSERT ON audit_auditseal
        WHEN EXISTS (SELECT 1 FROM audit_auditseal WHERE number = NEW.number OR entry_id = NEW.entry_id)
        BEGIN SELECT RAISE(ABORT, 'audit seals are append-only'); END""",
]
SQLITE_TRIGGERS = [statement.split()[2] for statement in SQLITE]

POSTGRESQL = [
    """CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'audit rows are append-only'; END $$""",
    # Asked row by row: the age is the row's own, and the door is one of the purge's transaction.
    f"""CREATE FUNCTION audit_no_delete() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.at >= now() - interval '{DAYS} days' OR current_setting('qihang.audit_door', true) IS DISTINCT FROM 'purge' THEN
                RAISE EXCEPTION 'audit rows are append-only';
            END IF;
            RETURN OLD;
        END $$""",
    """CREATE FUNCTION audit_purge(keys bigint[]) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
        SET search_path FROM CURRENT AS $$
        DECLARE removed bigint;
        BEGIN
            PERFORM set_config('qihang.audit_door', 'purge', true);
            DELETE FROM audit_auditentry WHERE id = ANY (keys);
            GET DIAGNOSTICS removed = ROW_COUNT;
            PERFORM set_config('qihang.audit_door', '', true);
            RETURN removed;
        END $$""",
    "CREATE TRIGGER audit_append_only BEFORE UPDATE ON audit_auditentry FOR EACH ROW EXECUTE FUNCTION audit_append_only()",
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit_auditentry FOR EACH ROW EXECUTE FUNCTION audit_no_delete()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_auditentry FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
    "CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE ON audit_auditseal FOR EACH ROW EXECUTE FUNCTION audit_append_only()",
    "CREATE TRIGGER audit_seal_no_truncate BEFORE TRUNCATE ON audit_auditseal FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
]
POSTGRESQL_TRIGGERS = [(statement.split()[2], statement.split(" ON ")[1].split()[0]) for statement in POSTGRESQL if "CREATE TRIGGER" in statement]


def create(apps, schema_editor):
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for trigger, table in POSTGRESQL_TRIGGERS:
            schema_editor.execute(f"DROP TRIGGER {trigger} ON {table}")
        schema_editor.execute("DROP FUNCTION audit_purge(bigint[]), audit_no_delete(), audit_append_only()")
    else:
        for trigger in SQLITE_TRIGGERS:
            schema_editor.execute(f"DROP TRIGGER {trigger}")


def drop_earlier(apps, schema_editor):
    """The trigger of 0002; a rebuilt table may have lost it."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER IF EXISTS audit_append_only ON audit_auditentry")
        schema_editor.execute("DROP FUNCTION IF EXISTS audit_append_only()")
    else:
        schema_editor.execute("DROP TRIGGER IF EXISTS audit_append_only")


def create_earlier(apps, schema_editor):
    from importlib import import_module

    import_module("models.audit.migrations.0002_append_only").create(apps, schema_editor)


class Migration(migrations.Migration):

    dependencies = [("audit", "0003_backup_deeds")]

    operations = [migrations.RunPython(drop_earlier, create_earlier), migrations.RunPython(create, drop)]
