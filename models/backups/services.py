"""A backup of the whole system, and its way back (security row G4; GB/T 22239-2019 §8.1.4.9, 数据备份恢复)."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess  # nosec B404
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.core.files.storage import default_storage
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from models.backups import archive, engines
from models.backups.errors import BackupError
from models.backups.programs import Program

PREFIX = "qihang-"
ENGINES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}


@dataclass(frozen=True)
class Taken:
    """What a backup holds."""

    path: Path
    rows: int
    files: int


# -- taking ------------------------------------------------------------------------------------------------------------------------


def take(connection: BaseDatabaseWrapper, folder: Path, *, encrypt: str = "") -> Taken:
    """Write one archive into `folder` while people go on working, and return what it holds. BackupError, and no stump, if it cannot be done.

    encrypt   a command that encrypts what it reads to what it writes, e.g. "gpg --batch --encrypt --recipient backup@example.edu.cn"

    Of one moment: the database is one snapshot, and every file it names is in the archive. Files are written once, under a name of their
    own, before the row that names them, so what is there before the snapshot and what is there after it, together, is all that it can name;
    the first look holds its files by hard links, in case the upkeep removes one meanwhile.
    """
    name = f"{PREFIX}{timezone.localtime():%Y%m%d-%H%M%S}.tar{'.enc' if encrypt else ''}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _staging() as staging, _new_file(folder / name, encrypt) as out:
            held, copy = staging / "files", staging / archive.DATABASE
            _hold(_root(), held)
            contents = engines.take(connection, copy)
            _hold(_root(), held)
            writer = archive.Writer(out)
            writer.add(archive.DATABASE, copy)
            for path in _files(held):
                writer.add(archive.FILES + path.relative_to(held).as_posix(), path)
            writer.finish(_facts(connection, contents))
    except OSError as error:
        raise BackupError(
            f"备份没有写成：{error.strerror or error}（{folder}）。请检查磁盘空间和权限后重试。"
        ) from error
    return Taken(folder / name, sum(count for count, _digest in contents.values()), len(writer.members) - 1)


def keep_newest(folder: Path, count: int) -> list[str]:
    """Remove all but the newest `count` archives of ours in `folder`; returns the names of those removed."""
    old = sorted(folder.glob(f"{PREFIX}*.tar*"), key=lambda path: path.name, reverse=True)[count:]
    for path in old:
        path.unlink(missing_ok=True)
    return [path.name for path in old]


def _facts(connection: BaseDatabaseWrapper, contents: engines.Contents) -> dict[str, Any]:
    applied = sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())
    return {
        "made_at": timezone.localtime().isoformat(timespec="seconds"),
        "engine": connection.vendor,
        "server": engines.version(connection),
        "migrations": applied,
        "tables": contents,
    }


def _root() -> Path:
    return Path(default_storage.path(""))


def _files(root: Path) -> Iterator[Path]:
    """Stored files; what is half-written (".….part") belongs to a row that is not there yet."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.name.endswith(".part"):
            yield path


def _hold(root: Path, held: Path) -> None:
    """Link the files below `root` into `held`, those that are not there yet; a file system without links gets copies."""
    held.mkdir(exist_ok=True)
    for path in _files(root):
        target = held / path.relative_to(root)
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # removed since the look: then no row names it any more
            try:
                os.link(path, target)
            except FileNotFoundError:
                raise
            except OSError:  # no links here, or another file system
                shutil.copyfile(path, target)


@contextlib.contextmanager
def _staging() -> Iterator[Path]:
    """A folder beside the files, readable by the owner only, gone afterwards."""
    root = _root()
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=root.parent) as folder:
        yield Path(folder)


