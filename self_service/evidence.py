"""Files that prove what a record says, as its subject meets them: what is wanted, what is there, what was just handed in."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import HttpRequest

from models.evidence.kinds import EvidenceKind, WithEvidence
from models.evidence.models import Evidence
from models.evidence.services import attach, find, remove
from self_service.sheets import Sheet
from workflows import posted
from workflows.errors import Absent, Refused

REMOVE = "remove-"


@dataclass
class Block:
    """One kind of file on the page."""

    kind: EvidenceKind
    files: list[Evidence] = field(default_factory=list)
    writable: bool = False
    error: str = ""

    @property
    def takes_more(self) -> bool:
        """Whether another file may be chosen."""
        return self.writable and (not self.kind.many or len(self.files) < self.kind.most)

    @property
    def input_id(self) -> str:
        """Id of its input in a page."""
        return "f-" + self.kind.field.replace(".", "-")

    @property
    def ratio(self) -> str:
        """Width and height of a picture that must have one shape, for the cropping script."""
        return "{}:{}".format(*self.kind.shape) if self.kind.shape else ""


def blocks(sheet: Sheet, problems: dict[str, str] | None = None) -> list[Block]:
    """The kinds this record takes, with their files; [] for a matter without files."""
    record = sheet.record
    if not isinstance(record, WithEvidence):
        return []
    kinds = record.evidence_kinds()
    present = record.evidence() if kinds else []
    problems = problems or {}
    return [
        Block(
            kind,
            [one for one in present if one.kind == kind.key],
            may_change(sheet, kind),
            problems.get(kind.field, ""),
        )
        for kind in kinds
    ]


def may_change(sheet: Sheet, kind: EvidenceKind) -> bool:
    """Whether the person who looks may add and remove files of this kind now."""
    if not sheet.reveal or sheet.record.archived or not sheet.window.is_open:
        return False
    return sheet.record.evidence_refusal(kind, sheet.user) is None


def take(request: HttpRequest, sheet: Sheet) -> tuple[int, dict[str, str]]:
    """Attach the files that came with the form: how many, and what was wrong with the others, by field."""
    taken, problems = 0, {}
    for block in blocks(sheet):
        for upload in request.FILES.getlist(block.kind.field):
            try:
                attach(sheet.record, block.kind, upload, request.user, crop_in(request, block.kind))
                taken += 1
            except Refused as refusal:
                problems[block.kind.field] = refusal.sentence
    return taken, problems


def take_out(request: HttpRequest, sheet: Sheet, deed: str) -> None:
    """Remove the file that a button "remove-<key>" names. Raises a Refused."""
    key = posted.key(deed.removeprefix(REMOVE))
    if key is None:
        raise Absent("没有找到该文件。")
    remove(find(sheet.record, key), request.user, sheet.record)


def crop_in(request: HttpRequest, kind: EvidenceKind) -> tuple[float, float, float, float] | None:
    """The chosen part of the picture, as the cropping script wrote it ("0.1,0.05,0.8,0.9"); None without one."""
    return crop_of(request.POST.get(f"{kind.field}.crop", "")) if kind.shape else None


def crop_of(text: str) -> tuple[float, float, float, float] | None:
    """Four shares of a picture from text; None for anything else."""
    try:
        left, top, width, height = (float(part) for part in text[:80].split(","))
    except ValueError:
        return None
    return left, top, width, height
