"""manage.py worker: the background worker."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from models.jobs.worker import Worker


class Command(BaseCommand):
    """See the module."""

    help = "运行后台任务和定时维护，直到收到停止信号（会先做完手上的任务）。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--interval", type=float, default=0.5, help="没有任务时等待的秒数")
        parser.add_argument("--once", action="store_true", help="做完排队的任务后退出")
        parser.add_argument("--no-tick", action="store_true", help="不做定时维护（由 manage.py tick 另行执行）")

    def handle(self, *args: Any, interval: float, once: bool, no_tick: bool, **options: Any) -> None:
        worker = Worker(interval=interval, upkeep=not no_tick)
        worker.configure_signals()
        self.stdout.write(f"后台任务进程已启动：{worker.worker_id}")
        worker.serve(once=once)
