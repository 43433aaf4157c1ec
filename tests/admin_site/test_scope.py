"""The base admin: foreign rows look absent, foreign keys are refused, look-ups are an allow-list (security rows A4–A9)."""

from __future__ import annotations

import lxml.html
import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from admin_site.navigation import links, may_open
from admin_site.organisation_admin import CampusAdmin
from admin_site.scoped import ScopedAdmin
from models.audit.models import AuditEntry
from models.organisation.models import Campus, Cohort, Major
from tests.admin_site.conftest import seen
from workflows import actions
from workflows.levels import Verb
from workflows.models import ReturnReason, Window
from workflows.scoping import acting, system

MISSING = 10**9
MATTER = "students.graduateprofile"


def test_every_registered_admin_is_scoped():
    assert [
        model for model, model_admin in admin.site._registry.items() if not isinstance(model_admin, ScopedAdmin)
    ] == []


def foreign_rows(two_schools):
    there = two_schools.there
    with system("a test makes rows of the other school"):
        return {
            "organisation_school": there.school.pk,
            "organisation_orgunit": there.colleges[0].pk,
            "organisation_major": there.majors[0].pk,
            "organisation_cohort": there.cohort.pk,
            "organisation_campus": Campus.objects.create(school=there.school, name="外校区").pk,
            "accounts_user": two_schools.them.counselor.pk,
            "accounts_studentaccount": two_schools.foreign.user_id,
            "workflows_window": Window.objects.create(matter=MATTER, school=there.school).pk,
            "workflows_returnreason": ReturnReason.objects.create(
                matter=MATTER, school=there.school, text="外校原因"
            ).pk,
        }


@pytest.mark.parametrize("view", ["change", "history", "delete"])
def test_a_foreign_row_looks_like_a_missing_one(two_schools, client_of, view):
    client = client_of(two_schools.us.school)
    for name, pk in foreign_rows(two_schools).items():
        foreign = client.get(reverse(f"admin:{name}_{view}", args=[pk]))
        missing = client.get(reverse(f"admin:{name}_{view}", args=[MISSING]))
        # Where nothing may be deleted at all the answer is 403 for every id.
        expected = {404, 403} if view == "delete" else {404}
        assert foreign.status_code in expected, name
        assert (name, foreign.status_code, foreign.content) == (name, missing.status_code, missing.content)


def test_own_rows_open(two_schools, client_of):
    client, here = client_of(two_schools.us.school), two_schools.here
    for name, pk in {"organisation_major": here.majors[0].pk, "organisation_orgunit": here.classes[0].pk}.items():
        for page in ("change", "history"):
            assert client.get(reverse(f"admin:{name}_{page}", args=[pk])).status_code == 200


def test_custom_pages_hide_foreign_rows_too(two_schools, client_of):
    client = client_of(two_schools.us.school)
    unit, account = two_schools.there.classes[0].pk, two_schools.foreign.user_id
    colleague = two_schools.them.counselor.pk
    urls = [
        reverse("admin:organisation_orgunit_move", args=[unit]),
        reverse("admin:accounts_studentaccount_impersonate", args=[account]),
        f"/admin/accounts/user/{colleague}/reset-password/",
        f"/admin/accounts/user/{colleague}/switch/",
        f"{reverse('admin:organisation_orgunit_changelist')}?school={two_schools.there.school.pk}",
        f"{reverse('admin:workflows_fieldpolicy_changelist')}?school={two_schools.there.school.pk}",
    ]
    assert [client.get(url).status_code for url in urls] == [404] * len(urls)


def test_a_foreign_key_is_refused_and_nothing_is_stored(two_schools, client_of):
    client, there = client_of(two_schools.us.school), two_schools.there
    with system("a test counts rows"):
        before = (Major.objects.count(), Cohort.objects.count(), Window.objects.count())
    major = {
        "college": there.colleges[0].pk,
        "name": "塞入专业",
        "code": "080901",
        "degree": "31",
        "study_length": "4",
        "is_active": "on",
    }
    posts = [
        ("organisation_major_add", major),
        ("organisation_cohort_add", {"school": there.school.pk, "year": 2030}),
        ("workflows_window_add", {"matter": MATTER, "school": there.school.pk}),
        (
            "workflows_window_add",
            {"matter": MATTER, "school": two_schools.here.school.pk, "org_unit": there.colleges[0].pk},
        ),
    ]
    for name, data in posts:
        answer = client.post(reverse(f"admin:{name}"), data)
        assert (name, answer.status_code) == (name, 200), "the form comes back with an error"
        assert answer.context["adminform"].form.errors
    with system("a test counts rows"):
        assert (Major.objects.count(), Cohort.objects.count(), Window.objects.count()) == before


