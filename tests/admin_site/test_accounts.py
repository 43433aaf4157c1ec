"""Accounts: who may appoint, manage and empower whom; passwords, locks, sessions; looking as a student."""

from __future__ import annotations

import re

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import Permission
from django.core.checks import Error
from django.urls import reverse

from models.accounts import functions, names
from models.accounts.assigning import Choice, assign, preview
from models.accounts.checks import separation_of_powers
from models.accounts.models import FunctionOverride, StaffAppointment, User
from models.audit.models import AuditEntry
from tests.factories import people
from workflows.levels import COLLEGE, COUNSELOR, SCHOOL
from workflows.scoping import system


def give(user, *codes):
    """Give functions to a person by name."""
    with system("a test gives functions"):
        for code in codes:
            app, codename = code.split(".")
            FunctionOverride.objects.create(
                user=user,
                permission=Permission.objects.get(content_type__app_label=app, codename=codename),
                granted=True,
            )


STAFF_RIGHTS = (
    "accounts.add_user", "accounts.change_user", "accounts.add_staffappointment", "accounts.change_staffappointment", "accounts.delete_staffappointment",
    "organisation.view_orgunit",
)  # fmt: skip


def new_account(client, level, unit, username="new-teacher", name="新老师"):
    data = {
        "username": username, "name": name, "phone": "", "email": "",
        "staff_appointments-TOTAL_FORMS": "1", "staff_appointments-INITIAL_FORMS": "0", "staff_appointments-MIN_NUM_FORMS": "0",
        "staff_appointments-MAX_NUM_FORMS": "1000", "staff_appointments-0-level": level, "staff_appointments-0-unit": unit.pk if unit else "",
    }  # fmt: skip
    return client.post(reverse("admin:accounts_user_add"), data)


class TestAppointing:
    def test_an_account_is_made_with_a_password_shown_once(self, two_schools, client_of):
        answer = new_account(client_of(two_schools.us.school), COUNSELOR, two_schools.here.classes[0])
        password = re.search(r'id="initial-password">([^<]+)<', answer.content.decode())[1]
        account = User.objects.get(username="new-teacher")
        assert account.check_password(password)
        assert (account.kind, account.password_state) == ("staff", "initial")
        with system("a test looks"):
            assert account.staff_appointments.get().unit == two_schools.here.classes[0]
            assert password not in str(list(AuditEntry.objects.values_list("detail", flat=True)))

    @pytest.mark.parametrize(
        ("who", "level", "place"),
        [
            ("school", "province", None),
            ("school", SCHOOL, "there.center"),
            ("school", COUNSELOR, "there.classes.0"),
            ("college", SCHOOL, "here.center"),
            ("college", COLLEGE, "here.colleges.0"),
            ("college", COUNSELOR, "here.classes.2"),
            ("counselor", COUNSELOR, "here.classes.0"),
        ],
    )
    def test_nobody_appoints_above_or_outside(self, two_schools, client_of, who, level, place):
        person, unit = getattr(two_schools.us, who), two_schools
        give(person, *STAFF_RIGHTS) if who != "school" else None
        for part in place.split(".") if place else ():
            unit = unit[int(part)] if part.isdecimal() else getattr(unit, part)
        answer = new_account(client_of(person), level, unit if place else None)
        assert answer.status_code in (200, 403)
        assert "initial-password" not in answer.content.decode()
        assert not User.objects.filter(username="new-teacher").exists()

    def test_a_college_appoints_counsellors_below_it(self, two_schools, client_of):
        give(two_schools.us.college, *STAFF_RIGHTS)
        answer = new_account(client_of(two_schools.us.college), COUNSELOR, two_schools.here.classes[1])
        assert "initial-password" in answer.content.decode()

    def test_a_name_is_written_with_letters_as_in_an_import(self, two_schools, client_of):
        unit = two_schools.here.classes[0]
        answer = new_account(client_of(two_schools.us.school), COUNSELOR, unit, name="新老师😀")
        assert answer.context["adminform"].form.errors["name"] == [names.refusal("新老师😀")]
        assert "姓名中有“😀”" in answer.content.decode()
        rare = new_account(client_of(two_schools.us.school), COUNSELOR, unit, name="𠮷田·一")
        assert "initial-password" in rare.content.decode()

    def test_an_account_without_a_place_is_not_made(self, two_schools, client_of):
        data = {
            "username": "nowhere", "name": "无处", "staff_appointments-TOTAL_FORMS": "0", "staff_appointments-INITIAL_FORMS": "0",
            "staff_appointments-MIN_NUM_FORMS": "0", "staff_appointments-MAX_NUM_FORMS": "1000",
        }  # fmt: skip
        answer = client_of(two_schools.us.school).post(reverse("admin:accounts_user_add"), data)
        assert "请至少填写一项任职" in answer.content.decode()
        assert not User.objects.filter(username="nowhere").exists()

    def test_a_superuser_cannot_be_made_by_form(self, two_schools, client_of):
        client, target = client_of(two_schools.us.school), two_schools.us.counselor
        client.post(
            reverse("admin:accounts_user_change", args=[target.pk]),
            {"name": "改名", "is_superuser": "on", "kind": "staff", "password": "x"},
        )
        target.refresh_from_db()
        assert not target.is_superuser


