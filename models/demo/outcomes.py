"""The demo's destinations: 2026届 as a finished year with a realistic spread, 2027届 with records in every state."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any

from django.db import transaction
from django.utils import timezone
from PIL import Image, ImageDraw

from models.accounts.models import User
from models.demo.place import Place
from models.employers import services as employers
from models.employers import uscc
from models.employers.models import Employer
from models.evidence.models import Evidence
from models.jobs.files import store_private
from models.outcomes import matrix
from models.outcomes.models import FillTemplate, Outcome, OutcomeField
from models.students.models import Student
from workflows import answers, bulkrows, rules
from workflows.levels import COLLEGE, SCHOOL, Status, Verb
from workflows.models import Window
from workflows.seeding import Event, Story, replay

LEVELS = (COLLEGE, SCHOOL)
# Categories of a finished year, in per mille (two-digit ones first where a year uses three digits).
SPREAD = {
    "10": 230, "11": 180, "12": 85, "271": 12, "46": 22, "501": 5, "502": 12, "503": 15, "512": 14, "519": 5, "751": 8, "752": 2,
    "753": 5, "76": 30, "801": 195, "802": 8, "85": 30, "701": 62, "702": 6, "703": 24, "71": 28, "721": 10, "722": 4,
}  # fmt: skip
# Of a year that has just begun: what has become of a student's record by now, in per cent.
RUNNING = {
    None: 44, Status.DRAFT: 8, Status.PENDING_COLLEGE: 12, Status.PENDING_SCHOOL: 8, Status.APPROVED: 22, Status.RETURNED: 5, Status.VOIDED: 1,
}  # fmt: skip
FINISHED = {None: 3, Status.DRAFT: 0, Status.PENDING_SCHOOL: 1, Status.APPROVED: 96}
# 单位性质, 行业, 职位类别 that go together; names are invented, codes of region 99 belong to nobody.
TRADES = (
    ("39", "34", "13", "软件有限公司", ("云帆", "启明", "智桥", "数联")), ("39", "22", "13", "精密制造有限公司", ("恒力", "嘉工", "渝机")),
    ("31", "24", "13", "建设集团有限公司", ("西部", "江城", "巴山")), ("31", "35", "22", "银行股份有限公司", ("江岸", "两江")),
    ("22", "42", "24", "中学", ("示例第一", "示例第三", "滨江")), ("10", "45", "10", "区人民政府办公室", ("示例市示例", "示例市江北示例")),
    ("23", "43", "19", "人民医院", ("示例区", "示例市第二")), ("20", "38", "11", "海洋研究所", ("示例省", "东海示例")),
    ("32", "31", "40", "商贸有限公司", ("远洋", "海纳")), ("39", "37", "21", "咨询有限公司", ("明德", "知行")),
)  # fmt: skip
REGIONS = ("500103", "500105", "500106", "510104", "310115", "440305", "330106", "520102")
SCHOOLS = ("西南示例大学", "东海示例大学", "中原示例大学", "嘉陵大学", "江城示例科技大学")
TITLES = ("研发工程师", "实施工程师", "产品助理", "数据分析师", "运营专员", "管培生", "教师", "技术员")
SURNAMES = "王李张刘陈杨黄赵周吴"


@dataclass(frozen=True)
class Firm:
    """An invented employer."""

    name: str
    uscc: str
    employer_type: str
    industry: str
    job_category: str
    region: str


def firms() -> list[Firm]:
    """Always the same seventy or so."""
    found = []
    for kind, industry, job, ending, starts in TRADES:
        for number, start in enumerate(starts):
            for branch in ("", "渝州", "蜀都"):
                serial = 3000 + len(found)
                code = uscc.made_up(serial)
                found.append(
                    Firm(
                        f"{branch}{start}{ending}", code, kind, industry, job, REGIONS[(serial + number) % len(REGIONS)]
                    )
                )
    return found


def build(places: Sequence[Place], year: int, *, finished: bool = False) -> None:
    """Destinations of one year at these schools; students who have one are left alone."""
    for place in places:
        if (
            year in place.cohorts
            and not Outcome.objects.filter(cohort=place.cohorts[year]).exclude(source="agreement").exists()
        ):
            with transaction.atomic():
                _library(place)
                Year(place, year, finished=finished).write()
            _settings(place, year)


def _library(place: Place) -> None:
    """The employers of the demo stand in the library."""
    known = set(Employer._base_manager.values_list("uscc", flat=True))
    for firm in firms():
        if firm.uscc not in known:
            facts = {"name": firm.name, "uscc": firm.uscc, "employer_type": firm.employer_type, "industry": firm.industry,
                     "region": firm.region, "address": f"示例路{int(firm.uscc[8:12], 36) % 300 + 1}号"}  # fmt: skip
            employers.remember(facts, Employer.Source.IMPORT, place.head)


class Year:
    """One school's graduates of one year."""

    def __init__(self, place: Place, year: int, *, finished: bool) -> None:
        self.place, self.year, self.finished = place, year, finished
        self.firms, self.now = firms(), timezone.now()

    def write(self) -> None:
        """Records, proof and what happened to them, in bulk."""
        students = list(
            Student.objects.filter(cohort=self.place.cohorts[self.year], outcomes__isnull=True, user__isnull=False)
            .exclude(roll_status__in=("02", "03")).exclude(user__username="student").select_related("user", "unit").order_by("number")
        )  # fmt: skip
        chosen = [(student, status) for student in students if (status := self._status(student)) is not None]
        ids = bulkrows.new_ids(Outcome, len(chosen))
        rows, stories, proofs = [], {}, []
        for pk, (student, status) in zip(ids, chosen, strict=True):
            rng = random.Random(f"outcome-{self.year}-{student.number}")
            category = rng.choices(list(SPREAD), list(SPREAD.values()))[0]
            facts = self._facts(rng, category)
            rows.append({"id": pk, "student_id": student.pk, "school_id": student.school_id, "cohort_id": student.cohort_id,
                         "org_path": student.org_path, "version": 1, "baseline_version": 1, "category": category, **facts})  # fmt: skip
            stories[pk] = Story(student.org_path, self._events(rng, student, status))
            if status != Status.DRAFT:
                proofs += self._proof(pk, student, category)
        bulkrows.insert(Outcome, rows)
        bulkrows.write_history(Outcome, ids, by=None, reason="本人填写", kind="+")
        bulkrows.insert(Evidence, [{"id": pk, **row} for pk, row in zip(bulkrows.new_ids(Evidence, len(proofs)), proofs, strict=True)])  # fmt: skip
        replay(Outcome, stories, LEVELS)
        self._link(ids)
        self._check(ids)
        self._particular(ids)

    def _status(self, student: Student) -> Status | None:
        shares = FINISHED if self.finished else RUNNING
        return random.Random(f"status-{self.year}-{student.number}").choices(list(shares), list(shares.values()))[0]

    # -- what is filled in -------------------------------------------------------------------------------------------------

    def _facts(self, rng: random.Random, category: str) -> dict[str, Any]:
        family = category[:2]
        if family in ("70", "71", "72"):
            return {"remark": rng.choice(("", "希望在本省就业", "正在准备招聘考试"))}
        if family == "80":
            return {"school_name": rng.choice(SCHOOLS), "study_major": rng.choice(("海洋科学", "计算机技术", "教育学")),
                    "study_degree": "3" if category == "802" else "2", "starts_on": date(self.year, 9, 1)}  # fmt: skip
        if family == "85":
            return {"country": rng.choice(("GBR", "AUS", "SGP", "JPN", "HKG")), "school_name_cn": "示例海外大学", "school_name_foreign": "Example University",
                    "major_cn": "数据科学", "major_foreign": "Data Science", "starts_on": date(self.year, 9, 15)}  # fmt: skip
        if family == "46":
            return {"region": rng.choice(REGIONS), "job_category": "80", "employer_type": "40", "industry": "80"}
        if family == "76":
            return {
                "work_content": "自由撰稿人，为若干期刊和新媒体供稿。",
                "monthly_pay": f"{rng.randrange(40, 90)}00.00",
                "region": rng.choice(REGIONS),
            }
        return self._job(rng, category)

    def _job(self, rng: random.Random, category: str) -> dict[str, Any]:
        """Works somewhere, or for themselves."""
        fitting = [f for f in self.firms if self._fits(category, f)]
        firm = rng.choice(fitting)
        signed = min(
            date(self.year, 6, 20) - timedelta(days=rng.randrange(20, 210)), timezone.localdate() - timedelta(days=2)
        )
        person = f"{rng.choice(SURNAMES)}{rng.choice(('经理', '主任', '老师'))}"
        # A telephone number of each employer's own: equal numbers of different ones would be a finding.
        phone = f"023-99{self.firms.index(firm) + 100000}"
        facts = {"employer_name": firm.name, "uscc": firm.uscc, "employer_type": firm.employer_type, "industry": firm.industry,
                 "region": firm.region, "address": f"示例路{int(firm.uscc[8:12], 36) % 300 + 1}号", "job_category": firm.job_category,
                 "job_title": rng.choice(TITLES), "signed_on": signed, "contact": person, "contact_phone": phone}  # fmt: skip
        if category == "10":
            facts["agreement_number"] = f"{self.place.school.code}{self.year}{rng.randrange(10**6):06d}"
        if category in ("12", "271"):
            facts["monthly_pay"] = f"{rng.randrange(30, 80)}00.00"
        if category.startswith("75"):
            facts |= {"signed_on": None, "employer_type": "39", "employer_name": f"{firm.name}（学生创业）"}
            facts |= {"job_category": "21", "uscc": firm.uscc if category == "751" else "", "employer_name": firm.name if category == "751" else "示例创业项目"}  # fmt: skip
        asked = matrix.asked_of(category, self.place.school.pk, None, self.year)
        return {name: value for name, value in facts.items() if asked[name].need != "hidden"}

    @staticmethod
    def _fits(category: str, firm: Firm) -> bool:
        kinds = {"501": ("22",), "512": ("10",), "271": ("20", "39"), "502": ("10", "22"), "503": ("10", "22"), "519": ("10",), "751": ("39",), "752": ("39",), "753": ("39",)}  # fmt: skip
        return firm.employer_type in kinds.get(category, (firm.employer_type,))

    def _proof(self, pk: int, student: Student, category: str) -> Iterator[dict[str, Any]]:
        """One file of every kind the category asks for; of alternatives the first."""
        groups: set[str] = set()
        for one in matrix.proof_of(category, self.place.school.pk, None, self.year):
            if not one.must or one.one_of in groups:
                continue
            groups |= {one.one_of} if one.one_of else set()
            content = _page(f"{one.kind.label}\n{student.school_id}\n{student.number}")
            yield {
                "record_type": "outcomes.outcome", "record_id": pk, "kind": one.kind.key, "name": f"{one.kind.label}.png"[:120],
                "stored": store_private("x.png", content, "evidence"), "size": len(content), "content_type": "image/png",
                "sha256": sha256(content).hexdigest(), "uploaded_by_id": student.user_id, "school_id": student.school_id,
                "cohort_id": student.cohort_id, "org_path": student.org_path,
            }  # fmt: skip

    # -- what happened -----------------------------------------------------------------------------------------------------

    def _events(self, rng: random.Random, student: Student, status: Status) -> list[Event]:
        if status == Status.DRAFT:
            return []
        clock = self._clock(rng)
        events = [Event(Verb.SUBMIT, Status.PENDING_COLLEGE, next(clock), (student.user_id, student.name))]
        if status == Status.PENDING_COLLEGE:
            return events
        if status == Status.RETURNED:
            return [
                *events,
                self._by(COLLEGE, student, Verb.RETURN, Status.RETURNED, clock, (rng.choice(Outcome.return_reasons),)),
            ]
        if not self.finished and rng.random() < 0.1:
            events.append(self._by(COLLEGE, student, Verb.RETURN, Status.RETURNED, clock, ("证明材料不清晰或缺页",)))
            events.append(Event(Verb.SUBMIT, Status.PENDING_COLLEGE, next(clock), (student.user_id, student.name)))
        events.append(self._by(COLLEGE, student, Verb.APPROVE, Status.PENDING_SCHOOL, clock))
        if status == Status.PENDING_SCHOOL:
            return events
        events.append(self._by(SCHOOL, student, Verb.APPROVE, Status.APPROVED, clock))
        if status == Status.VOIDED:
            events.append(
                self._by(SCHOOL, student, Verb.VOID, Status.VOIDED, clock, opinion="学生与单位协商解除，重新登记")
            )
        return events

    def _by(
        self, level: str, student: Student, verb: Verb, to: Status, clock: Iterator[datetime], reasons: tuple[str, ...] = (), opinion: str = ""
    ) -> Event:  # fmt: skip
        user: User = self.place.colleges[student.unit_id] if level == COLLEGE else self.place.head
        parts = student.org_path.split("/")
        held = f"{parts[0]}/{parts[1]}/" if level == COLLEGE else f"{parts[0]}/"
        return Event(verb, to, next(clock), (user.pk, user.name), level, held, reasons, opinion)

    def _clock(self, rng: random.Random) -> Iterator[datetime]:
        at = self.now - timedelta(
            days=rng.randrange(90, 330) if self.finished else rng.randrange(12, 19), hours=rng.randrange(10)
        )
        while True:
            at = min(at + timedelta(days=rng.uniform(0.2, 3)), self.now - timedelta(minutes=1))
            yield at

    # -- afterwards --------------------------------------------------------------------------------------------------------

    def _link(self, ids: list[int]) -> None:
        """Approved ones point at the library; void ones are not current."""
        known = dict(Employer._base_manager.exclude(uscc="").values_list("uscc", "pk"))
        held = bulkrows.those(Outcome._base_manager, "id", ids)
        approved = held.filter(status=Status.APPROVED).exclude(uscc="").values_list("pk", "uscc")
        bulkrows.update(Outcome, {pk: {"employer_id": known[code]} for pk, code in approved if code in known})
        bulkrows.those(Outcome._base_manager, "id", ids).filter(status=Status.VOIDED).update(is_current=False)

    def _check(self, ids: list[int]) -> None:
        rows = list(bulkrows.those(Outcome._base_manager, "id", ids).select_related(*Outcome.rules_need))
        rules.refresh_many(rows)
        bulkrows.update(Outcome, {r.pk: {"findings": r.findings, "worst": r.worst, "rules_stamp": r.rules_stamp} for r in rows}, touch=False)  # fmt: skip

    def _particular(self, ids: list[int]) -> None:
        """Some that staff corrected and the graduate has not confirmed, and two in dispute, through the ordinary doors."""
        held = bulkrows.those(Outcome._base_manager, "id", ids).filter(
            status=Status.APPROVED, category__in=("11", "12")
        )
        for number, row in enumerate(held.select_related("student__user").order_by("pk")[:8]):
            if number < 2:
                answers.dispute(row, row.student.user, "我没有去这家单位，信息与实际不符。")
            else:
                row.note_staff_changes({"job_title": ["", row.job_title]})
                bulkrows.update(Outcome, {row.pk: {"staff_changed": row.staff_changed, "awaits_confirmation": True, "rules_stamp": ""}})  # fmt: skip


