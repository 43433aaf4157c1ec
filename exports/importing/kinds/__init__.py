"""The kinds of import there are. A new one is a class in this folder and a line here."""

from __future__ import annotations

from exports.importing.kinds.archives import ArchiveKind
from exports.importing.kinds.base import Kind
from exports.importing.kinds.codes import CodeKind
from exports.importing.kinds.employers import EmployerKind
from exports.importing.kinds.exclusions import ExclusionKind
from exports.importing.kinds.numbers import AgreementNumberKind
from exports.importing.kinds.organisation import DepartmentKind, MajorKind
from exports.importing.kinds.outcomes import OutcomeKind
from exports.importing.kinds.people import ProfileKind
from exports.importing.kinds.staff import StaffKind
from exports.importing.kinds.students import StudentKind

KINDS: dict[str, type[Kind]] = {
    kind.name: kind
    for kind in (
        DepartmentKind,
        MajorKind,
        StudentKind,
        ProfileKind,
        StaffKind,
        EmployerKind,
        OutcomeKind,
        AgreementNumberKind,
        ExclusionKind,
        ArchiveKind,
        CodeKind,
    )
}

__all__ = ["KINDS", "Kind"]
