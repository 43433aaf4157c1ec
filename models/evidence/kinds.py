"""Which files a matter asks for, as a declaration: `class Outcome(WithEvidence, ReviewedMatter)` and `evidence_kinds`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models

from models.evidence.models import Evidence
from workflows import permits, policy
from workflows.errors import NotAllowed, Refused, WrongState
from workflows.levels import Status

MEGABYTE = 1024 * 1024
PREFIX = "evidence."  # of the key under which a missing file is named among missing fields
TYPE_NAMES = {"jpg": "JPG", "png": "PNG", "pdf": "PDF"}


@dataclass(frozen=True)
class EvidenceKind:
    """One kind of file. `types` of "jpg", "png", "pdf"; a picture's shorter side has at least `min_side` pixels; `most` if `many`.

    `shape` is for pictures that must have one size (证件照): what was chosen of the picture is scaled to these pixels.
    """

    key: str
    label: str
    required: bool = False
    many: bool = False
    help_text: str = ""
    types: tuple[str, ...] = ("jpg", "png", "pdf")
    max_size: int = 10 * MEGABYTE
    min_side: int = 600
    max_pages: int = 30
    most: int = 9
    shape: tuple[int, int] | None = None

    @property
    def field(self) -> str:
        """Its name among the fields of a form and among what is missing."""
        return PREFIX + self.key

    @property
    def limits(self) -> str:
        """What is taken, in words."""
        types = "、".join(TYPE_NAMES[one] for one in self.types)
        files = f"，最多 {self.most} 个" if self.many else ""
        return f"{types} 格式，每个不超过 {self.max_size // MEGABYTE} MB{files}"

    @property
    def accept(self) -> str:
        """For the file input: ".jpg,.jpeg,.png"."""
        return ",".join(f".{name}" for one in self.types for name in ((one, "jpeg") if one == "jpg" else (one,)))


class WithEvidence(models.Model):
    """Mixin of matters that take files: `class Outcome(WithEvidence, ReviewedMatter)`. Without columns of its own; an abstract model,
    because a migration could not name a plain class of this module.

    A kind that is required and has no file is refused at submission like an empty required field.
    """

    class Meta:
        abstract = True

    def evidence_kinds(self) -> tuple[EvidenceKind, ...]:
        """The kinds this record takes now, in order; may depend on what it says (category, mode) and on its school's settings."""
        return ()

    def evidence_refusal(self, kind: EvidenceKind, by: Any) -> Refused | None:
        """Why `by` may not add or remove a file of `kind` now; None when they may.

        The rule for most: the subject while the record is theirs, staff with the function 修改 as long as it is not void. A matter
        whose proof comes later (解约 after the college agreed) says so here.
        """
        if self.subject_user_id == by.pk:
            if self.status in (Status.DRAFT, Status.RETURNED):
                return None
            return WrongState(f"当前状态为「{Status(self.status).label}」，不能增减材料。")
        if not by.has_perm(permits.permission(type(self), "change")):
            return NotAllowed("您没有修改该事务的功能，请联系学校管理员在「功能分配」中开通。")
        if self.status == Status.VOIDED:
            return WrongState("该记录已作废，不能增减材料。")
        return None

    def evidence(self) -> list[Evidence]:
        """The files it has now; read once per object; `services.preload` reads those of many records at once."""
        if not hasattr(self, "_evidence"):
            rows = Evidence._base_manager.filter(record_type=policy.label(type(self)), record_id=self.pk)
            self._evidence = list(rows.filter(removed_at=None).order_by("pk"))
        return self._evidence

    def incomplete(self) -> dict[str, str]:
        """Required kinds without a file: {"evidence.<key>": sentence}."""
        present = {one.kind for one in self.evidence()} if any(k.required for k in self.evidence_kinds()) else set()
        return {
            **super().incomplete(),
            **{
                kind.field: f"请上传{kind.label}。"
                for kind in self.evidence_kinds()
                if kind.required and kind.key not in present
            },
        }
