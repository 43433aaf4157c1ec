"""Documents that were given out are what they were: whole, unchanged, and each with a code of its own (security 3.6, row 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from django.core.files.storage import default_storage

from models.documents.models import IssuedDocument
from workflows.checks import Fault, check

LOOKED_AT = 500  # the newest ones: reading every file of a large school would take the night


@check("documents.content", "最近签发的文件完整、摘要一致")
def content() -> Iterator[Fault]:
    """The file ends as a PDF ends, and its digest is the one the public page compares with."""
    newest = IssuedDocument._base_manager.exclude(stored="").order_by("-id")[:LOOKED_AT]
    for pk, stored, sha256 in newest.values_list("pk", "stored", "sha256"):
        if not default_storage.exists(stored):
            continue  # another check names files that are gone
        with default_storage.open(stored, "rb") as file:
            held = file.read()
        if not held.rstrip().endswith(b"%%EOF"):
            yield Fault(f"签发的文件 {pk}", "文件不完整。")
        elif hashlib.sha256(held).hexdigest() != sha256:
            yield Fault(f"签发的文件 {pk}", "文件内容与签发时不一致。")
