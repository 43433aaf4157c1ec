"""manage.py backup: database and private files in one archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from models.audit.models import Action
from models.audit.services import record
from models.backups.errors import BackupError
from models.backups.services import keep_newest, take


class Command(BaseCommand):
    """`manage.py backup [DIR] [--encrypt COMMAND] [--keep N]`."""

    help = "备份数据库和私有文件到一个文件（可在系统运行时进行）；密钥 SECRET_KEY 不在其中，须另外保管。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", nargs="?", metavar="DIR", type=Path, help="备份目录，默认 BACKUP_DIR")
        parser.add_argument(
            "--encrypt", default=settings.BACKUP_ENCRYPT, metavar="COMMAND",
            help="加密命令，从标准输入读、向标准输出写，默认 BACKUP_ENCRYPT；例如 gpg --batch --encrypt --recipient backup@example.edu.cn",
        )  # fmt: skip
        parser.add_argument("--keep", type=int, metavar="N", help="成功后只保留最新的 N 份备份")

    def handle(self, *args: Any, folder: Path | None, encrypt: str, keep: int | None, **options: Any) -> None:
        folder = folder or (Path(settings.BACKUP_DIR) if settings.BACKUP_DIR else None)
        if folder is None:
            raise CommandError("没有指定备份目录。请写成 manage.py backup 目录，或设置环境变量 BACKUP_DIR。")
        if keep is not None and keep < 1:
            raise CommandError("--keep 至少为 1。")
        try:
            taken = take(connection, folder, encrypt=encrypt)
        except BackupError as error:
            raise CommandError(error.sentence) from error
        record(Action.BACKUP, file=taken.path.name, rows=taken.rows, files=taken.files)
        said = f"已备份到 {taken.path}：{taken.rows} 行数据，{taken.files} 个文件。"
        self.stdout.write(
            said + ("" if encrypt else "备份没有加密，请只放在加密的存储上。") + "请另外保管 SECRET_KEY。"
        )
        for name in keep_newest(folder, keep) if keep else ():
            self.stdout.write(f"已删除旧备份 {name}。")
