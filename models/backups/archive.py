"""The archive: one tar file with the database's copy, the private files, a manifest of both, and a signature over the manifest.

The signature is made with SECRET_KEY, which is not in the archive: an archive that somebody put together or changed is told from our own,
and a machine that is about to be filled with data whose seals its key does not fit says so first. Manifest and signature come last, so
that an archive that was cut off lacks them.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from models.backups.errors import BackupError

DATABASE, FILES, MANIFEST, SIGNATURE = "database", "files/", "manifest.json", "signature"
FORMAT = 1
SALT = "models.backups.archive"
BLOCK = 1024 * 1024
DAMAGED = "备份文件已损坏或不完整，没有恢复。请换一份备份。"
UNKNOWN = "这不是本系统的备份文件，没有恢复。请核对文件名；加密的备份要用 --decrypt 给出解密命令。"


class Writer:
    """Writes an archive into an open binary file, one member after the other."""

    def __init__(self, out: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=_Told(out), mode="w", format=tarfile.PAX_FORMAT)  # type: ignore[call-overload]  # noqa: SIM115
        self.members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, path: Path) -> None:
        """Copy a file of this machine under `name`; its size and digest come into the manifest."""
        with path.open("rb") as source:
            size = path.stat().st_size
            reader = _Counting(source)
            self._tar.addfile(_header(name, size), reader)  # type: ignore[arg-type]
        self.members[name] = {"size": size, "sha256": reader.digest()}

    def finish(self, facts: dict[str, Any]) -> None:
        """Write manifest and signature: the archive is whole."""
        manifest = json.dumps(
            {"format": FORMAT, **facts, "members": self.members}, ensure_ascii=False, indent=1
        ).encode()
        for name, content in ((MANIFEST, manifest), (SIGNATURE, _signature(manifest, settings.SECRET_KEY).encode())):
            self._tar.addfile(_header(name, len(content)), io.BytesIO(content))
        self._tar.close()


def check(source: IO[bytes], *, any_key: bool = False) -> dict[str, Any]:
    """Read the whole archive and return its manifest. BackupError unless every byte is what was written, and written with our key.

    any_key   also take an archive whose signature none of our keys made; its digests are checked all the same
    """
    found: dict[str, dict[str, Any]] = {}
    last: dict[str, bytes] = {}
    with _whole():
        for name, size, stream in _members(source):
            if name in (MANIFEST, SIGNATURE):
                last[name] = stream.read()
                continue
            reader = _Counting(stream)
            while reader.read(BLOCK):
                pass
            found[name] = {"size": size, "sha256": reader.digest()}
    if MANIFEST not in last or SIGNATURE not in last:
        raise BackupError(DAMAGED if DATABASE in found else UNKNOWN)
    if not any_key and not _is_ours(last[MANIFEST], last[SIGNATURE]):
        raise BackupError(
            "备份的签名与本机的 SECRET_KEY 不符：备份被改动过，或者来自密钥不同的机器，没有恢复。"
            "请把原来的 SECRET_KEY 设在环境变量 SECRET_KEY 或 SECRET_KEY_FALLBACKS 中；确认备份来源可靠、但密钥已丢失时，加 --other-key。"
        )
    try:
        manifest = json.loads(last[MANIFEST])
        known, members = manifest["format"], manifest["members"]
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(DAMAGED) from error
    if known != FORMAT:
        raise BackupError("备份文件的格式比本程序新，没有恢复。请先把程序升级到备份时的版本。")
    if members != found:
        raise BackupError(DAMAGED)
    return manifest  # type: ignore[no-any-return]


def unpack(source: IO[bytes], folder: Path) -> None:
    """Write the members into the new folder `folder`: "database", and "files" with what is below it."""
    (folder / FILES).mkdir(parents=True, mode=0o700)
    for name, _size, stream in _members(source):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with target.open("xb") as out:
            target.chmod(0o600)
            while block := stream.read(BLOCK):
                out.write(block)


def _members(source: IO[bytes]) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, size and content of each member; names that lead out of the folder and anything but plain files are refused."""
    try:
        tar = tarfile.open(fileobj=source, mode="r|")  # noqa: SIM115 - closed below
    except tarfile.TarError as error:
        raise BackupError(UNKNOWN) from error
    with tar:
        for one in tar:
            stream = tar.extractfile(one) if one.isreg() else None
            if stream is None or not _is_safe(one.name):
                raise BackupError(UNKNOWN)
            yield one.name, one.size, stream


@contextlib.contextmanager
def _whole() -> Iterator[None]:
    """What tarfile says of an archive that was cut off or written over, as our sentence."""
    try:
        yield
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BackupError(DAMAGED) from error


def _is_safe(name: str) -> bool:
    if name in (DATABASE, MANIFEST, SIGNATURE):
        return True
    parts = PurePosixPath(name).parts
    return (
        name.startswith(FILES)
        and len(parts) > 1
        and ".." not in parts
        and "\0" not in name
        and str(PurePosixPath(name)) == name
    )


def _is_ours(manifest: bytes, signature: bytes) -> bool:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(constant_time_compare(signature, _signature(manifest, key).encode()) for key in keys)


def _signature(manifest: bytes, key: str) -> str:
    return salted_hmac(SALT, manifest, secret=key, algorithm="sha256").hexdigest()


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    return header


class _Told:
    """A file that is only written; it tells how far, which a pipe cannot."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._at = out, 0

    def write(self, block: bytes) -> int:
        self._at += len(block)
        return self._out.write(block)

    def tell(self) -> int:
        return self._at


class _Counting:
    """A file that is digested while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._read: Callable[[int], bytes] = file.read
        self._sum = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self._read(size)
        self._sum.update(block)
        return block

    def digest(self) -> str:
        return self._sum.hexdigest()
