"""Who may sign: the rules of the student's cohort, each refusal with its reason and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.agreements.agreement import Agreement
from models.agreements.policy import setting_for
from models.agreements.settings import PhoneCheck, SigningExclusion, SigningSetting
from models.codes.lookup import table
from models.outcomes.models import Outcome
from models.students.models import GraduateProfile
from workflows.errors import NotAllowed, WrongState
from workflows.levels import Status

UNDECIDED = (Status.DRAFT, Status.RETURNED, Status.VOIDED)


@dataclass(frozen=True)
class Obstacle:
    """Why a student may not sign, and what helps."""

    code: str
    sentence: str
    fix: str = ""

    @property
    def text(self) -> str:
        """Both in one line."""
        return f"{self.sentence}{self.fix}"


def profile_of(student: Any) -> GraduateProfile | None:
    """The student's 生源信息, whoever asks."""
    return GraduateProfile._base_manager.filter(student_id=student.pk).first()


def verified_phone(student: Any, profile: GraduateProfile | None = None) -> str:
    """The phone of 生源信息, if the student has proved that it is theirs; "" otherwise."""
    profile = profile or profile_of(student)
    if profile is None or not profile.phone:
        return ""
    proved = PhoneCheck._base_manager.filter(student_id=student.pk, phone=profile.phone, verified_at__isnull=False)
    return profile.phone if proved.exists() else ""


def obstacles(student: Any) -> list[Obstacle]:
    """Every reason why this student may not sign now, as the school's setting for the cohort has it; [] when they may.

    Whether an agreement is in force already, and whether the phone is proved, are steps of signing and not asked here.
    """
    setting = setting_for(student.school_id, student.cohort_id)
    found = []
    if student.cohort.closed:
        found.append(Obstacle("closed", f"{student.cohort}已归档，不能再签约。"))
    if setting.need_roll and not student.on_roll:
        status = student.get_roll_status_display()
        found.append(Obstacle("roll", f"您的学籍状态为「{status}」，不在签约范围内。", "如有疑问请联系学院或教务处。"))
    found += _excluded(student, setting)
    if setting.need_profile:
        profile = profile_of(student)
        if profile is None or profile.status != Status.APPROVED:
            now = Status(profile.status).label if profile else "未建立"
            found.append(
                Obstacle("profile", f"生源信息审核通过后才能签约，目前为「{now}」。", "请先核对并提交生源信息。")
            )
    return found


def _excluded(student: Any, setting: SigningSetting) -> list[Obstacle]:
    found = []
    if setting.exclude_directed and table("training_mode").flags(student.training_mode).get("needs_unit"):
        mode = student.get_training_mode_display()
        sentence = f"您的培养方式为「{mode}」，毕业后按定向或委培协议就业，不能另行签约。"
        found.append(Obstacle("directed", sentence, "培养方式有误的，请联系学院更正学籍。"))
    row = SigningExclusion._base_manager.filter(student_id=student.pk, lifted_at=None).first()
    if row is not None:
        sentence = f"学校已登记您为「{row.get_kind_display()}」：{row.reason}。"
        found.append(Obstacle("listed", sentence, "放弃升学等情况有变的，请联系学校就业部门解除。"))
    if setting.exclude_further_study and _studies_on(student):
        found.append(
            Obstacle("further_study", "您登记的毕业去向为升学，不能签约就业。", "情况有变的，请先修改毕业去向。")
        )
    return found


def _studies_on(student: Any) -> bool:
    current = Outcome._base_manager.filter(student_id=student.pk, is_current=True).exclude(status__in=UNDECIDED).first()
    if current is None or not current.category:
        return False
    flags = table("outcome_category").flags(current.category)
    return bool(flags.get("study")) or flags.get("group_2021") == "升学"


def require(student: Any, mode: str) -> None:
    """NotAllowed with every reason unless the student may sign in this mode now; the phone is asked too."""
    setting = setting_for(student.school_id, student.cohort_id)
    if not (setting.online_open if mode == Agreement.Mode.ONLINE else setting.offline_open):
        raise NotAllowed(f"学校目前没有开放{Agreement.Mode(mode).label}。")
    if found := obstacles(student):
        raise NotAllowed("".join(one.text for one in found), details=[one.code for one in found])
    if setting.need_phone and not verified_phone(student):
        raise NotAllowed("请先用短信验证生源信息中的手机号码，再办理签约。", code="phone")


def in_force(student: Any) -> Agreement | None:
    """The student's agreement in force."""
    return Agreement._base_manager.filter(student_id=student.pk, in_force=True).first()


def require_free(student: Any) -> None:
    """WrongState when the student has an agreement in force: one employer only."""
    if (held := in_force(student)) is not None:
        raise WrongState(
            f"您与「{held.employer_name}」的协议书正在办理或已经生效，不能另行签约；需要更换单位的，请先办理解约。"
        )
