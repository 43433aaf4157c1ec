"""The demo's 就业推荐表: students whose 生源信息 is approved, in every state; the finished year's are all approved. Pictures are drawn."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any

from django.db import transaction
from django.utils import timezone
from PIL import Image, ImageDraw

from models.demo.place import Place
from models.evidence.models import Evidence
from models.jobs.files import store_private
from models.recommendations.models import PHOTO, RecommendationForm
from models.students.models import GraduateProfile, Student
from workflows import bulkrows, rules
from workflows.levels import COLLEGE, COUNSELOR, Status, Verb
from workflows.seeding import Event, Story, replay

LEVELS = (COUNSELOR, COLLEGE)
MOST = 240
RUNNING = {
    Status.DRAFT: 12, Status.PENDING_COUNSELOR: 22, Status.PENDING_COLLEGE: 18, Status.RETURNED: 8, Status.APPROVED: 40,
}  # fmt: skip
LANGUAGES = ("英语 CET-6 486 分", "英语 CET-4 531 分", "英语 CET-6 552 分，口语 B", "日语 N2")
COMPUTER = (
    "全国计算机等级考试二级（Python）",
    "全国计算机等级考试二级（Office）",
    "全国计算机等级考试三级（网络技术）",
    "",
)
POSTS = ("班长", "团支部书记", "学习委员", "生活委员", "学生会干事", "青年志愿者协会会员")
PRACTICE = (
    "示例测绘院 实习，参与外业数据采集",
    "示例科技有限公司 实习，负责功能测试",
    "示例中学 教育实习，担任班主任助理",
    "社区暑期社会实践，负责宣讲",
)
PRIZES = (
    "校级一等奖学金",
    "校级二等奖学金",
    "三好学生",
    "优秀学生干部",
    "全国大学生数学建模竞赛省级二等奖",
    "大学生创新创业训练计划项目结题",
)
SELF = (
    "本人学习踏实，专业基础扎实，能够把课堂所学用到实践中；在校期间担任学生干部，注重团队协作，乐于承担责任。",
    "实习期间认真完成各项任务，得到指导老师好评，培养了发现问题、解决问题的能力。",
    "性格开朗，吃苦耐劳，学习能力强，希望从事与专业相关的工作，也愿意到基层锻炼。",
    "希望能在贵单位的平台上发挥所长，与单位共同成长。",
)
OPINIONS = ("该生品学兼优，工作踏实，同意推荐。", "该生专业基础扎实，实践能力较强，特此推荐。", "同意推荐。")
GROUNDS = ("#ffffff", "#5b9bd5", "#c0392b")
CLOTHES = ("#24405f", "#3d3d3d", "#6b2737", "#2f5d50")


def build(places: Sequence[Place], year: int, *, finished: bool = False) -> None:
    """Forms of one year at these schools; a school that has some is left alone."""
    for place in places:
        if year in place.cohorts and not RecommendationForm.objects.filter(cohort=place.cohorts[year]).exists():
            with transaction.atomic():
                _write(place, year, finished)


def _write(place: Place, year: int, finished: bool) -> None:
    profiles = (
        GraduateProfile.objects.filter(cohort=place.cohorts[year], status=Status.APPROVED, student__user__isnull=False)
        .select_related("student__user", "student__unit", "student__major").order_by("student__number")[:MOST]
    )  # fmt: skip
    chosen = list(profiles)
    ids = bulkrows.new_ids(RecommendationForm, len(chosen))
    rows, stories, proofs = [], {}, []
    for pk, profile in zip(ids, chosen, strict=True):
        student, rng = profile.student, random.Random(f"form-{year}-{profile.student.number}")
        status = Status.APPROVED if finished else rng.choices(list(RUNNING), list(RUNNING.values()))[0]
        rows.append(_row(pk, profile, rng, year))
        opinion = {"opinion": rng.choice(OPINIONS)} if status == Status.APPROVED else {}
        stories[pk] = Story(student.org_path, list(_events(place, student, status, rng, finished)), opinion)
        proofs.append(_photo(pk, student, rng))
    bulkrows.insert(RecommendationForm, rows)
    bulkrows.write_history(RecommendationForm, ids, by=None, reason="本人填写", kind="+")
    proof_ids = bulkrows.new_ids(Evidence, len(proofs))
    bulkrows.insert(Evidence, [{"id": pk, **proof} for pk, proof in zip(proof_ids, proofs, strict=True)])
    replay(RecommendationForm, stories, LEVELS)
    _check(ids)


def _row(pk: int, profile: GraduateProfile, rng: random.Random, year: int) -> dict[str, Any]:
    student = profile.student
    start, school = student.enrol_year or year - 4, "本校"
    lines = [f"{start}.09—{year}.06 {school} {student.major.name}专业 {rng.choice(POSTS)}"]
    lines += [
        f"{year - 2}.07—{year - 2}.08 {rng.choice(PRACTICE)}",
        f"{year - 1}.07—{year - 1}.09 {rng.choice(PRACTICE)}",
    ]
    prizes = [f"{year - 3 + i}.12 {prize}" for i, prize in enumerate(rng.sample(PRIZES, rng.randrange(1, 4)))]
    return {
        "id": pk, "student_id": student.pk, "school_id": student.school_id, "cohort_id": student.cohort_id, "org_path": student.org_path,
        "on_roll": student.on_roll, "version": 1, "baseline_version": 1, "phone": profile.phone, "email": profile.email, "address": profile.home_address[:100],
        "postcode": profile.home_postcode, "foreign_language": rng.choice(LANGUAGES), "computer_skill": rng.choice(COMPUTER),
        "experience": "\n".join(lines[: rng.randrange(1, 4)]), "awards": "\n".join(prizes),
        "self_recommendation": "".join(SELF[: rng.randrange(2, 5)]),
    }  # fmt: skip


def _photo(pk: int, student: Student, rng: random.Random) -> dict[str, Any]:
    content = portrait(rng)
    return {
        "record_type": "recommendations.recommendationform", "record_id": pk, "kind": PHOTO.key, "name": "证件照.jpg",
        "stored": store_private("x.jpg", content, "evidence"), "size": len(content), "content_type": "image/jpeg",
        "sha256": sha256(content).hexdigest(), "uploaded_by_id": student.user_id, "school_id": student.school_id,
        "cohort_id": student.cohort_id, "org_path": student.org_path,
    }  # fmt: skip


def portrait(rng: random.Random) -> bytes:
    """A drawn head and shoulders in the size of the form's picture; nobody's face."""
    width, height = PHOTO.shape or (413, 579)
    image = Image.new("RGB", (width, height), rng.choice(GROUNDS))
    draw = ImageDraw.Draw(image)
    middle, wide = width / 2, rng.uniform(0.19, 0.23) * width
    clothes = rng.choice(CLOTHES)
    draw.rounded_rectangle((width * 0.12, height * 0.68, width * 0.88, height * 1.2), 90, fill=clothes)
    draw.rectangle((middle - 38, height * 0.56, middle + 38, height * 0.72), fill="#e2bd97")
    draw.ellipse((middle - wide, height * 0.2, middle + wide, height * 0.62), fill="#ecc9a5")
    draw.pieslice((middle - wide - 8, height * 0.15, middle + wide + 8, height * 0.52), 180, 360, fill="#26221f")
    draw.polygon([(middle - 40, height * 0.69), (middle, height * 0.8), (middle + 40, height * 0.69)], fill="#f7f7f7")
    out = BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def _events(place: Place, student: Student, status: Status, rng: random.Random, finished: bool) -> Iterator[Event]:
    if status == Status.DRAFT:
        return
    clock = _clock(rng, finished)
    yield Event(Verb.SUBMIT, Status.PENDING_COUNSELOR, next(clock), (student.user_id, student.name))
    if status == Status.PENDING_COUNSELOR:
        return
    if status == Status.RETURNED:
        yield _by(
            place,
            COUNSELOR,
            student,
            Verb.RETURN,
            status,
            next(clock),
            (rng.choice(RecommendationForm.return_reasons),),
        )
        return
    yield _by(place, COUNSELOR, student, Verb.APPROVE, Status.PENDING_COLLEGE, next(clock))
    if status == Status.APPROVED:
        yield _by(place, COLLEGE, student, Verb.APPROVE, Status.APPROVED, next(clock))


def _by(
    place: Place, level: str, student: Student, verb: Verb, to: Status, at: datetime, reasons: tuple[str, ...] = ()
) -> Event:
    user = (place.counselors if level == COUNSELOR else place.colleges)[student.unit_id]
    parts = student.org_path.split("/")
    held = "/".join(parts[: 3 if level == COUNSELOR else 2]) + "/"
    return Event(verb, to, at, (user.pk, user.name), level, held, reasons)


def _clock(rng: random.Random, finished: bool) -> Iterator[datetime]:
    now = timezone.now()
    at = now - timedelta(days=rng.randrange(200, 300) if finished else rng.randrange(4, 12), hours=rng.randrange(9))
    while True:
        yield at
        at = min(at + timedelta(hours=rng.uniform(4, 60)), now - timedelta(minutes=1))


def _check(ids: list[int]) -> None:
    """What the rules say of each form."""
    found = {}
    for record in bulkrows.those(RecommendationForm.objects.select_related(*RecommendationForm.joins()), "id", ids):
        rules.refresh(record)
        found[record.pk] = {name: getattr(record, name) for name in ("findings", "worst", "rules_stamp")}
    bulkrows.update(RecommendationForm, found, touch=False)
