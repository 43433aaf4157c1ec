"""manage.py tick: the upkeep that is due, once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from models.jobs.schedule import tick


class Command(BaseCommand):
    """See the module."""

    help = "执行到期的定时维护。工作进程会自己做；没有常驻进程时可由系统定时器每分钟调用。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--force", action="store_true", help="不论是否到期，全部执行一遍")

    def handle(self, *args: Any, force: bool, **options: Any) -> None:
        for name, outcome in tick(force=force).items():
            self.stdout.write(f"{name}：{outcome or '完成'}")
