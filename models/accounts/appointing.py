"""Who may appoint whom, where, and manage whose account: never above and never outside what one holds oneself."""

from __future__ import annotations

from collections.abc import Iterable

from models.accounts.models import StaffAppointment, User
from models.organisation.models import OrgUnit

Level = StaffAppointment.Level

# Level held → levels it may appoint, inside its own place. Levels not named appoint nobody.
APPOINTS: dict[str, tuple[str, ...]] = {
    Level.PROVINCE: (Level.PROVINCE, Level.SCHOOL, Level.COLLEGE, Level.COUNSELOR, Level.DATA),
    Level.SCHOOL: (Level.SCHOOL, Level.COLLEGE, Level.COUNSELOR, Level.DATA),
    Level.COLLEGE: (Level.COUNSELOR,),
}


def appointable_levels(person: User) -> tuple[str, ...]:
    """The levels `person` may appoint somewhere, highest first as in the table."""
    if person.is_superuser:
        return APPOINTS[Level.PROVINCE]
    allowed = {level for held in person.levels for level in APPOINTS.get(held, ())}
    return tuple(level for level in APPOINTS[Level.PROVINCE] if level in allowed)


def may_appoint(person: User, level: str, unit: OrgUnit | None) -> bool:
    """Whether `person` may give, change or take away the appointment `level` at `unit` (None: the whole province)."""
    if person.is_superuser:
        return True
    path = unit.path if unit is not None else ""
    return any(level in APPOINTS.get(held.level, ()) and path.startswith(held.path) for held in person.appointments)


def may_manage(person: User, account: User, appointments: Iterable[StaffAppointment] | None = None) -> bool:
    """Whether `person` may change, disable or reset the staff account: every appointment of it is one they could have made.

    An account without any stands below nobody: it is for who holds everything.

    Nobody manages the own account here (the password page is for that), nor a superuser without being one.
    `appointments` spares the query where they are at hand.
    """
    if account.pk == person.pk or (account.is_superuser and not person.is_superuser):
        return False
    if appointments is None:
        appointments = StaffAppointment._base_manager.filter(user=account).select_related("unit")
    held = list(appointments)
    return all(may_appoint(person, one.level, one.unit) for one in held) and (bool(held) or person.scope.everything)
