"""The tree of units, cohorts, majors: adding a child, moving a subtree with its students, one 就业中心."""

from __future__ import annotations

import pytest
from django.urls import reverse

from models.audit.models import AuditEntry
from models.codes.models import Code, CodeTable
from models.codes.services import save_code, upsert
from models.organisation.models import Cohort, Major, OrgUnit
from models.students.models import GraduateProfile, Student
from tests.factories import people
from workflows.scoping import system

TREE = "admin:organisation_orgunit_changelist"


def test_the_tree_counts_students_below_every_node(two_schools, client_of):
    with system("a test adds students"):
        people.student(two_schools.here, unit=two_schools.here.classes[0])
    answer = client_of(two_schools.us.school).get(reverse(TREE))
    counts = {node.unit.pk: node.students for node in answer.context["nodes"]}
    here = two_schools.here
    assert counts[here.classes[0].pk] == 2
    assert counts[here.classes[2].pk] == 1
    assert counts[here.colleges[0].pk] == 2
    assert counts[here.colleges[1].pk] == 1
    assert answer.context["total"] == 3
    assert two_schools.there.colleges[0].pk not in counts


def test_the_tree_costs_the_same_for_more_units(two_schools, client_of, django_assert_max_num_queries):
    client = client_of(two_schools.us.school)
    client.get(reverse(TREE))
    with system("a test adds units"):
        OrgUnit.objects.bulk_create(
            [
                OrgUnit(
                    school=two_schools.here.school,
                    kind="other",
                    name=f"部门{n}",
                    path=f"{two_schools.here.school.pk}/{9000 + n}/",
                )
                for n in range(40)
            ]
        )
    with django_assert_max_num_queries(12):
        client.get(reverse(TREE))


def test_a_counsellor_sees_only_the_own_branch(two_schools, client_of):
    nodes = client_of(two_schools.us.counselor).get(reverse(TREE)).context["nodes"]
    assert [node.unit.pk for node in nodes] == [two_schools.here.classes[0].pk]
    assert not any(node.can_hold for node in nodes)


def add_child(client, parent, kind, name):
    return client.post(
        reverse("admin:organisation_orgunit_add_child"), {"parent": parent, "kind": kind, "name": name}, follow=True
    )


def test_a_child_is_added_with_one_click(two_schools, client_of):
    client, major = client_of(two_schools.us.school), two_schools.here.majors[0]
    assert "已在" in add_child(client, major.unit_id, "class", "新班").content.decode()
    with system("a test looks"):
        made = OrgUnit.objects.get(name="新班")
    assert made.path == f"{major.unit.path}{made.pk}/"
    assert made.history.count() == 1


def test_there_is_one_centre_per_school(two_schools, client_of):
    client = client_of(two_schools.us.school)
    page = add_child(client, f"school-{two_schools.here.school.pk}", "center", "第二就业中心").content.decode()
    assert "每所学校只能有一个就业中心" in page
    with system("a test looks"):
        assert OrgUnit.objects.filter(school=two_schools.here.school, kind="center").count() == 1


def test_children_cannot_be_added_elsewhere_or_without_the_function(two_schools, client_of):
    client, there = client_of(two_schools.us.school), two_schools.there
    before = OrgUnit._base_manager.count()
    assert add_child(client, there.majors[0].unit_id, "class", "越界").status_code == 404
    assert add_child(client, f"school-{there.school.pk}", "college", "越界").status_code == 404
    assert (
        add_child(client_of(two_schools.us.college), two_schools.here.majors[0].unit_id, "class", "无权").status_code
        == 403
    )
    assert "不能添加这种部门" in add_child(client, two_schools.here.classes[0].pk, "class", "班下之班").content.decode()
    assert OrgUnit._base_manager.count() == before


