"""Rosters come in: new, changed, unchanged and wrong rows, each with its result."""

from __future__ import annotations

from datetime import date

import pytest

from exports.importing import runs
from exports.importing.refusal import UploadRefused
from models.accounts.models import User
from models.organisation.models import Cohort, Major, OrgUnit
from models.students.models import GraduateProfile, Student
from models.transfer.models import ImportRow
from tests.factories.people import id_number, staff, student
from tests.imports.conftest import BORN, counts, person, roster, wrong
from workflows import policy
from workflows.levels import COLLEGE
from workflows.models import ExtraField
from workflows.scoping import acting, system

pytestmark = pytest.mark.django_db


def test_a_new_student_gets_account_roll_and_draft_profile_with_history(made, bring, everything):
    run = bring(roster([person(1)]), by=made.clerk)
    assert counts(run) == (1, 0, 0, 0)
    found = Student.objects.select_related("user", "graduateprofile", "unit").get()
    assert (found.number, found.name, found.sex, found.nation, found.degree) == (
        "20230000001",
        "欧阳雨涵",
        "1",
        "01",
        "31",
    )
    assert (found.birth_date, found.org_path, found.unit) == (BORN, made.classes[0].path, made.classes[0])
    assert (found.user.username, found.user.kind, found.user.password_state) == ("19901-20230000001", "student", "none")
    assert not found.user.has_usable_password()
    profile = found.graduateprofile
    assert (profile.status, profile.phone, profile.political_status, profile.origin_region) == (
        "draft",
        "19900000001",
        "03",
        "500103",
    )
    assert (profile.version, profile.baseline_version, profile.org_path) == (1, 1, found.org_path)
    for history in (found.history, profile.history):
        row = history.get()
        assert (row.history_type, row.history_user, row.history_change_reason) == ("+", made.clerk, "导入 名单.xlsx")


def test_initial_password_of_the_id_where_the_school_has_chosen_it(made, bring, everything):
    made.school.first_login = made.school.FirstLogin.ID_TAIL
    made.school.save()
    bring(roster([person(1)]))
    assert User.objects.get(kind="student").password_state == "initial"


UNTIDY = {
    "学号": (20230000001, "20230000001"),
    "姓名": (" 欧阳　雨涵 ", "欧阳雨涵"),
    "民族": ("汉", "01"),
    "政治面貌": ("团员", "03"),
    "学历": ("大学本科", "31"),
    "学制": (4, "4"),
    "毕业时间": (date(2027, 6, 30), "202706"),
    "入学年份": ("2023级", 2023),
    "手机号码": ("+86 199-0000-0001", "19900000001"),
    "生源地代码": ("重庆市渝中区", "500103"),
    "城乡生源": (1, "1"),
    "家庭地址": ("示例省示例市\n示例区示例路1号", "示例省示例市示例区示例路1号"),
}


@pytest.mark.parametrize("header", UNTIDY)
def test_what_is_untidy_is_put_right_as_a_clerk_would(header, bring, everything):
    raw, meant = UNTIDY[header]
    run = bring(roster([person(1, **{header: raw})]))
    assert wrong(run) == {}
    found = Student.objects.select_related("graduateprofile").get()
    stored = {
        "学号": found.number, "姓名": found.name, "民族": found.nation, "政治面貌": found.graduateprofile.political_status, "学历": found.degree,
        "学制": found.study_length, "毕业时间": found.grad_month, "入学年份": found.enrol_year, "手机号码": found.graduateprofile.phone,
        "生源地代码": found.graduateprofile.origin_region, "城乡生源": found.graduateprofile.urban_rural,
        "家庭地址": found.graduateprofile.home_address,
    }  # fmt: skip
    assert stored[header] == meant


