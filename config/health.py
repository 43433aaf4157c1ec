"""Health of the running system, for supervisors and load balancers (security row G5)."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from models.audit.request import is_local
from models.jobs.worker import newest_beat

WORKER_SILENT = 120  # seconds
BACKUP_AGE = 26 * 3600  # a daily backup may run two hours late


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers. Asks nothing else: a supervisor that restarts on it must not restart because of the database."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when everything needed to serve people is there, else 503. What is wrong is told to this machine only."""
    faults = {name: fault for name, check in CHECKS.items() if (fault := _ask(check))}
    status = 503 if faults else 200
    if not is_local(request):
        return HttpResponse("unready" if faults else "ready", status=status, content_type="text/plain")
    answer = {name: faults.get(name, "ok") for name in CHECKS}
    return JsonResponse(answer, status=status, json_dumps_params={"ensure_ascii": False})


def _ask(check: Callable[[], str]) -> str:
    try:
        return check()
    except (DatabaseError, OSError) as error:
        return f"检查没有完成：{type(error).__name__}"


def database() -> str:
    """One round trip."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return "" if cursor.fetchone() == (1,) else "数据库没有应答"


@lru_cache(maxsize=1)
def _migrations_of_this_version() -> frozenset[tuple[str, str]]:
    """All migrations that this code has; they do not change while the process lives."""
    return frozenset(MigrationLoader(None).graph.nodes)


def migrations() -> str:
    """Every migration of this version is applied."""
    missing = _migrations_of_this_version() - set(MigrationRecorder(connection).applied_migrations())
    return f"有 {len(missing)} 个数据库升级没有执行，请运行 manage.py migrate" if missing else ""


def disk() -> str:
    """Enough space for uploads and results where DATA_DIR lies."""
    usage = shutil.disk_usage(settings.DATA_DIR)
    percent = usage.free * 100 / usage.total
    return f"磁盘只剩 {percent:.1f}%" if percent < settings.MIN_DISK_FREE_PERCENT else ""


def worker() -> str:
    """A background worker has given a sign of life within two minutes."""
    if not settings.EXPECT_WORKER:
        return ""
    beat = newest_beat()
    if beat is None:
        return "没有后台任务进程，请启动 manage.py worker"
    silent = (timezone.now() - beat).total_seconds()
    return f"后台任务进程已 {silent:.0f} 秒没有心跳" if silent > WORKER_SILENT else ""


def backup() -> str:
    """The newest file in BACKUP_DIR, where one is set, is a day old at most."""
    if not settings.BACKUP_DIR:
        return ""
    written = (
        path for path in Path(settings.BACKUP_DIR).iterdir() if not path.name.startswith(".")
    )  # .….part is half a backup
    times = [path.stat().st_mtime for path in written if path.is_file() and path.stat().st_size]
    if not times:
        return "备份目录中没有备份"
    age = time.time() - max(times)
    return f"最近一次备份在 {age / 3600:.0f} 小时前" if age > BACKUP_AGE else ""


CHECKS: dict[str, Callable[[], str]] = {
    "database": database,
    "migrations": migrations,
    "disk": disk,
    "worker": worker,
    "backup": backup,
}
