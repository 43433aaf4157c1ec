"""GraduateProfile 生源信息: what the ministry calls the graduate's basic information. The first matter on the engine."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from models.codes.fields import CodeField
from models.codes.lookup import stamp
from models.students import rules
from workflows.chain import Chain, Step
from workflows.levels import COLLEGE, COUNSELOR, PROVINCE, SCHOOL
from workflows.matter import ReviewedMatter

PHONE = RegexValidator(r"^1[3-9]\d{9}$", _("手机号码应为 11 位数字，以 13～19 开头。"))
POSTCODE = RegexValidator(r"^\d{6}$", _("邮政编码应为 6 位数字。"))
LANDLINE = RegexValidator(r"^[\d\-+() ]{5,25}$", _("电话只能包含数字、短横线和括号，例如 023-65100000。"))


class GraduateProfile(ReviewedMatter):
    """生源信息：checked and completed by the student, reviewed by counsellor, college and school, passed by the province's rules."""

    student = models.OneToOneField("students.Student", on_delete=models.PROTECT, verbose_name=_("学生"))
    political_status = CodeField(_("政治面貌"), table="political_status", blank=True)
    origin_region = CodeField(_("生源地"), table="region", blank=True, help_text=_("高考前常住户口所在地，选到区县。"))
    urban_rural = CodeField(_("城乡生源"), table="urban_rural", blank=True)
    teacher_training = CodeField(_("师范生类别"), table="teacher_training", blank=True)
    hardship = CodeField(_("困难生类别"), table="hardship", blank=True)
    phone = models.CharField(
        _("手机号码"),
        max_length=11,
        blank=True,
        validators=[PHONE],
        help_text=_("用人单位凭姓名和手机号联系签约，请填写本人常用号码。"),
    )
    email = models.EmailField(_("电子邮箱"), blank=True)
    qq = models.CharField(
        _("QQ"), max_length=15, blank=True, validators=[RegexValidator(r"^\d{5,12}$", _("QQ 号为 5～12 位数字。"))]
    )
    home_address = models.CharField(_("家庭地址"), max_length=200, blank=True)
    home_postcode = models.CharField(_("家庭邮编"), max_length=6, blank=True, validators=[POSTCODE])
    home_phone = models.CharField(_("家庭电话"), max_length=25, blank=True, validators=[LANDLINE])
    marital = CodeField(_("婚姻状况"), table="marital", blank=True)
    health = CodeField(_("健康状况"), table="health", blank=True)
    household_moved = models.BooleanField(_("户口是否转入学校"), null=True, blank=True)
    archive_moved = models.BooleanField(_("档案是否转入学校"), null=True, blank=True)
    former_archive_unit = models.CharField(_("入学前档案所在单位"), max_length=100, blank=True)
    former_police_station = models.CharField(_("入学前户口所在地派出所"), max_length=100, blank=True)

    season = 10
    review = Chain(Step(COUNSELOR), Step(COLLEGE), Step(SCHOOL), Step(PROVINCE, automatic=True))
    scope_source = "student"
    subject_path = "student__user_id"
    subject_begins = False
    of_roster = True
    columns = (
        "student.number",
        "student.name",
        "student.sex",
        "student.id_number",
        "student.exam_number",
        "student.nation",
        "political_status",
        "student.major.college.name",
        "student.major.name",
        "student.unit.name",
        "student.degree",
        "student.study_length",
        "student.training_mode",
        "student.sponsor",
        "origin_region",
        "urban_rural",
        "student.enrol_year",
        "student.grad_year",
        "student.grad_month",
        "teacher_training",
        "hardship",
        "phone",
        "email",
        "qq",
        "home_address",
        "home_postcode",
        "home_phone",
        "marital",
        "health",
        "household_moved",
        "archive_moved",
        "former_archive_unit",
        "former_police_station",
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
            _("学籍信息"),
            (
                "student.number",
                "student.name",
                "student.sex",
                "student.id_number",
                "student.exam_number",
                "student.nation",
                "student.major.college.name",
                "student.major.name",
                "student.unit.name",
                "student.degree",
                "student.study_length",
                "student.training_mode",
                "student.sponsor",
                "student.enrol_year",
                "student.grad_month",
            ),
        ),
        (
            _("生源信息"),
            (
                "political_status",
                "origin_region",
                "urban_rural",
                "teacher_training",
                "hardship",
                "household_moved",
                "archive_moved",
                "former_archive_unit",
                "former_police_station",
            ),
        ),
        (_("联系方式"), ("phone", "email", "qq", "home_address", "home_postcode", "home_phone")),
        (_("个人情况"), ("marital", "health")),
    )
    subject_fields = (
        "political_status",
        "origin_region",
        "urban_rural",
        "hardship",
        "household_moved",
        "archive_moved",
        "former_archive_unit",
        "former_police_station",
        "phone",
        "email",
        "qq",
        "home_address",
        "home_postcode",
        "home_phone",
        "marital",
        "health",
    )
    required_fields = ("political_status", "origin_region", "urban_rural", "hardship", "phone", "email", "home_address")
    key_fields = ("political_status", "origin_region", "urban_rural", "hardship", "phone")
    masked_fields = {"student.id_number": "id", "phone": "phone", "home_phone": "phone"}
    search_paths = {
        "number": "student__number",
        "name": "student__name",
        "id_number": "student__id_number",
        "exam_number": "student__exam_number",
        "phone": "phone",
    }
    return_reasons = (
        "生源地与户口簿不一致",
        "政治面貌与学籍信息不一致",
        "手机号码无法接通",
        "家庭地址不完整",
        "困难生类别需提供证明",
    )
    rules = rules.PROFILE_RULES
    rules_need = ("student__major",)

    class Meta(ReviewedMatter.Meta):
        verbose_name = verbose_name_plural = _("生源信息")
        indexes = [*ReviewedMatter.Meta.indexes, models.Index(fields=("phone",), name="profile_phone")]

    @classmethod
    def rules_stamp_now(cls) -> str:
        """Findings rest on the code tables and on this list of rules."""
        return f"{rules.PACK}:{stamp()}"