GOOD_ID = id_number(1)
WRONG = [
    ({"学号": ""}, ("学号", "required")),
    ({"姓名": "　 "}, ("姓名", "required")),
    ({"身份证号": None}, ("身份证号", "required")),
    ({"专业": ""}, ("专业", "required")),
    ({"身份证号": GOOD_ID[:17]}, ("身份证号", "id_length")),
    ({"身份证号": "99AB" + GOOD_ID[4:]}, ("身份证号", "id_format")),
    ({"身份证号": GOOD_ID[:10] + "1345" + GOOD_ID[14:]}, ("身份证号", "id_birth_date")),
    ({"身份证号": GOOD_ID[:17] + ("0" if GOOD_ID[17] != "0" else "1")}, ("身份证号", "id_check_digit")),
    ({"身份证号": float(GOOD_ID[:17] + "0")}, ("身份证号", "id_precision_lost")),
    ({"姓名": "欧阳雨涵😀"}, ("姓名", "name_format")),
    ({"性别": "女"}, ("性别", "sex_contradicts_id")),
    ({"出生日期": "2004-03-16"}, ("出生日期", "birth_contradicts_id")),
    ({"民族": "火星族"}, ("民族", "unknown_code")),
    ({"政治面貌": "无所谓"}, ("政治面貌", "unknown_code")),
    ({"学院": "星际学院"}, ("学院", "unknown_college")),
    ({"专业": "星际航行学"}, ("专业", "unknown_major")),
    ({"专业": "专业21"}, ("专业", "unknown_major")),
    ({"学历": "硕士"}, ("学历", "degree_mismatch")),
    ({"专业方向": "星际方向"}, ("专业方向", "unknown_major")),
    ({"入学年份": "2028"}, ("毕业年份", "year_order")),
    ({"毕业年份": "2026"}, ("毕业年份", "other_cohort")),
    ({"入学年份": "去年"}, ("入学年份", "year_format")),
    ({"毕业时间": "202606"}, ("毕业时间", "year_order")),
    ({"毕业时间": "明年夏天"}, ("毕业时间", "date_format")),
    ({"培养方式": "定向"}, ("定向或委培单位", "required")),
    ({"手机号码": "1380013800"}, ("手机号码", "phone_format")),
    ({"电子邮箱": "not-an-address"}, ("电子邮箱", "email_format")),
    ({"家庭邮编": "40000a"}, ("家庭邮编", "postcode_format")),
    ({"家庭电话": "没有"}, ("家庭电话", "landline_format")),
    ({"QQ": "无"}, ("QQ", "qq_format")),
    ({"家庭地址": "路" * 201}, ("家庭地址", "too_long")),
]


@pytest.mark.parametrize(("cells", "problem"), WRONG, ids=[f"{column}-{code}" for _cells, (column, code) in WRONG])
def test_what_cannot_be_meant_is_refused_with_column_and_reason(cells, problem, bring, everything):
    run = bring(roster([person(1, **cells), person(2)]))
    if cells == {"毕业年份": "2026"}:  # the month no longer fits either: a row reports all its wrong columns
        assert wrong(run) == {2: [problem, ("毕业时间", "year_order")]}
    else:
        assert wrong(run) == {2: [problem]}
    assert counts(run) == (1, 0, 0, 1)
    assert Student.objects.get().number == "20230000002"
    message = ImportRow.objects.get(run=run, number=2).errors[0]["message"]
    assert message.endswith("。")
    assert GOOD_ID not in message


def test_a_row_reports_every_wrong_column_once(bring, everything):
    run = bring(roster([person(1, 手机号码="1", 电子邮箱="x", 民族="火星族", 专业="无此专业")]))
    assert set(wrong(run)[2]) == {
        ("手机号码", "phone_format"),
        ("电子邮箱", "email_format"),
        ("民族", "unknown_code"),
        ("专业", "unknown_major"),
    }


def test_the_later_row_of_two_is_refused_and_names_the_earlier(bring, everything):
    rows = [person(1), person(2), person(3, 学号="20230000001"), person(4, 身份证号=person(2)["身份证号"])]
    run = bring(roster(rows))
    assert wrong(run) == {4: [("学号", "duplicate_in_file")], 5: [("身份证号", "duplicate_in_file")]}
    messages = {row.number: row.errors[0]["message"] for row in ImportRow.objects.filter(run=run, status="failed")}
    assert "第 2 行" in messages[4]
    assert "第 3 行" in messages[5]


def test_who_is_in_another_cohort_or_holds_the_id_number_is_named(made, bring, everything):
    earlier = Cohort.objects.create(school=made.school, year=2026)
    student(made, number="20230000001", cohort=earlier, grad_year=2026)
    student(made, number="77", id_number=id_number(2))
    run = bring(roster([person(1), person(2)]))
    assert wrong(run) == {2: [("学号", "other_cohort")], 3: [("身份证号", "id_taken")]}
    assert "换届" in ImportRow.objects.get(run=run, number=2).errors[0]["message"]


