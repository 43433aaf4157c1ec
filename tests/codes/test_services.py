"""The door to write: loader, single edit, import; what a person changed is kept, and history says who."""

import csv
import json

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from models.codes import lookup, rows, services
from models.codes.fields import FIXTURES
from models.codes.models import Code, CodeTable

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path):
    """A folder of tables as load_codes reads it; write(...) replaces the rows."""

    def write(*lines):
        (tmp_path / "veg.csv").write_text(
            "\n".join(["code,name,aliases,flags,former,sureness", *lines]), encoding="utf-8"
        )

    (tmp_path / "tables.csv").write_text(
        "key,name,description,source,kind,editable,order\nveg,蔬菜,,农书,flat,1,1\n", encoding="utf-8"
    )
    write("1,白菜,大白菜|黄芽白,,,document", '2,萝卜,,"{""root"": true}",,code')
    return tmp_path, write


def load(folder, **options):
    call_command("load_codes", dir=folder, verbosity=0, **options)


def state():
    return list(Code.objects.filter(table="veg").order_by("code").values_list("code", "name", "locally_edited"))


def test_loading_twice_changes_nothing(folder, django_assert_max_num_queries):
    path, _ = folder
    load(path)
    code = Code.objects.get(table="veg", code="1")
    assert (code.aliases, code.source, code.sureness) == (["大白菜", "黄芽白"], "农书", "document")
    assert Code.objects.get(table="veg", code="2").flags == {"root": True}
    stamp, rows_before = lookup.stamp(), Code.history.count()
    with django_assert_max_num_queries(6):
        load(path)
    assert (lookup.stamp(), Code.history.count()) == (stamp, rows_before)


def test_a_changed_file_updates_with_history(folder):
    path, write = folder
    load(path)
    write("1,大白菜,,,,document", "3,菠菜,,,,memory")
    load(path)
    assert state() == [("1", "大白菜", False), ("2", "萝卜", False), ("3", "菠菜", False)]
    code = Code.objects.get(table="veg", code="1")
    assert [(row.history_type, row.name, row.history_change_reason) for row in code.history.all()] == [
        ("~", "大白菜", "载入系统代码"),
        ("+", "白菜", "载入系统代码"),
    ]


def test_local_edits_are_kept_unless_forced(folder, capsys):
    path, _ = folder
    load(path)
    code = Code.objects.get(table="veg", code="1")
    code.name = "胶菜"
    services.save_code(code)
    call_command("load_codes", dir=path)
    assert "保留本地修改 1" in capsys.readouterr().out
    assert state()[0] == ("1", "胶菜", True)
    load(path, force=True)
    assert state()[0] == ("1", "白菜", False)


def test_a_table_edited_locally_is_kept_too(folder):
    path, _ = folder
    load(path)
    table = CodeTable.objects.get(key="veg")
    table.name = "青菜"
    services.save_table(table)
    load(path)
    assert CodeTable.objects.get(key="veg").name == "青菜"
    table.key = "greens"
    with pytest.raises(ValidationError, match="标识建立后不能修改"):
        services.save_table(table)


def test_a_broken_file_loads_nothing_and_says_where(folder):
    path, write = folder
    write("1,白菜,,,,document", "2,萝卜,,,,perhaps")
    with pytest.raises(CommandError, match=r"veg\.csv 第 3 行 sureness"):
        load(path)
    assert not CodeTable.objects.filter(key="veg").exists()
    with pytest.raises(CommandError, match=r"tables\.csv 中没有代码表：nonsense"):
        load(path, table=["nonsense"])


