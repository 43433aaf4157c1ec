"""Overview and list: numbers that lead to what they count, pages that cost the same, choices that are remembered, nothing unmasked."""

from __future__ import annotations

import html
import re
from collections import Counter

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from admin_site.matters import paging
from admin_site.matters.overview import fold
from exports.selection import Selection
from models.accounts.models import FunctionOverride
from models.audit.models import Action, AuditEntry
from models.lists.models import PastedList
from models.organisation.models import Cohort
from models.students.models import GraduateProfile, Student
from tests.matters.conftest import LIST, STUDENTS, client, fill, fresh
from workflows.levels import Status
from workflows.scoping import acting, system

ROW = re.compile(r'name="ids" value="(\d+)"')
TOTAL = re.compile(r"共 ([\d,]+\+?) 条")


def get(browser, url):
    response = browser.get(url)
    assert response.status_code == 200, url
    return response.content.decode()


def total(page):
    found = TOTAL.search(page)
    return int(found[1].replace(",", "")) if found else 0


# -- overview ----------------------------------------------------------------------------------------------------------------


def test_numbers_are_folded_up_the_tree():
    nodes = fold([("1/2/3/", "draft", 2), ("1/2/4/", "draft", 3), ("1/2/4/", "approved", 1), ("1/5/", "draft", 1)])
    assert {path: (node.total, node.percent) for path, node in nodes.items()} == {
        "1/": (7, 14), "1/2/": (6, 16), "1/2/3/": (2, 0), "1/2/4/": (4, 25), "1/5/": (1, 0),
    }  # fmt: skip
    assert nodes["1/2/"].children == {"1/2/3/", "1/2/4/"}


@pytest.mark.parametrize("level", ["counselor", "college", "school", "province"])
def test_every_number_of_the_overview_leads_to_exactly_those_records(world, level):
    user = getattr(world.staff, level)
    browser = client(user)
    with acting(user):
        ids = [cohort.pk for cohort in Cohort.objects.all()]
    here = world.here
    checked = {}
    for query in ("", f"?unit={here.colleges[0].path}", f"?unit={here.majors[0].unit.path}", "?roll=all"):
        page = get(browser, f"{LIST}overview/{query}")
        checked |= dict(re.findall(r'<a href="([^"]+)">(\d+)</a>', page))
        checked |= dict(re.findall(r'href="([^"]+)">(?:待我办理|退回两次以上) <b>(\d+)</b>', page))
    assert len(checked) > 15
    for number, (link, shown) in enumerate(checked.items()):
        query = html.unescape(link).partition("?")[2]
        with acting(user):
            selection = Selection.from_params(GraduateProfile, QueryDict(query), ids)
            assert selection.queryset(user).count() == int(shown), link
        if number % 10 == 0:  # the whole page for some of them
            assert total(get(browser, html.unescape(link))) == int(shown), link


def test_an_overview_costs_the_same_whatever_it_counts(world):
    browser = client(world.staff.school)
    get(browser, f"{LIST}overview/")
    with CaptureQueriesContext(connection) as few:
        get(browser, f"{LIST}overview/")
    with system("more records"):
        fill(world.here, 200, first=1000)
    with CaptureQueriesContext(connection) as many:
        get(browser, f"{LIST}overview/?unit={world.here.colleges[0].path}")
    assert len(few) == len(many)
    assert own(many) <= 6


def test_the_overview_begins_where_a_persons_world_begins(world):
    names = lambda user: re.findall(r'<a href="[^"]*">([^<\d][^<]*)</a></th>', get(client(user), f"{LIST}overview/"))  # noqa: E731
    assert names(world.staff.province) == ["嘉陵大学", "缙云学院"]
    assert names(world.staff.school) == ["第1学院", "第2学院"]
    assert names(world.staff.college)[:2] == ["第1学院", "专业11"]
    assert names(world.staff.counselor) == ["专业11-2301"]


def test_the_province_opens_any_school(world):
    page = get(client(world.staff.province), f"{LIST}overview/")
    for school in (world.here.school, world.there.school):
        assert f'aria-label="展开 {school.name}"' in page
        opened = get(client(world.staff.province), f"{LIST}overview/?unit={school.path}")
        assert f'aria-label="收起 {school.name}"' in opened
        assert "第1学院" in opened


def test_an_empty_overview_offers_the_next_step(world):
    with system("a cohort without students"):
        Cohort.objects.create(school=world.here.school, year=2028)
    assert "还没有记录" in get(client(world.staff.school), f"{LIST}overview/")


