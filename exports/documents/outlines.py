"""Fonts made fit for PDFs: PostScript outlines become those of TrueType, which is what reportlab embeds.

Run as `python -m exports.documents.outlines SOURCE TARGET`, in a process of its own (`fonts.make`): some thirty seconds a font.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from xhtml2pdf.opentype import to_truetype


def convert(source: Path, target: Path) -> None:
    """Write the font `source` with TrueType outlines, every glyph of it; `target` is there whole or not at all."""
    temporary = target.with_suffix(f".{os.getpid()}.part")
    try:
        temporary.write_bytes(to_truetype(source.read_bytes()))
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
