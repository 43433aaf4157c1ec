"""The tree of units holds together: every path is its parent's path and its own key; each school has its centre."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import CharField, Count, F, Q, Value
from django.db.models.functions import Cast, Coalesce, Concat

from models.organisation.models import Major, OrgUnit, School
from workflows.checks import Fault, check


@check("organisation.paths", "部门路径与上级一致，且在同一所学校")
def paths() -> Iterator[Fault]:
    """`path` is "school/…/self/"; everything that is scoped rests on it."""
    root = Concat(Cast("school_id", CharField()), Value("/"))
    true = Concat(Coalesce("parent__path", root), Cast("id", CharField()), Value("/"), output_field=CharField())
    units = OrgUnit._base_manager.annotate(true=true)
    wrong = units.exclude(path=F("true")) | units.exclude(parent=None).exclude(parent__school_id=F("school_id"))
    for pk, name, path, expected in wrong.values_list("pk", "name", "path", "true"):
        yield Fault(f"部门 {pk} {name}", f"路径是 {path}，按上级应为 {expected}，或上级属于另一所学校。")


@check("organisation.centres", "有学生的学校恰有一个就业中心")
def centres() -> Iterator[Fault]:
    """School level is appointed there, so that without it nobody answers for the school."""
    with_students = OrgUnit._base_manager.filter(students__isnull=False).values("school_id")
    centres = Count("units", filter=Q(units__kind=OrgUnit.Kind.CENTER))
    schools = School._base_manager.filter(pk__in=with_students).annotate(centres=centres).exclude(centres=1)
    for pk, name, number in schools.values_list("pk", "name", "centres"):
        yield Fault(f"学校 {pk} {name}", f"有 {number} 个就业中心，应恰有一个。")


@check("organisation.majors", "专业、学院和部门节点在同一所学校")
def majors() -> Iterator[Fault]:
    """A major's node lies below its college, both in the major's school."""
    wrong = Major._base_manager.filter(
        ~Q(college__school_id=F("school_id")) | ~Q(unit__school_id=F("school_id")) | ~Q(unit__parent_id=F("college_id"))
    )
    for pk, name in wrong.values_list("pk", "name"):
        yield Fault(f"专业 {pk} {name}", "专业、所属学院和部门节点不一致。")
