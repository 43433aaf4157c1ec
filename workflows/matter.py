"""ReviewedMatter: what every matter under review has in common. A declaration on top of it is about forty lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count
from django.db.models.expressions import RawSQL
from django.db.models.lookups import GreaterThanOrEqual
from django.utils.translation import gettext_lazy as _
from django_fsm import ConcurrentTransitionMixin

from workflows import holding, policy
from workflows import rules as rules_module
from workflows.histories import HistoricalRecords
from workflows.levels import LEVEL_OF, PENDING, Status
from workflows.scoping import PathField, ScopedManager, ScopedQuerySet, below


@dataclass(frozen=True)
class Case:
    """One way to fill a record in: what stands in the form then, and what to look out for."""

    key: str
    name: str
    values: dict[str, Any]
    hints: str = ""


class MatterQuerySet(ScopedQuerySet):
    """Questions every matter answers."""

    def counts(self) -> dict[str, int]:
        """Status → number of rows; statuses without rows are absent."""
        return dict(self.order_by().values_list("status").annotate(n=Count("pk")))

    def counts_by_path(self) -> list[tuple[str, str, int]]:
        """(org path, status, number): one query over a covering index, folded up the tree by the overview."""
        return list(self.order_by().values_list("org_path", "status").annotate(n=Count("pk")))

    def waiting_for(self, user: Any) -> MatterQuerySet:
        """The queue of `user`: pending at a level they hold, over units they hold it for."""
        return self.filter(waiting_condition(user))


# Returned twice or more often. The number is written into the statement: SQLite sees that a partial index applies only then.
RETURNED_AGAIN = models.Q(GreaterThanOrEqual(models.F("returns"), RawSQL("2", [])))


def waiting_condition(user: Any) -> models.Q:
    """The condition of `waiting_for`, for counting it beside other things in one query."""
    condition = models.Q(pk__in=[])
    for level, status in PENDING.items():
        if paths := user.level_paths(level):
            condition |= models.Q(status=status) & below("org_path", paths)
    return condition


@dataclass(frozen=True)
class OnRecord:
    """Facts from elsewhere about what a record is about: {field of the record: value}, under a title, with where they come from."""

    title: str
    source: str
    values: dict[str, Any]


class ReviewedMatter(ConcurrentTransitionMixin, models.Model):
    """Base of reviewed matters. A subclass declares:

    `review`          its Chain
    `subject_path`    look-up of the user id of the person it is about, e.g. "student__user_id"
    `scope_source`    dotted attribute that has school_id, cohort_id and org_path, e.g. "student"
    `columns`         names for lists, Excel, API and reports, dotted through relations, in order
    `field_groups`    ((title, names), …): what the review page and the subject's form show, in order
    `subject_fields`  names the subject edits; `required_fields` those that may not stay empty at submission
    `key_fields`      fields whose changes a reviewer sees in the list
    `masked_fields`   {name: "id" | "phone"}: masked unless revealed
    `search_paths`    {"number": …, "name": …, "id_number": …, "phone": …}: look-ups the search box dispatches to
    `search_words`    {"number": …}: what the search box calls them, where it is not 学号 and 姓名
    `rules`           its rules; `return_reasons` the common reasons where a school has set none
    `section`         group of the side bar it stands in
    `season`          its place in the order in which a year goes, small first: side bar, overviews and people's own pages follow it
    `by_cohort`       whether records belong to a graduation year; without one, see LastingMatter
    `amendable`       whether the person may open an approved record again (修改资料) and submit it for another review; what
                      rests on the approval stays until the new one
    """

    school = models.ForeignKey(
        "organisation.School",
        on_delete=models.PROTECT,
        verbose_name=_("学校"),
        related_name="+",
        db_index=False,
        editable=False,
    )
    cohort = models.ForeignKey(
        "organisation.Cohort",
        on_delete=models.PROTECT,
        verbose_name=_("毕业届"),
        related_name="+",
        db_index=False,
        editable=False,
    )
    org_path = PathField(_("路径"), editable=False)
    on_roll = models.BooleanField(_("在籍"), default=True, editable=False)
    levels = models.CharField(_("审核层级"), max_length=60, blank=True, editable=False)
    version = models.PositiveIntegerField(_("版本"), default=0, editable=False)
    baseline_version = models.PositiveIntegerField(_("对比基准版本"), default=0, editable=False)
    entry_point = models.CharField(_("进入层级"), max_length=10, blank=True, editable=False)
    returned_by_level = models.CharField(_("退回层级"), max_length=10, blank=True, editable=False)
    returns = models.PositiveSmallIntegerField(_("退回次数"), default=0, editable=False)
    last_reason = models.TextField(_("退回原因"), blank=True, editable=False)
    submitted_at = models.DateTimeField(_("提交时间"), null=True, blank=True, editable=False)
    # No constraint: without an index the database would read the whole table for every account that goes (an import taken back).
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
        editable=False,
        verbose_name=_("提交人"),
    )
    decided_at = models.DateTimeField(_("最近办理时间"), null=True, blank=True, editable=False)
    changes = models.JSONField(_("变更"), default=dict, blank=True, editable=False)
    findings = models.JSONField(_("规则检查结果"), default=list, blank=True, editable=False)
    worst = models.PositiveSmallIntegerField(_("规则结论"), default=0, editable=False, choices=rules_module.WORST)
    rules_stamp = models.CharField(max_length=80, blank=True, editable=False)
    extra = models.JSONField(_("自定义字段"), default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(_("建立时间"), auto_now_add=True)
    updated_at = models.DateTimeField(_("更新时间"), auto_now=True)

    objects = ScopedManager.from_queryset(MatterQuerySet)()
    history = HistoricalRecords(
        inherit=True,
        no_db_index=["submitted_by", "school", "cohort"],
        excluded_fields=["changes", "findings", "worst", "rules_stamp", "on_roll"],
    )

    scope_path = "org_path"
    section = "students"
    season = 90
    subject_path = ""
    subject_word = "学生"  # what pages call whom it is about
    by_cohort = True
    amendable = False
    dated_fields: dict[
        str, int
    ] = {}  # fields of former years: the last graduation year that has them; later ones are offered them nowhere
    pivot_fields: tuple[str, ...] = ()  # fields that decide what is asked of the others (`adapt_fields`)
    kept_needs: tuple[str, ...] = ()  # fields that `kept_fields` reads
    rule_facts: Any = None  # what the rules of one record look up elsewhere (`gather_facts`)
    in_work: dict[str, Any] = {}  # columns that make a row part of the work lists, {"is_current__in": (True,)}
    imposed_levels: tuple[str, ...] = ()  # levels of one record that enters review from elsewhere (actions.enter)
    rules_follow_status = False  # True where a rule asks at which level the record stands: a move makes findings stale
    own_page = (
        ""  # name of the URL of the subject's page, where a matter has one of its own instead of the general form
    )
    subject_begins = True  # the person may begin a record; False where only staff or an import make one
    of_roster = False  # it comes with the roster: what stands in it before its subject writes is the school's data
    scope_source = ""
    columns: tuple[str, ...] = ()
    field_groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    subject_fields: tuple[str, ...] = ()
    required_fields: tuple[str, ...] = ()
    key_fields: tuple[str, ...] = ()
    masked_fields: dict[str, str] = {}
    search_paths: dict[str, str] = {}
    search_words: dict[str, str] = {}
    rules: tuple[rules_module.Rule, ...] = ()
    return_reasons: tuple[str, ...] = ("信息填写不完整", "信息与证明材料不一致", "请核对后重新提交")

    class Meta:
        abstract = True
        default_permissions = ("view", "change", "review", "export", "import", "add", "delete")
        indexes = [
            # Each ends with the key, so that a page is found without touching the rows; see docs/performance.md.
            models.Index(fields=("cohort", "on_roll", "id"), name="%(class)s_cohort_id"),
            models.Index(fields=("cohort", "on_roll", "status", "id"), name="%(class)s_cohort_st"),
            models.Index(fields=("cohort", "org_path", "on_roll", "status", "id"), name="%(class)s_cohort_pa"),
            models.Index(fields=("org_path", "status"), name="%(class)s_path_st"),
            models.Index(
                fields=("cohort", "on_roll", "id"), condition=models.Q(returns__gte=2), name="%(class)s_again"
            ),
        ]

    def __str__(self) -> str:
        return str(self.subject())

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a new record takes its scope columns from its subject."""
        if not (self._state.adding and self.scope_source):
            super().save(*args, **kwargs)
            return
        with transaction.atomic():
            self.adopt_scope()
            super().save(*args, **kwargs)

    # -- declaration ------------------------------------------------------------------------------------------------

    def subject(self) -> Any:
        """The object the matter is about (student, employer)."""
        return getattr(self, self.scope_source)

    @property
    def subject_user_id(self) -> int | None:
        """User id of the person the matter is about, None before they have an account."""
        value: Any = self
        for part in self.subject_path.split("__"):
            value = getattr(value, part)
        return value

    @property
    def untouched(self) -> bool:
        """Whether it waits to be filled in from nothing: none of its subject's fields says anything, and no roster brought it."""
        if self.of_roster or any(value not in (None, "", []) for value in self.extra.values()):
            return False
        own = (self._meta.get_field(name) for name in self.subject_fields)
        return all(getattr(self, f.attname) in (None, "", [], f.get_default()) for f in own)

    def adapt_fields(self, specs: list[Any]) -> list[Any]:
        """The fields in force (FieldSpecs) as they are for this very record: a matter whose form depends on what the record says,
        or on how it came about, locks, hides or requires fields here (`dataclasses.replace` the mode). Asked at every door."""
        return specs

    def kept_fields(self) -> frozenset[str]:
        """Own fields that another record decides (the number of an agreement): whoever corrects this one leaves them as they are.

        Reads nothing but the fields in `kept_needs`.
        """
        return frozenset()

    def state_refusal(self, verb: str) -> str:
        """Why this record, as it is, never takes a verb that its status would allow (an ended agreement is not returned); "" else."""
        return ""

    def waits_elsewhere(self) -> str:
        """A sentence when the record stands at a level but somebody else has to do something first (解约 waiting for the employer)."""
        return ""

    def told(self) -> str:
        """A sentence for the subject above their record: what to check now, or what became of it; "" else."""
        return ""

    def on_record(self) -> OnRecord | None:
        """What is known of the same thing from elsewhere, for the reviewer to see beside what was entered; None where nothing is."""
        return None

    def incomplete(self) -> dict[str, str]:
        """What besides the required fields is still missing for a submission: {name: sentence}. A matter that takes files, or whose
        parts stand in other tables, says so here; asked under the record's lock by `submit`, and by the subject's progress."""
        return {}

    @classmethod
    def joins(cls) -> tuple[str, ...]:
        """Relations that the declared fields reach ("student__major__college"), and the cohort: for select_related."""
        names = (name for _title, group in cls.field_groups for name in group)
        return (
            *(("cohort",) if cls.by_cohort else ()),
            *sorted(
                {
                    name.rpartition(".")[0].replace(".", "__")
                    for name in (*names, cls.scope_source + ".pk")
                    if "." in name
                }
            ),
        )

    @classmethod
    def rules_stamp_now(cls) -> str:
        """Changes whenever stored findings may no longer hold (new code tables, new rules); a matter refines it."""
        return "1"

    def fill_cases(self) -> list[Case]:
        """Ways to fill this record in that staff may choose from (填写模板)."""
        return []

    @classmethod
    def gather_facts(cls, rows: list[Any]) -> None:
        """Put on each row's `rule_facts` what its rules look up elsewhere, in a number of queries that does not grow with the rows."""
        for row in rows:
            row.rule_facts = {}

    # -- engine -----------------------------------------------------------------------------------------------------

    def level_list(self) -> tuple[str, ...]:
        """The levels of this record: those it was submitted under, else those in force now."""
        if self.imposed_levels:
            return self.imposed_levels
        if self.levels and self.status not in (Status.DRAFT, Status.RETURNED):
            return tuple(self.levels.split(","))
        return policy.flow_for(type(self), self.school_id, self.cohort_id).levels

    def entry_level(self) -> str:
        """Where a submission enters: the first level, or after a return the one that returned it, if the school says so."""
        if self.imposed_levels:
            return self.imposed_levels[0]
        flow = policy.flow_for(type(self), self.school_id, self.cohort_id)
        if self.status == Status.RETURNED and flow.resubmit == "returner" and self.returned_by_level in flow.levels:
            return self.returned_by_level
        return flow.levels[0]

    @property
    def archived(self) -> bool:
        """Whether its graduation year is closed, so that nothing can be done any more."""
        return self.cohort_id is not None and self.cohort.closed

    @property
    def waiting_level(self) -> str:
        """The level that has the record now, "" when nobody has."""
        return LEVEL_OF.get(Status(self.status), "")

    def clean_fields(self, exclude=None) -> None:
        """Leave the status out: a protected FSM field cannot be assigned by validation."""
        super().clean_fields(exclude=set(exclude or ()) | {"status"})

    def adopt_scope(self) -> None:
        """Copy the scope columns from whom it is about; they never change but with that person's place."""
        source = holding.steady(self.subject())
        self.school_id, self.cohort_id, self.org_path = source.school_id, source.cohort_id, source.org_path
        self.on_roll = getattr(source, "on_roll", True)


class LastingMatter(ReviewedMatter):
    """Base of matters that belong to no graduation year (单位审核, 入驻): `cohort` stays empty, and lists show them whatever year is in view."""

    cohort = models.ForeignKey(
        "organisation.Cohort",
        on_delete=models.PROTECT,
        verbose_name=_("毕业届"),
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
        editable=False,
    )

    by_cohort = False

    class Meta(ReviewedMatter.Meta):
        abstract = True
        indexes = [
            models.Index(fields=("org_path", "on_roll", "status", "id"), name="%(class)s_path_st"),
            models.Index(fields=("org_path", "id"), name="%(class)s_path_id"),
            models.Index(fields=("status", "id"), name="%(class)s_st"),
        ]
