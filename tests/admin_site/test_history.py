"""修改记录 of a setting or an account: every change in words, also the oldest of a page."""

from __future__ import annotations

from django.urls import reverse

from models.audit.models import Action
from models.audit.services import record
from models.organisation.models import Major
from models.students.models import Student
from workflows.scoping import system


def test_the_oldest_change_of_a_page_is_told(two_schools, client_of):
    """The version before it stands on the next page."""
    major = two_schools.here.majors[0]
    with system("a test changes a major often"):
        for number in range(52):
            major.code = f"{number:06d}"
            major.save()
    url = reverse("admin:organisation_major_history", args=[major.pk])
    client = client_of(two_schools.us.school)
    assert client.get(url).content.decode().count("把 专业代码 从") == 50
    assert client.get(url, {"p": "2"}).content.decode().count("把 专业代码 从") == 2
    assert Major.history.filter(id=major.pk).count() > 52


def test_without_stored_versions_the_trail_tells(two_schools, client_of):
    """Accounts have no history of their own; what the audit trail says is told in the same words, page by page."""
    account, person = two_schools.us.counselor, two_schools.us.school
    assert not hasattr(account, "history")
    for number in range(51):
        record(Action.RIGHTS_CHANGE, actor=person, obj=account, deed="修改", changes={"姓名": ["", f"示例{number}"]})
    url = reverse("admin:accounts_user_history", args=[account.pk])
    page = client_of(person).get(url).content.decode()
    assert "把 姓名 从 （空） 改为 示例50" in page
    assert page.count("把 姓名 从") == 50
    assert f">{person.name}</td>" in page
    assert "把 姓名 从 （空） 改为 示例0<" in client_of(person).get(url, {"p": "2"}).content.decode()


def test_an_object_nobody_ever_changed_has_a_page_that_says_so(two_schools, client_of):
    """Rows that were loaded in bulk, or whose history was purged, have no version at all."""
    major = two_schools.here.majors[0]
    Major.history.filter(id=major.pk).delete()
    answer = client_of(two_schools.us.school).get(reverse("admin:organisation_major_history", args=[major.pk]))
    assert answer.status_code == 200
    assert "没有修改记录" in answer.content.decode()


def test_looking_at_a_history_makes_no_new_class():
    """A class of manager anew at each look, as the library has it, was a tenth of the time of every save."""
    assert type(Major.history) is type(Major.history)
    assert [one.history.model._meta.model_name for one in (Major, Student)] == ["historicalmajor", "historicalstudent"]
