"""manage.py rebuild_names: write the index behind the search for a part of a name afresh."""

from typing import Any

from django.core.management.base import BaseCommand

from models.students.names import install, rebuild


class Command(BaseCommand):
    """Needed only after rows were written with triggers switched off (a restore by hand)."""

    help = "重建姓名索引：按姓名中的任意两个字查找学生时使用。"

    def handle(self, *args: Any, **options: Any) -> None:
        install()
        self.stdout.write(f"已重建 {rebuild()} 条姓名索引。")
