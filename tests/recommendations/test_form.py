"""就业推荐表 as a matter: what it needs, what it takes over, what fits on it."""

from __future__ import annotations

import pytest

from models.evidence.services import remove
from models.recommendations.models import RecommendationForm
from tests.factories import people
from tests.recommendations.conftest import approve_profile, form_of
from workflows.actions import perform, save_fields
from workflows.errors import Invalid, WrongState
from workflows.levels import Status, Verb
from workflows.scoping import system


def test_it_passes_counsellor_and_college(place):
    perform(place.form, Verb.SUBMIT, by=place.student.user)
    assert place.form.status == Status.PENDING_COUNSELOR
    perform(place.form, Verb.APPROVE, by=place.reviewers.counselor)
    perform(place.form, Verb.APPROVE, by=place.reviewers.college, values={"opinion": "同意推荐。"})
    assert place.form.status == Status.APPROVED
    assert place.form.opinion == "同意推荐。"


def test_it_waits_for_approved_profile(place):
    other = people.student(place)
    record = form_of(other)
    with pytest.raises(WrongState, match="生源信息审核通过后才能办理"):
        perform(record, Verb.SUBMIT, by=other.user)
    approve_profile(other, place.reviewers)
    perform(record, Verb.SUBMIT, by=other.user)


def test_a_new_form_begins_with_what_is_known(place):
    other = people.student(place, profile={"home_postcode": "400030"})
    record = RecommendationForm(student=other)
    record.save()
    assert record.phone == other.graduateprofile.phone
    assert (record.email, record.postcode) == ("s@example.edu.cn", "400030")
    assert record.address == "示例省示例市示例区示例路1号"


def test_the_picture_is_missed_like_an_empty_field(place):
    remove(place.form.evidence()[0], place.student.user, place.form)
    with pytest.raises(Invalid) as refusal:
        perform(place.form, Verb.SUBMIT, by=place.student.user)
    assert refusal.value.errors == {"evidence.photo": "请上传证件照。"}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("experience", "2023\n2024\n2025\n2026\n2027", "最多 4 行，现在有 5 行"),
        ("awards", "无\n" + "长" * 61, "第 2 行有 61 个字，每行最多 60 个字"),
        ("self_recommendation", "我" * 301, "最多 300 个字，现在有 301 个字"),
        ("self_recommendation", "我很开心😀", "含有无法打印的「😀」"),
        ("awards", "一等奖\ue000", "不可见的特殊字符"),
        ("postcode", "4000", "邮政编码应为 6 位数字"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_numbers(place, field, value, sentence):
    with pytest.raises(Invalid) as refusal:
        save_fields(place.form, {field: value}, by=place.student.user)
    assert sentence in refusal.value.errors[field]


def test_what_just_fits_is_kept(place):
    rare = "㐂𬱖" + "我" * 298
    values = {
        "experience": "2023 甲\n\n2024 乙\n2025 丙\n2026 丁\n",
        "self_recommendation": rare[:150] + "\n" + rare[150:],
    }
    save_fields(place.form, values, by=place.student.user)
    with system("look"):
        kept = RecommendationForm.objects.get(pk=place.form.pk)
    assert kept.self_recommendation == rare[:150] + "\n" + rare[150:]


def test_thin_text_warns_and_passes(place):
    save_fields(place.form, {"self_recommendation": "我很好。", "experience": "班长"}, by=place.student.user)
    assert {finding["rule"] for finding in place.form.findings} == {"T01", "T02"}
    perform(place.form, Verb.SUBMIT, by=place.student.user)
