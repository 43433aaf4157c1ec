"""The other kinds: departments, majors, staff, code tables."""

from __future__ import annotations

import pytest

from exports.importing import undo
from models.accounts.models import StaffAppointment, User
from models.agreements import eligibility
from models.agreements.models import AgreementNumber, SigningExclusion
from models.codes.lookup import table
from models.codes.models import Code
from models.organisation.models import Campus, Major, OrgUnit
from models.transfer.models import ImportRow
from tests.factories import signing
from tests.factories.people import staff
from tests.importing.books import workbook
from tests.imports.conftest import counts, wrong
from workflows.scoping import acting, system

pytestmark = pytest.mark.django_db

MAJOR = ["校区", "学院", "专业名称", "专业代码", "专业方向", "学历", "学制", "专业类别"]


def book(*rows: list) -> bytes:
    return workbook({"S": rows})


def test_departments_with_parents_in_the_same_file(made, bring, everything):
    head = ["部门名称", "部门类型", "部门编号", "上级部门", "排序"]
    run = bring(book(head, ["甲学院", "学院", 1, "", 10], ["乙系", "其他教学部门", "0101", "甲学院", 20], ["丙系", "", "", "无此部门", ""],
                     ["第1学院", "", "07", "", ""], ["中心二", "就业中心", "", "", ""]), "departments")  # fmt: skip
    assert wrong(run) == {4: [("上级部门", "unknown_unit")], 6: [("部门类型", "second_center")]}
    assert counts(run) == (2, 1, 0, 2)
    child = OrgUnit.objects.get(name="乙系")
    assert (child.parent.name, child.path) == ("甲学院", f"{child.parent.path}{child.pk}/")
    assert OrgUnit.objects.get(name="第1学院").code == "07"
    assert counts(bring(book(head, ["甲学院", "学院", 1, "", 10]), "departments")) == (0, 0, 1, 0)


def test_majors_make_their_node_and_what_is_missing_above(made, bring, everything):
    rows = [
        ["南校区", "新学院", "材料科学", 80401, "", "本科", 4, "理工"],
        ["南校区", "新学院", "材料科学(师范)", "080401", "", "本科", "四年", ""],
        ["", "第1学院", "专业11", "080902", "", "本科生毕业", 4, ""],
        ["", "第1学院", "坏代码", "08-04", "", "本科生毕业", 4, ""],
        ["", "第1学院", "专业11", "080902", "", "本科生毕业", 4, ""],
    ]
    run = bring(book(MAJOR, *rows), "majors", check=True)
    assert run.summary["notes"] == ["将新建学院 1 个", "将新建校区 1 个"]
    run = bring(book(MAJOR, *rows), "majors")
    assert wrong(run) == {5: [("专业代码", "code_format")], 6: [("专业名称", "duplicate_in_file")]}
    assert counts(run) == (2, 1, 0, 2)
    major = Major.objects.select_related("unit", "college", "campus").get(name="材料科学")
    assert (major.code, major.study_length, major.category, major.campus.name) == ("080401", "4", "01", "南校区")
    assert (major.unit.name, major.unit.kind, major.unit.parent) == ("材料科学", "major", major.college)
    assert major.unit.path == f"{major.college.path}{major.unit.pk}/"
    assert Major.objects.get(name="材料科学（师范）").unit.name == "材料科学（师范）"
    assert Major.objects.get(name="专业11").code == "080902"
    assert Campus.objects.count() == 1
    assert counts(bring(book(MAJOR, rows[0]), "majors")) == (0, 0, 1, 0)


def test_a_college_clerk_adds_majors_to_the_own_college_only(made, bring):
    with system("test set-up"):
        clerk = staff("data", made.colleges[0])
    rows = [
        ["", "第1学院", "新专业", "080401", "", "本科", 4, ""],
        ["", "第2学院", "新专业", "080401", "", "本科", 4, ""],
        ["", "新学院", "新专业", "080401", "", "本科", 4, ""],
    ]
    run = bring(book(MAJOR, *rows), "majors", by=clerk)
    assert wrong(run) == {3: [("学院", "out_of_scope")], 4: [("学院", "out_of_scope")]}
    with acting(clerk):
        assert OrgUnit.objects.filter(name="新专业").count() == 1