# -- list --------------------------------------------------------------------------------------------------------------------


def own(queries):
    """Statements of the page itself: session, account, appointments, functions and the shell's cohort aside."""
    shell = (
        "logins_session",
        "accounts_",
        "auth_",
        "organisation_cohort",
        "SAVEPOINT",
        "notices_",
        "codes_codesversion",
        "workflows_",
    )
    return len([q for q in queries.captured_queries if not any(word in q["sql"].split("WHERE")[0] for word in shell)])


@pytest.mark.parametrize(
    "url", [LIST, STUDENTS, f"{LIST}?status=waiting", f"{LIST}?q=王", f"{LIST}?f.student.nation=01&unit={{unit}}"]
)
def test_a_page_costs_the_same_for_one_and_for_a_hundred_rows(world, url):
    browser, url = client(world.staff.school), url.format(unit=world.here.school.path)
    joint = "&" if "?" in url else "?"
    get(browser, f"{url}{joint}per_page=20")
    with system("one row is left"):
        Student.objects.exclude(pk=world.students[0]).update(roll_status="02")
        kept = GraduateProfile.objects.filter(student_id=world.students[0])
        GraduateProfile.objects.exclude(pk__in=kept.values("pk")).update(on_roll=False)
        kept.update(status="pending_school")
    with CaptureQueriesContext(connection) as one:
        page = get(browser, url)
    if "q=" not in url:
        assert len(ROW.findall(page)) == 1
    with system("all are back"):
        Student.objects.update(roll_status="01")
        GraduateProfile.objects.update(on_roll=True, status="pending_school")
    get(browser, f"{url}{joint}per_page=100")
    with CaptureQueriesContext(connection) as many:
        page = get(browser, url)
    assert len(ROW.findall(page)) > 20
    assert len(one) == len(many)
    assert own(many) <= 6


def test_pages_cover_every_row_once_and_in_order(world):
    browser = client(world.staff.school)
    get(browser, f"{LIST}?per_page=20")
    seen = [int(pk) for number in range(1, 9) for pk in ROW.findall(get(browser, f"{LIST}?p={number}"))]
    with system("what there is"):
        assert seen == list(
            GraduateProfile.objects.filter(school=world.here.school, on_roll=True)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
    assert ROW.findall(get(browser, f"{LIST}?p=999")) == [str(pk) for pk in seen[140:]]


@pytest.mark.parametrize("model", [GraduateProfile, Student])
def test_a_list_too_long_to_count_is_walked_by_key_both_ways(world, monkeypatch, model):
    monkeypatch.setattr(paging, "CAP", 30)
    key = paging.own_order(model)
    with system("all rows of two schools"):
        rows = model.objects.order_by()
        wanted = list(rows.order_by("cohort_id", key).values_list("pk", flat=True))

        def walk(start, direction):
            seen, step = [], start
            for _ in range(30):
                page = paging.of_rows(
                    rows, 31, paging.Asked.from_params(QueryDict("&".join(f"{k}={v}" for k, v in step.items()))), 7
                )
                seen.append(page.ids)
                step = getattr(page, direction)
                if step is None:
                    return seen
            raise AssertionError("the walk does not end")

        assert [pk for ids in walk({}, "following") for pk in ids] == wanted
        assert [pk for ids in reversed(walk({"p": -1}, "previous")) for pk in ids] == wanted
        third = paging.of_rows(rows, 31, paging.Asked(-3), 7)
        assert third.ids == wanted[-21:-14]


def test_sorting_is_by_shown_unmasked_columns_only(world):
    browser = client(world.staff.school)
    get(browser, f"{STUDENTS}?per_page=200")
    usual = ROW.findall(get(browser, STUDENTS))
    by_name = ROW.findall(get(browser, f"{STUDENTS}?o=-name"))
    with system("names"):
        names = dict(Student.objects.values_list("pk", "name"))
    assert [names[int(pk)] for pk in by_name] == sorted((names[int(pk)] for pk in usual), reverse=True)
    for hostile in ("id_number", "-id_number", "user__password", "org_path", "name__lower", "?", "pk", "extra.x"):
        assert ROW.findall(get(browser, f"{STUDENTS}?o={hostile}")) == usual


def test_tabs_count_what_they_show(world):
    browser = client(world.staff.school)
    for query in ("", "f.student.sex=1", "q=王", f"unit={world.here.colleges[1].path}", "roll=all"):
        page = get(browser, f"{LIST}?{query}")
        tabs = re.findall(r'<a href="([^"]+)"[^>]*>[^<]+ <b>([\d,]+)</b></a>', page)
        assert len(tabs) >= 9
        for link, number in tabs:
            assert total(get(browser, html.unescape(link))) == int(number), link


def test_the_province_is_counted_as_far_as_is_worth_it(world, monkeypatch):
    browser = client(world.staff.province)
    with system("counts"):
        exact = Counter(GraduateProfile.objects.filter(on_roll=True).values_list("status", flat=True))
    page = get(browser, LIST)
    assert total(page) == sum(exact.values())
    assert f"审核通过 <b>{exact['approved']}</b>" in page
    assert "嘉陵大学" in page  # a column says whose student it is
    monkeypatch.setattr("admin_site.matters.counts.CAP", 100)
    monkeypatch.setattr(paging, "CAP", 100)
    page = get(browser, f"{LIST}?per_page=20")
    assert "共 100+ 条" in page
    assert 'href="/admin/students/graduateprofile/?p=-1"' in page


def test_columns_filters_and_rows_are_remembered(world):
    browser = client(world.staff.school)
    browser.post(
        f"{LIST}columns/?status=draft",
        {"columns": ["phone", "student.nation", "student.id_number", "user.password", "nonsense"]},
    )
    page = get(browser, LIST)
    heads = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r'<th scope="col"[^>]*>(.*?)</th>', page)]
    assert [head.strip("▲▼") for head in heads] == ["姓名", "学号", "手机号码", "民族", "身份证号"]
    assert "汉族" in page
    get(browser, f"{LIST}?per_page=20")
    assert len(ROW.findall(get(client(fresh(world.staff.school)), LIST))) == 20
    browser.post(f"{LIST}filters/", {"shown": ["marital", "nonsense"]})
    sheet = browser.get(f"{LIST}filters/", headers={"X-Sheet": "1"}).content.decode()
    assert 'name="f.marital"' in sheet
    assert 'name="f.origin_region"' not in sheet
    assert "<html" not in sheet
    browser.post(f"{LIST}columns/", {"usual": "1"})
    assert "提交时间" in get(browser, LIST)
    assert "提交时间" in get(client(world.staff.college), LIST)  # one person's choice is nobody else's


