"""manage.py restore: an archive of `manage.py backup` back into an empty place."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection, transaction

from models.audit.models import Action
from models.audit.services import record
from models.backups.errors import BackupError
from models.backups.services import restore


class Command(BaseCommand):
    """`manage.py restore FILE [--force] [--other-key] [--decrypt COMMAND]`."""

    help = (
        "把备份恢复到空的数据库和空的 DATA_DIR；先完整校验备份，损坏、被截断或不是本系统的备份一律拒绝，原有数据不变。"
    )
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="备份文件")
        parser.add_argument("--force", action="store_true", help="替换现有数据；现有文件移到旁边的目录，数据库不保留")
        parser.add_argument("--other-key", action="store_true", help="接受用另一个 SECRET_KEY 签名的备份")
        parser.add_argument(
            "--decrypt",
            default="",
            metavar="COMMAND",
            help="解密命令，例如 gpg --batch --decrypt；只在恢复时使用，不要保存在服务器上",
        )

    def handle(self, *args: Any, file: Path, force: bool, other_key: bool, decrypt: str, **options: Any) -> None:
        try:
            manifest, aside = restore(connection, file, force=force, any_key=other_key, decrypt=decrypt)
        except BackupError as error:
            raise CommandError(error.sentence) from error
        with (
            contextlib.suppress(DatabaseError),
            transaction.atomic(),
        ):  # an older archive's trail may lack a column until it is migrated
            record(Action.RESTORE, file=file.name, made_at=manifest["made_at"])
        self.stdout.write(
            f"已恢复 {manifest['made_at']} 的备份：{len(manifest['tables'])} 张表、{len(manifest['members']) - 1} 个文件，逐表核对无误。"
        )
        if aside is not None:
            self.stdout.write(f"原有文件移到了 {aside}，确认无误后请删除。")
        self.stdout.write("请接着运行 manage.py migrate、manage.py verify，再启动服务。")
