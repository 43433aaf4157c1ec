"""Staff accounts and appointments in bulk (imports): set-wise, with history. Runs in the caller's transaction; values are clean."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.accounts.models import FunctionOverride, StaffAppointment, User
from workflows import bulkrows


@dataclass(slots=True)
class Written:
    """What became of one appointment: keys, and the old values of what was already there (None when it was made)."""

    user: int
    appointment: int
    made_account: bool
    old_account: dict[str, Any]
    old_dates: dict[str, Any] | None


def find_staff(usernames: Sequence[str], *, lock: bool = False) -> dict[str, dict[str, Any]]:
    """{username: account with "appointments" {(level, unit id): row} and "paths" of its units}; whoever asks, never to be shown."""
    rows = bulkrows.those(User.objects, "username", usernames)
    if lock:
        bulkrows.lock(User, list(rows.values_list("pk", flat=True)))
    found = {
        row["id"]: {**row, "appointments": {}, "paths": []}
        for row in rows.values("id", "username", "name", "kind", "phone", "email")
    }
    columns = ("id", "user_id", "level", "unit_id", "starts_on", "ends_on", "unit__path")
    for row in bulkrows.those(StaffAppointment._base_manager, "user", list(found)).values(*columns):
        account = found[row["user_id"]]
        account["appointments"][row["level"], row["unit_id"]] = row
        account["paths"].append(row["unit__path"] or "")
    return {account["username"]: account for account in found.values()}


def write_staff(plans: Sequence[Mapping[str, Any]], *, by: Any = None, reason: str = "") -> list[Written]:
    """Make or change accounts and appointments; several plans may share an account.

    A plan: account {attname: value} with username, level, unit (id), dates {starts_on, ends_on}, found and held from `find_staff`.
    """
    accounts = _accounts(plans)
    fresh = [plan for plan in plans if plan["held"] is None]
    ids = iter(bulkrows.new_ids(StaffAppointment, len(fresh)))
    new, changed, done, seen = [], {}, [], set()
    for plan in plans:
        username = plan["account"]["username"]
        user, made, old = accounts[username]
        first = username not in seen  # the account counts for the first of its rows only
        seen.add(username)
        if plan["held"] is None:
            pk, old_dates = next(ids), None
            new.append({"id": pk, "user_id": user, "level": plan["level"], "unit_id": plan["unit"], **plan["dates"]})
        else:
            pk, held = plan["held"]["id"], plan["held"]
            old_dates = {name: held[name] for name, value in plan["dates"].items() if held[name] != value}
            if old_dates:
                changed[pk] = {name: plan["dates"][name] for name in old_dates}
        done.append(Written(user, pk, made and first, old if first else {}, old_dates))
    bulkrows.insert(StaffAppointment, new)
    bulkrows.write_history(StaffAppointment, [row["id"] for row in new], by=by, reason=reason, kind="+")
    if changed:
        bulkrows.update(StaffAppointment, changed)
        bulkrows.write_history(StaffAppointment, list(changed), by=by, reason=reason)
    return done


def _accounts(plans: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, bool, dict[str, Any]]]:
    """{username: (user id, made now, old values)}."""
    wanted: dict[str, dict[str, Any]] = {}
    for plan in plans:
        wanted.setdefault(plan["account"]["username"], {}).update(plan["account"])
    known = {plan["account"]["username"]: plan["found"] for plan in plans if plan["found"]}
    fresh = [name for name in wanted if name not in known]
    made = dict(zip(fresh, bulkrows.new_ids(User, len(fresh)), strict=True))
    bulkrows.insert(
        User,
        [{"id": pk, "password": f"!{secrets.token_urlsafe(30)}", **wanted[name]} for name, pk in made.items()],
        kind=User.Kind.STAFF,
        password_state=User.PasswordState.NONE,
    )
    result: dict[str, tuple[int, bool, dict[str, Any]]] = {name: (pk, True, {}) for name, pk in made.items()}
    changes = {}
    for name, account in known.items():
        old = {key: account[key] for key, value in wanted[name].items() if account[key] != value}
        if old:
            changes[account["id"]] = {key: wanted[name][key] for key in old}
        result[name] = (account["id"], False, old)
    if changes:
        bulkrows.update(User, changes)
    return result


def staff_in_use(user_ids: Sequence[int], appointment_ids: Sequence[int]) -> set[int]:
    """Of these appointments just made, those of accounts just made that have been used: logged in, appointed again, given functions."""
    if not user_ids:
        return set()
    used = set(bulkrows.those(User.objects, "id", user_ids).exclude(last_login=None).values_list("pk", flat=True))
    others = bulkrows.those(StaffAppointment._base_manager, "user", user_ids).exclude(pk__in=list(appointment_ids))
    used |= set(others.values_list("user_id", flat=True))
    used |= set(bulkrows.those(FunctionOverride._base_manager, "user", user_ids).values_list("user_id", flat=True))
    own = bulkrows.those(StaffAppointment._base_manager, "id", appointment_ids)
    return {pk for pk, user in own.values_list("pk", "user_id") if user in used}


def delete_staff(
    made: Mapping[str, Sequence[int]], changed: Mapping[str, Mapping[int, Mapping[str, Any]]], *, by: Any, reason: str
) -> None:
    """Undo of `write_staff`: remove appointments and accounts made, restore what was changed."""
    appointments, accounts = made.get("appointment", ()), made.get("account", ())
    if appointments:
        bulkrows.write_history(StaffAppointment, appointments, by=by, reason=reason, kind="-")
        bulkrows.delete(StaffAppointment, appointments)
    if accounts:
        bulkrows.delete(User, accounts)
    dates = {pk: values for pk, values in changed.get("appointment", {}).items() if values}
    if dates:
        bulkrows.update(StaffAppointment, dates)
        bulkrows.write_history(StaffAppointment, list(dates), by=by, reason=reason)
    if changed.get("account"):
        bulkrows.update(User, changed["account"])
