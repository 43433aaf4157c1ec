"""What people write is understood, what is ambiguous is not guessed, and years, former codes and paths are right."""

import time

import pytest

from models.codes import lookup

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("real_codes")]


@pytest.mark.parametrize(
    ("table", "text", "code"),
    [
        ("nation", "01", "01"),
        ("nation", "1", "01"),
        ("nation", 1, "01"),
        ("nation", 1.0, "01"),
        ("nation", "１", "01"),
        ("nation", "汉族", "01"),
        ("nation", "汉", "01"),
        ("nation", " 汉 族\n", "01"),
        ("nation", "汉\u200b族\u3000", "01"),
        ("nation", "毛难族", "36"),
        ("nation", "外国血统", "98"),
        ("political_status", "团员", "03"),
        ("political_status", "党员", "01"),
        ("political_status", "预备党员", "02"),
        ("degree_level", "本科", "31"),
        ("degree_level", "本科生", "31"),
        ("degree_level", "大学本科", "31"),
        ("degree_level", "专科（高职）", "41"),
        ("degree_level", "专科(高职)", "41"),
        ("gender", "01", "1"),
        ("study_length", 4.0, "4"),
        ("study_length", "4.0", "4"),
        ("study_length", "四年制", "4"),
        ("study_length", "2.50", "2.5"),
        ("industry", "i", "34"),
        ("outcome_category", "三支一扶", "502"),
        ("region", "500103", "500103"),
        ("region", 500103.0, "500103"),
        ("region", "重庆市渝中区", "500103"),
        ("region", "重庆渝中区", "500103"),
        ("region", "渝中区", "500103"),
        ("region", "四川省成都市锦江区", "510104"),
        ("region", "四川成都市锦江区", "510104"),
        ("region", "湖北省仙桃市", "429004"),
        ("region", "东莞市", "441900"),
    ],
)
def test_what_people_write_is_understood(table, text, code):
    assert lookup.table(table).resolve(text) == code


@pytest.mark.parametrize(
    ("table", "text"),
    [("nation", "火星族"), ("nation", "88"), ("political_status", "无所谓"), ("region", "朝阳区"), ("region", "99"), ("nation", ""),
     ("nation", None), ("nation", " "), ("nation", 1.5), ("study_length", "4.25"), ("no_such_table", "01")],
)  # fmt: skip
def test_what_cannot_be_meant_or_is_ambiguous_is_not_guessed(table, text):
    assert lookup.table(table).resolve(text) is None


def test_every_writing_in_the_files_leads_to_its_own_row():
    """No alias of a listed code is swallowed by another row, in any table that is not a map of the country."""
    for table in lookup.tables():
        if table.key == "region":
            continue
        for entry in table.entries:
            if entry.active and not entry.former:
                for text in (entry.code, entry.name, *entry.aliases):
                    assert table.resolve(text, entry.valid_from) == entry.code, (table.key, text)


def test_names_and_unknown_codes():
    nation = lookup.table("nation")
    assert (nation.name("01"), nation.name(""), nation.name("88")) == ("汉族", "", "88")
    assert nation.flags("02") == {"minority": True}
    assert nation.flags("88") == {}
    assert len(nation) == 58


def test_path_names():
    region = lookup.table("region")
    assert region.path_name("500103") == "重庆市渝中区"
    assert region.path_name("510104") == "四川省成都市锦江区"
    assert region.path_name("429004") == "湖北省仙桃市"
    assert region.path_name("510202") == "四川省重庆市渝中区"  # former, under a former city
    assert region.path_name("110101", "/") == "北京市/东城区"


def test_validity_by_cohort():
    outcome = lookup.table("outcome_category")
    assert [outcome.valid("27", year) for year in (2019, 2020, 2021)] == [True, True, False]
    assert [outcome.valid("271", year) for year in (2020, 2021, 2027)] == [False, True, True]
    assert not outcome.valid("272", 2027)  # switched off
    assert not outcome.valid("nonsense", 2027)
    assert outcome.valid("27")  # no cohort asked: it exists and is switched on


