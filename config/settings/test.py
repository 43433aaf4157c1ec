"""Settings of the test run: the real ones, with a fast password hasher, files in a temporary folder and jobs run at once."""

import os
import tempfile

os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="qihang-test-"))
os.environ.setdefault("SECRET_KEY", "only-for-tests")
# Each process of a parallel run has a store of its own: the upkeep of one would take the files that the rows of another name.
_process = os.environ.get("PYTEST_XDIST_WORKER", "")
if _process and os.path.basename(os.environ["DATA_DIR"]) != _process:  # those started by it have inherited its folder
    os.environ["DATA_DIR"] = os.path.join(os.environ["DATA_DIR"], _process)

from config.settings.base import *  # noqa: E402, F403
from config.settings.base import DATA_DIR, DATABASES, INSTALLED_APPS, STORAGES  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "tests.specimen"]  # a matter that shows what a declaration alone brings
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_AUTOREFRESH = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
SMS_BACKEND = "memory"
TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend", "QUEUES": ["default"]}}
EXPECT_WORKER = False
# Code tables and settings change only through this process in a test: no polling, so that query counts do not depend on the clock.
CODES_CHECK_SECONDS = None
REMEMBER_SECONDS = None

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file as in production, not Django's database in memory: that one is a single connection, and two requests of a browser at once
    # find each other's tables locked. Nothing in it outlives the run, so it need not wait for the disk.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
elif DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # Likewise: a commit does not wait for the log to be on the disk. Only a crash of the server could lose one; locks, and what others see, are as ever.
    _options = DATABASES["default"].setdefault("OPTIONS", {})
    _options["options"] = f"{_options.get('options', '')} -c synchronous_commit=off".strip()