def test_what_was_saved_is_looked_at_again(two_schools, client_of, monkeypatch):
    """A form that lets a foreign row through (A6): the transaction is undone and the person is told."""
    client, there = client_of(two_schools.us.school), two_schools.there
    honest = CampusAdmin.save_model

    def smuggle(self, request, obj, form, change):
        obj.school_id = there.school.pk
        honest(self, request, obj, form, change)

    monkeypatch.setattr(CampusAdmin, "save_model", smuggle)
    answer = client.post(
        reverse("admin:organisation_campus_add"),
        {"school": two_schools.here.school.pk, "name": "走私校区"},
        follow=True,
    )
    assert "超出您的管辖范围" in answer.content.decode()
    with system("a test looks"):
        assert not Campus.objects.filter(name="走私校区").exists()
        assert not AuditEntry.objects.filter(object_label="走私校区").exists()


def test_look_ups_are_an_allow_list(two_schools):
    for model, model_admin in admin.site._registry.items():
        if (
            not hasattr(model_admin, "probe_fields")
            or type(model_admin).changelist_view is not ScopedAdmin.changelist_view
        ):
            continue
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        request = SimpleRequest(two_schools.us.school)
        with acting(two_schools.us.school):
            allowed = {f"{name}" for name in model_admin.probe_fields}
            for field in model._meta.concrete_fields:
                for kind in ("startswith", "contains", "regex", "gt"):
                    lookup = f"{field.name}__{kind}"
                    assert lookup in allowed or not model_admin.lookup_allowed(lookup, "1", request), (url, lookup)


class SimpleRequest:
    """Just enough of a request to ask for filters."""

    def __init__(self, user):
        self.user, self.GET = user, {}


@pytest.mark.parametrize(
    "query",
    ["password__startswith=a", "phone__startswith=199", "student__id_number__startswith=99", "is_superuser__exact=1"],
)
def test_probing_accounts_is_a_bad_request(two_schools, client_of, query):
    client = client_of(two_schools.us.school)
    assert client.get(f"{reverse('admin:accounts_studentaccount_changelist')}?{query}").status_code == 400


def test_autocomplete_answers_only_for_fields_a_form_completes(two_schools, client_of):
    client, url = client_of(two_schools.us.school), reverse("admin:autocomplete")
    names = {"app_label": "workflows", "model_name": "window", "field_name": "org_unit", "term": "学院"}
    found = client.get(url, names).json()["results"]
    assert {row["text"] for row in found} == {"第1学院", "第2学院"}
    assert {int(row["id"]) for row in found} == {unit.pk for unit in two_schools.here.colleges}
    undeclared = {"app_label": "organisation", "model_name": "orgunit", "field_name": "parent", "term": ""}
    assert client.get(url, undeclared).status_code == 403


def test_choices_of_a_form_stay_in_scope(two_schools, client_of):
    answer = client_of(two_schools.us.school).get(reverse("admin:organisation_major_add"))
    with acting(two_schools.us.school):
        offered = set(answer.context["adminform"].form.fields["college"].queryset.values_list("pk", flat=True))
    assert offered == {unit.pk for unit in two_schools.here.colleges}


def test_page_size_is_bounded(two_schools, client_of):
    client, url = client_of(two_schools.us.school), reverse("admin:accounts_studentaccount_changelist")
    assert client.get(f"{url}?per_page=1000000").status_code == 302
    assert client.get(f"{url}?per_page=100").context["cl"].list_per_page == 100
    assert client.get(url).context["cl"].list_per_page == 100, "remembered"