def test_former_region_codes():
    region = lookup.table("region")
    gone = region.get("330103")
    assert gone.former
    assert region.successor("330103") == "330105"
    assert region.successor("500103") == "500103"
    assert region.successor("nonsense") == ""
    assert (region.valid("330103", 2026), region.valid("330103", 2027)) == (True, False)
    assert region.resolve("330103") == "330103"
    # The roll of a 2027 cohort enrolled in 2023 may name a district abolished in 2025.
    assert region.get("500105").former
    assert region.valid("500105", 2027)


def test_every_region_hangs_on_an_existing_parent_and_successor():
    region = lookup.table("region")
    for entry in region.entries:
        assert not entry.parent or entry.parent in region, entry
        assert not entry.successor or not region.get(entry.successor).former, entry
    current = [entry for entry in region.entries if not entry.former and not entry.flags.get("id_only")]
    assert len([entry for entry in current if entry.flags["level"] == "province"]) == 34
    assert len([entry for entry in current if entry.flags["level"] == "city"]) == 333


def test_a_name_prefers_the_code_of_the_cohort_and_then_the_one_in_force():
    outcome = lookup.table("outcome_category")
    assert outcome.resolve("科研助理", 2019) == "27"
    region = lookup.table("region")
    assert region.resolve("重庆市渝中区") == "500103"
    assert region.resolve("四川省重庆市渝中区") == "510202"


def test_choices():
    outcome = lookup.table("outcome_category")
    now, then = dict(outcome.choices(2027)), dict(outcome.choices(2019))
    assert now.keys() & {"27", "70", "271", "801", "272", "77"} == {"271", "801"}
    assert then.keys() & {"27", "70", "271", "801"} == {"27", "70"}
    assert outcome.choices(2027, include="77")[-1] == ("77", "其他灵活就业")
    assert outcome.choices(2027, include=["10"]) == outcome.choices(2027)
    assert lookup.table("gender").choices() == [("1", "男"), ("2", "女")]


def test_children_and_flags():
    region = lookup.table("region")
    assert "500103" in {entry.code for entry in region.children("500000")}
    assert "500105" not in {entry.code for entry in region.children("500000")}
    assert "500105" in {entry.code for entry in region.children("500000", former=True)}
    assert len([entry for entry in region.children() if not entry.flags.get("id_only")]) == 34
    assert lookup.table("hardship").codes_with("disabled") == ["4", "5", "6", "7"]
    assert all(entry.flags["mask"] == int(entry.code) for entry in lookup.table("hardship").entries)


def test_search():
    region = lookup.table("region")
    assert region.search("渝中")[0] == ("500103", "重庆市渝中区")
    assert region.search("500103") == [("500103", "重庆市渝中区")]
    assert {code[:4] for code, _ in region.search("5101")} == {"5101"}
    assert len(region.search("区", limit=7)) == 7
    assert region.search("330103") == [("330103", "浙江省杭州市下城区")]  # former, but typed in full
    assert region.search("下城区") == []
    assert region.search("下城区", former=True)[0][0] == "330103"
    assert region.search("") == []


@pytest.mark.machine
def test_forty_thousand_resolutions_are_quick(django_assert_num_queries):
    lookup.warm()
    texts = [("nation", "汉"), ("nation", "土家族"), ("political_status", "团员"), ("degree_level", "本科"), ("study_length", "4"),
             ("training_mode", "非定向"), ("region", "510104"), ("hardship", "家庭困难")]  # fmt: skip
    tables = {key: lookup.table(key) for key, _ in texts}
    tables["region"].resolve("warm the index")
    with django_assert_num_queries(0):
        started = time.process_time()
        for _row in range(5000):
            for key, text in texts:
                assert tables[key].resolve(text, 2027)
        assert time.process_time() - started < 0.5
