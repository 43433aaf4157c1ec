"""Files in a school's own fields: looked at like every other file (models.evidence.looking), kept with the record instead of beside it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from models.evidence.kinds import MEGABYTE, EvidenceKind
from models.evidence.services import checked, file_name
from models.jobs.errors import JobError
from models.jobs.files import store_private
from workflows.errors import Invalid
from workflows.fields import StoredFile

FIELD_FOLDER = "proofs"
MEGABYTES = 10
SUFFIXES = (".pdf", ".jpg", ".jpeg", ".png")
ACCEPT = ",".join(SUFFIXES)
HELP = f"可上传 PDF 或 JPG、PNG 图片，不超过 {MEGABYTES} MB。"


class FieldFile(EvidenceKind):
    """The file of a field: refusals stand at the field itself; of any size in pixels, a document of any length that can be printed."""

    @property
    def field(self) -> str:
        return self.key


def accept(upload: Any, name: str) -> StoredFile:
    """Check and store an uploaded file for the field `name`; Invalid with a sentence when it is not taken."""
    if upload is not None and PurePath(upload.name).suffix.lower() not in SUFFIXES:
        raise Invalid({name: "文件类型不支持。" + HELP})
    kind = FieldFile(name, "文件", max_size=MEGABYTES * MEGABYTE, min_side=1, max_pages=1000)
    found = checked(upload, kind)
    kept = file_name(upload.name, found)
    try:
        stored = store_private(kept, found.content, FIELD_FOLDER)
    except JobError as error:
        raise Invalid({name: error.sentence}) from error
    return StoredFile(name=kept, stored=stored, size=len(found.content))
