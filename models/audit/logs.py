"""Logging that carries no ID number and no phone (security row D4)."""

from __future__ import annotations

import logging

from models.audit.masking import mask_text


class PrivateFormatter(logging.Formatter):
    """Masks the finished line: message, arguments, traceback and stack alike, whoever wrote them."""

    def format(self, record: logging.LogRecord) -> str:
        """The formatted record, masked."""
        return mask_text(super().format(record))