def test_a_move_is_previewed_and_takes_students_and_their_records_along(two_schools, client_of):
    client, here = client_of(two_schools.us.school), two_schools.here
    major, target = here.majors[0], here.colleges[1]
    url = reverse("admin:organisation_orgunit_move", args=[major.unit_id])
    preview = client.post(url, {"parent": target.pk})
    plan = preview.context["plan"]
    assert (plan.classes, plan.students) == (2, 1)
    with system("a test looks"):
        assert Student.objects.get(pk=two_schools.student.pk).org_path.startswith(here.colleges[0].path), (
            "only a preview"
        )
    client.post(url, {"parent": target.pk, "confirmed": "yes"})
    with system("a test looks"):
        moved = Student.objects.get(pk=two_schools.student.pk)
        unit = OrgUnit.objects.get(pk=here.classes[0].pk)
        assert moved.org_path == unit.path
        assert unit.path.startswith(target.path)
        assert GraduateProfile.objects.get(student=moved).org_path == unit.path
        assert Major.objects.get(pk=major.pk).college_id == target.pk
        assert (
            AuditEntry.objects.filter(action="setting_change", detail__deed="移动部门", detail__students=1).count() == 1
        )
    assert two_schools.us.college.pk, "the old college's reviewer"
    page = client_of(two_schools.us.college).get(reverse("admin:organisation_orgunit_history", args=[major.unit_id]))
    assert page.status_code == 404, "who held the old college sees the branch no more"


def test_a_node_goes_nowhere_impossible(two_schools, client_of):
    client, here = client_of(two_schools.us.school), two_schools.here
    url = reverse("admin:organisation_orgunit_move", args=[here.majors[0].unit_id])
    for parent in (here.classes[0].pk, here.majors[0].unit_id, two_schools.there.colleges[0].pk, "top"):
        answer = client.post(url, {"parent": parent, "confirmed": "yes"})
        assert answer.status_code == 200
        assert answer.context["form"].errors
    with system("a test looks"):
        assert OrgUnit.objects.get(pk=here.majors[0].unit_id).path == here.majors[0].unit.path


def test_the_constraint_over_columns_not_in_the_form_is_a_sentence(two_schools, client_of):
    client, major = client_of(two_schools.us.school), two_schools.here.majors[0]
    data = {
        "college": major.college_id,
        "name": major.name,
        "code": major.code,
        "degree": "31",
        "study_length": "4",
        "is_active": "on",
    }
    page = client.post(reverse("admin:organisation_major_add"), data).content.decode()
    assert "该学院已有相同名称、方向、学历和校区的专业" in page


def test_a_school_is_added_by_the_province_and_begins_with_its_centre(two_schools, client_of):
    url, data = (
        reverse("admin:organisation_school_add"),
        {"code": "19983", "name": "丙大学", "first_login": "activation", "is_active": "on"},
    )
    assert client_of(two_schools.us.school).post(url, data).status_code == 403
    assert client_of(two_schools.us.province).post(url, data).status_code == 302
    with system("a test looks"):
        assert OrgUnit.objects.filter(school__code="19983").values_list("kind", flat=True).get() == "center"


class TestCohortInView:
    def test_default_is_the_newest_that_is_open(self, two_schools, client_of):
        with system("a test adds cohorts"):
            Cohort.objects.create(school=two_schools.here.school, year=2026)
            Cohort.objects.create(school=two_schools.here.school, year=2028, closed=True)
        answer = client_of(two_schools.us.school).get(reverse("admin:index"))
        assert (answer.context["cohort_year"], answer.context["cohort_years"]) == (2027, [2028, 2027, 2026])

    def test_a_choice_is_remembered_and_leads_back(self, two_schools, client_of):
        with system("a test adds a cohort"):
            Cohort.objects.create(school=two_schools.here.school, year=2026)
        client, tree = client_of(two_schools.us.school), reverse(TREE)
        answer = client.post(reverse("admin:cohort_switch"), {"year": "2026", "next": tree})
        assert answer.url == tree
        page = client.get(tree)
        assert (page.context["cohort_year"], page.context["total"]) == (2026, 0)
        again = client_of(two_schools.us.school).get(reverse("admin:index"))
        assert again.context["cohort_year"] == 2026, "also after the next log-in"

    def test_only_years_of_ones_own_schools_and_only_local_ways_back(self, two_schools, client_of):
        with system("a test adds a foreign cohort"):
            Cohort.objects.create(school=two_schools.there.school, year=2031)
        client, url = client_of(two_schools.us.school), reverse("admin:cohort_switch")
        assert client.post(url, {"year": "2031"}).status_code == 400
        assert client.post(url, {"year": "2027", "next": "https://evil.example/"}).url == reverse("admin:index")
        assert client.get(url).status_code == 405


