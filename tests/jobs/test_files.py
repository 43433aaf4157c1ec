"""C4, C5, G2: private files leave no stump, take no name from outside, and are never shown by a browser."""

from __future__ import annotations

import errno
import io
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import Http404
from hypothesis import given
from hypothesis import strategies as st

from models.jobs.files import FileNotStored, PrivateDownload, remove_private, safe_filename, store_private

pytestmark = pytest.mark.django_db  # closing a response asks for the state of the connection

HOSTILE = [
    "../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "名单\r\nSet-Cookie: a=b.xlsx",
    "成绩\u202excod.xlsx",
    "长" * 300 + ".xlsx",
    "con.jpg",
    "COM1.tar.gz",
    '引号".xlsx; filename=x',
    "\x00.xlsx",
    "",
    "...",
    "/",
    ".htaccess",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_never_reaches_the_disk(name):
    stored = store_private(name, b"content", "imports")
    assert re.fullmatch(r"imports/\d{4}/\d{2}/[0-9a-f]{32}\.(xlsx|jpg|bin)", stored)
    path = Path(default_storage.path(stored))
    assert path.read_bytes() == b"content"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_never_reaches_a_header_raw(name):
    response = PrivateDownload(store_private("a.xlsx", b"x", "exports"), name)
    disposition = response.headers["Content-Disposition"]
    response.close()
    assert disposition.startswith("attachment; filename")
    shown = unquote(disposition.split("filename", 1)[1].lstrip("*=").removeprefix("utf-8''").strip('"'))
    assert shown
    assert not re.search(r'[\x00-\x1f\u202a-\u202e/\\"]', shown)
    assert len(shown) <= 120
    assert shown.split(".")[0].lower() not in {"con", "com1"}


@given(st.text(max_size=200))
def test_safe_filename_is_safe_and_settled(name):
    safe = safe_filename(name)
    assert safe
    assert len(safe) <= 120
    assert not set(safe) & set('/\\<>:"|?*;\r\n\x00')
    assert safe_filename(safe) == safe


def test_chinese_name_and_type_arrive():
    response = PrivateDownload(store_private("x.xlsx", b"x", "exports"), "2027届生源 名单.xlsx")
    assert b"".join(response.streaming_content) == b"x"
    response.close()
    assert "filename*=utf-8''2027%E5%B1%8A" in response.headers["Content-Disposition"]
    assert response.headers["Content-Type"].endswith("spreadsheetml.sheet")


def test_download_is_neither_shown_nor_sniffed_nor_kept():
    response = PrivateDownload(store_private("page.html", b"<script>alert(1)</script>", "imports"), "page.html")
    response.close()
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"].startswith("sandbox")
    assert response.headers["Cache-Control"] == "private, no-store"


def test_missing_file_is_404():
    stored = store_private("a.csv", b"x", "exports")
    remove_private(stored)
    remove_private(stored)
    with pytest.raises(Http404, match="已不存在"):
        PrivateDownload(stored, "a.csv")


@pytest.mark.parametrize(
    "source",
    [b"abc" * 10, io.BytesIO(b"abc" * 10), SimpleUploadedFile("u.csv", b"abc" * 10)],
    ids=["bytes", "file", "upload"],
)
def test_any_source_is_written_whole(source):
    if hasattr(source, "read"):
        source.read(5)  # somebody has looked at the beginning
    assert Path(default_storage.path(store_private("u.csv", source, "imports"))).read_bytes() == b"abc" * 10


def test_folder_is_ours():
    with pytest.raises(ValueError, match="plain folder"):
        store_private("a.csv", b"x", "../up")


def stored_in(folder: Path) -> dict:
    """STORAGES with the private files in `folder`."""
    store = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    return {**django_settings.STORAGES, "default": store}


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "磁盘空间不足"), (errno.EIO, "磁盘读写出错")])
@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_failure_at_any_step_leaves_nothing(monkeypatch, settings, tmp_path, number, words, step):
    settings.STORAGES = stored_in(tmp_path)

    def fail(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    class Broken(io.BytesIO):
        def read(self, size=-1):
            return fail() if self.tell() else super().read(2)

    if step != "write":
        monkeypatch.setattr(f"models.jobs.files.os.{step}", fail)
    with pytest.raises(FileNotStored, match=words) as caught:
        store_private("a.xlsx", Broken(b"abcdef") if step == "write" else b"abcdef", "imports")
    assert words in caught.value.sentence
    assert files_below(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("a tmpfs cannot be mounted here (needs root)")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_really_full_disk(small_disk, settings):
    settings.STORAGES = stored_in(small_disk)
    with pytest.raises(FileNotStored, match="磁盘空间不足"):
        store_private("a.xlsx", os.urandom(3 * 1024 * 1024), "imports")
    assert files_below(small_disk) == []
    stored = store_private("b.xlsx", os.urandom(100 * 1024), "imports")
    assert default_storage.size(stored) == 100 * 1024
