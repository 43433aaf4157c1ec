"""What an uploaded file really is. Kind by content, never by name; pictures are decoded and written anew, PDFs opened and looked through.

A picture written anew holds neither what hid behind it nor where it was taken (security C3). A PDF is kept as it is, because a
signature would not survive; so nothing in it may act by itself.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageOps
from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from models.evidence.kinds import TYPE_NAMES, EvidenceKind
from workflows.errors import Invalid

HEADS = (("jpg", b"\xff\xd8\xff"), ("png", b"\x89PNG\r\n\x1a\n"), ("pdf", b"%PDF-"))
CONTENT_TYPES = {"jpg": "image/jpeg", "pdf": "application/pdf"}
PIXELS = 25_000_000
LONGEST = 3000  # a page of A4 at 250 dpi: every stamp is readable, and a phone's 12 megapixels shrink to a fifth
OBJECTS = 50_000
ACTING = frozenset(
    {
        "/JS",
        "/JavaScript",
        "/Launch",
        "/EmbeddedFile",
        "/EmbeddedFiles",
        "/RichMedia",
        "/XFA",
        "/SubmitForm",
        "/ImportData",
    }
)


@dataclass(frozen=True)
class LookedAt:
    """A file that is taken: the bytes to keep, and what there is to know about them."""

    content: bytes
    extension: str
    content_type: str
    sha256: str
    phash: str = ""
    pages: int = 1


def look(upload: Any, kind: EvidenceKind, crop: tuple[float, float, float, float] | None = None) -> LookedAt:
    """Check an upload against what `kind` takes; Invalid with a sentence when it is not taken. `crop` as in `services.attach`."""
    if upload.size > kind.max_size:
        raise Invalid({kind.field: f"{kind.label}超过 {kind.max_size // 1024 // 1024} MB，请压缩后再上传。"})
    upload.seek(0)
    content = upload.read()
    found = next((name for name, head in HEADS if content.startswith(head)), None)
    if found not in kind.types:
        types = "、".join(TYPE_NAMES[one] for one in kind.types)
        raise Invalid({kind.field: f"{kind.label}只接受 {types} 格式，这个文件不是，请另存为其中一种后再上传。"})
    phash, pages = "", 1
    if found == "pdf":
        pages = _pdf(content, kind)
    else:
        content, phash = _picture(content, kind, crop)
        found = "jpg"  # a picture of either kind is written anew as one
    digest = hashlib.sha256(content).hexdigest()
    return LookedAt(content, f".{found}", CONTENT_TYPES[found], digest, phash, pages)


def decoded(content: bytes, refuse: Any) -> Image.Image:
    """The picture upright, in RGB, free of everything but its pixels; `refuse(sentence)` is raised when it cannot be read."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            if image.width * image.height > PIXELS:
                raise refuse("图片过大，请缩小到 2500 万像素以内再上传。")
            upright = ImageOps.exif_transpose(image)
            if upright.mode in ("RGBA", "LA", "P", "PA"):  # what is transparent is paper, not black
                upright = upright.convert("RGBA")
                sheet = Image.new("RGBA", upright.size, "white")
                sheet.alpha_composite(upright)
                upright = sheet
            plain = Image.new("RGB", upright.size)
            plain.paste(upright.convert("RGB"))
            return plain
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise refuse("图片已损坏，无法读取，请重新拍照或另存后上传。") from error


def encoded(image: Image.Image, quality: int = 88) -> bytes:
    """The picture as JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def fingerprint(image: Image.Image) -> str:
    """64 bits, 16 hexadecimal digits, that stay nearly the same when a picture is scaled or saved again (differences of brightness
    between neighbours)."""
    small = image.convert("L").resize((9, 8), Image.Resampling.BOX)
    cells = small.tobytes()
    bits = "".join("1" if cells[row * 9 + i] > cells[row * 9 + i + 1] else "0" for row in range(8) for i in range(8))
    return f"{int(bits, 2):016x}"


def _picture(content: bytes, kind: EvidenceKind, crop: Any) -> tuple[bytes, str]:
    image = decoded(content, lambda sentence: Invalid({kind.field: sentence}))
    if kind.shape:
        image = image.crop(part_of(image.size, kind.shape, crop))
    if min(image.size) < kind.min_side:
        width, height = image.size
        raise Invalid(
            {
                kind.field: f"{kind.label}不够清晰：图片只有 {width}×{height} 像素，短边至少 {kind.min_side} 像素，"
                "请靠近重新拍摄或用原图上传。"
            }
        )
    if kind.shape:
        image = image.resize(kind.shape, Image.Resampling.LANCZOS)
    else:
        image.thumbnail((LONGEST, LONGEST))
    return encoded(image), fingerprint(image)


def part_of(size: tuple[int, int], shape: tuple[int, int], crop: Any = None) -> tuple[int, int, int, int]:
    """The box of a picture of `size` to keep for `shape`: what was chosen, brought to that shape and into the picture; without a choice
    the largest that fits, from the middle, and from the upper part of an upright picture, where the face is."""
    width, height = size
    ratio = shape[0] / shape[1]
    if crop and all(isinstance(one, int | float) and 0 <= one <= 1 for one in crop) and min(crop[2:]) > 0.02:
        left, top = crop[0] * width, crop[1] * height
        wide = min(crop[2] * width, crop[3] * height * ratio, width - left, (height - top) * ratio)
    else:
        wide = min(width, height * ratio)
        left, top = (width - wide) / 2, (height - wide / ratio) / 3
    return round(left), round(top), round(left + wide), round(top + wide / ratio)


def _pdf(content: bytes, kind: EvidenceKind) -> int:
    def refuse(sentence: str) -> Invalid:
        return Invalid({kind.field: f"{kind.label}：{sentence}"})

    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted:
            raise refuse("PDF 设有密码，请取消密码后再上传。")
        pages = len(reader.pages)
        acting = _acts(reader)
    except (PyPdfError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OSError) as error:
        raise refuse("PDF 已损坏，无法打开，请重新导出后上传。") from error
    if not pages:
        raise refuse("PDF 没有内容，请检查后再上传。")
    if pages > kind.max_pages:
        raise refuse(f"PDF 有 {pages} 页，最多 {kind.max_pages} 页，请只保留需要的页。")
    if acting:
        raise refuse("PDF 中含有脚本或附件，请打印为新的 PDF 后再上传。")
    return pages


def _acts(reader: PdfReader) -> bool:
    """Whether anything in the file could act by itself or carries another file; True also where there is too much to look at."""
    waiting: list[Any] = [reader.trailer]
    seen: set[tuple[int, int]] = set()
    looked_at = 0
    while waiting:
        looked_at += 1
        if looked_at > OBJECTS:
            return True
        one = waiting.pop()
        if isinstance(one, IndirectObject):
            key = (one.idnum, one.generation)
            if key in seen:
                continue
            seen.add(key)
            one = one.get_object()
        if isinstance(one, DictionaryObject):
            if ACTING & {*one, str(one.get("/S")), str(one.get("/Type"))}:
                return True
            waiting += [
                value for value in one.values() if isinstance(value, IndirectObject | DictionaryObject | ArrayObject)
            ]
        elif isinstance(one, ArrayObject):
            waiting += [value for value in one if isinstance(value, IndirectObject | DictionaryObject | ArrayObject)]
    return False
