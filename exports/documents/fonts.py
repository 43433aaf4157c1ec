"""The Chinese fonts of printed forms: found, made where they are missing, and known to reportlab once per process.

A pip package carries Noto Serif SC and Noto Sans SC (SIL Open Font License) with outlines that reportlab cannot embed. They are
converted when the environment is set up (`python -m exports.documents.fonts`, part of `make run` and `make test`) and kept beside
the installed packages; whoever comes first does it where that was forgotten. A school with licences for 宋体 and 黑体 names its own
TrueType files in PDF_SERIF and PDF_SANS.
"""

from __future__ import annotations

import fcntl
import os
import subprocess  # nosec B404 - runs this project's own module and nothing else
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution, version
from pathlib import Path

from django.conf import settings

PACKAGE = "pylopdf-fonts-zh-cn"
SOURCES = {"serif": "NotoSerifSC-Regular.otf", "sans": "NotoSansSC-Regular.otf"}
MADE_BY = "1"  # raise it when `outlines.convert` makes something else of the same font
BASE = Path(__file__).resolve().parent.parent.parent


def folders() -> list[Path]:
    """Where converted fonts may be: with the installed packages, else with this deployment's data."""
    return [Path(sys.prefix) / "share" / "qihang-fonts", Path(os.environ.get("DATA_DIR", BASE / "var")) / "fonts"]


def paths() -> dict[str, Path]:
    """{"serif": path, "sans": path}: the school's own, or those of the package, made where they are missing."""
    own = {"serif": settings.PDF_SERIF, "sans": settings.PDF_SANS}
    found = {name: Path(own[name]) if own[name] else _found(name) for name in SOURCES}
    if not all(found.values()):
        make()
        found = {name: path or _found(name) for name, path in found.items()}
    return {name: path for name, path in found.items() if path is not None}


def _found(name: str) -> Path | None:
    file = f"{name}-{version(PACKAGE)}-{MADE_BY}.ttf"
    return next((path for folder in folders() if (path := folder / file).is_file()), None)


def make() -> None:
    """Convert what is missing, both fonts at once; others who want them meanwhile wait."""
    folder = _writable()
    with _alone(folder):
        missing = [name for name in SOURCES if _found(name) is None]
        running = [subprocess.Popen(_command(name, folder), cwd=BASE) for name in missing]  # nosec B603
        if [process for process in running if process.wait()]:
            raise OSError("the fonts of printed forms could not be converted: see the error above")


def _command(name: str, folder: Path) -> list[str]:
    source = distribution(PACKAGE).locate_file(f"pylopdf_fonts_zh_cn/{SOURCES[name]}")
    target = folder / f"{name}-{version(PACKAGE)}-{MADE_BY}.ttf"
    return [sys.executable, "-m", "exports.documents.outlines", str(source), str(target)]


def _writable() -> Path:
    for folder in folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise OSError(f"no place for the fonts of printed forms: none of {', '.join(map(str, folders()))} can be written")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    make()
