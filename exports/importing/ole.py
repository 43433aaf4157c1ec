"""Old .xls files from the inside: the OLE2 (CFB) directory and the BIFF records, as far as a pre-flight needs them.

Sources: [MS-CFB] §2 (header, FAT, directory, mini stream), [MS-XLS] §2.4 (record numbers). Only reads, every chain is
bounded, anything that does not fit raises ``UploadRefused``.
"""

from __future__ import annotations

import struct

from .refusal import FormulaCell, Limits, SheetScan, UploadRefused, too_large

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_END = 0xFFFFFFFA  # this and above are markers (end of chain, free, FAT sector), not sector numbers
BROKEN = "这个 .xls 文件已损坏，无法读取。请在 Excel 或 WPS 中打开，另存为 .xlsx 后重新上传。"

_BOF, _EOF, _FILEPASS, _BOUNDSHEET, _SUPBOOK = 0x809, 0x0A, 0x2F, 0x85, 0x1AE
_FORMULA, _BOOLERR, _MULRK, _MULBLANK = 0x06, 0x205, 0xBD, 0xBE
_CELLS = frozenset({_FORMULA, _BOOLERR, _MULRK, 0xFD, 0x203, 0x204, 0x27E, 0xD6})
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}


class Compound:
    """An OLE2 compound file held in memory: names of its entries and the bytes of a stream."""

    def __init__(self, data: bytes):
        if len(data) < 512 or data[:8] != MAGIC:
            raise UploadRefused(BROKEN)
        self._data = data
        shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if shift not in (9, 12) or mini_shift != 6:
            raise UploadRefused(BROKEN)
        self._size = 1 << shift
        first_dir, self._cutoff, first_mini = (struct.unpack_from("<I", data, at)[0] for at in (48, 56, 60))
        self._fat = self._read_fat()
        #: name (lower case) → (type, first sector, length)
        self.entries: dict[str, tuple[int, int, int]] = {}
        self._root = (_END, 0)
        self._read_directory(self._chain(first_dir))
        self._mini_fat = self._words(self._chain(first_mini)) if first_mini < _END else ()
        self._mini = b""

    def _sector(self, number: int) -> bytes:
        at = (number + 1) * self._size
        return self._data[at : at + self._size]

    def _words(self, data: bytes) -> tuple[int, ...]:
        return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])

    def _read_fat(self) -> tuple[int, ...]:
        sectors = list(struct.unpack_from("<109I", self._data, 76))
        following, seen = struct.unpack_from("<I", self._data, 68)[0], set()
        while following < _END and following not in seen:
            seen.add(following)
            more = self._words(self._sector(following))
            if not more:
                raise UploadRefused(BROKEN)
            sectors += more[:-1]
            following = more[-1]
        return self._words(b"".join(self._sector(s) for s in sectors if s < _END))

    def _chain(self, first: int, fat: tuple[int, ...] | None = None) -> bytes:
        table = self._fat if fat is None else fat
        parts, number, seen = [], first, set()
        while number < _END:
            if number in seen or number >= len(table):
                raise UploadRefused(BROKEN)
            seen.add(number)
            parts.append(self._sector(number) if fat is None else self._mini[number * 64 : number * 64 + 64])
            number = table[number]
        return b"".join(parts)

    def _read_directory(self, data: bytes) -> None:
        for at in range(0, len(data) - 127, 128):
            length, kind = struct.unpack_from("<HB", data, at + 64)
            if kind not in (1, 2, 5) or not 2 <= length <= 64:
                continue
            name = data[at : at + length - 2].decode("utf-16-le", "replace")
            first, size = struct.unpack_from("<II", data, at + 116)
            self.entries.setdefault(name.lower(), (kind, first, size))
            if kind == 5:
                self._root = (first, size)

    def stream(self, name: str) -> bytes:
        """The bytes of a stream; refuses when there is none of that name."""
        kind, first, size = self.entries.get(name.lower(), (0, _END, 0))
        if kind != 2:
            raise UploadRefused(BROKEN)
        if size >= self._cutoff:
            return self._chain(first)[:size]
        self._mini = self._mini or self._chain(self._root[0])
        return self._chain(first, self._mini_fat)[:size]


