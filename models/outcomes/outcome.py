"""Outcome 毕业去向: where a graduate went. One row per destination; one of a student's rows is current (domain.md §1, §3, §5.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from models.codes.fields import CodeField
from models.codes.lookup import stamp
from models.evidence.kinds import EvidenceKind, WithEvidence
from models.outcomes import facts, matrix, rules
from models.outcomes.packs import FillTemplate
from models.students.profile import LANDLINE, PHONE, POSTCODE
from workflows import policy
from workflows.chain import Chain, Step
from workflows.confirming import Confirmed
from workflows.fields import EDITABLE, HIDDEN, LOCKED, REQUIRED, FieldSpec
from workflows.levels import COLLEGE, SCHOOL, Status, Verb
from workflows.matter import Case, ReviewedMatter

# What an agreement, an employer's library row and an outcome have in common, by the same names.
EMPLOYER_FIELDS = (
    "employer_name",
    "uscc",
    "employer_type",
    "industry",
    "region",
    "address",
    "postcode",
    "contact",
    "contact_phone",
    "contact_mobile",
    "contact_email",
    "contact_fax",
)
STUDY_FIELDS = ("school_name", "school_code", "study_major", "study_degree")
ABROAD_FIELDS = ("country", "school_name_cn", "school_name_foreign", "major_cn", "major_foreign")
WORK_FIELDS = ("job_category", "job_title", "signed_on", "starts_on", "monthly_pay", "agreement_number")
FROM_AGREEMENT = ("agreement_number", "job_category", "job_title", "signed_on", "starts_on", "uscc_missing_reason")
OTHER_FIELDS = ("project_unit", "work_content", "remark")


class Outcome(WithEvidence, Confirmed, ReviewedMatter):  # type: ignore[misc]
    """毕业去向：registered by the student (or brought by an agreement, an import, staff), reviewed by college and school."""

    class Source(models.TextChoices):
        STUDENT = "student", _("学生填报")
        AGREEMENT = "agreement", _("协议书同步")
        IMPORT = "import", _("批量导入")
        STAFF = "staff", _("老师代填")

    student = models.ForeignKey(
        "students.Student", on_delete=models.PROTECT, related_name="outcomes", verbose_name=_("学生")
    )
    is_current = models.BooleanField(_("当前去向"), default=True, editable=False)
    replaced = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+", verbose_name=_("替代的去向")
    )  # fmt: skip
    category = CodeField(_("毕业去向"), table="outcome_category", blank=True)
    employer = models.ForeignKey(
        "employers.Employer", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+",
        verbose_name=_("用人单位库"),
    )  # fmt: skip
    agreement = models.ForeignKey(
        "agreements.Agreement", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+",
        verbose_name=_("就业协议书"),
    )  # fmt: skip
    employer_name = models.CharField(_("单位名称"), max_length=100, blank=True)
    uscc = models.CharField(
        _("统一社会信用代码"),
        max_length=18,
        blank=True,
        help_text=_("营业执照或法人证书上的 18 位代码。"),
    )
    uscc_missing_reason = CodeField(_("无信用代码的原因"), table="uscc_missing", blank=True)
    employer_type = CodeField(_("单位性质"), table="employer_type", blank=True)
    industry = CodeField(_("单位行业"), table="industry", blank=True)
    region = CodeField(_("单位所在地"), table="region", blank=True)
    address = models.CharField(_("单位地址"), max_length=200, blank=True)
    postcode = models.CharField(_("单位邮编"), max_length=6, blank=True, validators=[POSTCODE])
    job_category = CodeField(_("工作职位类别"), table="job_category", blank=True)
    job_title = models.CharField(_("岗位名称"), max_length=60, blank=True)
    contact = models.CharField(_("单位联系人"), max_length=40, blank=True)
    contact_phone = models.CharField(_("联系人电话"), max_length=25, blank=True, validators=[LANDLINE])
    contact_mobile = models.CharField(_("联系人手机"), max_length=11, blank=True, validators=[PHONE])
    contact_email = models.EmailField(_("联系人电子邮箱"), blank=True)
    contact_fax = models.CharField(_("联系人传真"), max_length=25, blank=True, validators=[LANDLINE])
    signed_on = models.DateField(_("签约日期"), null=True, blank=True)
    starts_on = models.DateField(_("报到或开始日期"), null=True, blank=True)
    monthly_pay = models.DecimalField(
        _("月收入（元）"),
        max_digits=9,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[
            MinValueValidator(0, _("月收入不能为负数。")),
            MaxValueValidator(1_000_000, _("月收入请以元为单位填写。")),
        ],
    )
    agreement_number = models.CharField(_("协议书编号"), max_length=30, blank=True)
    country = CodeField(_("留学国家（地区）"), table="country", blank=True)
    school_name_cn = models.CharField(_("留学院校中文名称"), max_length=100, blank=True)
    school_name_foreign = models.CharField(_("留学院校外文名称"), max_length=150, blank=True)
    major_cn = models.CharField(_("留学专业中文名称"), max_length=100, blank=True)
    major_foreign = models.CharField(_("留学专业外文名称"), max_length=150, blank=True)
    school_name = models.CharField(_("升学院校名称"), max_length=100, blank=True)
    school_code = models.CharField(
        _("升学院校代码"), max_length=5, blank=True, validators=[RegexValidator(r"^\d{5}$", _("院校代码为 5 位数字。"))]
    )
    study_major = models.CharField(_("升学专业"), max_length=100, blank=True)
    study_degree = CodeField(_("升学学历"), table="study_degree", blank=True)
    project_unit = models.CharField(_("项目派遣单位"), max_length=100, blank=True)
    work_content = models.TextField(_("工作内容"), max_length=500, blank=True)
    remark = models.TextField(_("备注"), max_length=500, blank=True)
    source = models.CharField(_("来源"), max_length=10, choices=Source.choices, default=Source.STUDENT, editable=False)

    section = "outcomes"
    season = 50
    review = Chain(Step(COLLEGE), Step(SCHOOL))
    scope_source = "student"
    subject_path = "student__user_id"
    columns = (
        "student.number",
        "student.name",
        "student.sex",
        "student.id_number",
        "student.major.college.name",
        "student.major.name",
        "student.unit.name",
        "student.degree",
        "category",
        *EMPLOYER_FIELDS,
        "uscc_missing_reason",
        *WORK_FIELDS,
        *STUDY_FIELDS,
        *ABROAD_FIELDS,
        *OTHER_FIELDS,
        "source",
        "frozen",
        "awaits_confirmation",
        "student_confirmed_at",
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
        "student.unit.name",
        "category",
        "employer_name",
        "source",
        "status",
        "submitted_at",
    )
    field_groups = (
        (_("学籍信息"), ("student.number", "student.name", "student.major.name", "student.unit.name", "student.degree")),
        (_("去向类别"), ("category",)),
        (
            _("就业单位"),
            (
                "employer_name",
                "uscc",
                "uscc_missing_reason",
                "employer_type",
                "industry",
                "region",
                "address",
                "postcode",
                "project_unit",
            ),
        ),
        (_("工作岗位"), ("job_category", "job_title", "work_content", "monthly_pay", "signed_on", "starts_on", "agreement_number")),
        (_("单位联系方式"), ("contact", "contact_mobile", "contact_phone", "contact_email", "contact_fax")),
        (_("升学"), STUDY_FIELDS),
        (_("境外留学"), ABROAD_FIELDS),
        (_("说明"), ("remark",)),
    )  # fmt: skip
    kept_needs = ("source", "status")
    subject_fields = (
        "category",
        *EMPLOYER_FIELDS,
        "uscc_missing_reason",
        "job_category",
        "job_title",
        "signed_on",
        "starts_on",
        "monthly_pay",
        "agreement_number",
        *STUDY_FIELDS,
        *ABROAD_FIELDS,
        *OTHER_FIELDS,
    )
    required_fields = ("category",)
    key_fields = ("category", "employer_name", "uscc", "school_name", "country")
    masked_fields = {"student.id_number": "id", "contact_mobile": "phone"}
    search_paths = {
        "number": "student__number",
        "name": "student__name",
        "id_number": "student__id_number",
        "exam_number": "student__exam_number",
    }
    return_reasons = (
        "证明材料与填写内容不一致",
        "证明材料不清晰或缺页",
        "单位名称与印章不一致",
        "毕业去向类别选择有误",
        "实习证明不能作为就业证明",
        "单位联系方式无法接通",
    )
    rules = rules.OUTCOME_RULES
    rules_need = ("student__major", "cohort")
    pivot_fields = ("category",)
    in_work = {"is_current__in": (True,)}  # as a list: SQLite finds a bare column in no index

    class Meta(ReviewedMatter.Meta):
        verbose_name = verbose_name_plural = _("毕业去向")
        constraints = [
            models.UniqueConstraint(
                fields=("student",),
                condition=Q(is_current=True),
                name="one_current_outcome",
                violation_error_message=_("该学生已有一条当前毕业去向。"),
            ),
        ]
        indexes = [
            *ReviewedMatter.Meta.indexes,
            models.Index(fields=("cohort", "category", "id"), name="outcome_category"),
            models.Index(fields=("uscc",), name="outcome_uscc"),
            models.Index(fields=("contact_mobile",), name="outcome_mobile", condition=~Q(contact_mobile="")),
            models.Index(fields=("contact_phone",), name="outcome_phone", condition=~Q(contact_phone="")),
            models.Index(fields=("contact_email",), name="outcome_email", condition=~Q(contact_email="")),
        ]

    def adopt_scope(self) -> None:
        """A new one is current where the student, who is held now, has none yet."""
        super().adopt_scope()
        if self.is_current:
            self.is_current = not Outcome._base_manager.filter(student_id=self.student_id, is_current=True).exists()

    def __str__(self) -> str:
        return f"{self.student} {self.get_category_display()}".strip()

    @classmethod
    def rules_stamp_now(cls) -> str:
        """Findings rest on the code tables, on the list of rules and on what schools ask of a category."""
        return f"{rules.PACK}:{stamp()}:{matrix.stamp()}"

    @classmethod
    def gather_facts(cls, rows: list[Any]) -> None:
        """The employer library, telephones, files and agreements that the rules look at."""
        facts.gather(cls, rows)

    def kept_fields(self) -> frozenset[str]:
        """What stands on an agreement bears its number for as long as it stands (domain invariant 4)."""
        held = self.source == self.Source.AGREEMENT and self.status != Status.VOIDED
        return frozenset({"agreement_number"}) if held else frozenset()

    def state_refusal(self, verb: str) -> str:
        """What rests on an agreement stands and falls with it: neither is there an agreement in force without its destination, nor
        a destination that names an agreement which has ended (domain invariant 4)."""
        if self.source != self.Source.AGREEMENT or verb not in (Verb.VOID, Verb.REOPEN):
            return ""
        if verb == Verb.VOID and self.status != Status.VOIDED:
            return f"该去向依据已生效的就业协议书 {self.agreement_number}，不能单独作废；学生更换去向的，请先办理解约，去向随之作废。"
        if verb == Verb.REOPEN and self.status == Status.VOIDED:
            return "该去向随协议书一同作废，不能单独恢复；请学生重新签约，或重新登记去向。"
        return ""

    def adapt_fields(self, specs: list[FieldSpec]) -> list[FieldSpec]:
        """The fields of the record's category; the school's 字段设置 may be stricter or milder about those that belong to it.

        What an agreement brought stays as the agreement has it: the student may look at it, not change it.
        """
        asked = matrix.asked_of(self.category, self.school_id, self.cohort_id, self.cohort.year)
        set_by_school = policy.policies_for(Outcome, self.school_id, self.cohort_id)
        return [self._adapted(spec, asked.get(spec.name), spec.name in set_by_school) for spec in specs]

    def _adapted(self, spec: FieldSpec, asked: matrix.Asked | None, by_policy: bool) -> FieldSpec:
        held = self.source == self.Source.AGREEMENT and self.status != Status.VOIDED
        if asked is None:
            return replace(spec, mode=LOCKED) if held and spec.name == "category" else spec
        mode = asked.need if asked.need == HIDDEN or not by_policy else spec.mode
        if mode != HIDDEN and held and spec.name in (*EMPLOYER_FIELDS, *FROM_AGREEMENT):
            mode = LOCKED
        elif spec.name == "uscc" and mode == REQUIRED and self.uscc_missing_reason:
            mode = EDITABLE
        return replace(spec, mode=mode, help_text=asked.help_text or spec.help_text)

    def proof(self) -> tuple[matrix.Proof, ...]:
        """The kinds of proof of the record's category, alternatives among them."""
        return matrix.proof_of(self.category, self.school_id, self.cohort_id, self.cohort.year)

    def evidence_kinds(self) -> tuple[EvidenceKind, ...]:
        """What may be uploaded; a destination that came with an agreement needs no further proof."""
        if self.source == self.Source.AGREEMENT:
            return ()
        return tuple(replace(one.kind, help_text=_alternatives(one, self.proof())) for one in self.proof())

    def incomplete(self) -> dict[str, str]:
        """As for every matter with files; of alternatives one is enough."""
        found = super().incomplete()
        if self.source == self.Source.AGREEMENT:
            return found
        present = {one.kind for one in self.evidence()}
        for keys, sentence in rules.wanting(self, present):
            if len(keys) > 1:
                found[f"evidence.{keys[0]}"] = sentence
        return found

    def fill_cases(self) -> list[Case]:
        """The school's templates, and every category of the cohort as its own form."""
        rows = FillTemplate._base_manager.filter(school_id=self.school_id, is_active=True).order_by("order", "pk")
        own = [Case(f"t{r.pk}", r.name, {"category": r.category, **r.values}, r.hints) for r in rows]
        leaves = [leaf for _branch, members in self.branches() for leaf in members]
        return own + [
            Case(code, f"{code} {name}", {"category": code}) for code, name in leaves if code != self.category
        ]

    def branches(self) -> list[Any]:
        """What the student chooses from first: (branch, its categories)."""
        return matrix.branches(self.cohort.year, self.category)

    @property
    def may_hand_in(self) -> bool:
        """Whether staff filled it in and it has not been handed in."""
        return self.source in (self.Source.STAFF, self.Source.IMPORT) and self.status in (Status.DRAFT, Status.RETURNED)

    @property
    def place_name(self) -> str:
        """Where the graduate goes, whatever the branch calls it: employer, project, university."""
        values: tuple[Any, ...] = (self.employer_name, self.project_unit, self.school_name, self.school_name_cn)
        return next((value for value in values if value), "")


def _alternatives(proof: matrix.Proof, among: tuple[matrix.Proof, ...]) -> str:
    """The help of a kind, with the kinds that would do instead."""
    others = [one.kind.label for one in among if one.one_of and one.one_of == proof.one_of and one is not proof]
    instead = f"与{'、'.join(others)}任选一种。" if others and proof.must else ""
    return f"{instead}{proof.kind.help_text}"