def test_numbers_of_people_are_masked_whoever_looks(world):
    with system("the numbers"):
        rows = list(GraduateProfile.objects.filter(school=world.here.school).select_related("student"))
        GraduateProfile.objects.filter(pk=rows[0].pk).update(changes={"phone": [rows[1].phone, rows[0].phone]})
        secrets = {r.phone for r in rows} | {r.student.id_number for r in rows}
    for user in (world.staff.province, world.staff.school, world.staff.counselor):
        browser = client(user)
        for url, columns in ((LIST, ["phone", "home_phone", "student.id_number", "status"]), (STUDENTS, ["id_number"])):
            browser.post(f"{url}columns/", {"columns": columns})
            for query in ("?per_page=200", "?status=draft", "?o=phone", "?roll=all"):
                page = get(browser, url + query)
                assert not [secret for secret in secrets if secret in page]
            assert re.search(r"\d{3}\*{4}\d{4}|\d{6}\*{10}", page)
    assert "处变化" in get(client(world.staff.school), f"{LIST}?per_page=200&roll=all")


def test_a_search_by_number_of_a_person_is_audited(world):
    with system("one student"):
        one = Student.objects.filter(school=world.here.school).first()
    browser = client(world.staff.school)
    assert total(get(browser, f"{LIST}?q={one.id_number}")) == 1
    entry = AuditEntry._base_manager.get(action=Action.SEARCH_BY_ID)
    assert entry.actor_id == world.staff.school.pk
    assert one.id_number not in str(entry.detail)
    get(browser, f"{LIST}?q={one.number}")
    get(browser, f"{LIST}?q=王")
    assert AuditEntry._base_manager.filter(action=Action.SEARCH_BY_ID).count() == 1