STAFF = ["工号", "姓名", "角色", "所在部门", "手机", "邮箱", "结束日期"]


def test_staff_with_several_appointments_and_refusals(made, bring, everything):
    student_user = User.objects.create_user("s1", kind="student", name="学生")
    rows = [
        [10001, "王老师", "辅导员", "专业11-2301", "199 0000 0001", "w@example.com", ""],
        ["10001", "王老师", "班主任", "第1学院／专业11／专业11-2302", "", "", "2027-07-31"],
        ["10002", "李老师", "校级管理员", "", "", "", ""],
        ["10003", "赵老师", "院系", "就业指导中心", "", "", ""],
        ["10004", "钱老师", "院系", "无此学院", "", "", ""],
        ["10005", "孙老师", "皇帝", "第1学院", "", "", ""],
        [student_user.username, "周老师", "院系", "第1学院", "", "", ""],
        ["10001", "王老师", "辅导员", "专业11-2301", "", "", ""],
    ]
    run = bring(book(STAFF, *rows), "staff")
    assert wrong(run) == {
        5: [("任职部门", "wrong_unit")], 6: [("任职部门", "unknown_unit")], 7: [("职级", "unknown_code")], 8: [("工号", "account_taken")],
        9: [("工号", "duplicate_in_file")],
    }  # fmt: skip
    assert counts(run) == (3, 0, 0, 5)
    teacher = User.objects.get(username="10001")
    assert (teacher.kind, teacher.phone, teacher.password_state, teacher.has_usable_password()) == (
        "staff",
        "19900000001",
        "none",
        False,
    )
    held = {(a.level, a.unit.name) for a in StaffAppointment.objects.filter(user=teacher)}
    assert held == {("counselor", "专业11-2301"), ("counselor", "专业11-2302")}
    assert StaffAppointment.objects.get(user__username="10002").unit == made.center
    run = bring(book(STAFF, rows[0], [10001, "王老师", "班主任", "专业11-2302", "", "", "2027-08-31"]), "staff")
    assert counts(run) == (0, 1, 1, 0)
    assert ImportRow.objects.get(run=run, status="updated").changes == {"结束日期": ["2027-07-31", "2027-08-31"]}


def test_nobody_appoints_beyond_the_own_scope(made, bring):
    with system("test set-up"):
        clerk = staff("data", made.colleges[0])
    rows = [
        ["1", "甲", "院系", "第2学院", "", "", ""],
        ["2", "乙", "校级", "", "", "", ""],
        ["3", "丙", "辅导员", "专业11-2301", "", "", ""],
    ]
    run = bring(book(STAFF, *rows), "staff", by=clerk)
    assert wrong(run) == {2: [("任职部门", "out_of_scope")], 3: [("任职部门", "out_of_scope")]}


def test_codes_of_a_table(made, bring, everything):
    head = ["代码表", "代码", "名称", "别名", "启用毕业届"]
    rows = [
        ["困难生类别", 98, "新类别", "新|新新", "2027届"],
        ["hardship", "0", "非困难生", "", ""],
        ["无此表", "1", "一", "", ""],
        ["困难生类别", "", "二", "", ""],
        ["民族", "99", "火星族", "", ""],
    ]
    run = bring(book(head, *rows), "codes")
    assert wrong(run) == {4: [("代码表", "unknown_code")], 5: [("代码", "required")], 6: [("代码表", "not_editable")]}
    assert counts(run) == (1, 0, 1, 3)
    assert table("hardship").resolve("新新") == "98"
    code = Code.objects.get(table="hardship", code="98")
    assert (code.valid_from_year, code.locally_edited) == (2027, True)


