"""Every address of the project, taken from the URL resolver, and the arguments to fill it with from the seeded world."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver

from models.agreements.models import Agreement, SigningInvitation, Termination
from models.employers.models import EmployerVerification
from models.evidence.models import Evidence
from models.notices.models import Notice
from models.students.models import Student
from tests.contract.world import MISSING, World
from workflows.chain import matters

_NAMED = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)|<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Route:
    """One pattern: `path` as written in the URL conf, anchors gone; `name` with its namespace, "" when it has none."""

    path: str
    name: str

    @property
    def arguments(self) -> list[str]:
        """Names of its arguments, in order."""
        return [first or second for first, second in _NAMED.findall(self.path)]

    def url(self, values: dict[str, Any]) -> str:
        """The address with these values."""
        filled = _NAMED.sub(lambda found: str(values[found[1] or found[2]]), self.path)
        return "/" + filled.replace("\\", "")

    def of_object(self) -> bool:
        """Whether the address names a row."""
        return bool({"object_id", "pk"} & set(self.arguments))


def routes() -> list[Route]:
    """All of them, in the order Django tries them."""
    return list(_walk(get_resolver(), "", ()))


def _walk(resolver: URLResolver, prefix: str, spaces: tuple[str, ...]) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        text = prefix + str(entry.pattern).replace("^", "").replace("$", "")
        if isinstance(entry, URLPattern):
            yield Route(text, ":".join([*spaces, entry.name or ""]) if entry.name else "")
        else:
            yield from _walk(entry, text, (*spaces, entry.namespace) if entry.namespace else spaces)


# Arguments that are words, by the start of the path they occur in; the first that fits. A new kind of word is added here.
_WORDS = {
    "name": (("student/matters/", "graduateprofile"), ("employer/matters/", "employerverification")),
    "token": (("", "not-a-token"),),
    "key": (("api/codes/", "nation"), ("", "proof")),
    "proof": (("", "987654321"),),
    "field": (("admin/", "extra.proof"),),
    "kind": (("admin/transfer/importrun/template/", "students"),),
    "step": (("admin/", "undo"),),
    "verb": (("admin/students/student/", "remind"), ("admin/", "approve")),
    "app_label": (("admin/", "students"),),
    "deed": (("api/signing/offers/", "accept"), ("api/employer/agreements/", "seal"), ("admin/", "nothing")),
    "file": (("", "987654321"),),
    "url": (("admin/", "nothing-of-that-name/"),),
    "content_type_id": (("admin/", "1"),),
}


# Pages that belong to no matter's own address, by the start of their path.
PARTS: dict[str, type[models.Model]] = {
    "student/signing/agreement/files/": Evidence,
    "student/signing/offers/": SigningInvitation,
    "student/signing/terminations/": Termination,
    "student/signing/number/files/": Evidence,
    "employer/signing/offers/": SigningInvitation,
    "employer/signing/agreements/": Agreement,
    "employer/signing/terminations/": Termination,
    "api/signing/offers/": SigningInvitation,
    "api/employer/offers/": SigningInvitation,
    "api/employer/agreements/": Agreement,
    "api/employer/terminations/": Termination,
}


def model_of(route: Route) -> type[models.Model] | None:
    """The model whose row the address names."""
    if route.path.startswith("admin/"):
        parts = route.path.split("/")
        found = [m for m in admin.site._registry if [m._meta.app_label, m._meta.model_name] == parts[1:3]]
        return found[0] if found else None
    if "notices/" in route.path:
        return Notice
    for start, model in PARTS.items():
        if route.path.startswith(start):
            return model
    if route.path.startswith("employer/matters/"):
        return EmployerVerification
    return next((m for m in matters() if f"/matters/{m._meta.model_name}/" in f"/{route.path}"), None)


def values_for(route: Route, world: World, role: str, place: str = "甲一", *, missing: bool = False) -> dict[str, Any]:
    """Arguments of the address for a row of `place`, or for one that does not exist.

    LookupError, with what to do, where an argument is of a kind the world does not know.
    """
    found: dict[str, Any] = {}
    for argument in route.arguments:
        if argument in ("object_id", "pk"):
            model = model_of(route)
            if route.path.startswith("admin/r/"):
                found[argument] = 1
            elif model is None:
                raise LookupError(f"{route.path}: whose row is {argument}? Teach tests/contract/routes.py")
            else:
                found[argument] = MISSING if missing else world.row(model, place, role).pk
            continue
        if argument == "student":
            found[argument] = MISSING if missing else world.row(Student, place, role).pk
            continue
        for start, word in _WORDS.get(argument, ()):
            if route.path.startswith(start):
                found[argument] = word
                break
        else:
            raise LookupError(f"{route.path}: no value for {argument}; add it to tests/contract/routes.py")
    return found
