"""P12: students read and save their own records through the API: one in process, 16 and 64 at once against gunicorn on this machine."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections import deque
from importlib import import_module
from threading import Thread
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connections
from django.test import Client

from benchmarks import extra
from benchmarks.measure import Operation
from models.accounts.models import User
from models.students.models import GraduateProfile
from workflows.scoping import system

OURS, STOCK = "/api/matters/graduateprofile/mine/", "/stock-api/profile/"
BACKEND = "models.accounts.backends.FunctionBackend"
WORKERS, THREADS = 2, 4  # as `make run`


class Students(Operation):
    """Students of a cohort of their own with drafts; every save writes another address."""

    count = 16

    def prepare(self) -> None:
        with system("benchmark"):
            extra.clear()
            extra.enrol(self.count)
            User.objects.filter(student__cohort=extra.cohort()).update(password_state=User.PasswordState.OWN)

    def finish(self) -> None:
        with system("benchmark"):
            extra.clear()

    def setup(self, way: str) -> None:
        with system("benchmark"):
            self.users = list(User.objects.filter(student__cohort=extra.cohort()).order_by("pk"))
            self.versions = dict(
                GraduateProfile.objects.filter(cohort=extra.cohort()).values_list("student__user_id", "version")
            )
        self.saves = 0

    def body(self, user: User, path: str) -> bytes:
        """What a save sends."""
        self.saves += 1
        address = f"示例省示例市示例区学府路{self.saves}号"
        if path == STOCK:
            return json.dumps({"home_address": address}).encode()
        return json.dumps({"version": self.versions[user.pk], "values": {"home_address": address}}).encode()

    def saved(self, user: User, path: str, answer: bytes) -> None:
        """Keep the version that the next save of this student must name."""
        if path != STOCK:
            self.versions[user.pk] = json.loads(answer)["version"]


class InProcess(Students):
    """One student, request after request, all middleware. A single one after the pause of a round would measure cold caches."""

    repeat = 20

    code = "P12"
    parts = {"read": "student reads the own record, in process", "save": "student saves the own record, in process"}

    def setup(self, way: str) -> None:
        super().setup(way)
        # Each way has a student of its own: ours must name the version it saw, and stock saves do not count it.
        self.user = self.users[("stock", "ours", "floor").index(way)]
        self.client = Client()
        self.client.force_login(self.user, backend=BACKEND)

    def ask(self, path: str, part: str) -> int:
        if part == "read":
            response = self.client.get(path)
        else:
            response = self.client.patch(path, self.body(self.user, path), content_type="application/json")
            if response.status_code == 200:
                self.saved(self.user, path, response.content)
        if response.status_code != 200:
            raise RuntimeError(f"{path}: {response.status_code} {response.content[:300]!r}")
        return response.status_code

    def ours(self, part: str) -> set[int]:
        return {self.ask(OURS, part) for _time in range(self.repeat)}

    def stock(self, part: str) -> set[int]:
        return {self.ask(STOCK, part) for _time in range(self.repeat)}


class AtOnce(Students):
    """Students at once over HTTP. The seconds are the run's divided by its requests; any error fails the benchmark."""

    code = "P12 16"
    parts = {"read": "16 students at once read, per request", "save": "16 students at once save, per request"}
    at_once = 16
    requests = 320
    stock_requests = 96

    def __init__(self, place: Any) -> None:
        super().__init__(place)
        self.count = 2 * self.at_once  # half of them for each way

    def setup(self, way: str) -> None:
        super().setup(way)
        self.users = self.users[: self.at_once] if way == "ours" else self.users[self.at_once :]
        self.cookies = {user.pk: session(user) for user in self.users}
        connections.close_all()
        self.port = free_port()
        self.server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.port}", "--workers", str(WORKERS), "--worker-class",
             "gthread", "--threads", str(THREADS), "--log-level", "error"],
        )  # fmt: skip
        wait_for(self.port, self.server)

    def teardown(self, way: str) -> None:
        self.server.terminate()
        self.server.wait(15)

    def ours(self, part: str) -> float:
        return self.load(OURS, part, self.requests)

    def stock(self, part: str) -> float:
        return self.load(STOCK, part, self.stock_requests)

    def load(self, path: str, part: str, count: int) -> float:
        """Send `count` requests from as many threads as students, each a student with a connection of their own; seconds per request."""
        errors: deque[str] = deque()
        threads = [
            Thread(target=self._student, args=(user, path, part, count // self.at_once, errors)) for user in self.users
        ]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        seconds = time.perf_counter() - started
        if errors or any(thread.is_alive() for thread in threads):
            raise RuntimeError(
                f"{path} {part}: {len(errors)} errors, {errors[0] if errors else 'a thread does not end'}"
            )
        return seconds / (count // self.at_once * self.at_once)

    def _student(self, user: User, path: str, part: str, times: int, errors: deque[str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        token = "a" * 32
        head = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={self.cookies[user.pk]}; {settings.CSRF_COOKIE_NAME}={token}", "X-CSRFToken": token,
            "Content-Type": "application/json",
        }  # fmt: skip
        try:
            for _time in range(times):
                if part == "read":
                    connection.request("GET", path, headers=head)
                else:
                    connection.request("PATCH", path, self.body(user, path), head)
                response = connection.getresponse()
                answer = response.read()
                if response.status != 200:
                    errors.append(f"{response.status} {answer[:200]!r}")
                    return
                if part == "save":
                    self.saved(user, path, answer)
        except OSError as error:
            errors.append(repr(error))
        finally:
            connection.close()

    def timed(self, result: float, seconds: float) -> float:
        """A round's figure is per request, not the round's own length."""
        return result

    def same(self, way: str, result: Any, ours: Any) -> bool:
        return result > 0


class ManyAtOnce(AtOnce):
    """The same with 64."""

    code = "P12 64"
    parts = {"read": "64 students at once read, per request", "save": "64 students at once save, per request"}
    at_once = 64
    requests = 640
    stock_requests = 192


def session(user: User) -> str:
    """Key of a session in which `user` is logged in."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY], store[BACKEND_SESSION_KEY], store[HASH_SESSION_KEY] = (
        str(user.pk),
        BACKEND,
        user.get_session_auth_hash(),
    )
    store.save()
    return store.session_key


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int, server: subprocess.Popen) -> None:
    """Wait up to 30 seconds for the server to answer."""
    for _try in range(150):
        if server.poll() is not None:
            raise RuntimeError("gunicorn did not start")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise RuntimeError("gunicorn did not answer")


OPERATIONS = (InProcess, AtOnce, ManyAtOnce)