def test_classes_that_are_missing_are_announced_and_made(made, bring, everything):
    run = bring(roster([person(n, 班级="新班2301" if n < 3 else "新班2302") for n in range(1, 4)]), check=True)
    assert run.summary["notes"] == ["将新建班级 2 个"]
    assert not OrgUnit.objects.filter(name__startswith="新班").exists()
    run = bring(roster([person(n, 班级="新班2301" if n < 3 else "新班2302") for n in range(1, 4)]))
    units = OrgUnit.objects.filter(name__startswith="新班").order_by("name")
    assert [unit.name for unit in units] == ["新班2301", "新班2302"]
    for unit in units:
        assert unit.parent == made.majors[0].unit
        assert unit.path == f"{made.majors[0].unit.path}{unit.pk}/"
        assert unit.history.get().history_type == "+"
    assert Student.objects.filter(unit=units[0], org_path=units[0].path).count() == 2


def test_another_workbook_changes_only_what_differs(bring, everything):
    bring(roster([person(1), person(2)]))
    run = bring(roster([person(1, 手机号码="19911111111", 姓名="欧阳雨寒", 班级="专业11-2302"), person(2)]))
    assert counts(run) == (0, 1, 1, 0)
    row = ImportRow.objects.get(run=run, status="updated")
    assert row.changes == {
        "姓名": ["欧阳雨涵", "欧阳雨寒"], "班级": ["专业11-2301", "专业11-2302"], "手机号码": ["19900000001", "19911111111"],
    }  # fmt: skip
    found = Student.objects.select_related("user", "graduateprofile").get(number="20230000001")
    assert (found.name, found.user.name, found.version, found.history.count()) == ("欧阳雨寒", "欧阳雨寒", 2, 2)
    assert found.org_path == found.graduateprofile.org_path == found.unit.path
    profile = found.graduateprofile
    assert (profile.phone, profile.version, profile.baseline_version, profile.rules_stamp) == ("19911111111", 2, 2, "")


def test_an_unchanged_file_writes_nothing_not_even_history(bring, everything, django_assert_max_num_queries):
    rows = [person(n) for n in range(1, 30)]
    bring(roster(rows))
    before = [
        (m.history.count(), sorted(m.objects.values_list("pk", "version", "updated_at")))
        for m in (Student, GraduateProfile)
    ]
    with django_assert_max_num_queries(45):
        run = bring(roster(rows))
    assert counts(run) == (0, 0, 29, 0)
    assert before == [
        (m.history.count(), sorted(m.objects.values_list("pk", "version", "updated_at")))
        for m in (Student, GraduateProfile)
    ]


@pytest.mark.parametrize("rows", [3, 60])
def test_queries_do_not_grow_with_rows(rows, bring, everything, django_assert_max_num_queries):
    with django_assert_max_num_queries(70):
        run = bring(roster([person(n) for n in range(1, rows + 1)]))
    assert counts(run) == (rows, 0, 0, 0)


def test_a_blank_cell_keeps_what_is_there_unless_asked_to_erase(bring, everything):
    bring(roster([person(1)]))
    run = bring(roster([person(1, QQ="", 家庭地址=None)]))
    assert counts(run) == (0, 0, 1, 0)
    run = bring(roster([person(1, QQ="", 民族="")]), options={"blank_erases": True})
    assert counts(run) == (0, 1, 0, 0)
    found = Student.objects.select_related("graduateprofile").get()
    assert (found.graduateprofile.qq, found.nation) == ("", "01")  # what a student cannot be without is never emptied


def set_status(status: str, **fields) -> None:
    """As after a review; the chain itself has its own tests."""
    GraduateProfile.objects.all().update(**{"status": status, **fields})


@pytest.mark.parametrize("status", ["pending_college", "approved"])
def test_a_record_under_review_is_not_overwritten_silently(status, made, bring, everything):
    bring(roster([person(1)]))
    set_status(status)
    changed = roster([person(1, 手机号码="19911111111")])
    run = bring(changed)
    assert wrong(run) == {2: [("手机号码", "under_review")]}
    run = bring(changed, by=made.clerk, options={"reviewed": True})
    assert counts(run) == (0, 1, 0, 0)
    profile = GraduateProfile.objects.get()
    assert (profile.phone, profile.status, profile.version) == ("19911111111", status, 2)
    assert profile.baseline_version == 1
    assert profile.changes == ({"phone": ["19900000001", "19911111111"]} if status.startswith("pending") else {})


def test_without_the_function_nobody_corrects_what_was_submitted(made, bring, everything):
    bring(roster([person(1)]))
    set_status("approved")
    data_clerk = staff("data", made.center)
    run = bring(roster([person(1, 手机号码="19911111111")]), by=data_clerk, options={"reviewed": True})
    assert wrong(run) == {2: [("手机号码", "under_review")]}


