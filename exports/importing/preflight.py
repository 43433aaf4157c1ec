"""May this upload come in? Decided by content in milliseconds, before any library unfolds it.

``inspect(source, filename)`` returns a ``FileKind`` or raises ``UploadRefused`` with a Chinese sentence. Accepted: .xlsx,
.xls (OLE2/BIFF), .csv (UTF-8 with or without BOM, GB18030, UTF-16 with BOM). The zip directory alone decides about bombs;
a forged directory is caught by ``xlsxscan``, which unpacks every part against its declared length before the reader runs.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from . import ole
from .refusal import LIMITS, Limits, UploadRefused

__all__ = ["FileKind", "Limits", "UploadRefused", "inspect", "open_source"]

type_of_source = str | Path | bytes | BinaryIO

_ASK = "请上传 .xlsx、.xls 或 .csv 文件。"
_OTHERS = (
    (b"%PDF", "一份 PDF 文档"),
    (b"\x89PNG", "图片"),
    (b"\xff\xd8\xff", "图片"),
    (b"GIF8", "图片"),
    (b"BM", "图片"),
    (b"RIFF", "图片或音视频"),
    (b"II*\x00", "图片"),
    (b"MM\x00*", "图片"),
    (b"Rar!", "压缩包"),
    (b"7z\xbc\xaf", "压缩包"),
    (b"\x1f\x8b", "压缩包"),
    (b"{\\rtf", "一份 Word 文档"),
    (b"MZ", "程序"),
    (b"\x7fELF", "程序"),
)
_HTML = re.compile(r"<\s*(!doctype\s+html|html|head|body|table|meta|style|script|div)\b", re.I)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f]")
_ROOT = re.compile(r"<[^?!\s]")

# Parts of an .xlsx that are refused, by a pattern over their lower-case names.
_FORBIDDEN = (
    (
        re.compile(r"vbaproject|xl/macrosheets/|xl/dialogsheets/"),
        "这个工作簿带有宏（.xlsm 或 VBA），不能导入。请另存为不带宏的 .xlsx 后重新上传。",
    ),
    (
        re.compile(r"xl/externallinks/"),
        "这个工作簿引用了其他文件（外部链接），不能导入。"
        "请在“数据—编辑链接”中断开链接，或把数据以“值”粘贴到新的工作簿，再重新上传。",
    ),
    (
        re.compile(r"xl/embeddings/|xl/activex/|oleobject"),
        "这个工作簿里嵌入了其他文件或控件，不能导入。请把数据复制到新的工作簿，另存为 .xlsx 后重新上传。",
    ),
)
_DAMAGED = "这个文件已损坏，无法读取。请在 Excel 或 WPS 中打开，另存为 .xlsx 后重新上传。"
_BOMB = "这个工作簿解压后异常庞大，不能导入。请把数据复制到新的工作簿（只留需要的行和列），另存为 .xlsx 后重新上传。"


@dataclass(frozen=True, slots=True)
class FileKind:
    """What an accepted upload is. ``kind``: "xlsx", "xls" or "csv"; ``encoding`` only for csv; ``size`` in bytes."""

    kind: str
    size: int
    encoding: str = ""


def open_source(source: type_of_source) -> BinaryIO:
    """A seekable binary file for a path, bytes, or a file-like object, at position 0. The caller closes it."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, (str, Path)):
        return open(source, "rb")
    source.seek(0)
    return source


def inspect(source: type_of_source, filename: str = "", limits: Limits = LIMITS) -> FileKind:
    """Decide by content what an upload is. ``filename`` is only used in sentences. Raises ``UploadRefused``."""
    stream = open_source(source)
    try:
        return _inspect(stream, filename, limits)
    finally:
        if stream is not source:
            stream.close()


def _inspect(stream: BinaryIO, filename: str, limits: Limits) -> FileKind:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if size == 0:
        raise UploadRefused("文件是空的。请确认选对了文件，保存后重新上传。")
    if size > limits.max_bytes:
        raise UploadRefused(
            f"文件有 {size / 1048576:.1f} MB，超过 {limits.max_bytes / 1048576:g} MB 的上限。请删除图片和多余的工作表，或拆成几个文件。"
        )
    head = stream.read(8)
    stream.seek(0)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        _check_zip(stream, limits)
        return FileKind("xlsx", size)
    if head == ole.MAGIC:
        compound = ole.Compound(stream.read())
        ole.scan_workbook(compound.stream(ole.check_directory(compound)), limits)
        return FileKind("xls", size)
    for magic, what in _OTHERS:
        if head.startswith(magic):
            raise UploadRefused(f"这是{what}，不是表格。{_ASK}")
    return FileKind("csv", size, _check_text(stream.read(), filename))