def _page(text: str) -> bytes:
    """A picture that stands for a scanned page."""
    image = Image.new("1", (620, 860), 1)
    ImageDraw.Draw(image).multiline_text((60, 80), f"DEMO\n{sha256(text.encode()).hexdigest()[:24]}", fill=0)
    kept = BytesIO()
    image.save(kept, "PNG")
    return kept.getvalue()


def _settings(place: Place, year: int) -> None:
    """A window, two fill-in templates and one field the school asks for besides."""
    Window.objects.get_or_create(
        matter="outcomes.outcome", school=place.school, cohort=place.cohorts[year],
        defaults={"opens_at": timezone.now() - timedelta(days=20), "closes_at": timezone.now() + timedelta(days=250)},
    )  # fmt: skip
    for order, (name, category, values, hints) in enumerate(
        (
            (
                "选调生",
                "512",
                {"employer_type": "10", "industry": "45", "job_category": "10"},
                "按录用通知填写单位名称和所在地。",
            ),
            ("西部计划志愿者", "503", {"job_category": "29", "job_title": "志愿者"}, "单位填写服务县团委或服务单位。"),
            (
                "应征义务兵",
                "46",
                {"employer_type": "40", "industry": "80", "job_category": "80"},
                "入伍地按通知书填写。",
            ),
        )
    ):
        FillTemplate.objects.get_or_create(
            school=place.school, name=name, defaults={"category": category, "values": values, "hints": hints, "order": order}
        )  # fmt: skip
    if (
        year in place.cohorts
        and not OutcomeField.objects.filter(school=place.school, field="starts_on", category="80").exists()
    ):
        OutcomeField.objects.create(
            school=place.school, category="80", field="starts_on", need=OutcomeField.Need.REQUIRED, help_text="录取通知书上的报到日期。"
        )  # fmt: skip