def test_the_real_files_are_clean():
    with (FIXTURES / "tables.csv").open(encoding="utf-8", newline="") as file:
        keys = {line["key"]: line for line in csv.DictReader(file)}
    assert {path.stem for path in FIXTURES.glob("*.csv")} == {*keys, "tables"}
    for key in keys:
        with (FIXTURES / f"{key}.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        assert len({line["code"] for line in lines}) == len(lines), key
        for line in lines:
            assert rows.parse(line)[1] == [], (key, line)
            assert line["sureness"], (key, line)
            assert line["source"] or keys[key]["source"], (key, line)


def test_save_code_marks_validates_and_records_the_person(fruit):
    user = get_user_model().objects.create_user("clerk")
    code = services.save_code(Code(table=fruit, code="04", name="桃"), by=user, reason="新增")
    assert code.locally_edited
    assert (code.history.get().history_user, code.history.get().history_change_reason) == (user, "新增")
    assert lookup.table("fruit").resolve("桃") == "04"
    with pytest.raises(ValidationError, match="已有相同的代码"):
        services.save_code(Code(table=fruit, code="04", name="李"))
    with pytest.raises(ValidationError, match="启用毕业届不能晚于停用毕业届"):
        services.save_code(Code(table=fruit, code="05", name="李", valid_from_year=2028, valid_to_year=2027))


def test_a_closed_table_is_closed_at_every_door(fruit):
    fruit.editable = False
    fruit.save()
    for write in (
        lambda: services.save_code(Code(table=fruit, code="04", name="桃")),
        lambda: services.upsert(fruit, [{"code": "04", "name": "桃"}], local=True),
        lambda: services.set_active(Code.objects.filter(table=fruit), False),
    ):
        with pytest.raises(ValidationError, match="由系统维护"):
            write()


def test_an_import_reports_every_row_and_a_dry_run_writes_nothing(fruit, django_assert_max_num_queries):
    incoming = [
        {"code": "01", "name": "红苹果"},
        {"code": "02", "name": "梨"},
        {"code": "04", "name": "桃", "aliases": ["毛桃"]},
    ]
    planned = services.upsert(fruit, incoming, local=True, dry_run=True)
    assert [(row.code, row.status) for row in planned] == [("01", "updated"), ("02", "unchanged"), ("04", "created")]
    assert planned[0].changes == {"name": ("苹果", "红苹果")}
    assert not Code.objects.filter(table=fruit, code="04").exists()
    assert lookup.table("fruit").name("01") == "苹果"
    with django_assert_max_num_queries(12):
        assert services.upsert(fruit, incoming, local=True) == planned
    edited = dict(Code.objects.filter(table=fruit).values_list("code", "locally_edited"))
    assert edited == {"01": True, "02": False, "03": False, "04": True}
    kept = Code.objects.get(table=fruit, code="01")
    assert (kept.aliases, kept.flags) == (["平果"], {"red": True})
    with pytest.raises(ValidationError, match="出现了两次"):
        services.upsert(fruit, incoming + incoming[:1], local=True)


def test_set_active_in_bulk_with_history(fruit):
    assert services.set_active(Code.objects.filter(table=fruit), False, reason="不再使用") == 2
    assert lookup.table("fruit").choices() == []
    code = Code.objects.get(table=fruit, code="01")
    assert (code.locally_edited, code.history.first().history_change_reason) == (True, "不再使用")


def test_text_rows_round_trip(fruit):
    for code in Code.objects.filter(table=fruit):
        values, errors = rows.parse(rows.write(code))
        assert errors == []
        assert values == {field: getattr(code, field) for field, _ in rows.COLUMNS.values()}
    assert json.loads(rows.write(Code.objects.get(table=fruit, code="01"))["flags"]) == {"red": True}


@pytest.mark.parametrize(
    ("raw", "column"),
    [({"valid_from": "二〇二七"}, "valid_from"), ({"flags": "[1]"}, "flags"), ({"flags": "{"}, "flags"), ({"former": "也许"}, "former"),
     ({"order": "x"}, "order"), ({"sureness": "大概"}, "sureness"), ({"name": ""}, "name"), ({"code": "1" * 21}, "code"),
     ({"valid_from": "2028", "valid_to": "2027届"}, "valid_to")],
)  # fmt: skip
def test_what_a_row_cannot_say_is_named(raw, column):
    assert [key for key, _ in rows.parse(raw)[1]] == [column]


@pytest.mark.parametrize(
    "broken",
    [
        {"code": ""},
        {"name": ""},
        {"parent_code": "09"},
        {"valid_from_year": 2030, "valid_to_year": 2020},
        {"code": "01"},
    ],
)
def test_the_database_holds_the_rules(fruit, broken):
    values = {"table": fruit, "code": "09", "name": "枣"} | broken
    with pytest.raises(IntegrityError), transaction.atomic():
        Code.objects.bulk_create([Code(**values)])
