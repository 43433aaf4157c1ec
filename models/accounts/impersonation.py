"""以学生身份查看：permitted staff look at the self-service pages as one student, read-only, for twenty minutes.

The session keeps who looks as whom, why and until when. Only the self-service paths change identity: in the back office the
member of staff stays who they are. Every start and stop is an audit row naming both, and the student is told (notices).
"""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from models.accounts.models import User
from models.accounts.signals import impersonated
from models.audit.models import Action
from models.audit.services import record
from workflows.errors import Absent, Invalid, NotAllowed

KEY = "impersonation"
MINUTES = 20
PATHS = ("/student/", "/api/")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def start(request: HttpRequest, student_user: User, reason: str) -> None:
    """Begin looking as `student_user`, with an audit row and word to the student. Changes the session key.

    Raises a Refused: Invalid without a reason, NotAllowed without the function, Absent outside the person's scope.
    """
    person = request.user
    if not reason.strip():
        raise Invalid({"reason": "请填写查看原因，学生会看到。"})
    if not person.has_perm("accounts.impersonate_student"):
        raise NotAllowed("您没有以学生身份查看的功能，请联系学校管理员在「功能分配」中开通。")
    if not _may_look(person, student_user):
        raise Absent("没有找到该学生的账号，或不在您的管辖范围内。")
    until = timezone.now() + timedelta(minutes=MINUTES)
    request.session[KEY] = {"user": student_user.pk, "reason": reason.strip()[:200], "until": until.isoformat()}
    request.session.cycle_key()
    record(
        Action.IMPERSONATE_START,
        request=request,
        obj=student_user,
        on_behalf_of=student_user,
        purpose=reason,
        until=until.isoformat(),
    )
    impersonated.send_robust(sender=User, user=student_user, by=person, reason=reason.strip()[:200], until=until)


def _may_look(person: User, student_user: User | None) -> bool:
    """Scope and kind; asked at the start and again at every request, since a scope may be taken away meanwhile."""
    student = getattr(student_user, "student", None)
    return student is not None and student_user.is_active and person.scope.covers(student.org_path)


def stop(request: HttpRequest) -> dict | None:
    """End it, with an audit row; returns what was in force, None if nothing was."""
    state = request.session.pop(KEY, None)
    if state:
        request.session.cycle_key()
        student_user = User.objects.filter(pk=state["user"]).first()
        record(
            Action.IMPERSONATE_STOP,
            request=request,
            actor=getattr(request, "impersonator", None) or request.user,
            obj=student_user,
            on_behalf_of=student_user,
            purpose=state["reason"],
        )
    return state


def current(request: HttpRequest) -> dict | None:
    """What is in force for this session: {"user", "reason", "until": datetime}; ends by itself when the time is over."""
    state = request.session.get(KEY) if hasattr(request, "session") else None
    if not state:
        return None
    until = parse_datetime(state["until"])
    if until is None or until <= timezone.now():
        stop(request)
        return None
    return {**state, "until": until}


def apply_impersonation(request: HttpRequest) -> None:
    """Put the student in `request.user` on self-service paths; PermissionDenied with a sentence for anything but looking."""
    request.impersonator = None
    if not request.path.startswith(PATHS) or not request.user.is_authenticated or not request.user.is_staff:
        return
    state = current(request)
    if state is None:
        return
    person = request.user
    student_user = (
        User.objects.select_related("student").filter(pk=state["user"], kind=User.Kind.STUDENT, is_active=True).first()
    )
    if not person.has_perm("accounts.impersonate_student") or not _may_look(person, student_user):
        stop(request)
        return
    request.impersonator, request.user = person, student_user
    request.impersonation = state
    if request.method not in SAFE:
        raise PermissionDenied("以学生身份查看时不能提交或修改，请结束查看后在后台办理。")