class TestManaging:
    @pytest.mark.parametrize("deed", ["reset-password", "switch", "unlock"])
    def test_nobody_manages_above_or_themselves(self, two_schools, client_of, deed):
        """A counsellor who also holds the school: visible to the college, but not theirs to reset."""
        give(two_schools.us.college, "accounts.change_user")
        with system("a test appoints"):
            StaffAppointment.objects.create(
                user=two_schools.us.school, level=COUNSELOR, unit=two_schools.here.classes[1]
            )
        client = client_of(two_schools.us.college)
        assert client.get(reverse("admin:accounts_user_change", args=[two_schools.us.school.pk])).status_code == 200
        assert client.post(f"/admin/accounts/user/{two_schools.us.school.pk}/{deed}/").status_code == 403
        assert client.post(f"/admin/accounts/user/{two_schools.us.college.pk}/{deed}/").status_code == 403
        assert (
            client_of(two_schools.us.province).post(f"/admin/accounts/user/{two_schools.root.pk}/{deed}/").status_code
            == 404
        )

    def test_a_reset_shows_a_new_password_and_ends_sessions(self, two_schools, client_of):
        victim = client_of(two_schools.us.counselor)
        assert victim.get(reverse("admin:index")).status_code == 200
        url = f"/admin/accounts/user/{two_schools.us.counselor.pk}/reset-password/"
        client = client_of(two_schools.us.school)
        assert "重置密码" in client.get(url).content.decode()
        assert victim.get(reverse("admin:index")).status_code == 200, "looking changes nothing"
        password = re.search(r'id="initial-password">([^<]+)<', client.post(url).content.decode())[1]
        assert User.objects.get(pk=two_schools.us.counselor.pk).check_password(password)
        assert victim.get(reverse("admin:index")).status_code == 302

    def test_disabling_ends_sessions_and_enabling_gives_back(self, two_schools, client_of):
        victim, url = client_of(two_schools.us.counselor), f"/admin/accounts/user/{two_schools.us.counselor.pk}/switch/"
        client = client_of(two_schools.us.school)
        client.post(url)
        assert not User.objects.get(pk=two_schools.us.counselor.pk).is_active
        assert victim.get(reverse("admin:index")).status_code == 302
        client.post(url)
        assert User.objects.get(pk=two_schools.us.counselor.pk).is_active
        assert victim.get(reverse("admin:index")).status_code == 302, "the old session stays ended"

    def test_unlocking_forgets_failures(self, two_schools, client_of):
        name = two_schools.us.counselor.username
        AccessAttempt.objects.create(
            username=name,
            ip_address="127.0.0.1",
            failures_since_start=9,
            user_agent="",
            path_info="/",
            get_data="",
            post_data="",
        )
        client_of(two_schools.us.school).post(f"/admin/accounts/user/{two_schools.us.counselor.pk}/unlock/")
        assert not AccessAttempt.objects.filter(username=name).exists()


