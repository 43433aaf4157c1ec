"""A10, A11 and the doors of architecture: what stands in the source, looked at by the source itself."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.db import models

from admin_site.scoped import ScopedAdmin
from models.accounts.models import User
from workflows.scoping import NOTHING, Scope, ScopedManager, UnscopedQuery, within

ROOT = Path(settings.BASE_DIR)
FLOORS = ("config", "admin_site", "self_service", "exports", "models", "workflows")
SCOPES = ROOT / "docs" / "system_scopes.txt"
UNSCOPED = {"_base_manager", "unscoped"}

# Models whose default manager is open, and why nobody gets at their rows who should not.
OPEN = {
    "audit.AuditSeal": "digests of the trail, no personal data; read by verify alone",
    "codes.CodeTable": "official lists, the same for everybody",
    "codes.Code": "likewise",
    "codes.CodesVersion": "a number that says when the lists changed",
    "accounts.User": "looked up before anybody acts; screens use in_scope_of",
    "accounts.StudentAccount": "likewise",
    "logins.Session": "Django's sessions with the person's key; reached by their random key only",
    "jobs.Job": "asked through visible_to: the own ones only",
    "jobs.WorkerBeat": "about processes, not people",
    "jobs.Tick": "likewise",
    "students.NameEnding": "an index of name endings; rows are reached through scoped students only",
    "lists.PastedList": "asked through of(owner, key)",
}


def sources(*floors: str) -> Iterator[tuple[str, ast.Module]]:
    """(path, tree) of every module of the product, migrations aside."""
    for floor in floors or FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def listed() -> Counter[tuple[str, str]]:
    """docs/system_scopes.txt: (path, what) with how often it occurs there."""
    found: Counter[tuple[str, str]] = Counter()
    for line in SCOPES.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            path, what, times, why = (part.strip() for part in line.split("|"))
            assert why, f"{path}: say why"
            found[(path, what)] = int(times)
    return found


def test_every_way_round_the_scope_is_listed_with_its_reason():
    """A11: each `system(…)`, and each unscoped manager above the floors that keep the rows, is a line of docs/system_scopes.txt."""
    found: Counter[tuple[str, str]] = Counter()
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "system":
                assert node.args, f"{path}:{node.lineno}: system() without a reason"
                found[(path, "system")] += 1
            if (
                isinstance(node, ast.Attribute)
                and node.attr in UNSCOPED
                and not path.startswith(("models/", "workflows/"))
            ):
                found[(path, node.attr)] += 1
    assert found == listed()


def test_a_scoped_model_answers_nobody_who_is_not_acting(db):
    asked = 0
    for model in apps.get_models():
        if isinstance(model._default_manager, ScopedManager):
            with within(None), pytest.raises(UnscopedQuery):
                model._default_manager.count()
            asked += 1
    assert asked > 10


def test_every_model_has_a_scope_or_a_reason_to_have_none():
    ours = {
        "workflows",
        "audit",
        "jobs",
        "codes",
        "organisation",
        "accounts",
        "notices",
        "students",
        "transfer",
        "releases",
        "lists",
        "demo",
        "specimen",
    }
    ours |= {config.label for config in apps.get_app_configs() if config.name.startswith("models.")}
    for model in apps.get_models():
        label = model._meta.label
        if model._meta.app_label not in ours or model.__name__.startswith("Historical") or label in OPEN:
            continue
        assert isinstance(model._default_manager, ScopedManager), (
            f"{label}: give it a ScopedManager, or a line in OPEN with the reason"
        )


def test_rows_of_a_model_that_declares_no_scope_are_nobodys(db, django_user_model):
    """Deny by default: a scoped model without a path gives staff and students nothing."""
    person = Scope(prefixes=("1/",), school_ids=(1,), person_id=1)
    for model in apps.get_models():
        if not isinstance(model._default_manager, ScopedManager):
            continue
        declared = any(
            getattr(model, name, None)
            for name in ("scope_path", "scope_paths", "scope_school", "owner_path", "subject_path")
        )
        with within(None):
            rows = models.QuerySet(model)
            assert str(NOTHING.limit(rows).query.where.children or "nothing")
            if not declared:
                assert not person.limit(rows).exists(), model._meta.label


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Every call in a module."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_no_serializer_form_or_resource_takes_whatever_a_model_has():
    """A10: fields are named; `exclude` opens what is added later."""
    named_elsewhere = {("admin_site/codes_admin.py", "CodeForm")}  # the admin's own `fields` narrow it; asserted below
    for path, tree in sources():
        for outer in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            for inner in (node for node in outer.body if isinstance(node, ast.ClassDef) and node.name == "Meta"):
                for line in (node for node in inner.body if isinstance(node, ast.Assign)):
                    names = {getattr(target, "id", "") for target in line.targets}
                    if "exclude" in names:
                        raise AssertionError(f"{path}: {outer.name}.Meta.exclude")
                    if (
                        "fields" in names
                        and isinstance(line.value, ast.Constant)
                        and (path, outer.name) not in named_elsewhere
                    ):
                        raise AssertionError(f"{path}: {outer.name}.Meta.fields = {line.value.value!r}")


def test_every_form_of_the_back_office_names_its_fields(rf):
    """A form that is built from all there is would show what a model gains later: passwords, paths, marks."""
    asked = rf.get("/admin/")
    asked.user = User(is_superuser=True, is_active=True)
    for model, model_admin in admin.site._registry.items():
        own_page = type(model_admin).change_view is not ScopedAdmin.change_view
        if own_page and not model_admin.has_add_permission(asked):
            continue
        assert model_admin.fields or model_admin.fieldsets, f"{model._meta.label}: name the fields of the form"


def test_no_status_of_a_matter_is_written_but_by_the_engine():
    """One door: whoever sets a status outside of workflows/ does so on something that is no matter, listed here."""
    others = {
        "exports/": "rows and runs of an import, records of an export",
        "models/jobs/": "jobs",
        "models/transfer/": "runs of an import",
        "models/releases/": "records of an export",
        "models/notices/": "mails",
    }
    for path, tree in sources():
        if path.startswith(("workflows/", *others)):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if (
                        isinstance(target, ast.Attribute)
                        and target.attr == "status"
                        and getattr(target.value, "id", "") != "self"
                    ):
                        assert getattr(target.value, "id", "") == "response", f"{path}:{node.lineno} sets a status"
        for call in calls(tree):
            if getattr(call.func, "attr", "") in ("update", "bulk_update", "update_or_create"):
                assert "status" not in {word.arg for word in call.keywords}, f"{path}:{call.lineno} updates a status"
    for path, tree in sources("exports", "admin_site", "self_service", "models"):
        for call in calls(tree):
            if getattr(call.func, "attr", "") == "bulk_update":
                assert "'status'" not in ast.dump(call), f"{path}:{call.lineno} updates a status in bulk"


def test_days_are_those_of_shanghai():
    """`date.today()`, `now().date()` and naive moments are another day for eight hours out of twenty-four."""
    wrong = {("date", "today"), ("datetime", "today"), ("datetime", "now"), ("datetime", "utcnow")}
    for path, tree in sources():
        for call in calls(tree):
            if not isinstance(call.func, ast.Attribute):
                continue
            owner = getattr(call.func.value, "id", getattr(call.func.value, "attr", ""))
            assert (owner, call.func.attr) not in wrong, (
                f"{path}:{call.lineno}: use timezone.localdate() or timezone.now()"
            )
            inner = call.func.value
            is_now = isinstance(inner, ast.Call) and getattr(inner.func, "attr", "") == "now"
            assert not (call.func.attr == "date" and is_now), f"{path}:{call.lineno}: use timezone.localdate()"


def test_accounts_reach_lists_through_their_scope_only():
    """The manager of accounts is open by need; whoever lists accounts asks in_scope_of, visible_to or the own scope."""
    assert not isinstance(User._default_manager, ScopedManager)
    for path, tree in sources("admin_site"):
        for call in calls(tree):
            text = ast.unparse(call.func)
            assert text not in ("User.objects.all", "StudentAccount.objects.all"), (
                f"{path}:{call.lineno} lists every account"
            )
