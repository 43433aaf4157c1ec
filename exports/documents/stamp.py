"""What a document carries of itself: the QR code of its verification page."""

from __future__ import annotations

import base64
import io

import segno
from django.conf import settings
from django.urls import reverse


def address(token: str, base: str = "") -> str:
    """The address of a document's verification page; `base` is "https://…" of this deployment, by default settings.PUBLIC_URL."""
    return (base or settings.PUBLIC_URL).rstrip("/") + reverse("verify", args=[token])


def qr(text: str) -> str:
    """A QR code as data: address of a picture, readable from paper that was copied twice (level Q)."""
    out = io.BytesIO()
    segno.make(text, error="q", micro=False).save(out, kind="png", scale=6, border=2)
    return picture(out.getvalue(), "image/png")


def picture(content: bytes, content_type: str = "image/jpeg") -> str:
    """A picture as data: address, which is how a form's template takes it."""
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"
