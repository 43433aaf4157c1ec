"""The settings screens, codes, audit trail and jobs."""

from __future__ import annotations

import pytest
from django.contrib.admin import site
from django.core.exceptions import ValidationError
from django.db import models
from django.test import RequestFactory
from django.urls import reverse

from models.audit.models import AuditEntry
from models.codes.models import Code
from models.jobs.files import store_private
from models.jobs.models import Job, Status
from models.students.models import GraduateProfile
from tests.admin_site.conftest import seen
from tests.admin_site.test_accounts import give
from workflows import policy
from workflows.fields import specs
from workflows.models import ExtraField, FieldPolicy, Flow, ReturnReason, Window
from workflows.scoping import system

MATTER = "students.graduateprofile"


@pytest.fixture(autouse=True)
def fresh_settings():
    policy.forget_all()
    yield
    policy.forget_all()


def test_levels_are_check_boxes_and_stored_in_order(two_schools, client_of):
    client, school = client_of(two_schools.us.school), two_schools.here.school
    data = {"matter": MATTER, "school": school.pk, "levels": ["school", "counselor"], "resubmit": "first"}
    assert client.post(reverse("admin:workflows_flow_add"), data).status_code == 302
    with system("a test looks"):
        flow = Flow.objects.get()
        assert AuditEntry.objects.filter(action="setting_change", object_type="workflows.flow").count() == 1
    assert flow.level_list() == ["counselor", "school"]
    assert policy.flow_for(GraduateProfile, school.pk, two_schools.here.cohort.pk).levels == ("counselor", "school")
    page = client.get(reverse("admin:workflows_flow_change", args=[flow.pk])).content.decode()
    assert 'value="counselor" ' in page
    assert (
        client.post(reverse("admin:workflows_flow_add"), {**data, "levels": []})
        .context["adminform"]
        .form.errors["levels"]
    )
    again = client.post(reverse("admin:workflows_flow_add"), data).content.decode()
    assert "该范围已有审核流程设置" in again


def test_only_matters_are_offered(two_schools, client_of):
    form = client_of(two_schools.us.school).get(reverse("admin:workflows_window_add")).context["adminform"].form
    assert (MATTER, "生源信息") in list(form.fields["matter"].choices)
    data = {"matter": "accounts.user", "school": two_schools.here.school.pk}
    assert (
        client_of(two_schools.us.school)
        .post(reverse("admin:workflows_window_add"), data)
        .context["adminform"]
        .form.errors["matter"]
    )


def test_shared_rows_belong_to_the_province(two_schools, client_of):
    with system("a test makes a shared row"):
        shared = ReturnReason.objects.create(matter=MATTER, text="全省通用的原因")
    url = reverse("admin:workflows_returnreason_change", args=[shared.pk])
    school, province = client_of(two_schools.us.school), client_of(two_schools.us.province)
    assert "全省通用的原因" in school.get(reverse("admin:workflows_returnreason_changelist")).content.decode()
    data = {"matter": MATTER, "text": "改过", "order": "0", "cohort": ""}
    assert school.get(url).status_code == 200
    assert school.post(url, data).status_code == 403
    assert school.post(reverse("admin:workflows_returnreason_delete", args=[shared.pk])).status_code == 403
    add = school.post(reverse("admin:workflows_returnreason_add"), {**data, "school": ""})
    assert add.context["adminform"].form.errors["school"]
    assert province.post(url, {**data, **seen(province, url)}).status_code == 302
    assert province.post(reverse("admin:workflows_returnreason_add"), {**data, "school": ""}).status_code == 302


def test_a_college_with_the_function_sets_windows_of_its_own_units_only(two_schools, client_of):
    give(two_schools.us.college, "workflows.add_window", "workflows.view_window", "organisation.view_school")
    client, here, url = client_of(two_schools.us.college), two_schools.here, reverse("admin:workflows_window_add")
    whole = client.post(url, {"matter": MATTER, "school": here.school.pk}, follow=True)
    assert "超出了您的任职" in whole.content.decode()
    client.post(url, {"matter": MATTER, "school": here.school.pk, "org_unit": here.colleges[0].pk})
    with system("a test looks"):
        assert [window.org_unit_id for window in Window.objects.all()] == [here.colleges[0].pk]


def grid_url(school="", cohort=""):
    return f"{reverse('admin:workflows_fieldpolicy_changelist')}?matter={MATTER}&school={school}&cohort={cohort}"


