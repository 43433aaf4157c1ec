"""Dates read and shown as the office writes them: 2026-11-22 10:30."""

import datetime

import pytest
from django import forms
from django.template.defaultfilters import date as date_filter
from django.utils import formats, translation
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSplitDateTimeWidget

DAY = datetime.date(2026, 11, 22)
MOMENT = datetime.datetime(2026, 11, 22, 10, 30)  # noqa: DTZ001 - widgets get local, naive times from their fields


@pytest.fixture(autouse=True)
def chinese():
    with translation.override("zh-hans"):
        yield


def test_pages_show_numeric_dates():
    assert formats.localize(DAY) == "2026-11-22"
    assert formats.localize(MOMENT) == "2026-11-22 10:30"
    assert date_filter(DAY, "SHORT_DATE_FORMAT") == "2026-11-22"
    assert date_filter(MOMENT, "SHORT_DATETIME_FORMAT") == "2026-11-22 10:30"
    assert formats.localize(1234567) == "1234567"


def test_date_widgets_show_numeric_dates():
    assert 'value="2026-11-22"' in UnfoldAdminDateWidget().render("day", DAY)
    html = UnfoldAdminSplitDateTimeWidget().render("moment", MOMENT)
    assert 'value="2026-11-22"' in html
    assert 'value="10:30"' in html


@pytest.mark.parametrize("text", ["2026-11-22", "2026/11/22", "2026.11.22", "2026年11月22日", "20261122"])
def test_dates_are_read_as_people_write_them(text):
    assert forms.DateField().clean(text) == DAY


@pytest.mark.parametrize("text", ["2026-11-22 10:30", "2026/11/22 10:30", "2026年11月22日 10:30:00"])
def test_moments_are_read_as_people_write_them(text):
    assert forms.DateTimeField().clean(text).replace(tzinfo=None) == MOMENT
