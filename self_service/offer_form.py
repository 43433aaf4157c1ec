"""The form of an offer as the employer fills it in: the fields of SigningInvitation, drawn like those of a matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.agreements.models import SigningInvitation
from models.codes.lookup import table
from self_service.letters import spec_of
from self_service.sheets import Entry

LONGEST = 2000


class OfferForm:
    """Entries by group; `values` are what to send, codes found by the names that were typed."""

    def __init__(self, data: Mapping[str, Any] | None = None, errors: Mapping[str, str] | None = None) -> None:
        self.entries: dict[str, Entry] = {}
        self.values: dict[str, Any] = {}
        for name in SigningInvitation.subject_fields:
            spec = spec_of(name)
            typed = str((data or {}).get(name, "")).strip()[:LONGEST]
            choices = list(spec.choices)
            if spec.kind == "code":
                codes = table(spec.code_table)
                choices = [] if codes.is_big else codes.choices()
                code = typed if typed in codes else codes.resolve(typed) if typed else ""
                self.values[name] = code or typed
            else:
                self.values[name] = typed
            shown = self.values[name]
            text = spec.present(shown) if spec.kind == "code" and shown in table(spec.code_table) else str(shown)
            self.entries[name] = Entry(spec, shown or None, text, True, choices, error=(errors or {}).get(name, ""))

    @property
    def groups(self) -> list[tuple[str, list[Entry]]]:
        """In the order of the form."""
        return [(str(title), [self.entries[name] for name in names]) for title, names in SigningInvitation.field_groups]

    @property
    def wrong(self) -> list[Entry]:
        """Entries with something to mend."""
        return [entry for entry in self.entries.values() if entry.error]