def test_shared_codes_are_not_a_schools_to_change(made, bring):
    run = bring(book(["代码表", "代码", "名称"], ["困难生类别", 98, "新类别"]), "codes", by=made.clerk)
    assert wrong(run) == {2: [("代码表", "out_of_scope")]}


def test_agreement_numbers_for_the_pool_a_college_or_a_student(made, bring, everything):
    student = signing.signer(made)
    head = ["协议书编号", "学号", "院系"]
    rows = [["JL2027-0001", "", ""], ["jl2027-0002", "", "第1学院"], ["JL2027-0003", student.number, ""], ["坏 号", "", ""], ["JL2027-0005", "999", ""],
            ["JL2027-0001", "", ""]]  # fmt: skip
    run = bring(book(head, *rows), "agreement_numbers")
    assert {number: [header for header, _code in found] for number, found in wrong(run).items()} == {
        5: ["协议书编号"],
        6: ["学号"],
        7: ["协议书编号"],
    }
    assert counts(run)[0] == 3
    free, college, issued = AgreementNumber.objects.order_by("number")
    assert (free.state, free.org_path, free.source) == ("free", made.school.path, "imported")
    assert (college.college, college.org_path) == (made.colleges[0], made.colleges[0].path)
    assert (issued.state, issued.student, issued.org_path) == ("issued", student, student.org_path)
    assert counts(bring(book(head, *rows[:3]), "agreement_numbers")) == (0, 0, 3, 0)
    agreement = signing.generated(student)
    assert agreement.number == "JL2027-0003", "the student signs with the number that was handed out"
    other = signing.signer(made)
    again = bring(book(head, ["JL2027-0003", other.number, ""]), "agreement_numbers")
    assert wrong(again) == {2: [("协议书编号", "not_free")]}, "a number is used once, for ever"


def test_a_list_of_those_who_may_not_sign(made, bring, everything):
    first, second, third, fourth = (signing.signer(made) for _ in range(4))
    SigningExclusion.objects.create(student=third, kind="directed", reason="定向协议", by=made.clerk)
    assert eligibility.obstacles(first) == []
    head = ["学号", "姓名", "推免类型", "拟录取院校"]
    rows = [[first.number, first.name, "保研", "示例大学"], [second.number, "", "", "", ""], [third.number, third.name, "推免", "", ""],
            [second.number, "", "", "", ""], ["999", "", "", "", ""], [fourth.number, "不是他", "", "", ""]]  # fmt: skip
    run = bring(book(head, *rows), "exclusions")
    assert wrong(run) == {
        4: [("类别", "listed_already")], 5: [("学号", "duplicate_in_file")], 6: [("学号", "unknown_student")], 7: [("姓名", "other_name")],
    }  # fmt: skip
    assert counts(run) == (2, 0, 0, 4)
    (told,) = eligibility.obstacles(first)
    assert (told.code, told.sentence) == ("listed", "学校已登记您为「推荐免试研究生」：示例大学。")
    assert [row.code for row in eligibility.obstacles(second)] == ["listed"]
    assert SigningExclusion.objects.get(student=first).history.get().history_type == "+"
    assert counts(bring(book(head, *rows[:2]), "exclusions")) == (0, 0, 2, 0)
    assert undo.undo(run, made.clerk) == 2
    assert eligibility.obstacles(first) == eligibility.obstacles(second) == []
    assert SigningExclusion.objects.filter(lifted_at=None).count() == 1, (
        "lifted, not deleted, and only those of the run"
    )
    assert SigningExclusion.objects.count() == 3
    assert counts(bring(book(head, *rows[:2]), "exclusions")) == (2, 0, 0, 0), "they can be listed again"


def test_nobody_lists_students_beyond_the_own_scope(made, bring):
    with system("test set-up"):
        student = signing.signer(made)
        clerk = staff("data", made.colleges[1])
    run = bring(book(["学号"], [student.number]), "exclusions", by=clerk)
    assert wrong(run) == {2: [("学号", "unknown_student")]}
