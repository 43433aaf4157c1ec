"""What staff changed in a person's record, the person confirms; and where they say "this is not true" the record stands still.

A matter that inherits `Confirmed` remembers every value that somebody other than its subject put into it (`staff_changed`).
While `awaits_confirmation` the subject has yet to confirm, and the record goes nowhere outside (rules of the stage REPORT ask it).
A dispute freezes the record: nobody but the school level may act on it, and only after settling the dispute.
Basis: a destination changed by staff is shown to the graduate before it is reported (教育部「三不得」、24365 去向本人核实).
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from workflows.levels import Status, Verb

FROZEN = "学生对该记录提出了异议，记录已冻结，须先由学校处理异议。"
CONFIRMING = frozenset({Verb.CONFIRM, Verb.DISPUTE, Verb.SETTLE})


class Confirmed(models.Model):
    """Mixin of matters whose subject confirms what staff wrote. Put it before ReviewedMatter."""

    staff_changed = models.JSONField(_("老师更正的内容"), default=dict, blank=True, editable=False)
    awaits_confirmation = models.BooleanField(_("待本人确认"), default=False, editable=False)
    student_confirmed_at = models.DateTimeField(_("本人确认时间"), null=True, blank=True, editable=False)
    disputed_at = models.DateTimeField(_("提出异议时间"), null=True, blank=True, editable=False)
    dispute_text = models.TextField(_("异议内容"), max_length=500, blank=True, editable=False)
    dispute_answer = models.TextField(_("异议处理说明"), max_length=500, blank=True, editable=False)
    frozen = models.BooleanField(_("有异议，已冻结"), default=False, editable=False)

    class Meta:
        abstract = True

    def confirming_refusal(self, verb: Verb) -> str:
        """Why `verb` cannot be done as far as confirmation and dispute go, "" when it can."""
        if self.frozen and verb not in (Verb.SETTLE, Verb.VOID):
            return FROZEN
        if verb == Verb.CONFIRM and not self.awaits_confirmation:
            return "目前没有需要您确认的内容。"
        if verb == Verb.DISPUTE and self.status in (Status.DRAFT, Status.RETURNED, Status.VOIDED):
            return f"当前状态为「{Status(self.status).label}」，有误的内容可以直接修改，不必提出异议。"
        if verb == Verb.SETTLE and not self.frozen:
            return "该记录没有待处理的异议。"
        return ""

    def confirmed_by_submitting(self, at: Any) -> None:
        """Who submits stands for everything in it."""
        self.staff_changed, self.awaits_confirmation, self.student_confirmed_at = {}, False, at

    def note_staff_changes(self, changed: dict[str, list[Any]]) -> None:
        """Others than the subject changed these fields, {name: [old, new]}: ask for confirmation, together with earlier unconfirmed ones."""
        if not changed:
            return
        kept = dict(self.staff_changed) if self.awaits_confirmation else {}
        for name, (old, new) in changed.items():
            kept[name] = [kept[name][0] if name in kept else old, new]
        # What was put back to what the subject had written needs no confirmation.
        self.staff_changed = {name: pair for name, pair in kept.items() if pair[0] != pair[1]}
        self.awaits_confirmation = bool(self.staff_changed)
        self.student_confirmed_at = None
