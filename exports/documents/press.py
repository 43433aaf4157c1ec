"""The way to the layout engine for whoever prints at a time: it and its fonts are loaded with the first form, not with the server."""

from __future__ import annotations

import importlib
from typing import Any


def render(template_name: str, context: dict[str, Any]) -> bytes:
    """`exports.documents.engine.render`."""
    return importlib.import_module("exports.documents.engine").render(template_name, context)
