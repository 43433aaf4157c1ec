"""Printed forms: a Django template, laid out by xhtml2pdf, with Chinese fonts in it and nothing from anywhere else.

Loaded when the first form is printed, not when the server starts. What makes it quick (measured, docs/performance.md): fonts are
registered once per process instead of once per document, pictures are stored as they are instead of as text, and no form asks for
the number of its last page.
"""

from __future__ import annotations

import copy
import io
import logging
from functools import cache
from pathlib import Path
from typing import Any

import xhtml2pdf.default
from django.template.loader import render_to_string
from reportlab import rl_config
from reportlab.lib.fonts import addMapping
from reportlab.pdfbase import pdfmetrics, ttfonts
from xhtml2pdf import pisa, reportlab_paragraph
from xhtml2pdf.config.resources import ResourceAccessPolicy

from exports.documents.fonts import paths

ASSETS = Path(__file__).resolve().parent / "assets"  # nothing outside may be read; there is nothing inside either
FAMILIES = {"song": "serif", "hei": "sans"}
SYMBOLS = ("Symbol", "ZapfDingbats")
SECONDS = 60
NEVER_FIRST = (
    "，。、；：？！…—·％）〕］｝〉》」』】”’"  # no line begins with these; the library's list is a Japanese one
)

logger = logging.getLogger(__name__)


class NotPrinted(RuntimeError):
    """A form could not be laid out: a fault of its template."""


def render(template_name: str, context: dict[str, Any]) -> bytes:
    """The PDF of a template of exports/templates/documents/. Every value is escaped; pictures come as data: addresses of ours."""
    return laid_out(render_to_string(template_name, context))


def laid_out(html: str) -> bytes:
    """The PDF of a whole HTML page. It reaches no network and no file (security D3)."""
    prepare()
    out = io.BytesIO()
    result = pisa.CreatePDF(html, dest=out, encoding="utf-8", resource_policy=_policy())
    if result.err:
        raise NotPrinted(f"{result.err} faults in the layout")
    return out.getvalue()


def _policy() -> ResourceAccessPolicy:
    return ResourceAccessPolicy.server(ASSETS, allow_remote=False, max_render_seconds=SECONDS)


@cache
def prepare() -> None:
    """Make the fonts known to reportlab and xhtml2pdf, once per process: 宋体 as `song`, 黑体 as `hei` and as the bold of both."""
    rl_config.useA85 = 0
    missing = "".join(mark for mark in NEVER_FIRST if mark not in reportlab_paragraph.ALL_CANNOT_START)
    reportlab_paragraph.ALL_CANNOT_START += missing
    ttfonts.makeToUnicodeCMap = to_unicode
    files = paths()
    for family, name in FAMILIES.items():
        pdfmetrics.registerFont(ttfonts.TTFont(family, str(files[name])))
        xhtml2pdf.default.DEFAULT_FONT[family] = family
    for family in FAMILIES:
        for bold in (0, 1):
            for italic in (0, 1):
                addMapping(family, bold, italic, "hei" if bold else family)
    # The names that PDF readers bring themselves mean our fonts too: whatever a stylesheet or a library forgot to name is Chinese
    # as well, and no document leans on a font that is not in it.
    for name in pdfmetrics.standardFonts:
        if name not in SYMBOLS:
            stand_in = copy.copy(pdfmetrics.getFont("hei" if "Bold" in name else "song"))
            stand_in.fontName = name
            pdfmetrics.registerFont(stand_in)


def to_unicode(fontname: str, subset: list[int]) -> str:
    """The table by which a reader gets text back from glyphs; reportlab's own is wrong beyond U+FFFF, where rare names are."""
    pairs = [f"<{i:02X}> <{chr(code).encode('utf-16-be').hex().upper()}>" for i, code in enumerate(subset)]
    blocks = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    return "\n".join(
        [
            "/CIDInit /ProcSet findresource begin",
            "12 dict begin",
            "begincmap",
            f"/CIDSystemInfo << /Registry ({fontname}) /Ordering ({fontname}) /Supplement 0 >> def",
            f"/CMapName /{fontname} def",
            "/CMapType 2 def",
            "1 begincodespacerange",
            f"<00> <{len(subset) - 1:02X}>",
            "endcodespacerange",
            *(line for block in blocks for line in (f"{len(block)} beginbfchar", *block, "endbfchar")),
            "endcmap",
            "CMapName currentdict /CMap defineresource pop",
            "end",
            "end",
        ]
    )
