"""The records that are about the person: finding, creating and saving them. Pages and API do nothing to a record but through here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models, transaction

from workflows import actions, answers, fields, posted, requests
from workflows import own as own_record
from workflows.chain import matters
from workflows.errors import Absent, Invalid
from workflows.fields import FieldSpec, StoredFile
from workflows.levels import Status, Verb
from workflows.scoping import current

OVER = (Status.APPROVED, Status.VOIDED)


def matter_named(name: str) -> type[models.Model]:
    """The matter with this model name ("graduateprofile"); Absent when there is none."""
    for model in matters():
        if model._meta.model_name == name:
            return model
    raise Absent("没有这项事务。")


def own_matters(user: Any) -> Iterator[type[models.Model]]:
    """The matters this person can be the subject of: a student those about students, an employer those about employers."""
    return (model for model in matters() if subject_of(user, model) is not None)


def subject_of(user: Any, model: type[models.Model]) -> Any:
    """The student or employer behind this account, if it is of the kind the matter is about; None otherwise."""
    return getattr(user, model.scope_source, None) if model.scope_source == user.kind else None


def own(user: Any, model: type[models.Model]) -> models.QuerySet:
    """The person's records of a matter, with everything the declared fields reach: one query reads one whole."""
    return model.objects.select_related(*model.joins()).filter(**{model.subject_path: user.pk}).order_by("-pk")


def find(user: Any, model: type[models.Model], pk: int | str | None = None) -> models.Model:
    """One record of the person: by key, or the newest; Absent when there is none, whosesoever it is."""
    key = _key(pk)
    if own_record.is_own_only(current(), model) and current().subject_id == user.pk:
        record = own_record.record(model, user.pk, key)
    else:
        rows = own(user, model)
        record = rows.first() if key is None else rows.filter(pk=key).first()
    if record is None:
        raise Absent(f"还没有您的{model._meta.verbose_name}记录。")
    return record


def _key(pk: int | str | None) -> int | None:
    """The key that is meant; None for the newest."""
    if pk in (None, "mine"):
        return None
    if (found := posted.key(pk)) is None:
        raise Absent("没有找到该记录。")
    return found


def handle(user: Any, model: type[models.Model], pk: int | str | None = None) -> models.Model:
    """A stand-in for the same record, for deeds that read it under their own lock anyway (`actions.locked`): no query where the
    person's scope alone says that it is theirs, else a narrow one."""
    key = _key(pk)
    if own_record.is_own_only(user.scope, model):
        return model(pk=key)
    rows = model.objects.filter(**{model.subject_path: user.pk}).order_by("-pk")
    found = (rows if key is None else rows.filter(pk=key)).values_list("pk", flat=True).first()
    if found is None:
        raise Absent(f"还没有您的{model._meta.verbose_name}记录。")
    return model(pk=found)


def can_begin(user: Any, model: type[models.Model], newest: models.Model | None) -> bool:
    """Whether the person may begin a record now: none is open, the matter leaves it to them, what it requires is approved."""
    source = model._meta.get_field(model.scope_source)
    if subject_of(user, model) is None or not model.subject_begins:
        return False
    if newest is not None and (source.one_to_one or newest.status not in OVER or getattr(newest, "frozen", False)):
        return False
    if not model.review.requires:
        return True
    return own(user, apps.get_model(model.review.requires)).filter(status=Status.APPROVED).exists()


def create(user: Any, model: type[models.Model]) -> models.Model:
    """Begin a record; the open one where there is one already. Absent where it is not the person's to begin."""
    newest = own(user, model).first()
    if not can_begin(user, model, newest):
        if newest is None:
            raise Absent(f"现在不能由本人建立{model._meta.verbose_name}，请联系学校。")
        return newest
    record = model(**{model.scope_source: getattr(user, model.scope_source)})
    record.version = record.baseline_version = 1
    record._history_user, record._change_reason = user, "本人建立"
    try:
        with transaction.atomic():
            record.save()
    except IntegrityError:
        pass  # two tabs, or imported meanwhile
    return find(user, model)


def save(record: models.Model, values: dict[str, Any], user: Any, expected: int | None) -> dict[str, list[Any]]:
    """Save a draft, all or nothing; {name: [old, new]} of what changed. Raises a Refused."""
    return actions.save_fields(record, values, by=user, expected=expected)


def save_what_can_be(record: models.Model, values: dict[str, Any], user: Any, expected: int | None) -> dict[str, str]:
    """Save a draft as far as it can be stored: {name: sentence} of what could not. An empty field is never complained about."""
    try:
        save(record, values, user, expected)
        return {}
    except Invalid as problem:
        bad = problem.errors
    save(record, {name: value for name, value in values.items() if name not in bad}, user, expected)
    return {name: sentence for name, sentence in bad.items() if values[name] not in (None, "")}


def try_out(record: models.Model, values: dict[str, Any], specs: list[FieldSpec]) -> dict[str, str]:
    """Put the values on the record in memory only: {name: sentence} of what could not be stored. Rules can then be asked about the rest."""
    allowed, bad = {spec.name: spec for spec in specs if spec.kind != "file"}, {}
    for name, value in values.items():
        try:
            fields.assign(record, {name: value}, allowed)
        except Invalid as problem:
            bad |= problem.errors if value not in (None, "") else {}
    return bad


def submit(record: models.Model, user: Any, *, expected: int | None, origin: str | None) -> None:
    """提交审核."""
    actions.perform(record, Verb.SUBMIT, by=user, expected=expected, origin=origin)


def withdraw(record: models.Model, user: Any, *, expected: int | None, origin: str | None) -> None:
    """撤回, while nobody has acted."""
    actions.perform(record, Verb.WITHDRAW, by=user, expected=expected, origin=origin)


def confirm(record: models.Model, user: Any, *, expected: int | None, origin: str | None) -> None:
    """确认无误: what others wrote is true."""
    answers.confirm(record, user, expected=expected, origin=origin)


def dispute(record: models.Model, user: Any, text: str, *, expected: int | None, origin: str | None) -> None:
    """提出异议: it is not."""
    answers.dispute(record, user, text, expected=expected, origin=origin)


def amend(record: models.Model, user: Any, *, expected: int | None, origin: str | None) -> None:
    """修改资料 of an approved record that is submitted for another review."""
    actions.perform(record, Verb.AMEND, by=user, expected=expected, origin=origin)


def ask_change(record: models.Model, values: dict[str, Any], reason: str, user: Any, *, origin: str | None) -> Any:
    """申请修改 of an approved record; returns the request."""
    return requests.ask(record, values, reason, by=user, origin=origin)


def attach(record: models.Model, name: str, stored: StoredFile | None, user: Any, expected: int | None) -> None:
    """Put a stored file into a file field of the draft, or take it out with None."""
    save(record, {name: stored}, user, expected)
