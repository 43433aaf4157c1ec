"""Settings of a benchmark: the real ones, and the stock admin and API at URLs of their own. No further tables.

Static files are not hashed (nothing is collected for a benchmark), and log lines are kept off the terminal.
"""

from config.settings.base import *  # noqa: F403
from config.settings.base import ALLOWED_HOSTS, REST_FRAMEWORK, STORAGES, UNFOLD

ROOT_URLCONF = "benchmarks.urls"
REST_FRAMEWORK = {**REST_FRAMEWORK, "DEFAULT_THROTTLE_CLASSES": []}  # a load generator is what the limits are against
ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
TASKS = {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend", "QUEUES": ["default"]}}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"handlers": [], "level": "CRITICAL"}}
EXPECT_WORKER = False
# Code tables do not change during a run; a look at the database every two seconds would count as a query of some rounds.
CODES_CHECK_SECONDS = None
# The stock admin has the same skin with its default navigation.
STOCK_UNFOLD = {key: value for key, value in UNFOLD.items() if key.startswith("SITE_")}
