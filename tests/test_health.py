"""G5: each thing that can be missing is broken once, and the answer is 503 until it is there again."""

from __future__ import annotations

import json
import os
import time
from collections import namedtuple
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from config.health import healthz, readyz
from models.jobs.models import WorkerBeat

Usage = namedtuple("Usage", "total used free")


def ask(rf, remote="127.0.0.1", **headers):
    return readyz(rf.get("/readyz", REMOTE_ADDR=remote, **headers))


def told(response):
    """What a local caller is told, without what is well."""
    return {name: text for name, text in json.loads(response.content).items() if text != "ok"}


def test_alive_asks_nothing(rf):
    response = healthz(rf.get("/healthz"))
    assert (response.status_code, response.content) == (200, b"ok")
    assert healthz(rf.post("/healthz")).status_code == 405


@pytest.mark.django_db
class TestReady:
    """/readyz."""

    @pytest.fixture(autouse=True)
    def all_well(self, settings, tmp_path, monkeypatch):
        settings.EXPECT_WORKER = True
        settings.BACKUP_DIR = str(tmp_path)
        (tmp_path / "qihang.dump").write_bytes(b"x")
        WorkerBeat.objects.create(worker="w")
        monkeypatch.setattr("config.health.shutil.disk_usage", lambda path: Usage(100, 50, 50))

    def test_ready(self, rf, django_assert_num_queries):
        with django_assert_num_queries(4):  # round trip, is there a table of migrations, which are applied, newest beat
            response = ask(rf)
        assert (response.status_code, told(response)) == (200, {})
        assert "no-store" in response.headers["Cache-Control"]

    def test_database_away(self, rf, monkeypatch):
        def away(*args, **kwargs):
            raise OperationalError("connection refused at secret-host")

        monkeypatch.setattr(connection, "cursor", away)
        response = ask(rf)
        assert response.status_code == 503
        assert told(response)["database"] == "检查没有完成：OperationalError"
        assert b"secret-host" not in response.content

    def test_migration_not_applied(self, rf, monkeypatch):
        known = {("jobs", "0001_initial"), ("jobs", "0002_next")}
        monkeypatch.setattr("config.health._migrations_of_this_version", lambda: known)
        MigrationRecorder(connection).record_applied("jobs", "0001_initial")
        response = ask(rf)
        assert response.status_code == 503
        assert told(response) == {"migrations": "有 1 个数据库升级没有执行，请运行 manage.py migrate"}

    def test_disk_nearly_full(self, rf, monkeypatch, settings):
        monkeypatch.setattr("config.health.shutil.disk_usage", lambda path: Usage(100, 92, 8))
        response = ask(rf)
        assert (response.status_code, told(response)) == (503, {"disk": "磁盘只剩 8.0%"})
        settings.MIN_DISK_FREE_PERCENT = 5
        assert ask(rf).status_code == 200

    def test_worker_silent(self, rf, settings):
        WorkerBeat.objects.update(beat_at=timezone.now() - timedelta(seconds=119))
        assert ask(rf).status_code == 200
        WorkerBeat.objects.update(beat_at=timezone.now() - timedelta(seconds=122))
        response = ask(rf)
        assert response.status_code == 503
        assert "没有心跳" in told(response)["worker"]
        WorkerBeat.objects.all().delete()
        assert "没有后台任务进程" in told(ask(rf))["worker"]
        settings.EXPECT_WORKER = False
        assert ask(rf).status_code == 200

    def test_backup_old_empty_or_nowhere(self, rf, settings, tmp_path):
        dump = tmp_path / "qihang.dump"
        old = time.time() - 27 * 3600
        os.utime(dump, (old, old))
        response = ask(rf)
        assert (response.status_code, told(response)) == (503, {"backup": "最近一次备份在 27 小时前"})
        (tmp_path / "empty.dump").touch()
        assert ask(rf).status_code == 503
        dump.unlink()
        assert told(ask(rf)) == {"backup": "备份目录中没有备份"}
        settings.BACKUP_DIR = str(tmp_path / "unmounted")
        assert told(ask(rf)) == {"backup": "检查没有完成：FileNotFoundError"}
        settings.BACKUP_DIR = ""
        assert ask(rf).status_code == 200

    @pytest.mark.parametrize(
        ("remote", "forwarded"), [("203.0.113.5", ""), ("127.0.0.1", "203.0.113.5"), ("127.0.0.1", "127.0.0.1")]
    )
    def test_others_are_told_nothing_but_the_status(self, rf, remote, forwarded):
        headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
        assert ask(rf, remote, **headers).content == b"ready"
        WorkerBeat.objects.all().delete()
        response = ask(rf, remote, **headers)
        assert (response.status_code, response.content) == (503, b"unready")