def test_facts_of_the_roll_may_change_during_review_and_make_findings_stale(bring, everything):
    bring(roster([person(1)]))
    set_status("pending_college", rules_stamp="x")
    assert counts(bring(roster([person(1, 姓名="欧阳雨寒")]))) == (0, 1, 0, 0)
    assert GraduateProfile.objects.get().rules_stamp == ""


def test_a_college_imports_its_own_students_only(made, bring):
    with system("test set-up"):
        clerk = staff(COLLEGE, made.colleges[0])
        student(made, unit=made.classes[2], number="20230000003")
    rows = [person(1), person(2, 学院="第2学院", 专业="专业21", 班级="专业21-2301"), person(3)]
    run = bring(roster(rows), by=clerk)
    assert wrong(run) == {3: [("学院", "out_of_scope")], 4: [("学号", "out_of_scope")]}
    with acting(clerk):
        assert [found.number for found in Student.objects.all()] == ["20230000001"]


def test_an_identity_of_another_kind_has_its_own_rule(bring, everything):
    run = bring(roster([person(1, 证件类型="护照", 身份证号="E12345678"), person(2, 证件类型="护照", 身份证号="！！")]))
    assert wrong(run) == {3: [("身份证号", "id_format")]}
    found = Student.objects.get()
    assert (found.id_type, found.id_number, found.sex, found.birth_date) == ("A", "E12345678", "1", None)


def test_a_schools_own_fields_come_in_by_their_label(made, bring, everything):
    ExtraField.objects.create(
        matter="students.graduateprofile",
        school=made.school,
        key="dorm",
        label="宿舍",
        kind="choice",
        choices="甲楼\n乙楼",
    )
    policy.forget_all()
    run = bring(roster([person(1, 宿舍="甲楼"), person(2, 宿舍="丙楼"), person(3)]))
    assert wrong(run) == {3: [("宿舍", "unknown_code")]}
    assert sorted(p.extra.get("dorm", "") for p in GraduateProfile.objects.all()) == ["", "甲楼"]
    run = bring(roster([person(1, 宿舍="乙楼"), person(3)]))
    assert ImportRow.objects.get(run=run, status="updated").changes == {"宿舍": ["甲楼", "乙楼"]}


def test_majors_of_one_name_are_told_apart_or_refused(made, bring, everything):
    for direction in ("", "师范"):
        Major(
            school=made.school,
            college=made.colleges[0],
            name="英语",
            code="050201",
            direction=direction,
            degree="31",
            study_length="4",
        ).save()
    Major(
        school=made.school, college=made.colleges[0], name="英语", code="050201", degree="11", study_length="3"
    ).save()
    rows = [
        person(1, 专业="英语", 班级="英语2301"),
        person(2, 专业="英语", 专业方向="师范", 班级="英语2302"),
        person(3, 专业="英语（师范）", 班级="英语2302"),
        person(4, 专业="英语", 学历="硕士研究生", 学制="3", 班级="英硕2301"),
        person(5, 专业="英语", 学历="", 学制="", 班级="英语2301"),
    ]
    run = bring(roster(rows))
    assert wrong(run) == {6: [("专业", "ambiguous_major")]}
    directions = dict(Student.objects.values_list("number", "major__direction"))
    assert directions == {"20230000001": "", "20230000002": "师范", "20230000003": "师范", "20230000004": ""}


def test_an_archived_cohort_takes_nothing(made, upload, everything):
    made.cohort.closed = True
    made.cohort.save()
    run = upload(roster([person(1)]))
    run.refresh_from_db()
    with pytest.raises(UploadRefused) as refusal:
        runs.execute(run)
    assert "已归档" in refusal.value.sentence


def test_reporting_data_of_known_students(made, bring, everything):
    bring(roster([person(1), person(2)]))
    headers = ["学号", "姓名", "手机号码", "生源地代码"]
    rows = [person(1, 手机号码="19911111111"), person(2, 姓名="别人"), person(9)]
    run = bring(roster(rows, headers), "profiles")
    assert wrong(run) == {3: [("姓名", "contradicts_record")], 4: [("学号", "unknown_student")]}
    assert counts(run) == (0, 1, 0, 2)
    assert GraduateProfile.objects.get(student__number="20230000001").phone == "19911111111"
    assert Student.objects.count() == 2
