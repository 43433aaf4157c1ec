"""F5 for any page: what is shown masked is shown in full by the button, once, on record, and only so many an hour."""

from __future__ import annotations

import pytest
from django.test import Client

from admin_site import revealing
from models.audit.models import Action, AuditEntry
from workflows.scoping import system


def looks_are_counted(
    monkeypatch: pytest.MonkeyPatch, client: Client, url: str, number: str, *, people: int = 1
) -> None:
    """Assert it of the page at `url`, which hides `number` and the numbers of `people` people in all."""

    def looks() -> list[AuditEntry]:
        with system("a test reads the trail"):
            return list(AuditEntry.objects.filter(action=Action.REVEAL).order_by("pk"))

    before, button = len(looks()), {"deed": revealing.DEED}
    page = client.get(url)
    assert (number in page.text, "查看完整号码" in page.text) == (False, True)
    monkeypatch.setattr(revealing, "PEOPLE_AN_HOUR", 2 * people)
    for _time in range(2):
        assert number in client.post(url, button).text
    entries = looks()[before:]
    assert [entry.detail.get("people", 1) for entry in entries] == [people] * 2
    assert number not in client.get(url).text, "one look opened the page for good"
    refused = client.post(url, button)
    assert (refused.status_code, number in refused.text) == (429, False)
    assert f"一小时内最多查看 {2 * people} 人的完整号码" in refused.text
    assert len(looks()) == before + 2
