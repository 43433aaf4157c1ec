"""Doors of the back office and the functions each one asks for, in the seeded world, tried as the school's office.

What the declarations know is taken from them (every matter's export and batch approval, every add page, every import kind, every deed
of the signing desk); what is a page of its own is written down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import admin
from django.test import Client
from django.urls import reverse

from admin_site.matters.verbs import url_name
from admin_site.scoped import ADD
from admin_site.signing import desk
from exports.importing.kinds import KINDS
from exports.selection import Selection
from models.employers.models import AccountAppeal, Blacklist, Employer
from models.organisation.models import OrgUnit
from models.rates.models import ProgressItem
from models.reporting.models import EmploymentPlan, Reconciliation, ReportBatch
from models.students.models import GraduateProfile, Student
from tests.contract.world import World
from workflows.chain import matters
from workflows.permits import permission

LABEL = "students.graduateprofile"
REFUSED = (403, 404, 405)


@dataclass(frozen=True)
class Door:
    """`opens(world, client)` says whether it does; all of `needs` are asked for."""

    name: str
    needs: frozenset[str]
    opens: Callable[[World, Client], bool]


def at(name: str, *args: Any) -> str:
    """An address of the back office."""
    return reverse(f"admin:{name}", args=args)


def chosen(world: World) -> dict[str, Any]:
    """One record ticked in its list."""
    return {"selection": Selection(LABEL).as_json(), "ids": [world.row(GraduateProfile).pk]}


# -- pages of their own ----------------------------------------------------------------------------------------------------


def approve(world: World, client: Client) -> bool:
    record = world.row(GraduateProfile)
    return (
        client.post(
            at("students_graduateprofile_change", record.pk), {"deed": "approve", "expected": record.version}
        ).status_code
        == 302
    )


def export_in_full(world: World, client: Client) -> bool:
    posted = {
        **chosen(world),
        "step": "export",
        "columns": ["student.id_number"],
        "codes": "name",
        "format": "xlsx",
        "reveal": "1",
        "purpose": "核对学籍数据",
    }
    return "attachment" in client.post(at("students_graduateprofile_export"), posted).headers.get(
        "Content-Disposition", ""
    )


def change_the_roll(world: World, client: Client) -> bool:
    posted = {
        "deed": "roll",
        "expected": world.row(Student).version,
        "roll-new_status": "02",
        "roll-reason": "因病休学",
    }
    return client.post(at("students_student_change", world.row(Student).pk), posted).status_code == 302


def move_cohort(world: World, client: Client) -> bool:
    posted = {"selection": Selection("students.student").as_json(), "ids": [world.row(Student).pk]}
    return client.post(at("students_student_batch", "move_cohort"), posted).status_code == 200


def look(name: str, world: World, client: Client, *, of: Any = None, args: tuple[Any, ...] = ()) -> bool:
    """A page is there."""
    return client.get(at(name, *args, *([world.row(of).pk] if of else []))).status_code == 200


def deed(name: str, posted: dict[str, str], world: World, client: Client, *, of: Any = None) -> bool:
    """A deed is heard, even if what it asks for is then refused: not being allowed is a 403."""
    return client.post(at(name, *([world.row(of).pk] if of else [])), posted).status_code not in REFUSED


def of_account(name: str, world: World, client: Client) -> bool:
    return client.get(f"/admin/accounts/user/{world.users['counselor'].pk}/{name}/").status_code == 200


def look_as_student(world: World, client: Client) -> bool:
    return client.get(at("accounts_studentaccount_impersonate", world.users["student"].pk)).status_code == 200


def add_a_department(world: World, client: Client) -> bool:
    posted = {"parent": world.row(OrgUnit).pk, "kind": ""}
    return client.post(at("organisation_orgunit_add_child"), posted).status_code not in REFUSED


def exclude_an_employer(world: World, client: Client) -> bool:
    return client.get(at("employers_employer_blacklist", world.row(Employer).pk)).status_code == 200


OWN: tuple[tuple[str, Callable[[World, Client], bool]], ...] = (
    ("students.review_graduateprofile", approve),
    ("accounts.reveal_identity", partial(deed, "students_graduateprofile_change", {"deed": "reveal"}, of=GraduateProfile)),
    ("accounts.reveal_identity", partial(deed, "students_student_change", {"deed": "reveal"}, of=Student)),
    ("students.export_graduateprofile accounts.export_identity", export_in_full),
    ("releases.export_table", partial(look, "organisation_major_export")),
    ("accounts.impersonate_student", look_as_student),
    ("accounts.assign_functions", partial(look, "accounts_functions")),
    ("accounts.reset_password", partial(of_account, "reset-password")),
    ("accounts.unlock_user", partial(of_account, "unlock")),
    ("organisation.add_orgunit", add_a_department),
    ("organisation.change_orgunit", partial(look, "organisation_orgunit_move", of=OrgUnit)),
    ("audit.view_auditentry", partial(look, "audit_auditentry_changelist")),
    ("students.change_roll", change_the_roll),
    ("students.move_cohort", move_cohort),
    ("reporting.add_reportbatch", partial(look, "reporting_batch_order")),
    ("reporting.change_reportbatch", partial(deed, "reporting_batch_deed", {"deed": "mark"}, of=ReportBatch)),
    ("reporting.add_employmentplan", partial(look, "reporting_plan_make")),
    ("reporting.export_employmentplan", partial(deed, "reporting_plan_download", {}, of=EmploymentPlan)),
    ("reporting.add_reconciliation", partial(look, "reporting_compare_begin")),
    ("reporting.change_reconciliation", partial(deed, "reporting_compare_deed", {"deed": "apply"}, of=Reconciliation)),
    ("employers.add_blacklist", exclude_an_employer),
    ("employers.change_blacklist", partial(deed, "employers_blacklist_change", {"reason": "已整改"}, of=Blacklist)),
    ("employers.change_accountappeal", partial(deed, "employers_accountappeal_change", {"outcome": ""}, of=AccountAppeal)),
    ("rates.add_ratesnapshot", partial(deed, "rates_snapshot", {"title": "快照"})),
    ("rates.change_progressentry", partial(deed, "rates_progress_fill", {}, of=ProgressItem)),
)  # fmt: skip


# -- what declarations say -------------------------------------------------------------------------------------------------


def _own() -> Iterator[Door]:
    for needs, opens in OWN:
        if isinstance(opens, partial):
            given = next((one for one in opens.args if isinstance(one, dict)), {})
            name = " ".join([opens.func.__name__, str(opens.args[0]), *given.values()])
        else:
            name = opens.__name__
        yield Door(name, frozenset(needs.split()), opens)


def _batch(label: str, world: World, client: Client) -> bool:
    name = url_name(next(one for one in matters() if one._meta.label_lower == label), "batch")
    posted = {"selection": Selection(label).as_json(), "ids": []}
    return client.post(at(name.removeprefix("admin:"), "approve"), posted).status_code not in REFUSED


def _of_matters() -> Iterator[Door]:
    for model in matters():
        label, name = model._meta.label_lower, url_name(model, "export").removeprefix("admin:")
        if model._meta.label_lower == "specimen.specimen":
            continue  # the tests' own matter: nobody has its functions by default
        yield Door(f"export {label}", frozenset({permission(model, "export")}), partial(look, name))
        yield Door(f"approve many {label}", frozenset({permission(model, "review")}), partial(_batch, label))


def _add_pages() -> Iterator[Door]:
    for model, screen in admin.site._registry.items():
        if model is OrgUnit:
            continue  # made in the tree, in OWN
        # Matters are begun by their subjects; what comes about elsewhere is never added by hand.
        if "add" not in model._meta.default_permissions or ADD in getattr(screen, "never", ()) or model in matters():
            continue
        code, name = (f"{model._meta.app_label}{way.format(model._meta.model_name)}" for way in (".add_{}", "_{}_add"))
        yield Door(f"add {model._meta.label_lower}", frozenset({code}), partial(look, name))


def _imports() -> Iterator[Door]:
    for key, kind in KINDS.items():
        yield Door(f"import {key}", frozenset(kind.permissions), partial(look, "imports_template", args=(key,)))


def _desk() -> Iterator[Door]:
    for key, (_title, _form, code) in desk.FORMS.items():
        yield Door(f"desk {key}", frozenset({code}), partial(deed, "signing_desk", {"deed": key}))


def doors() -> list[Door]:
    """All of them, whoever they open for."""
    return [*_own(), *_of_matters(), *_add_pages(), *_imports(), *_desk()]
