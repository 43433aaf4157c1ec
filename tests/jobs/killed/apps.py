from django.apps import AppConfig


class KilledConfig(AppConfig):
    """Only there so that a worker process finds the job handlers of this folder."""

    name = "tests.jobs.killed"
    label = "killed"