def test_the_grid_of_fields_writes_what_was_chosen(two_schools, client_of):
    here = two_schools.here
    client, url = client_of(two_schools.us.school), grid_url(here.school.pk, here.cohort.pk)
    rows = {row.spec.name: row for row in client.get(url).context["rows"]}
    assert (rows["qq"].mode, rows["qq"].inherited) == ("", "editable")
    assert rows["student.number"].modes == ("hidden", "locked")
    client.post(
        url,
        {
            "mode__qq": "required",
            "help__qq": "就业群要用",
            "mode__student.number": "editable",
            "mode__health": "hidden",
            **seen(client, url),
        },
    )
    with system("a test looks"):
        stored = {row.field: (row.mode, row.help_text) for row in FieldPolicy.objects.all()}
        assert stored == {"qq": ("required", "就业群要用"), "health": ("hidden", "")}
        entry = AuditEntry.objects.get(action="setting_change")
        assert entry.detail["changes"]["QQ"] == ["默认", "必填；说明：就业群要用"]
    modes = {spec.name: spec.mode for spec in specs(GraduateProfile, here.school.pk, here.cohort.pk)}
    assert (modes["qq"], modes["health"], modes["student.number"]) == ("required", "hidden", "locked")
    client.post(url, {"mode__qq": "", "mode__health": "hidden", **seen(client, url)})
    with system("a test looks"):
        assert [row.field for row in FieldPolicy.objects.all()] == ["health"]


def test_a_cohort_inherits_from_the_school_and_the_school_from_everybody(two_schools, client_of):
    here = two_schools.here
    with system("a test sets policies"):
        FieldPolicy.objects.create(matter=MATTER, field="qq", mode="hidden")
        FieldPolicy.objects.create(matter=MATTER, school=here.school, field="qq", mode="required")
    client = client_of(two_schools.us.school)

    def inherited(url):
        return next(row.inherited for row in client.get(url).context["rows"] if row.spec.name == "qq")

    assert inherited(grid_url(here.school.pk)) == "hidden"
    assert inherited(grid_url(here.school.pk, here.cohort.pk)) == "required"


def test_the_grid_refuses_whoever_may_not_set(two_schools, client_of):
    url = grid_url()
    assert client_of(two_schools.us.counselor).get(url).status_code == 403
    foreign = grid_url(two_schools.there.school.pk)
    assert client_of(two_schools.us.school).post(foreign, {"mode__qq": "hidden"}).status_code == 404
    province = client_of(two_schools.us.province)
    assert province.post(url, {"mode__qq": "hidden", **seen(province, url)}).status_code == 302
    with system("a test looks"):
        assert FieldPolicy.objects.get().school_id is None


def test_a_schools_own_field(two_schools, client_of):
    data = {
        "matter": MATTER, "school": two_schools.here.school.pk, "label": "校友会", "key": "alumni", "kind": "choice", "choices": "愿意\n不愿意",
        "mode": "editable", "order": "1", "is_active": "on",
    }  # fmt: skip
    client = client_of(two_schools.us.school)
    assert (
        client.post(reverse("admin:workflows_extrafield_add"), {**data, "choices": "只有一项"})
        .context["adminform"]
        .form.errors
    )
    assert client.post(reverse("admin:workflows_extrafield_add"), data).status_code == 302
    with system("a test looks"):
        assert ExtraField.objects.get().choice_list() == ["愿意", "不愿意"]


class TestCodes:
    def test_a_school_looks_and_the_province_edits_with_history(self, two_schools, client_of):
        code = Code.objects.get(table="degree_level", code="31")
        code.save()  # a test that committed may have taken the history of the loaded codes away
        url = reverse("admin:codes_code_change", args=[code.pk])
        data = {
            "name": code.name,
            "aliases": "本科\n大学本科\n统招本科",
            "is_active": "on",
            "sureness": code.sureness,
            "order": code.order,
            "flags": "{}",
        }
        school, province = client_of(two_schools.us.school), client_of(two_schools.us.province)
        assert school.get(url).status_code == 200
        assert school.post(url, data).status_code == 403
        assert province.post(url, {**data, **seen(province, url)}).status_code == 302
        code.refresh_from_db()
        assert code.aliases == ["本科", "大学本科", "统招本科"]
        assert code.locally_edited
        assert "把 别名 从" in school.get(reverse("admin:codes_code_history", args=[code.pk])).content.decode()

    @pytest.mark.parametrize(("text", "code"), [("01", "01"), ("汉族", "01"), ("汉", "01")])
    def test_search_by_code_name_and_alias(self, two_schools, client_of, text, code):
        answer = client_of(two_schools.us.school).get(
            reverse("admin:codes_code_changelist"), {"table": "nation", "q": text}
        )
        assert code in [row.code for row in answer.context["cl"].result_list]

    def test_a_table_kept_by_the_system_is_read_only(self, two_schools, client_of):
        code = Code.objects.get(table="gender", code="1")
        assert (
            client_of(two_schools.us.province)
            .post(reverse("admin:codes_code_change", args=[code.pk]), {"name": "x"})
            .status_code
            == 403
        )

    def test_suggestions_from_two_characters(self, two_schools, client_of):
        client, url = client_of(two_schools.us.school), reverse("admin:codes_suggest")
        assert client.get(url, {"table": "region", "q": "渝"}).json() == {"results": []}
        assert {"id": "500103", "text": "重庆市渝中区"} in client.get(url, {"table": "region", "q": "渝中"}).json()[
            "results"
        ]
        assert client.get(url, {"table": "nonsense", "q": "渝中"}).json() == {"results": []}