def check_directory(compound: Compound) -> str:
    """Name of the workbook stream of an honest .xls; refuses macros, encryption, embedded objects, other documents."""
    names = compound.entries
    if "encryptedpackage" in names or "encryptioninfo" in names:
        raise UploadRefused(
            "这个工作簿设了打开密码，无法读取。请在 Excel 中取消密码（文件—信息—保护工作簿）后重新上传。"
        )
    for stream in ("workbook", "book"):
        if stream in names:
            break
    else:
        raise UploadRefused("这个文件不是 Excel 工作簿（可能是 Word、PPT 等文档）。请上传 .xlsx、.xls 或 .csv 文件。")
    if any(name.startswith("_vba_project") or name == "vba" for name in names):
        raise UploadRefused("这个工作簿带有宏（VBA），不能导入。请另存为不带宏的 .xlsx 后重新上传。")
    if "ctls" in names or any(kind == 1 and name.startswith("mbd") for name, (kind, _, _) in names.items()):
        raise UploadRefused(
            "这个工作簿里嵌入了其他文件或控件，不能导入。请把数据复制到新的工作簿，另存为 .xlsx 后重新上传。"
        )
    return stream


def scan_workbook(stream: bytes, limits: Limits) -> list[SheetScan]:
    """Walk the BIFF records: one SheetScan for each sheet, in the order of the sheet tabs. Refuses as above."""
    offsets, sheets = [], {}
    here, at, end = None, 0, len(stream)
    while at + 4 <= end:
        number, length = struct.unpack_from("<HH", stream, at)
        body = at + 4
        if number in _CELLS and here is not None:
            _note_cell(here, number, stream, body, length, limits)
        elif number == _BOF:
            here = sheets[at] = SheetScan(0, 0, [], {})
        elif number == _FILEPASS:
            raise UploadRefused("这个工作簿设了打开密码，无法读取。请在 Excel 中取消密码后重新上传。")
        elif number == _BOUNDSHEET and length >= 6:
            offset, _visible, kind = struct.unpack_from("<IBB", stream, body)
            if kind in (1, 6):
                raise UploadRefused("这个工作簿带有宏表，不能导入。请另存为不带宏的 .xlsx 后重新上传。")
            offsets.append(offset)
        elif number == _SUPBOOK and length > 4 and struct.unpack_from("<H", stream, body + 2)[0] not in (0x401, 0x3A01):
            raise UploadRefused(
                "这个工作簿引用了其他文件（外部链接），不能导入。请在“数据—编辑链接”中断开链接后重新上传。"
            )
        at = body + length
    return [sheets.get(offset) or SheetScan(0, 0, [], {}) for offset in offsets]


def _note_cell(scan: SheetScan, number: int, stream: bytes, body: int, length: int, limits: Limits) -> None:
    if body + length > len(stream) or length < 6:
        raise UploadRefused(BROKEN)
    row, column = struct.unpack_from("<HH", stream, body)
    last = struct.unpack_from("<H", stream, body + length - 2)[0] if number == _MULRK else column
    scan.rows, scan.columns = max(scan.rows, row + 1), max(scan.columns, last + 1)
    if sentence := too_large(scan.rows, scan.columns, limits):
        raise UploadRefused(sentence)
    if number == _FORMULA:
        scan.formulas.append(FormulaCell(row + 1, column + 1, cached=True))
        # [MS-XLS] 2.5.133 FormulaValue: first byte 2 and last word FFFF mean an error value.
        if length >= 14 and stream[body + 6] == 2 and stream[body + 12 : body + 14] == b"\xff\xff":
            scan.errors[row + 1, column + 1] = _ERRORS.get(stream[body + 8], "#VALUE!")
    elif number == _BOOLERR and length >= 8 and stream[body + 7]:
        scan.errors[row + 1, column + 1] = _ERRORS.get(stream[body + 6], "#VALUE!")
