"""The first page of the back office."""

from __future__ import annotations

import re

import pytest

from exports.selection import Selection
from workflows.scoping import acting

pytestmark = pytest.mark.django_db


def test_the_dashboard_counts_what_its_link_shows(world):
    """The figure on the first page and the list behind it are one question, off-roll students included or not."""
    browser = world.client(world.staff.school)
    page = browser.get("/admin/").content.decode()
    found = re.search(r'href="(/admin/students/graduateprofile/\?status=waiting)"[^>]*>\s*(?:<[^>]+>\s*)*(\d+)', page)
    assert found, "no link to the person's own queue"
    with acting(world.staff.school):
        waiting = Selection("students.graduateprofile", (world.here.cohort.pk,), status="waiting")
        assert int(found[2]) == waiting.queryset(world.staff.school).count()
    assert browser.get(found[1]).status_code == 200
