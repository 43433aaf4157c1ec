"""RecommendationForm 就业推荐表: what a school says for its graduate, reviewed and then printed."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from models.evidence.kinds import MEGABYTE, EvidenceKind, WithEvidence
from models.recommendations import rules
from models.students.profile import LANDLINE, POSTCODE
from workflows.chain import Chain, Step
from workflows.levels import COLLEGE, COUNSELOR
from workflows.limits import MaxCharacters, MaxLines, printable
from workflows.matter import ReviewedMatter

LINES, WIDTH, PARAGRAPHS = 4, 60, 8
CHARACTERS = 300
OPINION = 120
PHOTO = EvidenceKind(
    "photo",
    str(_("证件照")),
    required=True,
    help_text=str(_("近期免冠正面照，白色、蓝色或红色底，上传后可以裁剪。")),
    types=("jpg", "png"),
    max_size=10 * MEGABYTE,
    min_side=295,  # one inch at 300 dots
    shape=(413, 579),  # 35 × 49 mm at 300 dots, the two-inch picture that forms have room for
)


class RecommendationForm(WithEvidence, ReviewedMatter):
    """就业推荐表：written by the student on top of approved 生源信息, reviewed by counsellor and college, printed as PDF.

    Its limits (four lines, four lines, 300 characters) are what the printed page has room for.
    """

    student = models.OneToOneField("students.Student", on_delete=models.PROTECT, verbose_name=_("学生"))
    second_major = models.CharField(_("第二专业"), max_length=60, blank=True, validators=[printable])
    foreign_language = models.CharField(
        _("外语水平"), max_length=60, blank=True, validators=[printable], help_text=_("例如：英语 CET-6 520 分。")
    )
    computer_skill = models.CharField(
        _("计算机水平"),
        max_length=60,
        blank=True,
        validators=[printable],
        help_text=_("例如：全国计算机等级考试二级。"),
    )
    address = models.CharField(_("联系地址"), max_length=100, blank=True, validators=[printable])
    postcode = models.CharField(_("邮政编码"), max_length=6, blank=True, validators=[POSTCODE])
    email = models.EmailField(_("电子邮箱"), blank=True)
    phone = models.CharField(_("联系电话"), max_length=25, blank=True, validators=[LANDLINE])
    experience = models.TextField(
        _("个人经历"),
        blank=True,
        validators=[MaxLines(LINES, WIDTH), printable],
        help_text=_("每行一段，写明起止时间、单位、专业或职务，例如：2023.09—2027.06 嘉陵大学 地理信息科学专业 班长。"),
    )
    awards = models.TextField(
        _("获奖情况"),
        blank=True,
        validators=[MaxLines(LINES, WIDTH), printable],
        help_text=_("每行一项，写明时间和名称；没有可以写“无”。"),
    )
    self_recommendation = models.TextField(
        _("自我推荐"),
        blank=True,
        validators=[MaxCharacters(CHARACTERS), MaxLines(PARAGRAPHS), printable],
        help_text=_("介绍专业所长、实践经历和求职意向。"),
    )
    opinion = models.TextField(
        _("院系推荐意见"),
        blank=True,
        validators=[MaxCharacters(OPINION), MaxLines(3), printable],
        help_text=_("由院系填写，打印在推荐表上；空白处可盖章后手写。"),
    )

    season = 20
    review = Chain(Step(COUNSELOR), Step(COLLEGE), requires="students.GraduateProfile")
    scope_source = "student"
    subject_path = "student__user_id"
    columns = (
        "student.number",
        "student.name",
        "student.sex",
        "student.major.college.name",
        "student.major.name",
        "student.unit.name",
        "student.degree",
        "student.graduateprofile.origin_region",
        "student.graduateprofile.political_status",
        "second_major",
        "foreign_language",
        "computer_skill",
        "address",
        "postcode",
        "email",
        "phone",
        "experience",
        "awards",
        "self_recommendation",
        "opinion",
        "status",
        "submitted_at",
        "decided_at",
        "returns",
        "last_reason",
    )
    list_columns = (
        "student.name",
        "student.number",
        "student.major.college.name",
        "student.major.name",
        "student.unit.name",
        "status",
        "submitted_at",
    )
    field_groups = (
        (
            _("学籍与生源信息"),
            (
                "student.name",
                "student.number",
                "student.sex",
                "student.nation",
                "student.birth_date",
                "student.major.college.name",
                "student.major.name",
                "student.unit.name",
                "student.degree",
                "student.enrol_year",
                "student.grad_month",
                "student.graduateprofile.political_status",
                "student.graduateprofile.marital",
                "student.graduateprofile.origin_region",
            ),
        ),
        (_("学习情况"), ("second_major", "foreign_language", "computer_skill")),
        (_("联系方式"), ("address", "postcode", "email", "phone")),
        (_("经历与自荐"), ("experience", "awards", "self_recommendation")),
        (_("推荐意见"), ("opinion",)),
    )
    subject_fields = (
        "second_major",
        "foreign_language",
        "computer_skill",
        "address",
        "postcode",
        "email",
        "phone",
        "experience",
        "awards",
        "self_recommendation",
    )
    required_fields = ("address", "email", "phone", "experience", "self_recommendation")
    key_fields = ("phone", "experience", "awards", "self_recommendation")
    masked_fields = {"phone": "phone"}
    search_paths = {
        "number": "student__number",
        "name": "student__name",
        "id_number": "student__id_number",
        "phone": "phone",
    }
    return_reasons = ("证件照不符合要求", "个人经历不完整", "获奖情况与档案不一致", "自我推荐内容空泛", "联系方式有误")
    rules = rules.FORM_RULES
    rules_need = ("student__major", "student__graduateprofile")

    class Meta(ReviewedMatter.Meta):
        verbose_name = verbose_name_plural = _("就业推荐表")

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a new form begins with what is known of the student already."""
        if self._state.adding:
            self.begin_with_profile()
        super().save(*args, **kwargs)

    def begin_with_profile(self) -> None:
        """Take contact and address over from 生源信息 where the form says nothing itself."""
        profile = getattr(self.student, "graduateprofile", None)
        for name, source in (
            ("phone", "phone"),
            ("email", "email"),
            ("address", "home_address"),
            ("postcode", "home_postcode"),
        ):
            if profile is not None and not getattr(self, name):
                setattr(self, name, getattr(profile, source)[: self._meta.get_field(name).max_length])

    def evidence_kinds(self) -> tuple[EvidenceKind, ...]:
        """The picture that is printed on the form."""
        return (PHOTO,)

    @classmethod
    def rules_stamp_now(cls) -> str:
        """Findings rest on this list of rules."""
        return rules.PACK