def _check_text(data: bytes, filename: str) -> str:
    """Encoding of a text table; refuses web pages, XML and binary rubbish."""
    encoding = _encoding(data)
    text = data.decode(encoding)
    start = text[:4096].lstrip("\ufeff \t\r\n")
    if _HTML.search(start) or start.startswith("MIME-Version:"):
        raise UploadRefused(
            "这个文件其实是网页，只是扩展名像表格（有些系统导出的 .xls 就是这样）。请用 Excel 或 WPS 打开，另存为 .xlsx 后重新上传。"
        )
    if start.startswith("<"):
        raise UploadRefused("这个文件其实是 XML，不是 Excel 工作簿。请用 Excel 或 WPS 打开，另存为 .xlsx 后重新上传。")
    if not start:
        raise UploadRefused("文件里没有内容。请确认选对了文件，保存后重新上传。")
    if _CONTROLS.search(text):
        name = f"“{Path(filename).suffix}”" if Path(filename).suffix else ""
        raise UploadRefused(f"认不出这个{name}文件的格式。{_ASK}")
    return encoding


def _encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates: tuple[str, ...] = ("utf-16",)
    elif data.startswith(b"\xef\xbb\xbf"):
        candidates = ("utf-8-sig",)
    else:
        candidates = ("utf-8", "gb18030")
    for encoding in candidates:
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise UploadRefused(f"认不出这个文件的文字编码。请用 Excel 或 WPS 打开，另存为 .xlsx 后重新上传。{_ASK}")


def _check_zip(stream: BinaryIO, limits: Limits) -> None:
    try:
        with zipfile.ZipFile(stream) as archive:
            _check_directory(archive, limits)
            for part in archive.infolist():
                if part.filename.lower().endswith((".xml", ".rels", ".vml")):
                    _check_xml(archive, part)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError, EOFError) as error:
        raise UploadRefused(_DAMAGED) from error


def _check_directory(archive: zipfile.ZipFile, limits: Limits) -> None:
    parts = archive.infolist()
    if len(parts) > limits.max_parts:
        raise UploadRefused(_BOMB)
    names = [part.filename.lower().replace("\\", "/") for part in parts]
    unpacked, packed = sum(p.file_size for p in parts), sum(p.compress_size for p in parts)
    if unpacked > limits.max_unpacked or (
        unpacked > limits.ratio_from and unpacked > limits.max_ratio * max(packed, 1)
    ):
        raise UploadRefused(_BOMB)
    if any(part.flag_bits & 0x1 for part in parts):
        raise UploadRefused("这个文件设了密码，无法读取。请取消密码后重新上传。")
    if len(set(names)) != len(names) or any(
        p.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for p in parts
    ):
        raise UploadRefused(_DAMAGED)
    for pattern, sentence in _FORBIDDEN:
        if any(pattern.search(name) for name in names):
            raise UploadRefused(sentence)
    _check_is_xlsx(archive, set(names))


def _check_is_xlsx(archive: zipfile.ZipFile, names: set[str]) -> None:
    if "xl/workbook.bin" in names:
        raise UploadRefused("这是 .xlsb 二进制工作簿。请在 Excel 中另存为 .xlsx 后重新上传。")
    if "word/document.xml" in names or "ppt/presentation.xml" in names:
        raise UploadRefused(f"这是 Word 或 PPT 文档，不是表格。{_ASK}")
    if "mimetype" in names or "content.xml" in names:
        raise UploadRefused("这是 OpenDocument 格式（如 .ods）。请用 Excel 或 WPS 打开，另存为 .xlsx 后重新上传。")
    if "[content_types].xml" not in names or not any(name.startswith("xl/") for name in names):
        raise UploadRefused(f"这是压缩包，不是 Excel 工作簿。请先解压。{_ASK}")
    name = next(p.filename for p in archive.infolist() if p.filename.lower() == "[content_types].xml")
    with archive.open(name) as part:
        types = part.read(1 << 20).lower()
    if b"macroenabled" in types or b"vbaproject" in types:
        raise UploadRefused(_FORBIDDEN[0][1])


def _check_xml(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """No DOCTYPE and no entity: both must stand before the root element, so the head of the part is enough."""
    with archive.open(part) as handle:
        raw = handle.read(4096)
    text = raw.decode(_xml_encoding(raw), "replace")
    root = _ROOT.search(text)
    prologue = text[: root.start()] if root else text
    if (
        "<!DOCTYPE" in prologue.upper()
        or "<!ENTITY" in prologue.upper()
        or (root is None and part.file_size > len(raw))
    ):
        raise UploadRefused(
            "这个工作簿的内部结构不正常（含有 DOCTYPE 声明），不能导入。请把数据复制到新的工作簿，另存为 .xlsx。"
        )


def _xml_encoding(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if raw.startswith(b"<\x00"):
        return "utf-16-le"
    return "utf-16-be" if raw.startswith(b"\x00<") else "utf-8"