class TestAuditAndJobs:
    def test_the_trail_keeps_to_the_school_and_cannot_be_written(self, two_schools, client_of):
        for who in (two_schools.us.school, two_schools.them.school):
            data = {"school": "", "name": "校区"}
            data["school"] = (two_schools.here if who is two_schools.us.school else two_schools.there).school.pk
            client_of(who).post(reverse("admin:organisation_campus_add"), data)
        client = client_of(two_schools.us.school)
        rows = client.get(reverse("admin:audit_auditentry_changelist")).context["cl"].result_list
        assert {row.school_id for row in rows} == {two_schools.here.school.pk}
        with system("a test looks"):
            foreign = AuditEntry.objects.filter(school_id=two_schools.there.school.pk).first()
        assert client.get(reverse("admin:audit_auditentry_change", args=[foreign.pk])).status_code == 404
        own = reverse("admin:audit_auditentry_change", args=[rows[0].pk])
        assert client.get(own).status_code == 200
        assert client.post(own, {}).status_code == 403
        assert client_of(two_schools.us.counselor).get(reverse("admin:audit_auditentry_changelist")).status_code == 403

    def test_everybody_has_their_own_jobs_only(self, two_schools, client_of):
        stored = store_private("结果.csv", b"a,b\n", "jobs")
        mine, other = (
            Job.objects.create(
                kind="x", title=f"任务{n}", owner=owner, status=Status.DONE, result_file=stored, file_name="结果.csv"
            )
            for n, owner in enumerate((two_schools.us.counselor, two_schools.us.school))
        )
        client = client_of(two_schools.us.counselor)
        page = client.get(reverse("admin:jobs_job_changelist")).content.decode()
        assert "任务0" in page
        assert "任务1" not in page
        answer = client.get(reverse("admin:jobs_job_download", args=[mine.pk]))
        assert (b"".join(answer.streaming_content), answer.headers["X-Content-Type-Options"]) == (b"a,b\n", "nosniff")
        assert client.get(reverse("admin:jobs_job_progress", args=[mine.pk])).json()["percent"] == 100
        for name in ("download", "progress", "change"):
            assert client.get(reverse(f"admin:jobs_job_{name}", args=[other.pk])).status_code == 404
        assert client.post(reverse("admin:jobs_job_cancel", args=[other.pk])).status_code == 404

    def test_a_waiting_job_is_cancelled(self, two_schools, client_of):
        job = Job.objects.create(kind="x", title="任务", owner=two_schools.us.counselor)
        client_of(two_schools.us.counselor).post(reverse("admin:jobs_job_cancel", args=[job.pk]))
        job.refresh_from_db()
        assert job.status == Status.CANCELLED


def test_the_path_above_a_page_is_that_of_the_side_bar(two_schools, client_of):
    """功能时间 in the menu is 功能时间 above the page, below its group, and not the model's own name."""
    client = client_of(two_schools.us.school)
    page = client.get(reverse("admin:workflows_window_changelist")).content.decode()
    head = page.partition('id="header-inner"')[2].partition("</h1>")[0] or page.partition("<body")[2]
    assert "功能时间设置" not in head
    assert "功能时间" in head
    assert head.index("系统") < head.index("功能时间")


def test_no_form_takes_or_chokes_on_a_number_that_nobody_means(two_schools, client_of):
    """Whatever the engine could hold: every field of whole numbers that staff fill in names a limit people can read."""
    asked = []
    request = RequestFactory().get("/")
    request.user = two_schools.us.school
    with system("a test walks the forms"):
        for model, screen in site._registry.items():
            if not (screen.has_add_permission(request) or screen.has_change_permission(request)):
                continue
            for db_field in model._meta.concrete_fields:
                if not db_field.editable or db_field.primary_key or not isinstance(db_field, models.IntegerField):
                    continue
                field = screen.formfield_for_dbfield(db_field, request)
                asked.append(str(db_field))
                for number in (2**15, 2**31, 2**63) if "Small" in db_field.get_internal_type() else (2**31, 2**63):
                    with pytest.raises(ValidationError) as refusal:
                        field.clean(str(number))
                    sentence = refusal.value.messages[0]
                    assert "数字太大" in sentence or "不是可用的年份" in sentence, (db_field, sentence)
    assert "organisation.OrgUnit.order" in asked
    unit = two_schools.here.colleges[0]
    change = reverse("admin:organisation_orgunit_change", args=[unit.pk])
    client = client_of(two_schools.us.school)
    answer = client.post(change, {"name": unit.name, "kind": unit.kind, "order": 2**31, **seen(client, change)})
    assert answer.context["adminform"].form.errors["order"] == ["数字太大，最多填 99999999，请检查是否多填了位数。"]
