"""The figures in the back office: what a number opens is what it counts, and nobody counts beyond their scope."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from models.audit.models import Action, AuditEntry
from models.outcomes.models import Outcome
from models.rates.models import FollowUp, ProgressEntry, ProgressItem, RateReport, RateSnapshot
from models.releases.models import ExportRecord
from tests.factories import people
from workflows.levels import COLLEGE, COUNSELOR, SCHOOL
from workflows.scoping import system

pytestmark = pytest.mark.django_db
FIGURES = "/admin/rates/ratesnapshot/figures/"


@pytest.fixture
def made():
    """Two colleges with four graduates each; half of the first college and one of the second have a destination."""
    with system("test"):
        found = people.school(colleges=2, classes=1)
        for unit, codes in zip(found.classes, (["10", "801", "", "701"], ["11", "", "", ""]), strict=True):
            for code in codes:
                student = people.student(found, unit=unit, account=False)
                if code:
                    Outcome.objects.bulk_create([
                        Outcome(
                            student=student, school_id=student.school_id, cohort_id=student.cohort_id, category=code,
                            org_path=student.org_path, status="approved", decided_at=timezone.now(),
                        )
                    ])  # fmt: skip
        yield found


def client(user) -> Client:
    found = Client()
    found.force_login(user)
    return found


def page(user, query: str = "") -> str:
    answer = client(user).get(FIGURES + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_college_sees_its_own_figures_and_no_other(made):
    text = page(people.staff(COLLEGE, made.colleges[0]))
    assert "50.00%" in text
    assert "第1学院" in text
    assert "第2学院" not in text
    assert "37.50%" in page(people.staff(SCHOOL, made.center))


def test_every_number_opens_a_list_of_that_length(made):
    user = people.staff(SCHOOL, made.center)
    text = page(user)
    links = re.findall(r'<a href="(/admin/students/student/\?f\.rate=[^"]+)">(\d+)</a>', text)
    assert len(links) > 20
    browser = client(user)
    for link, number in set(links):
        answer = browser.get(link.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert answer.context["total"] == int(number), unquote(link)
    assert "已落实" in "".join(part.text for part, _link in browser.get(links[-1][0]).context["parts"]) or links


def test_a_list_behind_a_figure_stays_in_scope(made):
    school, college = people.staff(SCHOOL, made.center), people.staff(COLLEGE, made.colleges[0])
    link = re.search(r'href="(/admin/students/student/\?f\.rate=[^"]+)"', page(school)).group(1)
    assert client(school).get(link).context["total"] == 8
    assert client(college).get(link).context["total"] == 4


@pytest.mark.parametrize(
    "query", ["?formula=1999", "?by=counselor", "?cutoff=x", "?cutoff=9999-12-31", "?basis=%00x", "?unit=%00"]
)
def test_what_is_not_understood_is_said(made, query):
    answer = client(people.staff(SCHOOL, made.center)).get(FIGURES + query)
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        assert answer.context["problem"].endswith("。")
    bad = client(people.staff(SCHOOL, made.center)).get("/admin/students/student/?f.rate=x")
    assert bad.status_code == 400


def test_there_is_no_breakdown_by_counsellor(made):
    assert (
        "辅导员" not in re.findall(r"<nav class=\"rt-by\".*?</nav>", page(people.staff(SCHOOL, made.center)), re.S)[0]
    )


def test_a_question_is_kept_and_asked_again(made):
    user = people.staff(SCHOOL, made.center)
    browser = client(user)
    browser.post(reverse("admin:rates_keep"), {"title": "各专业 2021 版", "by": "major", "formula": "2021"})
    kept = RateReport.objects.get(owner=user)
    answer = browser.get(reverse("admin:rates_open", args=[kept.pk]), follow=True)
    assert (answer.context["question"].formula, answer.context["dimension"].key) == ("2021", "major")
    other = client(people.staff(SCHOOL, made.center))
    assert other.get(reverse("admin:rates_open", args=[kept.pk])).headers["Location"] == FIGURES
    browser.post(reverse("admin:rates_keep"), {"drop": kept.pk})
    assert not RateReport.objects.exists()


def test_a_snapshot_is_taken_from_the_page_and_opens(made):
    user = people.staff(SCHOOL, made.center)
    answer = client(user).post(reverse("admin:rates_snapshot"), {"title": "初次落实率"}, follow=True)
    taken = RateSnapshot.objects.get()
    assert (taken.numerator, taken.denominator, taken.taken_by) == (3, 8, user)
    assert "37.50%" in answer.content.decode()
    assert AuditEntry.unscoped.get(action=Action.SNAPSHOT).actor == user
    assert client(people.staff(COLLEGE, made.colleges[0])).get(answer.redirect_chain[0][0]).status_code == 404
    refused = client(people.staff(COUNSELOR, made.classes[0])).post(reverse("admin:rates_snapshot"), {"title": "x"})
    assert refused.status_code == 403


def test_the_table_goes_out_as_a_workbook_on_record(made):
    user = people.staff(SCHOOL, made.center)
    answer = client(user).post(reverse("admin:rates_download"), {"by": "college"})
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)[:2] == b"PK"
    record = ExportRecord.objects.get()
    assert (record.owner, record.rows) == (user, 3)


# -- 就业进展 --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def item(made):
    today = timezone.localdate()
    return ProgressItem.objects.create(
        school=made.school, cohort=made.cohort, title="十一月进展", opens_on=today, closes_on=today + timedelta(days=3)
    )


def test_a_college_reports_its_majors_while_it_is_open(made, item):
    user, url = people.staff(COLLEGE, made.colleges[0]), reverse("admin:rates_progress_fill", args=[item.pk])
    major = made.majors[0]
    text = client(user).get(url).content.decode()
    assert "专业11" in text
    assert "专业21" not in text
    good = {f"m{major.pk}.{name}": value for name, value in (("graduates", "4"), ("placed", "2"), ("in_talks", "1"), ("helped", "1"))}  # fmt: skip
    assert client(user).post(url, good).status_code == 302
    entry = ProgressEntry.objects.get()
    assert (entry.major, entry.graduates, entry.placed, entry.reported_by) == (major, 4, 2, user)
    bad = client(user).post(url, {**good, f"m{major.pk}.placed": "9"})
    assert bad.status_code == 400
    assert "不能超过毕业生人数" in bad.content.decode()
    assert client(user).post(url, {**good, f"m{major.pk}.placed": "-1"}).status_code == 400
    foreign = {name.replace(f"m{major.pk}.", f"m{made.majors[1].pk}."): value for name, value in good.items()}
    assert client(user).post(url, foreign).status_code == 403
    ProgressItem.objects.update(
        opens_on=timezone.localdate() - timedelta(days=9), closes_on=timezone.localdate() - timedelta(days=1)
    )
    assert client(user).post(url, good).status_code == 403
    assert ProgressEntry.objects.get().placed == 2


# -- 就业跟踪台账 ----------------------------------------------------------------------------------------------------------


def test_a_counsellor_writes_the_ledger_and_the_table_counts_it(made):
    user = people.staff(COUNSELOR, made.classes[0])
    student = made.classes[0].students.get(outcomes__category="701")
    foreign = made.classes[1].students.first()
    url = reverse("admin:rates_followup_add")
    today = timezone.localdate().isoformat()
    form = {"number": student.number, "contacted_on": today, "way": "phone", "situation": "seeking", "jobs_offered": "3"}  # fmt: skip
    assert client(user).post(url, {**form, "number": foreign.number}).status_code == 200
    assert not FollowUp.objects.exists()
    assert client(user).post(url, form).status_code == 302
    assert FollowUp.objects.get().by == user
    rows = client(user).get(reverse("admin:rates_followup_table")).context["rows"]
    assert [(row.graduates, row.open, row.recent, row.never, row.contacts, row.jobs) for row in rows] == [
        (4, 2, 1, 1, 1, 3)
    ]
