"""Private files: written so that a crash or a full disk leaves no stump, read only through a checked view (rows C4, C5, G2).

No URL serves the folder they lie in. The name a person gave a file never reaches the disk; it is kept in the database and
cleaned before it is put into a header.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import unicodedata
import uuid
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404
from django.utils import timezone

from models.jobs.errors import JobError

logger = logging.getLogger(__name__)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
CHUNK = 1024 * 1024
TYPES = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xls": "application/vnd.ms-excel",
    ".csv": "text/csv; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})


class FileNotStored(JobError):
    """A file could not be written; `sentence` says why in Chinese. Nothing is left on the disk."""


def safe_filename(name: str, *, fallback: str = "文件") -> str:
    """A file name fit for a header and for any reader's disk: no path, control, bidi or quoting characters, ≤ 120 characters.

    >>> safe_filename("../../等级\\r\\n表.xlsx")
    '等级表.xlsx'
    """
    name = PurePosixPath(name.replace("\\", "/")).name
    # Cc control, Cf format (bidi overrides, zero width), Cs surrogates, Zl/Zp separators: invisible, and all they do is mislead.
    name = "".join(
        c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c not in '<>:"|?*;'
    )
    stem, dot, extension = name.strip(" .").rpartition(".")
    if not dot:
        stem, extension = extension, ""
    stem, extension = stem.strip(" .")[:100] or fallback, extension[:12]
    if stem.split(".")[0].lower() in _RESERVED:
        stem = f"_{stem}"
    return f"{stem}.{extension}" if extension else stem


def store_private(name: str, fileobj: IO[bytes] | bytes | Any, folder: str) -> str:
    """Write `fileobj` into the private store and return its stored name ("imports/2026/11/5f….xlsx"), to keep in a FileField.

    name     what the person called it; only a known extension survives, ".bin" stands for any other
    fileobj  bytes, an open binary file, or a Django (uploaded) file
    folder   one lower-case word of ours: "imports", "jobs" …

    The content goes to a temporary file beside the target, is flushed to the disk and renamed into place. FileNotStored, with a
    sentence for the person and nothing left behind, when the disk is full or cannot be written.
    """
    if not folder.isidentifier():
        raise ValueError(f"{folder!r} is not a plain folder name")
    extension = Path(safe_filename(name)).suffix.lower()
    extension = extension if extension in TYPES else ".bin"
    stored = f"{folder}/{timezone.localdate():%Y/%m}/{uuid.uuid4().hex}{extension}"
    target = Path(default_storage.path(stored))
    temporary = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(temporary, fileobj)
        os.replace(temporary, target)
        _flush_folder(target.parent)
    except OSError as error:
        for stump in (temporary, target):
            with contextlib.suppress(OSError):
                stump.unlink(missing_ok=True)
        raise FileNotStored(_sentence(error)) from error
    return stored


def _write(path: Path, fileobj: Any) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        if isinstance(fileobj, bytes | bytearray | memoryview):
            out.write(fileobj)
        else:
            if hasattr(fileobj, "seek"):
                fileobj.seek(0)
            while block := fileobj.read(CHUNK):
                out.write(block)
        out.flush()
        os.fsync(out.fileno())


def _flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sentence(error: OSError) -> str:
    if error.errno in FULL:
        logger.error("private store: disk full")
        return "服务器磁盘空间不足，文件没有保存。请联系系统管理员清理磁盘后重试。"
    logger.error("private store: %s", error)
    return "文件没有保存成功（服务器磁盘读写出错）。请稍后重试；若再次失败，请联系系统管理员。"


def remove_private(stored: str) -> None:
    """Delete a stored file; one that is already gone is no error."""
    if stored:
        Path(default_storage.path(stored)).unlink(missing_ok=True)


class PrivateDownload(FileResponse):
    """The answer of a view that has checked that this person may have this file; Http404 if the file is not there any more.

    Always an attachment, never sniffed, never cached, and sandboxed should a browser show it all the same.
    """

    def __init__(self, stored: str, name: str, **kwargs: Any) -> None:
        try:
            file = default_storage.open(stored, "rb")
        except (FileNotFoundError, IsADirectoryError) as error:
            raise Http404("文件已不存在：可能已过保存期限，请重新生成。") from error
        kind = TYPES.get(Path(stored).suffix, "application/octet-stream")
        super().__init__(file, as_attachment=True, filename=safe_filename(name), content_type=kind, **kwargs)
        self.headers["X-Content-Type-Options"] = "nosniff"
        self.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        self.headers["Cache-Control"] = "private, no-store"
