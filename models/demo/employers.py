"""Employers of the demo: one in every state of review, admission, exclusion and appeal. Made once, found again later."""

from __future__ import annotations

import io
from collections.abc import Sequence

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image, ImageDraw

from models.accounts.models import User
from models.demo.place import EMPLOYER, PASSWORD, Place
from models.employers import admission, blacklisting, uscc
from models.employers.library import Employer
from models.employers.matters import EmployerVerification
from models.employers.records import AccountAppeal
from models.evidence.services import attach
from models.jobs.files import store_private
from workflows.actions import perform, save_fields
from workflows.levels import Verb

# Name, kind, industry, region, and how far it has come.
FIRMS = (
    ("嘉陵海洋装备有限公司", "31", "22", "500103", "demo"),
    ("缙云软件技术有限公司", "39", "34", "500109", "approved"),
    ("北碚地质勘查设计院", "20", "38", "500109", "approved"),
    ("渝江港口物流有限公司", "31", "32", "500103", "approved"),
    ("南山生物制药股份有限公司", "39", "22", "500108", "approved"),
    ("歌乐山中学", "22", "42", "500106", "approved"),
    ("巴渝水利规划研究院", "20", "38", "500103", "revising"),
    ("金佛山文化旅游有限公司", "39", "44", "500119", "revising"),
    ("仙女山农业发展有限公司", "39", "11", "500156", "excluded"),
    ("乌江新能源有限公司", "31", "23", "500102", "lifted"),
    ("涪州建筑工程有限公司", "39", "24", "500102", "waiting"),
    ("石柱医药连锁有限公司", "39", "31", "500240", "waiting"),
    ("大足雕塑艺术馆", "29", "44", "500111", "waiting"),
    ("梁平智能制造有限公司", "32", "22", "500155", "waiting"),
    ("合川水运服务有限公司", "39", "32", "500117", "returned"),
    ("綦江矿山机械有限公司", "39", "22", "500110", "draft"),
)
REASONS = ("原经办人已离职，无法登录。", "账号绑定的邮箱已停用，忘记密码。", "单位更名，需要更换联系人。")


def build(places: Sequence[Place], year: int) -> None:
    """Employers that registered with the first school; some have applied to the second."""
    main, small = places[0], places[-1]
    if User.objects.filter(username=EMPLOYER).exists():
        return
    made: dict[str, list[Employer]] = {}
    for number, firm in enumerate(FIRMS, start=1):
        made.setdefault(firm[4], []).append(_firm(number, firm, main))
    if small is not main:
        _elsewhere(made, small)
    blacklisting.place(made["excluded"][0], main.school, "招聘信息与实际岗位不符，多名学生反映收取费用。", by=main.head)
    row = blacklisting.place(made["lifted"][0], main.school, "未按协议约定报到时间接收毕业生。", by=main.head)
    blacklisting.lift(row, "单位已书面说明并重新签订协议。", by=main.head)
    _appeals(main, made)


def _firm(number: int, firm: tuple[str, str, str, str, str], place: Place) -> Employer:
    name, kind, industry, region, state = firm
    code = uscc.made_up(number)
    user = User(
        username=code,
        name=name,
        kind=User.Kind.EMPLOYER,
        phone=f"199000001{number:02d}",
        email=f"hr{number}@example.com",
    )
    user.set_password(PASSWORD)
    user.save()
    employer = Employer._base_manager.filter(uscc=code).first() or Employer(
        uscc=code, name=name, source=Employer.Source.ACCOUNT
    )
    if state == "waiting" and employer.pk is None:  # a register that was imported knows it, at another address
        employer.source, employer.checked_at, employer.checked_by = Employer.Source.IMPORT, timezone.now(), place.head
        employer.employer_type, employer.industry, employer.region = kind, industry, region
        employer.address, employer.postcode = f"示例老街{number}号", "400000"
    employer.account = user
    employer.save()
    row = EmployerVerification(
        employer=employer, school=place.school, version=1, baseline_version=1, name=name, employer_type=kind, industry=industry,
        region=region, address=f"示例大道{number * 8}号", postcode="400000", contact=f"{'赵钱孙李周吴郑王'[number % 8]}经理",
        mobile=user.phone, email=user.email, phone=f"023-6510{number:04d}", website=f"https://www.example.com/{number}",
        description=f"{name}面向应届毕业生常年招聘，提供岗位培训和职业发展通道。",
    )  # fmt: skip
    row.save()
    attach(row, "licence", SimpleUploadedFile("营业执照.jpg", licence(number), "image/jpeg"), user)
    _review(row, state, user, place)
    return employer


