"""Uploads that are larger than anything here takes: read past without keeping them, so that the page can say so politely."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

#: How many times the limit a request may be before the connection is cut rather than read to its end.
PATIENCE = 10


class QuotaHandler(FileUploadHandler):
    """Stops at the first file beyond `settings.UPLOAD_MAX_BYTES`; the view finds `request.upload_refused`. First of the handlers."""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        self.total = content_length

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.size = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.size += len(raw_data)
        if self.size > settings.UPLOAD_MAX_BYTES:
            if self.request is not None:
                self.request.upload_refused = True
            raise StopUpload(connection_reset=self.total > PATIENCE * settings.UPLOAD_MAX_BYTES)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
