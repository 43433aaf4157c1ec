"""F5: there is one place that shows full numbers, and every page goes through it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from admin_site import revealing
from models.accounts.counters import tried
from models.students.models import GraduateProfile, Student
from tests.contract.visits import client_for
from tests.contract.world import World
from tests.security.looks import looks_are_counted
from tests.security.test_trail import record_page, student_page

pytestmark = pytest.mark.django_db

DOOR = Path("admin_site/revealing.py")
# What nobody but the door may say: the right, the deed of the trail.
WORDS = re.compile(r"reveal_identity|Action\.REVEAL\b")
# Where they stand because they are declared there, not used.
DECLARED = {Path("models/accounts/models.py"), Path("models/accounts/functions.py"), Path("models/audit/models.py")}


def test_nobody_else_asks_for_the_right_or_writes_the_look():
    root = Path(settings.BASE_DIR)
    found = {
        path.relative_to(root)
        for part in ("admin_site", "self_service", "workflows", "exports", "models", "config")
        for path in (root / part).rglob("*.py")
        if "migrations" not in path.parts and WORDS.search(path.read_text(encoding="utf-8"))
    }
    assert found - DECLARED == {DOOR}


@pytest.mark.parametrize("page", [record_page, student_page])
def test_a_page_about_one_person(world: World, monkeypatch: pytest.MonkeyPatch, page):
    looks_are_counted(monkeypatch, client_for(world, "college"), page(world), world.row(Student).id_number)


def test_a_page_too_large_for_the_hour_says_so_and_takes_nothing(world: World, rf):
    request = rf.post("/", {"deed": revealing.DEED})
    request.user = world.users["school"]
    look = revealing.look(request, world.row(GraduateProfile), people=revealing.PEOPLE_AN_HOUR + 1)
    assert (look.reveal, look.may_reveal) == (False, True)
    assert f"本页有 {revealing.PEOPLE_AN_HOUR + 1} 人的号码，请减少每页行数" in look.problem
    assert tried(revealing.DEED, str(request.user.pk), 3600) == 0
