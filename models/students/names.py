"""Finding people by a part of their name: every ending of every name, kept by the database itself, found by a b-tree range.

A name of three characters (欧阳涵) has no three-letter grams worth an index, and `icontains` reads every row. Instead each name
has a row per ending of two characters and more (阳涵), so that "contains" becomes "an ending starts with". Triggers write them,
whoever writes the student (a form, an import by COPY, a script); they are made again after every migrate, because SQLite drops
them when a migration rebuilds the table. `rebuild()` (manage.py rebuild_names) fills the table afresh; it is never needed unless
triggers were off. Latin letters are kept in capitals, and such names whole as well, so that case does not matter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from django.db import connections, models, transaction
from django.utils.translation import gettext_lazy as _

from workflows.scoping import OrderedCharField, upper_bound

LONGEST = 60  # as Student.name


class NameEnding(models.Model):
    """One ending of one student's name. An index in the shape of a table: it holds nothing that the student's row does not."""

    student_id = models.BigIntegerField(db_index=True)  # no foreign key: nobody refers to a student through an index
    cohort_id = models.BigIntegerField()  # copied, so that a search looks into the cohorts in view only
    ending = OrderedCharField(_("姓名片段"), max_length=LONGEST)

    class Meta:
        verbose_name = verbose_name_plural = _("姓名索引")
        default_permissions = ()
        indexes = [models.Index(fields=("cohort_id", "ending", "student_id"), name="name_cohort_ending")]

    def __str__(self) -> str:
        return self.ending


def tidy(text: str) -> str:
    """What was typed or pasted as a name, the way names are stored: half width where there is one, no white space around."""
    return unicodedata.normalize("NFKC", text).strip()


def starting(lookup: str, prefix: str) -> dict[str, str]:
    """Filter for "starts with", as a b-tree range on every engine."""
    return {f"{lookup}__gte": prefix, f"{lookup}__lt": upper_bound(prefix)}


def matching(students: models.QuerySet, text: str, cohort_ids: Sequence[int] | None = None) -> models.QuerySet:
    """Ids of `students` (any query set of the student model) whose name starts with `text` or, from two characters on, contains it.

    The answer is one sub-query without OR: both halves are index ranges, one per cohort. An empty text matches nobody.
    """
    text = tidy(text)
    if not text:
        return students.none().values("pk")
    endings = NameEnding.objects.all()
    if cohort_ids is not None:
        students, endings = students.filter(cohort_id__in=cohort_ids), endings.filter(cohort_id__in=cohort_ids)
    whole = students.order_by().filter(**starting("name", text)).values("pk")
    if len(text) < 2:
        return whole
    return whole.union(endings.filter(**starting("ending", text.upper())).values("student_id"), all=True)


_PLACES = list(range(1, LONGEST))
_SELECT = {
    "sqlite": f"SELECT {{row}}.id, {{row}}.cohort_id, upper(substr({{row}}.name, value)) FROM {{source}}json_each('{_PLACES}') "
    "WHERE value < length({row}.name) AND (value > 1 OR {row}.name <> upper({row}.name))",
    "postgresql": "SELECT {row}.id, {row}.cohort_id, upper(substr({row}.name, n)) FROM {source}generate_series(1, length({row}.name) - 1) AS n "
    "WHERE n > 1 OR {row}.name <> upper({row}.name)",
}
_INTO = "INSERT INTO students_nameending (student_id, cohort_id, ending) "


def _sqlite() -> list[str]:
    endings = _INTO + _SELECT["sqlite"].format(row="NEW", source="")
    return [
        f"CREATE TRIGGER name_added AFTER INSERT ON students_student BEGIN {endings}; END",
        "CREATE TRIGGER name_changed AFTER UPDATE OF name, cohort_id ON students_student "
        "WHEN OLD.name IS NOT NEW.name OR OLD.cohort_id IS NOT NEW.cohort_id BEGIN "
        f"DELETE FROM students_nameending WHERE student_id = NEW.id; {endings}; END",
        "CREATE TRIGGER name_gone AFTER DELETE ON students_student BEGIN "
        "DELETE FROM students_nameending WHERE student_id = OLD.id; END",
    ]


def _postgresql() -> list[str]:
    added = _INTO + _SELECT["postgresql"].format(row="added", source="added, ")
    changed = _INTO + _SELECT["postgresql"].format(row="NEW", source="")
    function = "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {}; RETURN NULL; END $$"
    forget = "DELETE FROM students_nameending WHERE student_id = "
    return [
        function.format("name_added", added),
        function.format("name_changed", f"{forget}NEW.id; {changed}"),
        function.format("name_gone", f"{forget}OLD.id"),
        "CREATE TRIGGER name_added AFTER INSERT ON students_student REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION name_added()",
        "CREATE TRIGGER name_changed AFTER UPDATE OF name, cohort_id ON students_student FOR EACH ROW "
        "WHEN (OLD.name IS DISTINCT FROM NEW.name OR OLD.cohort_id IS DISTINCT FROM NEW.cohort_id) EXECUTE FUNCTION name_changed()",
        "CREATE TRIGGER name_gone AFTER DELETE ON students_student FOR EACH ROW EXECUTE FUNCTION name_gone()",
    ]


def forget(using: str = "default") -> None:
    """Take the triggers away (before the table changes its shape); `install` makes them again."""
    connection = connections[using]
    where = " ON students_student" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for event in ("added", "changed", "gone"):
            cursor.execute(f"DROP TRIGGER IF EXISTS name_{event}{where}")


def install(using: str = "default", **_kwargs: object) -> None:
    """Make the triggers as they stand here (receiver of post_migrate)."""
    connection = connections[using]
    if not {"students_student", "students_nameending"} <= set(connection.introspection.table_names()):
        return  # a migration to an earlier state
    forget(using)
    with connection.cursor() as cursor:
        for statement in _postgresql() if connection.vendor == "postgresql" else _sqlite():
            cursor.execute(statement)


def rebuild(using: str = "default") -> int:
    """Write every ending afresh; returns how many there are."""
    connection = connections[using]
    select = _SELECT[connection.vendor].format(row="students_student", source="students_student, ")
    with transaction.atomic(using), connection.cursor() as cursor:
        cursor.execute("DELETE FROM students_nameending")
        cursor.execute(_INTO + select)
    return NameEnding.objects.using(using).count()