class TestFunctions:
    def apply(self, client, people_, **choices):
        data = {"ids": ",".join(str(one.pk) for one in people_)} | {
            f"f__{code.replace('__', '.')}": choice for code, choice in choices.items()
        }
        return client.post(reverse("admin:accounts_functions_apply"), data, follow=True)

    def test_a_change_is_previewed_applied_to_all_and_holds_at_the_next_request(self, two_schools, client_of):
        with system("a test appoints"):
            other = people.staff(COUNSELOR, two_schools.here.classes[1])
        chosen, client = [two_schools.us.counselor, other], client_of(two_schools.us.school)
        counselor = client_of(two_schools.us.counselor)
        window = reverse("admin:workflows_window_changelist")
        assert counselor.get(window).status_code == 403
        ids = ",".join(str(one.pk) for one in chosen)
        shown = client.post(reverse("admin:accounts_functions"), {"ids": ids, "f__workflows.view_window": "give"})
        assert [[function.label for function in change.gains] for change in shown.context["changes"]] == [
            ["查看功能时间设置"]
        ] * 2
        assert counselor.get(window).status_code == 403, "a preview changes nothing"
        self.apply(client, chosen, workflows__view_window="give")
        assert counselor.get(window).status_code == 200, "without a new log-in"
        self.apply(client, chosen, workflows__view_window="default")
        assert counselor.get(window).status_code == 403
        with system("a test looks"):
            assert FunctionOverride.objects.count() == 0
            assert AuditEntry.objects.filter(action="rights_change", detail__deed="功能分配").count() == 4

    def test_a_default_can_be_taken_away(self, two_schools, client_of):
        counselor, page = client_of(two_schools.us.counselor), reverse("admin:accounts_studentaccount_changelist")
        assert counselor.get(page).status_code == 200
        self.apply(client_of(two_schools.us.school), [two_schools.us.counselor], accounts__view_user="take")
        assert counselor.get(page).status_code == 403

    def test_nobody_gives_what_they_do_not_hold(self, two_schools, client_of):
        self.apply(client_of(two_schools.us.school), [two_schools.us.counselor], codes__change_code="give")
        assert not User.objects.get(pk=two_schools.us.counselor.pk).has_perm("codes.change_code")

    def test_nobody_empowers_themselves_or_outsiders(self, two_schools, client_of):
        self.apply(
            client_of(two_schools.us.school),
            [two_schools.us.school, two_schools.them.counselor],
            workflows__view_window="give",
        )
        with system("a test looks"):
            assert FunctionOverride.objects.count() == 0

    def test_the_page_needs_its_function(self, two_schools, client_of):
        for who in ("counselor", "college"):
            client = client_of(getattr(two_schools.us, who))
            assert client.get(reverse("admin:accounts_functions")).status_code == 403
            assert self.apply(client, [two_schools.us.counselor], workflows__view_window="give").status_code == 403

    def test_separated_powers_are_not_joined(self, two_schools):
        together = {"accounts.assign_functions": Choice.GIVE, "audit.purge_auditentry": Choice.GIVE}
        target = [User.objects.get(pk=two_schools.us.counselor.pk)]
        assert "三权分立" in preview(target, together)[0].refusal
        with system("a test assigns as the break-glass account"):
            assign(target, together, by=two_schools.root)
        assert not User.objects.get(pk=target[0].pk).has_perm("audit.purge_auditentry")

    def test_the_system_check_refuses_defaults_that_join_them(self, monkeypatch):
        assert separation_of_powers(None) == []
        monkeypatch.setitem(functions.DEFAULTS, "school", ("accounts.*", "audit.*"))
        assert [type(found) for found in separation_of_powers(None)] == [Error]


class TestStudentAccounts:
    def test_the_list_keeps_to_scope_and_cohort(self, two_schools, client_of):
        answer = client_of(two_schools.us.counselor).get(reverse("admin:accounts_studentaccount_changelist"))
        assert [account.pk for account in answer.context["cl"].result_list] == [two_schools.student.user_id]

    def test_search_by_number(self, two_schools, client_of):
        url = reverse("admin:accounts_studentaccount_changelist")
        answer = client_of(two_schools.us.school).get(url, {"q": two_schools.second.number})
        assert [account.pk for account in answer.context["cl"].result_list] == [two_schools.second.user_id]

    def test_a_bulk_reset_asks_first_then_follows_the_schools_rule(self, two_schools, client_of):
        client, url = client_of(two_schools.us.school), reverse("admin:accounts_studentaccount_changelist")
        student = client_of(two_schools.student.user)
        data = {
            "action": "reset_selected",
            "_selected_action": [two_schools.student.user_id, two_schools.foreign.user_id],
            "select_across": "0",
        }
        assert "重置 1 名学生的密码" in client.post(url, data).content.decode()
        assert User.objects.get(pk=two_schools.student.user_id).password_state == "own"
        client.post(url, {**data, "confirmed": "yes"})
        assert User.objects.get(pk=two_schools.student.user_id).password_state == "none"
        assert User.objects.get(pk=two_schools.foreign.user_id).password_state == "own"
        assert "_auth_user_id" in student.session
        assert student.get("/student/").status_code == 302, "the student's session has ended"

    def test_looking_as_a_student_needs_reason_function_and_scope(self, two_schools, client_of):
        client, url = (
            client_of(two_schools.us.counselor),
            reverse("admin:accounts_studentaccount_impersonate", args=[two_schools.student.user_id]),
        )
        assert "请填写查看原因" in client.post(url, {"reason": ""}).content.decode()
        assert "impersonation" not in client.session
        answer = client.post(url, {"reason": "学生来电说页面打不开"})
        assert answer.url == "/student/"
        assert client.session["impersonation"]["user"] == two_schools.student.user_id
        with system("a test looks"):
            entry = AuditEntry.objects.get(action="impersonate_start")
        assert (entry.actor_id, entry.purpose) == (two_schools.us.counselor.pk, "学生来电说页面打不开")
        other = reverse("admin:accounts_studentaccount_impersonate", args=[two_schools.second.user_id])
        assert client.post(other, {"reason": "不在我班上"}).status_code == 404
        with system("a test appoints"):
            clerk = people.staff("data", two_schools.here.center)
        give(clerk, "accounts.view_user")
        assert client_of(clerk).post(url, {"reason": "没有这个功能"}).status_code == 403
