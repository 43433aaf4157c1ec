"""P15: a new process from its start to the first answer; the floor is Django with nothing but admin and accounts."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from benchmarks.measure import Operation

FIRST = """
import os, sys
from wsgiref.util import setup_testing_defaults
os.environ["DJANGO_SETTINGS_MODULE"] = sys.argv[1]
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
environ, status = {"PATH_INFO": sys.argv[2], "HTTP_HOST": "127.0.0.1"}, []
setup_testing_defaults(environ)
b"".join(application(environ, lambda line, headers, info=None: status.append(line)))
sys.exit(0 if status and status[0].startswith("200") else 3)
"""


class Start(Operation):
    """`django.setup()`, URLs, and the log-in page as the first answer."""

    code = "P15 start"
    parts = {"": "process start to first response (log-in page)"}

    def ours(self, part: str) -> int:
        return first("benchmarks.started", "/login/")

    def floor(self, part: str) -> int:
        return first("benchmarks.stock.plain", "/admin/login/")

    def same(self, way: str, result: Any, ours: Any) -> bool:
        return result == ours == 0


def first(settings: str, path: str) -> int:
    """Exit code of a process that gives one answer."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, "-c", FIRST, settings, path], env=environ, check=True, capture_output=True
    ).returncode


OPERATIONS = (Start,)