@contextlib.contextmanager
def _new_file(target: Path, encrypt: str) -> Iterator[IO[bytes]]:
    """What is written appears under the name `target` once it is whole and on the disk; otherwise nothing does."""
    if target.exists():
        raise BackupError(f"{target} 已经存在。请稍后重试。")
    part = target.with_name(f".{target.name}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            if encrypt:
                with _filter(encrypt, stdin=subprocess.PIPE, stdout=out) as through:
                    try:
                        yield through.stdin
                        through.stdin.close()
                    except BrokenPipeError as error:  # it ended before everything was read, whatever it says
                        raise BackupError(f"加密没有成功，没有留下备份。{through.fault()}") from error
                    if fault := through.fault():
                        raise BackupError(f"加密没有成功，没有留下备份。{fault}")
            else:
                yield out
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _filter(command: str, **pipes: Any) -> Program:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise BackupError(f"命令“{command}”写得不完整，请检查引号。") from error
    return Program(words, hint="请检查加密或解密命令。", **pipes)


# -- restoring -----------------------------------------------------------------------------------------------------------------


def restore(
    connection: BaseDatabaseWrapper, path: Path, *, force: bool = False, any_key: bool = False, decrypt: str = ""
) -> tuple[dict[str, Any], Path | None]:
    """Put an archive into the empty database and file store of this installation; returns its manifest and where files went that were there.

    force     also into a place that is not empty: the database is replaced in one transaction, the files there are set aside
    any_key   see `archive.check`
    decrypt   a command that turns an encrypted archive back

    BackupError, with everything as it was, if the archive is not ours, damaged, of another engine or a newer version, or the place is taken.
    The service and the worker should be stopped meanwhile; whoever is at work sees the old state or the new.
    """
    if not force and (engines.has_tables(connection) or any(_root().glob("*"))):
        raise BackupError(
            "这里已经有数据（数据库中有表，或文件目录不是空的），没有恢复。请恢复到空的数据库和空的 DATA_DIR；确实要替换现有数据时，加 --force。"
        )
    try:
        with _staging() as staging:
            plain = _decrypted(path, decrypt, staging / "plain.tar") if decrypt else path
            with plain.open("rb") as source:
                manifest = archive.check(source, any_key=any_key)
                _fits(connection, manifest)
                source.seek(0)
                archive.unpack(source, staging / "new")
            aside = _replace(connection, staging / "new")
    except OSError as error:
        raise BackupError(f"没有恢复：{error.strerror or error}（{error.filename or path}）。请检查后重试。") from error
    if engines.contents(connection) != manifest["tables"]:
        raise BackupError("恢复后的数据与备份清单不符。请不要使用这个数据库，核对数据库版本后重新恢复。")
    return manifest, aside


def _fits(connection: BaseDatabaseWrapper, manifest: dict[str, Any]) -> None:
    if manifest["engine"] != connection.vendor:
        theirs, ours = (ENGINES.get(vendor, vendor) for vendor in (manifest["engine"], connection.vendor))
        raise BackupError(
            f"备份来自 {theirs}，而本机的数据库是 {ours}，没有恢复。请按备份的数据库种类设置 DATABASE_URL。"
        )
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).graph.nodes}
    if newer := [name for name in manifest["migrations"] if name not in known]:
        raise BackupError(f"备份来自更新的程序版本（{newer[0]} 等），没有恢复。请先升级程序。")


def _decrypted(path: Path, decrypt: str, target: Path) -> Path:
    with path.open("rb") as source, target.open("xb") as out, _filter(decrypt, stdin=source, stdout=out) as through:
        if fault := through.fault():
            raise BackupError(f"解密没有成功，没有恢复。{fault}")
    return target


def _replace(connection: BaseDatabaseWrapper, new: Path) -> Path | None:
    """Files first, then the database in one transaction; if that fails the files go back to where they were."""
    root = _root()
    aside = root.parent / f"{root.name}.before-{timezone.localtime():%Y%m%d-%H%M%S}"
    moved = _move(root, aside)
    _move(new / "files", root)
    try:
        engines.put(connection, new / archive.DATABASE)
    except BaseException:
        _move(root, new / "files")
        _move(aside, root)
        with contextlib.suppress(OSError):
            aside.rmdir()
        raise
    return aside if moved else None


def _move(source: Path, target: Path) -> int:
    """Move what lies in `source` into `target`, which may be a mount of its own; the folders themselves stay."""
    children = sorted(source.glob("*")) + sorted(source.glob(".*"))
    if children:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
    for child in children:
        shutil.move(child, target / child.name)
    return len(children)
