"""Code tables for these tests: the real ones for reading, and a small one of their own for writing."""

import pytest
from django.core.management import call_command

from models.codes.models import Code, CodeTable


@pytest.fixture(scope="module")
def real_codes(django_db_setup, django_db_blocker):
    """All tables of fixtures/codes, loaded unless the whole run already has them."""
    with django_db_blocker.unblock():
        call_command("load_codes", verbosity=0)


@pytest.fixture
def fruit(db):
    """A table that no fixture knows: 01 苹果 (alias 平果), 02 梨, 03 switched off."""
    table = CodeTable.objects.create(key="fruit", name="水果")
    Code.objects.create(table=table, code="01", name="苹果", aliases=["平果"], flags={"red": True})
    Code.objects.create(table=table, code="02", name="梨", valid_from_year=2020, valid_to_year=2025)
    Code.objects.create(table=table, code="03", name="榴莲", is_active=False)
    return table