def test_students_of_a_class_moved_under_another_major_get_that_major(two_schools, client_of):
    client, here = client_of(two_schools.us.school), two_schools.here
    klass, target = here.classes[0], here.majors[1]
    with system("a test sets up"):
        Major.objects.filter(pk=target.pk).update(degree="25", study_length="3")
        old_year = Cohort.objects.create(school=here.school, year=2026, closed=True)
        graduate = people.student(here, unit=klass, cohort=old_year, grad_year=2026)
        Student._base_manager.filter(pk=two_schools.second.pk).update(study_length="5")
    url = reverse("admin:organisation_orgunit_move", args=[klass.pk])
    page = client.post(url, {"parent": target.unit_id}).content.decode()
    assert f"1 名学生的专业将改为「{target}」" in page
    client.post(url, {"parent": target.unit_id, "confirmed": "yes"})
    with system("a test looks"):
        moved = Student.objects.get(pk=two_schools.student.pk)
        assert (moved.major_id, moved.degree, moved.study_length) == (target.pk, "25", "3")
        assert moved.history.first().history_user == two_schools.us.school
        assert moved.org_path.startswith(target.unit.path)
        assert Student.objects.get(pk=graduate.pk).major_id == here.majors[0].pk, "an archived cohort keeps its major"
        profile = GraduateProfile.objects.get(student=moved)
        assert (profile.org_path, profile.rules_stamp) == (moved.org_path, "")


def test_a_class_moved_out_of_its_major_into_a_college_leaves_majors_alone(two_schools, client_of):
    client, here = client_of(two_schools.us.school), two_schools.here
    url = reverse("admin:organisation_orgunit_move", args=[here.classes[0].pk])
    client.post(url, {"parent": here.colleges[1].pk, "confirmed": "yes"})
    with system("a test looks"):
        moved = Student.objects.get(pk=two_schools.student.pk)
        assert moved.org_path.startswith(here.colleges[1].path)
        assert moved.major_id == here.majors[0].pk


@pytest.mark.parametrize("bulk", [False, True])
def test_records_follow_when_a_roll_status_no_longer_counts(two_schools, bulk):
    """`on_roll` is a copy: whoever writes the code's flag, in a form or in bulk, the work lists follow."""
    with system("a test changes a code"):
        status = two_schools.student.roll_status
        code = Code.objects.get(table__key="roll_status", code=status)
        for flag in (False, True):
            flags = {**code.flags, "on_roll": flag}
            if bulk:
                upsert(code.table, [{"code": status, "flags": flags}], local=True)
            else:
                code.flags = flags
                save_code(code)
            assert GraduateProfile.objects.get(student=two_schools.student).on_roll is flag


class TestMajorLookUp:
    """B02: choose 学历, type two characters or more, pick."""

    def ask(self, client, **query):
        return client.get(reverse("admin:organisation_major_suggest"), query).json()["results"]

    def test_the_official_list_first_then_what_is_set_up_here(self, two_schools, client_of):
        client = client_of(two_schools.us.school)
        with system("a test fills the list"):
            official = CodeTable.objects.get(key="major")
            rows = [("080903", "网络工程专业1"), ("510202", "计算机网络专业1")]
            upsert(official, [{"code": code, "name": name} for code, name in rows], local=True)
        found = self.ask(client, q="专业1", degree="31")
        assert [row["id"] for row in found] == ["080903", "080901"], (
            "no vocational major for bachelors, no other school's"
        )
        assert found[0]["fill"] == {"name": "网络工程专业1", "code": "080903"}
        assert found[1]["fill"]["study_length"] == "4"
        assert [row["id"] for row in self.ask(client, q="专业1", degree="41")] == ["510202"]
        assert self.ask(client, q="专", degree="31") == []
        assert self.ask(client, q="0809", degree="nonsense\x00") != []

    def test_the_form_asks_for_the_degree_first_and_has_the_look_up(self, two_schools, client_of):
        page = client_of(two_schools.us.school).get(reverse("admin:organisation_major_add")).content.decode()
        assert page.index('name="degree"') < page.index('name="name"')
        assert page.count(f'data-suggest-url="{reverse("admin:organisation_major_suggest")}"') == 2


def test_a_year_that_nobody_means_is_refused_beside_its_field(two_schools, client_of):
    school = two_schools.here.school.pk
    answer = client_of(two_schools.root).post(
        reverse("admin:organisation_cohort_add"), {"school": school, "year": "9999"}
    )
    assert "“9999”不是可用的年份，请填 1950～" in answer.text
    assert "数字太大" not in answer.text
