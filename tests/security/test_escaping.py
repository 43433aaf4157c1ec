"""C7: what people type comes back as text on every page: no tag of theirs survives, in whatever column it stood."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models

from models.accounts.models import User
from models.codes.fields import CodeField
from models.students.models import GraduateProfile, Student
from tests.contract.routes import routes, values_for
from tests.contract.test_access import declared, key_of
from tests.contract.visits import body_of, client_for, unwatched
from tests.contract.world import World, rolled_back
from workflows import policy
from workflows.models import ReviewLog
from workflows.scoping import PathField

pytestmark = pytest.mark.django_db

PAYLOAD = "<i>雀\"'><script>x()</script>"
BARE = ("<i>雀", "<script>x()", "雀\"'>")
# Columns that are read by the machine: keys, kinds of things, file names on the disk.
MACHINE = {
    "kind",
    "password",
    "matter",
    "key",
    "field",
    "levels",
    "mode",
    "layout",
    "codes",
    "format",
    "model_label",
    "file",
    "result_file",
    "errors_file",
    "sheet",
}


def typed(model: type[models.Model]) -> list[str]:
    """Columns of a model that hold what somebody typed."""
    found = []
    for field in model._meta.concrete_fields:
        plain = isinstance(field, models.CharField | models.TextField) and not isinstance(
            field, CodeField | models.EmailField | models.FileField
        )
        path = type(field) is PathField
        if (
            plain
            and not path
            and not field.choices
            and not field.unique
            and field.name not in MACHINE
            and (field.max_length or 999) >= len(PAYLOAD)
        ):
            found.append(field.name)
    return found


def poison(world: World) -> int:
    """Put the payload into every typed column of the rows of 甲一; how many columns there were."""
    columns = 0
    for places in world.rows.values():
        row = places.get("甲一")
        names = typed(type(row)) if row is not None else []
        if names and row._meta.app_label != "audit":  # its rows cannot be changed, by anybody
            models.QuerySet(type(row)).filter(pk=row.pk).update(**dict.fromkeys(names, PAYLOAD))
            columns += len(names)
    record = world.row(GraduateProfile)
    models.QuerySet(ReviewLog).filter(object_id=record.pk).update(
        opinion=PAYLOAD, actor_name=PAYLOAD, reasons=[PAYLOAD]
    )
    change = {"home_address": [PAYLOAD, PAYLOAD + "2"]}
    models.QuerySet(GraduateProfile).filter(pk=record.pk).update(
        last_reason=PAYLOAD, changes=change, extra={**record.extra, "own_word": PAYLOAD}
    )
    models.QuerySet(User).filter(pk__in=[user.pk for user in world.users.values()]).update(name=PAYLOAD)
    policy.forget_all()
    return columns


@pytest.mark.parametrize("role", ["school", "province", "student"])
def test_no_page_gives_back_a_tag_that_somebody_typed(world: World, role: str):
    assert poison(world) > 20
    client, faults, echoed = client_for(world, role), [], 0
    for route in routes():
        if role == "province" and declared()[key_of(route, "GET")]["school"] == "200":
            continue  # the same page as the school's, which is another run of this test
        url = route.url(values_for(route, world, role))
        with rolled_back(), unwatched():
            answer: Any = client.get(url)
            body = (
                body_of(answer).decode("utf-8", "replace") if "html" in answer.headers.get("Content-Type", "") else ""
            )
        if raw := [part for part in BARE if part in body]:
            at = body.index(raw[0])
            faults.append(f"{url}: …{body[max(0, at - 60) : at + 40]!r}")
        echoed += "&lt;script&gt;x()" in body
    assert not faults, "\n".join(faults)
    assert echoed > {"student": 2, "province": 0}.get(role, 15), "hardly any page shows the payload: it proves nothing"


def test_what_was_typed_into_a_search_box_is_text_too(world: World):
    client = client_for(world, "school")
    for url in (
        "/admin/students/student/",
        "/admin/search/",
        "/admin/accounts/user/",
        "/admin/organisation/major/",
        "/admin/students/graduateprofile/filters/",
    ):
        for box in ("q", "s", "f_degree", "next", "unit"):
            body = client.get(url, {box: PAYLOAD}, follow=True).content.decode()
            assert not [part for part in BARE if part in body], (url, box)


def test_what_was_typed_into_a_form_is_text_too(world: World):
    client, student = client_for(world, "student"), world.row(Student)
    answer = client.post("/student/account/", {"phone": PAYLOAD, "email": PAYLOAD, "password": PAYLOAD})
    assert not [part for part in BARE if part in answer.content.decode()]
    answer = client_for(world, "school").post(
        f"/admin/students/student/{student.pk}/change/", {"deed": PAYLOAD, "roll-reason": PAYLOAD}
    )
    assert not [part for part in BARE if part in answer.content.decode()]
