"""解约材料: the files of terminations as one zip, a folder per student; made by a worker in the name of who asked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from django.core.files.storage import default_storage
from django.utils import timezone

from models.agreements.termination import Termination
from models.audit.models import Action
from models.audit.services import record as audit
from models.evidence.services import preload
from models.jobs.errors import JobError
from models.jobs.files import safe_filename, store_private
from models.jobs.running import RunningJob
from models.jobs.services import start
from workflows.errors import NotAllowed
from workflows.levels import Status

KIND = "agreements.materials"
CHUNK = 200
MEGABYTES = 800


def start_export(cohorts: Sequence[int], status: str, *, by: Any, request: Any = None) -> Any:
    """Begin, for the cohorts in view; the owner finds the file on the job's page."""
    if not by.has_perm("agreements.export_termination"):
        raise NotAllowed("您没有导出解约材料的功能，请联系学校管理员在「功能分配」中开通。")
    audit(
        Action.EXPORT, request=request, actor=by, obj=Termination, deed="解约材料", cohorts=list(cohorts), status=status
    )
    return start(KIND, owner=by, payload={"cohorts": list(cohorts), "status": status}, school=by.school_id)


def folder_of(row: Termination) -> str:
    """学号_姓名_单位, fit for any disk."""
    name = f"{row.student.number}_{row.student.name}_{row.agreement.employer_name}_{row.pk}"
    return safe_filename(name.replace(".", "．"))


def export(job: RunningJob) -> dict[str, Any]:
    """The zip of what the owner may see."""
    rows = Termination.objects.filter(cohort_id__in=job.payload["cohorts"]).exclude(status=Status.DRAFT)
    if job.payload["status"] != "all":
        rows = rows.filter(status=job.payload["status"])
    keys = list(rows.order_by("student__number", "pk").values_list("pk", flat=True))
    out, files, size = io.BytesIO(), 0, 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for begin in range(0, len(keys), CHUNK):
            part = list(
                Termination.objects.select_related("student", "agreement")
                .filter(pk__in=keys[begin : begin + CHUNK])
                .order_by("pk")
            )
            preload(part)
            for row in part:
                for place, one in enumerate(row.evidence(), start=1):
                    size += one.size
                    if size > MEGABYTES * 1024 * 1024:
                        raise JobError(f"材料超过 {MEGABYTES} MB，请先用筛选缩小范围，分批导出。")
                    files += _add(archive, f"{folder_of(row)}/{place:02d}_{safe_filename(one.name)}", one)
            job.progress(begin + len(part), len(keys), "正在打包")
    if not files:
        raise JobError("所选范围内没有解约材料。")
    stored = store_private("materials.zip", out.getvalue(), "materials")
    name = f"解约材料_{timezone.localdate():%Y%m%d}.zip"
    result = {"students": len(keys), "files": files}
    job.finish(result, file=stored, file_name=name)
    return result


def _add(archive: zipfile.ZipFile, name: str, one: Any) -> int:
    if not one.stored:
        return 0
    try:
        with default_storage.open(one.stored.name, "rb") as source:
            archive.writestr(name, source.read())
    except FileNotFoundError:
        return 0
    return 1
