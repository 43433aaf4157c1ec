"""Operations on many records: what each would do, and doing it. One list of them feeds buttons, previews and jobs.

Every operation answers with a `BatchResult`: which records it did, which needed nothing, which it refused and why. Rights are
asked by the services below (and again here where a service leaves that to its caller); rows outside the person's scope never
get in, since the rows come from a Selection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import models

from models.accounts import services as accounts
from models.accounts.models import User
from models.audit.models import Action
from models.audit.services import record
from models.notices.services import ADD, remind
from models.organisation.models import Cohort
from models.students import affairs, facts
from models.students.models import Student
from workflows import batch, batch_edit, bulkrows
from workflows.batch import BatchResult
from workflows.errors import Absent, Invalid
from workflows.levels import Verb

Args = dict[str, Any]
NO_ACCOUNT = "该学生还没有账号。"


@dataclass(frozen=True)
class Deed:
    """Who does it and from where: what the audit trail needs of a request, also where a job stands in for one."""

    user: Any
    ip: str = ""
    request_id: str = ""
    impersonator: Any = None

    @property
    def META(self) -> dict[str, str]:
        return {"REMOTE_ADDR": self.ip}


@dataclass(frozen=True)
class Operation:
    """`preview(rows, args, user)` and `run(rows, args, deed)`; `of_students`: it is about the students behind the records."""

    name: str
    label: str
    action: Action
    preview: Callable[[models.QuerySet, Args, Any], BatchResult]
    run: Callable[[models.QuerySet, Args, Deed], BatchResult]
    of_students: bool = False

    def rows(self, chosen: models.QuerySet) -> models.QuerySet:
        """The records it works on, for the records that were chosen."""
        if not self.of_students or chosen.model is Student:
            return chosen
        return Student.objects.filter(pk__in=chosen.order_by().values(chosen.model.scope_source))

    def audit(self, model: type[models.Model], result: BatchResult, args: Args, deed: Deed) -> None:
        """One row for the whole batch; what happened to each record stands in its own log and history."""
        told = {key: value for key, value in args.items() if value not in ("", [], None)}
        record(
            self.action, request=deed, obj=model, operation=self.label, done=len(result.done), refused=len(result.refused),
            unchanged=len(result.unchanged), options=told,
        )  # fmt: skip


# -- matters ---------------------------------------------------------------------------------------------------------------


def _preview_verb(verb: Verb) -> Callable[[models.QuerySet, Args, Any], BatchResult]:
    return lambda rows, args, user: batch.preview(rows, verb, user)


def _run_verb(verb: Verb) -> Callable[[models.QuerySet, Args, Deed], BatchResult]:
    def run(rows: models.QuerySet, args: Args, deed: Deed) -> BatchResult:
        return batch.perform_many(
            rows, verb, by=deed.user, text=args.get("text", ""), reasons=args.get("reasons", []), origin=deed.ip or None
        )

    return run


def _preview_edit(rows: models.QuerySet, args: Args, user: Any) -> BatchResult:
    door = facts.preview_many if rows.model is Student else batch_edit.preview_edit
    return door(rows, args["field"], args["value"], user)


def _run_edit(rows: models.QuerySet, args: Args, deed: Deed) -> BatchResult:
    door = facts.edit_many if rows.model is Student else batch_edit.edit_many
    return door(rows, args["field"], args["value"], by=deed.user)


# -- people ----------------------------------------------------------------------------------------------------------------


def _with_account(rows: models.QuerySet) -> tuple[BatchResult, dict[int, int]]:
    """{key of the row: user id} of those who have an account; the others refused."""
    pairs = dict(rows.order_by("pk").values_list("pk", rows.model.subject_path))
    refused = {pk: NO_ACCOUNT for pk, user in pairs.items() if user is None}
    held = {pk: user for pk, user in pairs.items() if user is not None}
    return BatchResult(list(held), refused), held


def _users(ids: list[int]) -> models.QuerySet:
    return bulkrows.those(User.objects.select_related("student__school"), "id", ids)


def _preview_accounts(code: str, deed: str) -> Callable[[models.QuerySet, Args, Any], BatchResult]:
    def preview(rows: models.QuerySet, args: Args, user: Any) -> BatchResult:
        affairs.require(user, code, deed)
        return _with_account(rows)[0]

    return preview


def _remind(rows: models.QuerySet, args: Args, deed: Deed) -> BatchResult:
    result, _held = _with_account(rows)
    remind(rows, deed.user, args["text"])
    return result


def _reset(rows: models.QuerySet, args: Args, deed: Deed) -> BatchResult:
    affairs.require(deed.user, "accounts.reset_password", "重置密码")
    result, held = _with_account(rows)
    accounts.reset_students(list(_users(list(held.values()))), request=deed)
    return result


def _unlock(rows: models.QuerySet, args: Args, deed: Deed) -> BatchResult:
    affairs.require(deed.user, "accounts.unlock_user", "解锁账号")
    result, held = _with_account(rows)
    accounts.unlock(_users(list(held.values())), request=deed)
    return result


def _cohort(args: Args, user: Any) -> Cohort:
    found = user.scope_of(Cohort.objects.filter(pk=args["cohort"])).select_related("school").first()
    if found is None:
        raise Absent("没有找到所选的毕业届。")
    return found


def _preview_move(rows: models.QuerySet, args: Args, user: Any) -> BatchResult:
    return affairs.preview_move(rows, _cohort(args, user), user)


def _run_move(rows: models.QuerySet, args: Args, deed: Deed) -> BatchResult:
    return affairs.move_cohort(rows, _cohort(args, deed.user), by=deed.user, reason=args["reason"], request=deed)


OPERATIONS: dict[str, Operation] = {
    one.name: one
    for one in (
        Operation("approve", "通过", Action.BATCH_REVIEW, _preview_verb(Verb.APPROVE), _run_verb(Verb.APPROVE)),
        Operation("return", "退回修改", Action.BATCH_REVIEW, _preview_verb(Verb.RETURN), _run_verb(Verb.RETURN)),
        Operation("remind", "提醒", Action.BATCH_EDIT, _preview_accounts(ADD, "发送通知"), _remind),
        Operation("edit", "修改", Action.BATCH_EDIT, _preview_edit, _run_edit),
        Operation("move_cohort", "换届", Action.MOVE_COHORT, _preview_move, _run_move, of_students=True),
        Operation(
            "reset_password", "重置密码", Action.PASSWORD_RESET, _preview_accounts("accounts.reset_password", "重置密码"), _reset,
            of_students=True,
        ),
        Operation(
            "unlock", "解锁账号", Action.UNLOCK, _preview_accounts("accounts.unlock_user", "解锁账号"), _unlock, of_students=True
        ),
    )
}  # fmt: skip


def operation(name: str) -> Operation:
    """The operation of this name; Invalid when there is none."""
    try:
        return OPERATIONS[name]
    except KeyError as error:
        raise Invalid({"operation": "没有这项批量操作。"}) from error