def test_no_log_of_recent_actions_and_an_audit_row_instead(two_schools, client_of):
    client = client_of(two_schools.us.school)
    client.post(reverse("admin:organisation_campus_add"), {"school": two_schools.here.school.pk, "name": "东校区"})
    with system("a test looks"):
        assert Campus.objects.filter(name="东校区").exists()
        entry = AuditEntry.objects.get(object_label="东校区")
    assert (entry.action, entry.detail["deed"], entry.detail["changes"]["校区"]) == (
        "setting_change",
        "新增",
        ["", "东校区"],
    )
    assert LogEntry.objects.count() == 0


def test_a_student_is_told_where_he_is(two_schools, client_of):
    client = client_of(two_schools.student.user)
    for url in (reverse("admin:index"), reverse("admin:organisation_orgunit_changelist")):
        answer = client.get(url)
        assert answer.status_code == 403
        assert "管理后台供学校教职工使用" in answer.content.decode()


def test_login_leads_to_the_common_page_and_back(client):
    answer = client.get(reverse("admin:organisation_orgunit_changelist"), follow=False)
    assert answer.status_code == 302
    assert client.get(answer.url).url == "/login/?next=/admin/organisation/orgunit/"


def test_only_the_back_office_may_use_eval(two_schools, client_of):
    client = client_of(two_schools.us.school)
    assert "'unsafe-eval'" in client.get(reverse("admin:index")).headers["Content-Security-Policy"]
    assert "'unsafe-eval'" not in client.get("/nowhere/").headers["Content-Security-Policy"]


def test_history_has_old_and_new_in_words(two_schools, client_of):
    client, major = client_of(two_schools.us.school), two_schools.here.majors[0]
    data = {
        "college": major.college_id,
        "name": major.name,
        "code": "080902",
        "degree": "31",
        "study_length": "4",
        "is_active": "on",
    }
    url = reverse("admin:organisation_major_change", args=[major.pk])
    assert client.post(url, {**data, **seen(client, url)}).status_code == 302
    page = client.get(reverse("admin:organisation_major_history", args=[major.pk])).content.decode()
    assert "把 专业代码 从 080901 改为 080902" in page
    assert two_schools.us.school.name in page


def test_every_entry_of_the_side_bar_leads_somewhere(two_schools, client_of):
    """Whoever sees an entry can open it: no link to a refusal or a missing page."""
    for person in (
        two_schools.us.counselor,
        two_schools.us.college,
        two_schools.us.school,
        two_schools.us.province,
        two_schools.root,
    ):
        client = client_of(person)
        groups = client.get(reverse("admin:index")).context["sidebar_navigation"]
        links = [item["link"] for group in groups for item in group["items"]]
        assert [(link, client.get(link, follow=True).status_code) for link in links] == [(link, 200) for link in links]


def test_the_side_bar_on_a_page_is_that_person_s_and_marks_that_page(two_schools, client_of):
    """One bar is drawn for all who may open the same: nobody gets another's, and each page marks its own entry."""
    for person in (two_schools.us.school, two_schools.us.counselor, two_schools.us.school, two_schools.root):
        client = client_of(person)
        for name in ("admin:index", "admin:organisation_school_changelist"):
            page = client.get(reverse(name))
            bar = lxml.html.fromstring(page.content.decode()).get_element_by_id("nav-sidebar-apps")
            entries = [item for group in page.context["sidebar_navigation"] for item in group["items"]]
            with acting(person):
                allowed = [link.url for link in links() if may_open(page.wsgi_request, link.entry)]
            assert bar.xpath(".//a/@href") == [entry["link"] for entry in entries] == allowed
            assert bar.xpath(".//a[contains(@class, ' active')]/@href") == [reverse(name)]


def test_the_first_page_counts_and_leads_to_the_queue(two_schools, client_of):
    with system("a student submits"):
        actions.perform(two_schools.student.graduateprofile, Verb.SUBMIT, by=two_schools.student.user)
    client = client_of(two_schools.us.counselor)
    queues = {queue["title"]: queue for queue in client.get(reverse("admin:index")).context["queues"]}
    queue = queues["生源信息"]
    assert queue["count"] == 1
    assert two_schools.student.number in client.get(queue["url"], follow=True).content.decode()
