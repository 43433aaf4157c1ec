"""CodeField: declaration, refusal in words, display, and the two widgets."""

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.migrations.writer import MigrationWriter
from django.test.utils import isolate_apps
from rest_framework import serializers

from models.codes.fields import CodeField
from models.codes.models import Code


@pytest.fixture(scope="module")
def person():
    with isolate_apps("tests.codes"):

        class Person(models.Model):
            nation = CodeField("民族", table="nation", blank=True)
            origin = CodeField("生源地", table="region", blank=True)

            class Meta:
                app_label = "codes"

        yield Person


def form_of(person, **overrides):
    class Form(forms.ModelForm):
        class Meta:
            model = person
            fields = ["nation", "origin"]
            widgets = overrides

    return Form


def test_migrations_see_a_plain_column_and_a_copy_keeps_its_table():
    field = CodeField("民族", table="nation", blank=True)
    _name, path, args, kwargs = field.deconstruct()
    assert path == "django.db.models.CharField"
    assert (args, kwargs) == ([], {"verbose_name": "民族", "max_length": 12, "blank": True})
    text, imports = MigrationWriter.serialize(field)
    assert text == "models.CharField(blank=True, max_length=12, verbose_name='民族')"
    assert imports == {"from django.db import models"}
    copy = field.clone()
    assert (type(copy), copy.table, copy.blank, copy.validators) == (CodeField, "nation", True, field.validators)


def test_a_table_without_a_file_is_a_failed_check(person):
    assert person._meta.get_field("nation").check() == []
    field = CodeField(table="nonsense")
    field.set_attributes_from_name("x")
    field.model = person
    assert "codes.E001" in {error.id for error in field.check()}


def test_nothing_is_read_at_declaration(person, django_assert_num_queries, db):
    from models.codes import cache

    cache.forget()
    with django_assert_num_queries(0):
        form_of(person)


@pytest.mark.django_db
@pytest.mark.usefixtures("real_codes")
class TestWithTables:
    def test_validation_speaks(self, person):
        with pytest.raises(ValidationError) as error:
            person(nation="88").full_clean()
        assert error.value.message_dict == {"nation": ["“民族”代码 88 不存在，请填写系统代码“民族”中的代码或名称。"]}
        person(nation="01", origin="330103").full_clean()
        person().full_clean()

    def test_a_switched_off_code_is_refused_for_a_new_record_only(self, person):
        Code.objects.filter(table="nation", code="98").update(is_active=False)
        Code.objects.get(table="nation", code="98").save()
        with pytest.raises(ValidationError, match="已停用"):
            person(nation="98").full_clean()
        old = person(pk=1, nation="98")
        old._state.adding = False
        old.clean_fields()

    def test_display(self, person):
        assert person(nation="01").get_nation_display() == "汉族"
        assert person(nation="").get_nation_display() == ""
        assert person(nation="88").get_nation_display() == "88"

    def test_a_serializer_refuses_too(self, person):
        class Serializer(serializers.ModelSerializer):
            class Meta:
                model = person
                fields = ["nation"]

        serializer = Serializer(data={"nation": "88"})
        assert not serializer.is_valid()
        assert "不存在" in str(serializer.errors["nation"][0])
        assert Serializer(data={"nation": "02"}).is_valid()

    def test_a_form_understands_names(self, person):
        form = form_of(person)({"nation": "汉", "origin": "重庆市渝中区"})
        assert form.is_valid(), form.errors
        assert form.cleaned_data == {"nation": "01", "origin": "500103"}
        form = form_of(person)({"nation": "火星族"})
        assert "火星族 不存在" in form.errors["nation"][0]

    def test_a_small_table_is_a_list(self, person):
        html = str(form_of(person)(instance=person(nation="02"))["nation"])
        assert html.startswith("<select")
        assert '<option value="02" selected>蒙古族</option>' in html
        assert html.count("<option") == 59  # 58 and the empty one

    def test_a_value_no_longer_offered_stays_selected(self, person):
        Code.objects.get(table="nation", code="98")
        code = Code.objects.get(table="nation", code="98")
        code.is_active = False
        code.save()
        html = str(form_of(person)(instance=person(nation="98"))["nation"])
        assert '<option value="98" selected>外国血统中国籍人士</option>' in html
        assert 'value="98"' not in str(form_of(person)()["nation"])

    def test_a_big_table_is_a_text_box(self, person):
        html = str(form_of(person)(instance=person(origin="500103"))["origin"])
        assert html.startswith("<input")
        assert 'data-code-table="region"' in html
        assert 'data-code-label="重庆市渝中区"' in html
        assert "maxlength" not in html

    def test_widgets_of_the_admin_are_used_to_draw(self, person):
        class Select(forms.Select):
            pass

        class Text(forms.TextInput):
            pass

        field = person._meta.get_field("nation").formfield(select_widget=Select, text_widget=Text)
        assert (field.widget.select, field.widget.text) == (Select, Text)
        assert str(form_of(person, nation=forms.HiddenInput())()["nation"]).startswith('<input type="hidden"')
        styled = form_of(person, nation=Select({"class": "tall"}), origin=Text({"class": "wide"}))()
        assert 'class="tall"' in str(styled["nation"])
        assert 'class="wide"' in str(styled["origin"])
