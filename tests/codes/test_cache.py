"""Nobody reads an outdated table, and nothing that was rolled back stays behind."""

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from models.codes import cache, lookup, services
from models.codes.models import Code, CodeTable

pytestmark = pytest.mark.django_db


def test_a_save_is_seen_at_once(fruit):
    before = lookup.stamp()
    assert lookup.table("fruit").name("01") == "苹果"
    code = Code.objects.get(table=fruit, code="01")
    code.name = "红苹果"
    code.save()
    assert lookup.table("fruit").name("01") == "红苹果"
    assert lookup.stamp() != before
    code.delete()
    assert lookup.table("fruit").name("01") == "01"
    fruit.name = "鲜果"
    fruit.save()
    assert lookup.table("fruit").title == "鲜果"


def test_a_bulk_write_is_seen_after_invalidate(fruit):
    lookup.warm()
    Code.objects.filter(table=fruit, code="01").update(name="青苹果")
    lookup.invalidate()
    assert lookup.table("fruit").name("01") == "青苹果"


def test_a_rolled_back_savepoint_leaves_nothing_behind(fruit):
    lookup.warm()
    stamp = lookup.stamp()
    with transaction.atomic():
        Code.objects.create(table=fruit, code="04", name="桃")
        assert lookup.table("fruit").name("04") == "桃"
        transaction.set_rollback(True)
    assert "04" not in lookup.table("fruit")
    assert lookup.stamp() == stamp


def test_reading_costs_no_query_while_a_write_is_pending(fruit, django_assert_num_queries):
    lookup.warm()
    with django_assert_num_queries(0):
        for _ in range(50):
            lookup.table("fruit").name("01")


@pytest.mark.parametrize("attempt", [1, 2])
def test_what_a_test_wrote_is_gone_in_the_next_one(db, attempt):
    assert not lookup.table("leftover").exists
    CodeTable.objects.create(key="leftover", name="残留")
    assert lookup.table("leftover").exists


def test_a_real_commit_and_a_real_rollback(transactional_db):
    table = CodeTable.objects.create(key="fruit", name="水果")
    lookup.warm()
    with transaction.atomic():
        Code.objects.create(table=table, code="01", name="苹果")
    assert lookup.table("fruit").name("01") == "苹果"
    with transaction.atomic():
        Code.objects.create(table=table, code="02", name="梨")
        assert "02" in lookup.table("fruit")
        transaction.set_rollback(True)
    assert "02" not in lookup.table("fruit")


def test_a_change_by_another_process_is_noticed(fruit, settings, monkeypatch):
    """Another process has written and renewed the token; this one finds out when it looks, and not before it is due."""
    settings.CODES_CHECK_SECONDS = 5
    clock = [1000.0]
    monkeypatch.setattr(cache.time, "monotonic", lambda: clock[0])
    cache.forget()  # as if nothing had been written by this process
    assert lookup.table("fruit").name("01") == "苹果"
    Code.objects.filter(table=fruit, code="01").update(name="青苹果")
    cache.CodesVersion.objects.filter(pk=1).update(token="another")
    clock[0] += 4
    assert lookup.table("fruit").name("01") == "苹果"
    clock[0] += 2
    assert lookup.table("fruit").name("01") == "青苹果"
    cache.forget()


def test_nobody_else_sees_what_is_not_committed(fruit):
    """The private snapshot of an open transaction is not the shared one."""
    shared = cache._shared
    assert lookup.table("fruit").exists
    assert shared is None or "fruit" not in shared.tables
    assert connection.in_atomic_block


def test_the_loader_and_the_services_renew_the_stamp(fruit, tmp_path):
    stamp = lookup.stamp()
    services.set_active(Code.objects.filter(table=fruit, code="01"), False)
    assert lookup.stamp() != stamp
    assert not lookup.table("fruit").valid("01")
    (tmp_path / "tables.csv").write_text(
        "key,name,description,source,kind,editable,order\nveg,蔬菜,,,flat,1,1\n", encoding="utf-8"
    )
    (tmp_path / "veg.csv").write_text("code,name,source\n1,白菜,\n", encoding="utf-8")
    call_command("load_codes", dir=tmp_path, verbosity=0)
    assert lookup.table("veg").name("1") == "白菜"