def test_the_paste_box_answers_in_order_with_what_is_missing(world):
    browser = client(world.staff.school)
    with system("numbers"):
        numbers = list(
            Student.objects.filter(school=world.here.school).order_by("-number").values_list("number", flat=True)[:30]
        )
        foreign = Student.objects.filter(school=world.there.school).first().number
        by_number = dict(GraduateProfile.objects.values_list("student__number", "pk"))
    response = browser.post(f"{LIST}paste/", {"items": "\n".join([*numbers, "9999", foreign, numbers[0]])})
    assert response.status_code == 302
    page = get(browser, response["Location"])
    assert [int(pk) for pk in ROW.findall(page)] == [by_number[number] for number in numbers]
    assert "粘贴了 32 项，找到 30 条记录" in page
    assert "2 项未找到" in page
    assert f"9999、{foreign}" in page
    assert "重复粘贴的 1 项" in page
    key = PastedList.objects.get().key
    other = get(client(world.staff.college), f"{LIST}?paste={key}")
    assert not ROW.findall(other)
    assert "已过期" in other
    assert browser.post(f"{LIST}paste/", {"items": "\n".join(str(n) for n in range(2001))}).status_code == 200
    assert "没有识别出" in browser.post(f"{LIST}paste/", {"items": " ,\n"}).content.decode()


def test_off_roll_students_are_left_out_until_asked_for(world):
    browser = client(world.staff.school)
    get(browser, f"{STUDENTS}?per_page=200")
    for url in (LIST, STUDENTS):
        assert total(get(browser, url)) == 152
        assert total(get(browser, f"{url}?roll=off")) == 8
        assert total(get(browser, f"{url}?roll=all")) == 160
    with system("a leave begins and ends, through the form's door"):
        one = Student.objects.get(pk=world.students[0])
        one.roll_status = "02"
        one.save()
        assert not GraduateProfile.objects.get(student=one).on_roll
    assert total(get(browser, LIST)) == 151
    page = get(browser, f"{LIST}?q={one.number}")
    assert total(page) == 1  # who is looked for by number is found, and marked
    assert "不在籍" in page


def test_buttons_are_those_the_person_may_press(world):
    user = world.staff.school
    with system("the export function is taken away"):
        from django.contrib.auth.models import Permission

        permission = Permission.objects.get(content_type__app_label="students", codename="export_graduateprofile")
        FunctionOverride.objects.create(user=user, permission=permission, granted=False)
    assert "导出" not in re.sub(r"导出记录|导出审批", "", get(client(user), LIST))


def test_without_the_function_there_is_no_page(world):
    from django.contrib.auth.models import Permission

    user = world.staff.college
    with system("the function to see is taken away"):
        for codename in ("view_graduateprofile", "change_graduateprofile"):
            permission = Permission.objects.get(content_type__app_label="students", codename=codename)
            FunctionOverride.objects.create(user=user, permission=permission, granted=False)
    browser = client(user)
    for page in ("", "overview/", "filters/", "columns/", "paste/"):
        assert browser.get(f"{LIST}{page}").status_code == 403


def test_an_empty_list_offers_the_next_step(world):
    browser = client(world.staff.school)
    assert "清除条件" in get(browser, f"{LIST}?q=nobody")
    with system("a cohort without students"):
        Cohort.objects.create(school=world.here.school, year=2028)
    assert "2028届还没有生源信息" in get(browser, LIST)


KEYS = ["status", "q", "unit", "roll", "paste", "p", "after", "before", "o", "per_page", "f.student.nation", "f.submitted_at.from", "f.returns",
        "f.returns.to", "f.extra.x", "id_number__startswith", "student__id_number", "_popup", "all", "e", "_to_field"]  # fmt: skip
VALUES = ["", "-1", "0", "1", "99999999999999999999", "1.1", "1.", "2.2023", "~", "-", "+", "'", "\x00", "1/", "1/2/", "x" * 3000, "王", "‮", "%00", "[]", "{}",
          *Status.values, "waiting", "-name", "student.name", "student.id_number"]  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES) | st.text(max_size=12)), max_size=5))
def test_no_address_breaks_a_page(world, pairs):
    browser = getattr(world, "browser", None) or client(world.staff.school)
    world.browser = browser
    query = QueryDict(mutable=True)
    for key, value in pairs:
        query.appendlist(key, value)
    for url in (LIST, STUDENTS, f"{LIST}overview/", f"{LIST}filters/", f"{LIST}columns/"):
        response = browser.get(f"{url}?{query.urlencode()}")
        assert response.status_code in (200, 400), (url, query.urlencode())


def test_a_name_too_many_share_is_cut_and_said_so(world, monkeypatch):
    monkeypatch.setattr("admin_site.matters.counts.SEARCH_CAP", 5)
    page = get(client(world.staff.province), f"{LIST}?q=雨涵")
    assert "列出前 5 条" in page
    assert "共 5+ 条" in page
    assert len(ROW.findall(page)) == 5
    inside = get(client(world.staff.school), f"{LIST}?q=雨涵")  # within one school everybody is listed
    assert "列出前" not in inside
    assert total(inside) > 5
