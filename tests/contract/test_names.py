"""What 功能分配 shows is Chinese, and nothing that the back office asks for is missing from it."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission

from models.accounts.function_names import describe, functions
from tests.i18n.latin import ALLOWED

pytestmark = pytest.mark.django_db


def test_every_function_has_a_chinese_name():
    strays = {
        function.code: function.label
        for function in functions()
        if (words := set(re.findall(r"[A-Za-z]{2,}", function.label)) - set(ALLOWED)) and words
    }
    assert strays == {}


def test_histories_are_no_functions_and_screens_are():
    shown = {function.code for function in functions()}
    assert not [code for code in shown if "historical" in code]
    wanted = {
        f"{model._meta.app_label}.view_{model._meta.model_name}"
        for model in admin.site._registry
        if "view" in model._meta.default_permissions and model._meta.app_label != "specimen"
    }
    missing = {
        code
        for code in wanted - shown
        if Permission.objects.filter(
            content_type__app_label=code.partition(".")[0], codename=code.partition(".")[2]
        ).exists()
    }
    assert missing == set(), "name the app in models.accounts.function_names.GROUPS"
    assert describe(Permission.objects.select_related("content_type").get(codename="view_school")).label == "查看学校"