def _review(row: EmployerVerification, state: str, user: User, place: Place) -> None:
    """By the moves a person would make."""
    if state == "draft":
        return
    perform(row, Verb.SUBMIT, by=user)
    if state == "returned":
        perform(row, Verb.RETURN, by=place.head, reasons=["营业执照不清晰或已过期"], text="请重新拍摄，四角完整。")
    if state in ("waiting", "returned"):
        return
    perform(row, Verb.APPROVE, by=place.head)
    if state == "revising":
        perform(row, Verb.AMEND, by=user)
        save_fields(row, {"address": "示例新区创业路18号", "contact": "冯经理", "mobile": "19900000199"}, by=user)
        perform(row, Verb.SUBMIT, by=user)


def _elsewhere(made: dict[str, list[Employer]], place: Place) -> None:
    """Applications to another school: one let in, one waiting, one returned."""
    for employer, verb in zip(
        (*made["demo"], *made["approved"]), (Verb.SUBMIT, Verb.APPROVE, Verb.RETURN), strict=False
    ):
        row = admission.apply(employer, place.school, employer.account)
        save_fields(row, {"purpose": "计划招聘海洋、地质、计算机类毕业生 20 人。"}, by=employer.account)
        perform(row, Verb.SUBMIT, by=employer.account)
        if verb != Verb.SUBMIT:
            reasons = ["入驻说明不完整"] if verb == Verb.RETURN else []
            perform(row, verb, by=place.head, reasons=reasons)


def _appeals(place: Place, made: dict[str, list[Employer]]) -> None:
    """Two that wait (one for a code without an account), one that was settled."""
    known = made["approved"]
    for number, (code, name, employer) in enumerate(
        (
            (known[0].uscc, known[0].name, known[0]),
            (uscc.made_up(990), "武陵山茶业有限公司", None),
            (known[1].uscc, known[1].name, known[1]),
        )
    ):
        row = AccountAppeal(
            school=place.school, uscc=code, name=name, employer=employer, contact=f"新联系人{number + 1}", mobile=f"1990000015{number}",
            email=f"new{number}@example.com", reason=REASONS[number], licence_name="营业执照.jpg",
            licence=store_private("营业执照.jpg", licence(900 + number), "appeals"),
        )  # fmt: skip
        row.save()
        if number == 2:
            row.state, row.outcome, row.note = (
                AccountAppeal.State.DONE,
                AccountAppeal.Outcome.OTHER,
                "电话核实为本单位人员，已指导其用邮箱找回密码。",
            )
            row.decided_by, row.decided_at = place.head, row.created_at
            row.save()


def licence(number: int) -> bytes:
    """A picture in the shape of a licence, plainly made up."""
    image = Image.new("RGB", (1000, 700), (252, 248, 236))
    draw = ImageDraw.Draw(image)
    draw.rectangle((20, 20, 980, 680), outline=(150, 60, 50), width=8)
    draw.ellipse((700, 440, 920, 660), outline=(200, 40, 40), width=8)
    for line in range(6):
        draw.line(
            (90, 180 + 70 * line, 620 - 13 * (number % 9) - 20 * line, 180 + 70 * line), fill=(90, 90, 90), width=6
        )
    draw.text((90, 90), f"DEMO LICENCE {number:04d}", fill=(60, 60, 60), font_size=40)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()
