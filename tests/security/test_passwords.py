"""B2: a new password is long enough, not among those everybody tries, of two kinds of characters, and no part of who one is."""

from __future__ import annotations

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.students.models import Student
from tests.contract.visits import client_for
from tests.contract.world import World
from tests.factories import people

pytestmark = pytest.mark.django_db


def refused(password: str, user) -> bool:
    """Whether the password is refused; every sentence says so in Chinese."""
    sentences = []
    try:
        validate_password(password, user)
    except ValidationError as error:
        sentences = error.messages
    assert all("一" <= sentence[0] <= "鿿" for sentence in sentences), sentences
    return bool(sentences)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "Ab1!",
        "Ab1!567",
        "password",
        "12345678",
        "qwerty123",
        "iloveyou",
        "aaaaaaaa",
        "13572468",
        "11111111",
        "Password1",
    ],
)
def test_weak_ones_are_refused_in_chinese(world: World, password: str):
    assert refused(password, world.users["student"])


@pytest.mark.parametrize("password", ["Sp4nn-ender!", "correct horse battery 9", "樟树下的第7只Cat"])
def test_good_ones_are_taken(world: World, password: str):
    assert not refused(password, world.users["student"])


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_six_digits_of_the_id_or_the_phone_in_a_row(world: World, data):
    student = world.row(Student)
    source = data.draw(st.sampled_from([student.id_number, student.user.phone, student.number]))
    length = data.draw(st.integers(6, len(source)))
    start = data.draw(st.integers(0, len(source) - length))
    password = (
        data.draw(st.text("abcXYZ!-", max_size=4))
        + source[start : start + length]
        + data.draw(st.text("abcXYZ!-", min_size=2, max_size=4))
    )
    assert refused(password, student.user), password


def test_the_page_and_the_api_ask_the_same_validators(world: World):
    student = world.row(Student)
    weak = f"Ab!{student.id_number[-8:]}"
    client = client_for(world, "student")
    answer = client.post("/password/change/", {"old": people.demo_password(), "new1": weak, "new2": weak})
    assert answer.status_code == 200
    assert answer.context["form"].errors["new1"]
    answer = client.post(
        "/api/me/password/", {"old": people.demo_password(), "new": weak}, content_type="application/json"
    )
    assert answer.status_code in (400, 422)
    assert answer.json()["errors"]["new1"]
    student.user.refresh_from_db()
    assert student.user.check_password(people.demo_password())
