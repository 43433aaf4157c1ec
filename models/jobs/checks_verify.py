"""Background work leaves nothing behind: no job held by a dead worker, no file missing, no person named in a payload."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import models
from django.utils import timezone

from models.audit.masking import mask_text
from models.jobs.models import Job, Status
from workflows.checks import Fault, check

GRACE = timedelta(minutes=2)  # the reaper looks every quarter of a minute


@check("jobs.lease", "没有租约过期仍在“进行中”的任务")
def leases() -> Iterator[Fault]:
    """Security 3.6, row 5. A lease that has just run out is the reaper's business."""
    dead = Job.objects.filter(status=Status.RUNNING, lease_until__lt=timezone.now() - GRACE)
    for pk, title, until in dead.values_list("pk", "title", "lease_until"):
        yield Fault(f"任务 {pk} {title}", f"租约已于 {timezone.localtime(until):%Y-%m-%d %H:%M} 到期，仍为进行中。")


@check("jobs.private", "任务的参数、结果和提示中没有证件号和手机号")
def payloads() -> Iterator[Fault]:
    """Security 3.6, row 12."""
    names = ("title", "message", "error", "payload", "state", "result", "file_name")
    for pk, *values in Job.objects.order_by("pk").values_list("pk", *names).iterator(chunk_size=2000):
        for name, value in zip(names, values, strict=True):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if mask_text(text) != text:
                yield Fault(f"任务 {pk}", f"「{Job._meta.get_field(name).verbose_name}」中有证件号或手机号。")


def file_columns() -> Iterator[tuple[type[models.Model], str]]:
    """Every (model, field) that names a private file; history only remembers names."""
    for model in apps.get_models():
        if hasattr(model, "instance_type") or model._meta.proxy or not model._meta.managed:
            continue
        for field in model._meta.concrete_fields:
            if isinstance(field, models.FileField):
                yield model, field.name


@check("files.exist", "数据中写明的文件都在")
def files() -> Iterator[Fault]:
    """Security 3.6, row 6: a row that names a file has that file."""
    for model, name in file_columns():
        held = model._base_manager.exclude(**{name: ""}).exclude(**{f"{name}__isnull": True})
        for pk, stored in held.values_list("pk", name).iterator(chunk_size=2000):
            if not default_storage.exists(stored):
                yield Fault(
                    f"{model._meta.verbose_name} {pk}",
                    f"「{model._meta.get_field(name).verbose_name}」的文件不在：{stored}。",
                )
