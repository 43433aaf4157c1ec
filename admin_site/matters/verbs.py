"""What can be done to many records at once, and who sees the button. The doing is in admin_site.matters.batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models
from django.urls import NoReverseMatch, reverse

from workflows.permits import permission


@dataclass(frozen=True)
class BulkVerb:
    """`name` is the last part of the URL `admin:<app>_<model>_batch`; `function` the permission, {app} and {model} filled in."""

    name: str
    label: str
    function: str
    matters: bool = True
    students: bool = True
    main: bool = False
    page: str = "batch"  # the page it leads to; another than the batch's is there for matters that have such a page
    of_students: bool = False  # done to the students behind the records: not there for matters about anybody else


VERBS = (
    BulkVerb("approve", "通过", "review", students=False, main=True),
    BulkVerb("return", "退回修改", "review", students=False),
    BulkVerb("remind", "提醒", "notices.add_notice"),
    BulkVerb("edit", "修改一项", "change"),
    BulkVerb("print", "打印 PDF", "export", students=False, page="print"),
    BulkVerb("move_cohort", "换届", "students.move_cohort", of_students=True),
    BulkVerb("reset_password", "重置密码", "accounts.reset_password", of_students=True),
    BulkVerb("unlock", "解锁账号", "accounts.unlock_user", matters=False),
)


def url_or_none(name: str, *args: Any) -> str | None:
    """The URL of this name, None where no such page exists (yet): then there is no button either."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return None


def url_name(model: type[models.Model], page: str) -> str:
    """Name of a page of a model in the back office: "admin:students_student_overview"."""
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"


def _page_of(model: type[models.Model], verb: BulkVerb) -> str | None:
    return url_or_none(url_name(model, verb.page), *((verb.name,) if verb.page == "batch" else ()))


def verbs_for(model: type[models.Model], user: Any) -> list[tuple[BulkVerb, str]]:
    """(verb, URL to post to) of every button this person gets on this list."""
    is_matter, found = hasattr(model, "review"), []
    for verb in VERBS:
        if not (verb.matters if is_matter else verb.students):
            continue
        if verb.of_students and getattr(model, "scope_source", "student") != "student":
            continue
        code = verb.function if "." in verb.function else permission(model, verb.function)
        if user.has_perm(code) and (url := _page_of(model, verb)):
            found.append((verb, url))
    return found
