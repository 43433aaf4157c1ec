"""单位审核, 待复审 and 入驻 at the schools."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from models.employers import admission, blacklisting, services
from models.employers.models import Employer, EmployerAdmission, EmployerVerification
from models.notices.models import Notice
from tests.employers.conftest import LISTS, client_of
from tests.factories import employers
from workflows.actions import perform, save_fields
from workflows.batch import perform_many
from workflows.errors import NotAllowed, Refused, WrongState
from workflows.levels import Status, Verb
from workflows.scoping import acting, system

pytestmark = pytest.mark.django_db


def again(record):
    with system("a test looks"):
        return type(record)._base_manager.select_related("employer").get(pk=record.pk)


def test_before_the_review_an_employer_can_do_nothing(world):
    with system("a test looks"):
        assert isinstance(services.may_act_at(world.new, world.here.school), NotAllowed)
        assert services.look_up(world.new.name) == []
        with pytest.raises(WrongState):
            admission.apply(world.new, world.there.school, world.new.account)


def test_the_licence_is_needed(world):
    with system("a test makes an employer without a licence"):
        employer = employers.registered(world.here)
        employer.verification.evidence()[0].delete()
        record = EmployerVerification.objects.get(employer=employer)
    with acting(employer.account), pytest.raises(Refused) as refused:
        perform(record, Verb.SUBMIT, by=employer.account)
    assert "evidence.licence" in refused.value.errors


def test_approval_fills_the_library_and_opens_the_school(world):
    with system("a test reviews"):
        record = world.new.verification
        perform(record, Verb.SUBMIT, by=world.new.account)
        assert services.look_up(record.name) == []
        perform(record, Verb.APPROVE, by=world.office)
        row = Employer.objects.get(pk=world.new.pk)
        assert row.is_checked
        assert (row.checked_by, row.address) == (world.office, record.address)
        assert services.may_act_at(row, world.here.school) is None
        assert isinstance(services.may_act_at(row, world.there.school), NotAllowed)
        assert [known.uscc for known in services.look_up(record.name)] == [row.uscc]
        assert list(services.admitted_schools(row)) == [world.here.school.pk]


def test_a_batch_of_reviews_does_the_same(world):
    with system("a test reviews"):
        rows = [employers.registered(world.here) for _ in range(3)]
        for one in rows:
            perform(one.verification, Verb.SUBMIT, by=one.account)
        queue = EmployerVerification.objects.filter(employer__in=rows)
        result = perform_many(queue, Verb.APPROVE, by=world.office)
        assert len(result.done) == 3
        assert all(services.may_act_at(Employer.objects.get(pk=one.pk), world.here.school) is None for one in rows)


def test_changed_data_are_reviewed_again_and_count_only_then(world):
    with system("a test has an employer change its data"):
        record = world.known.verification
        old = record.name
        perform(record, Verb.AMEND, by=world.user)
        save_fields(record, {"name": "示例更名有限公司", "address": "示例市新址1号"}, by=world.user)
        perform(record, Verb.SUBMIT, by=world.user)
        now = again(record)
        assert (now.status, now.revising) == (Status.PENDING_SCHOOL, True)
        assert now.changes == {"name": [old, "示例更名有限公司"], "address": ["示例市示例区示例路8号", "示例市新址1号"]}
        # Until then the library says what was approved, and the employer stays where it is admitted.
        assert Employer.objects.get(pk=world.known.pk).name == old
        assert services.may_act_at(Employer.objects.get(pk=world.known.pk), world.here.school) is None
    page = client_of(world.office).get(f"{LISTS['verification']}{record.pk}/change/").content.decode()
    assert "示例更名有限公司" in page
    assert "与上次审核通过时相比" in page
    assert "2 处变化" in client_of(world.office).get(LISTS["verification"]).content.decode()
    with system("a test approves"):
        perform(record, Verb.APPROVE, by=world.office)
        row = Employer.objects.get(pk=world.known.pk)
        assert (row.name, row.former_names) == ("示例更名有限公司", [old])
        assert not again(record).revising


def test_only_matters_that_say_so_can_be_amended(world):
    with system("a test looks"):
        record = EmployerAdmission.objects.get(employer=world.known)
        assert record.status == Status.APPROVED
        with pytest.raises(WrongState):
            perform(record, Verb.AMEND, by=world.user)


def test_a_second_school_decides_for_itself(world):
    with system("a test applies elsewhere"):
        record = admission.apply(world.known, world.there.school, world.user)
        assert admission.apply(world.known, world.there.school, world.user).pk == record.pk
        perform(record, Verb.SUBMIT, by=world.user)
        with pytest.raises(Refused):
            perform(record, Verb.APPROVE, by=world.office)
        perform(record, Verb.APPROVE, by=world.foreign)
        assert set(services.admitted_schools(world.known)) == {world.here.school.pk, world.there.school.pk}


def test_a_school_sees_its_own_employers_and_nobody_below_it_does(world):
    with system("a test applies elsewhere"):
        perform(admission.apply(world.known, world.there.school, world.user), Verb.SUBMIT, by=world.user)
    name = world.known.name
    assert name in client_of(world.office).get(LISTS["verification"]).content.decode()
    assert name not in client_of(world.foreign).get(LISTS["verification"]).content.decode()
    assert name in client_of(world.foreign).get(LISTS["admission"]).content.decode()
    assert name in client_of(world.province).get(LISTS["verification"]).content.decode()
    for person in (world.college, world.student.user):
        assert client_of(person).get(LISTS["verification"]).status_code in (302, 403)


@pytest.mark.parametrize(
    "page", ["", "overview/", "?q={uscc}", "?q=示例", "?status=approved", "?unit={path}", "?status=waiting&o=-name"]
)
def test_the_pages_of_a_matter_that_belongs_to_no_year(world, page):
    url = LISTS["verification"] + page.format(uscc=world.known.uscc.lower(), path=world.here.school.path)
    for person in (world.office, world.province):
        answer = client_of(person).get(url)
        assert answer.status_code == 200
        if "waiting" not in page and page != "overview/":
            assert world.known.name in answer.content.decode()


def test_the_overview_counts_by_school(world):
    text = client_of(world.office).get(LISTS["verification"] + "overview/").content.decode()
    assert world.here.school.name in text
    assert "?status=approved" in text or "status=approved" in text
    assert "换届" not in client_of(world.office).get(LISTS["verification"]).content.decode()


def test_the_employer_is_told(world):
    with system("a test returns"):
        perform(world.new.verification, Verb.SUBMIT, by=world.new.account)
        perform(world.new.verification, Verb.RETURN, by=world.office, reasons=["营业执照不清晰或已过期"])


@pytest.mark.django_db(transaction=True)
def test_a_notice_leads_the_employer_to_its_record(world):
    with system("a test returns"):
        perform(world.new.verification, Verb.SUBMIT, by=world.new.account)
        perform(world.new.verification, Verb.RETURN, by=world.office, reasons=["营业执照不清晰或已过期"])
        notice = Notice.objects.get(recipient=world.new.account)
    client = client_of(world.new.account)
    assert "营业执照不清晰" in client.get("/employer/").content.decode()
    page = client.get(f"/employer/notices/{notice.pk}/").content.decode()
    assert f"/employer/matters/employerverification/{world.new.verification.pk}/" in page


def test_a_blacklisted_employer_is_shut_out_here_and_nowhere_else(world):
    with system("a test excludes"):
        other = admission.apply(world.known, world.there.school, world.user)
        perform(other, Verb.SUBMIT, by=world.user)
        perform(other, Verb.APPROVE, by=world.foreign)
        row = blacklisting.place(world.known, world.here.school, "雀原因：拖欠工资", by=world.office)
        refusal = services.may_act_at(world.known, world.here.school)
        assert isinstance(refusal, NotAllowed)
        assert "雀原因" not in refusal.sentence
        assert services.may_act_at(world.known, world.there.school) is None
        with pytest.raises(Refused):
            blacklisting.place(world.known, world.here.school, "再来", by=world.office)
        for person in (world.foreign, world.college, world.user):
            with pytest.raises(NotAllowed):
                blacklisting.lift(row, "不应当", by=person)
    page = client_of(world.user).get("/employer/").content.decode()
    assert "已暂停" in page
    assert "雀原因" not in page
    with system("a test lifts"):
        with pytest.raises(Refused):
            blacklisting.lift(row, " ", by=world.office)
        blacklisting.lift(row, "已补发并提供证明", by=world.office)
        assert services.may_act_at(world.known, world.here.school) is None
        with pytest.raises(Refused):
            blacklisting.lift(row, "再解除", by=world.office)


def test_an_employer_reaches_nothing_of_students_or_other_employers(world):
    client = client_of(world.user)
    other = world.new.verification
    for page in ("/student/", "/student/matters/graduateprofile/"):
        assert client.get(page).status_code == 302
    for page in ("/admin/", "/admin/students/student/"):
        assert client.get(page).status_code == 403
    for page in (
        f"/employer/matters/employerverification/{other.pk}/", "/employer/matters/graduateprofile/1/",
        f"/api/matters/employerverification/{other.pk}/", "/api/matters/graduateprofile/mine/",
    ):  # fmt: skip
        assert client.get(page).status_code == 404
    assert client.get("/api/matters/graduateprofile/").json() == []
    student = client_of(world.student.user)
    assert student.get("/employer/").status_code == 302
    assert student.get(f"/api/matters/employerverification/{other.pk}/").status_code == 404


def test_the_look_up_serves_everybody_logged_in_and_names_no_person(world):
    url = f"/api/employers/?q={world.known.name[:4]}"
    for person in (world.student.user, world.office, world.user):
        rows = client_of(person).get(url).json()["results"]
        assert [row["uscc"] for row in rows] == [world.known.uscc]
        assert not {"contact", "mobile", "email", "phone"} & set(rows[0])
        assert rows[0]["region_name"].endswith("渝中区")
    assert client_of().get(url).status_code in (401, 403)
    assert client_of(world.user).get("/api/employers/?q=示").json()["results"] == []
    assert client_of(world.user).get("/api/employers/?q=%00%27%22").json()["results"] == []


def test_the_centre_over_the_api(world):
    """Registering, filling in, submitting, applying elsewhere: what the pages do, the API does."""
    client = client_of(world.new.account)
    record = client.get("/api/matters/employerverification/mine/").json()
    assert (record["status"]["code"], record["missing"]) == ("draft", {})
    url = f"/api/matters/employerverification/{record['id']}/"
    saved = client.patch(
        url, {"values": {"address": "示例路9号"}, "version": record["version"]}, "application/json"
    ).json()
    assert (
        client.post(f"{url}submit/", {"version": saved["version"]}, "application/json").json()["status"]["code"]
        == "pending_school"
    )
    assert (
        client.post("/api/employer/admissions/", {"school": world.there.school.pk}, "application/json").status_code
        == 409
    )
    with system("a test reviews"):
        perform(world.new.verification, Verb.APPROVE, by=world.office)
    assert client.get("/api/employer/admissions/").json() == [
        {"id": world.there.school.pk, "name": world.there.school.name}
    ]
    made = client.post("/api/employer/admissions/", {"school": world.there.school.pk}, "application/json")
    assert (made.status_code, made.json()["status"]["code"]) == (201, "draft")
    for wrong in (0, -1, 10**30, "x", None):
        assert client.post("/api/employer/admissions/", {"school": wrong}, "application/json").status_code == 400
    assert client_of(world.student.user).get("/api/employer/admissions/").status_code == 403
    me = client.get("/api/me/").json()
    assert (me["kind"], me["username"]) == ("employer", world.new.uscc)


def test_what_a_register_says_stands_beside_what_was_entered(world):
    with system("a test has a register imported before the employer registers"):
        employer = employers.registered(world.here, address="示例市新址1号")
        known = {"source": Employer.Source.IMPORT, "checked_at": timezone.now(), "name": "示例旧名有限公司"}
        Employer.objects.filter(pk=employer.pk).update(**known, address="示例市新址1号", industry="")
        record = EmployerVerification.objects.get(employer=employer)
        perform(record, Verb.SUBMIT, by=employer.account)
    page = client_of(world.office).get(f"/admin/employers/employerverification/{record.pk}/change/").content.decode()
    both = page.partition("工商登记信息对比")[2].partition("</section>")[0]
    assert "1 项不一致" in both
    assert "来源：导入" in both
    assert re.search(r"示例旧名有限公司.*示例制造\d+有限公司.*不一致", both)
    assert re.search(r"<td[^>]*>示例市新址1号</td><td[^>]*>示例市新址1号</td>", both), (
        "what agrees is shown as agreeing"
    )
    assert "单位行业" not in both, "the register says nothing of it"


def test_an_employer_nobody_else_knows_has_nothing_beside_it(world):
    with system("a test reviews"):
        perform(world.new.verification, Verb.SUBMIT, by=world.new.account)
        perform(world.known.verification, Verb.AMEND, by=world.user)
    for record in (world.new.verification, world.known.verification):
        page = client_of(world.office).get(f"/admin/employers/employerverification/{record.pk}/change/")
        assert page.status_code == 200
        assert "工商登记信息对比" not in page.content.decode()
