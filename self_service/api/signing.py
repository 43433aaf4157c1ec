"""签约 over the API: the student's own signing under /api/signing/, the employer's under /api/employer/. Thin: the services decide."""

from __future__ import annotations

from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exports.documents import signing as paper
from models.agreements import eligibility, finding, invitations, phones, signing, terminations
from models.agreements.models import Agreement, SigningInvitation, Termination
from models.employers.models import Employer
from self_service.api.shapes import ErrorOut, Values
from self_service.letters import rows_of
from workflows.errors import Absent, NotAllowed
from workflows.fields import mask

REFUSED = {400: ErrorOut, 403: ErrorOut, 404: ErrorOut, 409: ErrorOut, 429: ErrorOut}
MOST = 200


class ObstacleOut(serializers.Serializer):
    code = serializers.CharField()
    sentence = serializers.CharField()
    fix = serializers.CharField()


class OfferOut(serializers.Serializer):
    id = serializers.IntegerField()
    employer = serializers.CharField()
    student = serializers.CharField()
    state = serializers.CharField()
    state_label = serializers.CharField()
    job_title = serializers.CharField()
    sent_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    consider_until = serializers.DateTimeField(allow_null=True)
    contents = serializers.DictField(help_text="分组 → [[名称, 内容], …]。")


class AgreementOut(serializers.Serializer):
    id = serializers.IntegerField()
    number = serializers.CharField()
    mode = serializers.CharField()
    status = serializers.CharField()
    employer = serializers.CharField()
    student = serializers.CharField()
    job_title = serializers.CharField()
    in_force = serializers.BooleanField()


class SigningOut(serializers.Serializer):
    may_sign = serializers.BooleanField()
    obstacles = ObstacleOut(many=True)
    phone = serializers.CharField(help_text="生源信息中的手机号码，隐去中间几位。")
    phone_verified = serializers.BooleanField()
    agreement = AgreementOut(allow_null=True)
    offers = OfferOut(many=True)


class PhoneCodeIn(serializers.Serializer):
    code = serializers.CharField(max_length=20)


class AcceptIn(serializers.Serializer):
    read_rules = serializers.BooleanField(help_text="已阅读并同意签约须知。")
    sure = serializers.BooleanField(help_text="再次确认。")


class WhyIn(serializers.Serializer):
    why = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class VersionIn(serializers.Serializer):
    version = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=0, max_value=2**31 - 1)


class FindIn(serializers.Serializer):
    name = serializers.CharField(max_length=60)
    year = serializers.CharField(max_length=4)
    phone = serializers.CharField(max_length=11)


class FoundOut(serializers.Serializer):
    ticket = serializers.CharField(help_text="半小时内凭此发出邀请。")
    name = serializers.CharField()
    school = serializers.CharField()
    college = serializers.CharField()
    major = serializers.CharField()
    degree = serializers.CharField()
    sentence = serializers.CharField(help_text="目前不能邀请的提示，空表示可以。")


class SendIn(serializers.Serializer):
    ticket = serializers.CharField(max_length=500)
    values = Values(help_text="职位、约定、户口与档案接收。")


class AnswerIn(serializers.Serializer):
    consents = serializers.BooleanField()
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class EndingOut(serializers.Serializer):
    id = serializers.IntegerField()
    status = serializers.CharField()
    holder = serializers.CharField(help_text="目前由谁办理。")
    since = serializers.DateTimeField()
    waits_for = serializers.CharField()


def checked(shape: Any, request: Request) -> dict[str, Any]:
    """What was sent, as the shape says."""
    serializer = shape(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def of_offer(row: SigningInvitation, *, for_employer: bool) -> dict[str, Any]:
    """As `OfferOut` says. The employer reads the student's name, no more."""
    return {
        "id": row.pk, "employer": row.employer.name, "student": row.student.name if for_employer else "", "state": row.state,
        "state_label": row.get_state_display(), "job_title": row.job_title, "sent_at": row.sent_at, "expires_at": row.expires_at,
        "consider_until": row.consider_until, "contents": dict(rows_of(row)),
    }  # fmt: skip


def of_agreement(row: Agreement) -> dict[str, Any]:
    """As `AgreementOut` says."""
    return {
        "id": row.pk, "number": row.number, "mode": row.mode, "status": row.status, "employer": row.employer_name,
        "student": row.student.name, "job_title": row.job_title, "in_force": row.in_force,
    }  # fmt: skip


def of_ending(row: Termination) -> dict[str, Any]:
    """As `EndingOut` says."""
    waits = row.waits_elsewhere()
    return {
        "id": row.pk,
        "status": row.status,
        "holder": terminations.holder(row),
        "since": row.step_since,
        "waits_for": waits,
    }


# -- the student -----------------------------------------------------------------------------------------------------------


def student_of(request: Request) -> Any:
    """The student who asks."""
    student = getattr(request.user, "student", None)
    if student is None:
        raise NotAllowed("只有学生可以使用签约中心。")
    return student


@extend_schema(tags=["签约"])
class SigningView(APIView):
    """本人的签约情况。"""

    throttle_scope = "matters"

    @extend_schema(responses={200: SigningOut, **REFUSED})
    def get(self, request: Request) -> Response:
        """能否签约及原因、手机验证、收到的邀请、协议书。"""
        student = student_of(request)
        obstacles, profile, held = (
            eligibility.obstacles(student),
            eligibility.profile_of(student),
            signing.latest(student),
        )
        offers = (
            SigningInvitation.objects.select_related("employer", "student").filter(student=student).order_by("-sent_at")
        )
        return Response(
            {
                "may_sign": not obstacles and (held is None or not held.in_force),
                "obstacles": [{"code": o.code, "sentence": o.sentence, "fix": o.fix} for o in obstacles],
                "phone": mask(profile.phone, "phone") if profile else "",
                "phone_verified": bool(eligibility.verified_phone(student, profile)),
                "agreement": of_agreement(held) if held else None,
                "offers": [of_offer(row, for_employer=False) for row in offers[:MOST]],
            }
        )


@extend_schema(tags=["签约"])
class PhoneView(APIView):
    """手机验证。"""

    throttle_scope = "account"

    @extend_schema(request=None, responses={204: None, **REFUSED})
    def post(self, request: Request) -> Response:
        """向生源信息中的手机号码发送验证码。"""
        phones.send_code(student_of(request))
        return Response(status=204)

    @extend_schema(request=PhoneCodeIn, responses={204: None, **REFUSED})
    def put(self, request: Request) -> Response:
        """提交验证码。"""
        phones.verify(student_of(request), checked(PhoneCodeIn, request)["code"])
        return Response(status=204)


@extend_schema(tags=["签约"])
class PaperView(APIView):
    """线下签约：开始、生成协议书、放弃。填写、上传、提交用 /api/matters/agreement/。"""

    throttle_scope = "matters"

    @extend_schema(request=None, responses={201: AgreementOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """开始录入（已开始则返回已有的）。"""
        return Response(of_agreement(signing.begin(student_of(request), by=request.user)), status=201)

    @extend_schema(request=VersionIn, responses={200: AgreementOut, **REFUSED})
    def put(self, request: Request) -> Response:
        """保存后生成协议书，取得编号。"""
        row = self._own(request)
        signing.generate(row, by=request.user, expected=checked(VersionIn, request)["version"])
        paper.issued(row, request.user)
        return Response(of_agreement(row))

    @extend_schema(request=None, responses={204: None, **REFUSED})
    def delete(self, request: Request) -> Response:
        """放弃尚未提交的协议书。"""
        signing.discard(self._own(request), by=request.user)
        return Response(status=204)

    def _own(self, request: Request) -> Agreement:
        row = signing.latest(student_of(request))
        if row is None:
            raise Absent("您目前没有正在办理的协议书。")
        return row


@extend_schema(tags=["签约"])
class OfferView(APIView):
    """一份签约邀请。"""

    throttle_scope = "matters"

    @extend_schema(request=AcceptIn, responses={200: AgreementOut, **REFUSED})
    def post(self, request: Request, pk: int, deed: str) -> Response:
        """accept 应约、refuse 拒绝、step-back 考虑期内取消。"""
        rows = SigningInvitation.objects.select_related("employer", "student__user")
        row = rows.filter(pk=pk, student=student_of(request)).first()
        if row is None:
            raise Absent("没有找到这份邀请。")
        if deed == "accept":
            return Response(of_agreement(invitations.accept(row, by=request.user, **checked(AcceptIn, request))))
        if deed == "refuse":
            row = invitations.refuse(row, checked(WhyIn, request)["why"], by=request.user)
        else:
            row = invitations.step_back(row, by=request.user)
        return Response(of_offer(row, for_employer=False))


@extend_schema(tags=["签约"])
class EndView(APIView):
    """解约：开始一份申请。填写、提交用 /api/matters/termination/。"""

    throttle_scope = "matters"

    @extend_schema(request=None, responses={201: EndingOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """对本人有效的协议书提出解约。"""
        row = signing.latest(student_of(request))
        if row is None:
            raise Absent("您还没有协议书。")
        return Response(of_ending(terminations.begin(row, by=request.user)), status=201)


# -- the employer ----------------------------------------------------------------------------------------------------------


def employer_of(request: Request) -> Employer:
    """The employer who asks."""
    employer = getattr(request.user, "employer", None)
    if employer is None:
        raise NotAllowed("只有用人单位可以使用这项功能。")
    return employer


def own_offers(employer: Employer) -> models.QuerySet:
    """The invitations of one employer."""
    rows = SigningInvitation.objects.select_related("employer", "student__school", "student__major")
    return rows.filter(employer=employer).order_by("-sent_at")


def own_agreements(employer: Employer) -> models.QuerySet:
    """The agreements that bind one employer: with those on paper once they are approved."""
    rows = Agreement.objects.select_related("student__school", "student__major", "employer").filter(employer=employer)
    return rows.filter(models.Q(mode="online") | ~models.Q(number="")).order_by("-pk")


@extend_schema(tags=["单位签约"])
class FindView(APIView):
    """查找学生。"""

    throttle_scope = "account"

    @extend_schema(request=FindIn, responses={200: FoundOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """按姓名、毕业年份、手机号码精确查找；每次查找都有记录，次数有限。"""
        given = checked(FindIn, request)
        return Response(finding.find_student(employer_of(request), by=request.user, request=request._request, **given))


@extend_schema(tags=["单位签约"])
class OffersView(APIView):
    """单位的签约邀请。"""

    throttle_scope = "matters"

    @extend_schema(responses={200: OfferOut(many=True), **REFUSED})
    def get(self, request: Request) -> Response:
        """发出的邀请。"""
        return Response([of_offer(row, for_employer=True) for row in own_offers(employer_of(request))[:MOST]])

    @extend_schema(request=SendIn, responses={201: OfferOut, **REFUSED})
    def post(self, request: Request) -> Response:
        """发出邀请。"""
        given = checked(SendIn, request)
        row = invitations.send(
            employer_of(request), given["ticket"], given["values"], by=request.user, request=request._request
        )
        return Response(of_offer(row, for_employer=True), status=201)


@extend_schema(tags=["单位签约"])
class RecallView(APIView):
    """撤回邀请。"""

    throttle_scope = "matters"

    @extend_schema(request=None, responses={200: OfferOut, **REFUSED})
    def post(self, request: Request, pk: int) -> Response:
        """学生答复前撤回。"""
        row = own_offers(employer_of(request)).filter(pk=pk).first()
        if row is None:
            raise Absent("没有找到这份邀请。")
        return Response(of_offer(invitations.recall(row, by=request.user), for_employer=True))


@extend_schema(tags=["单位签约"])
class EmployerAgreementsView(APIView):
    """单位的协议书。"""

    throttle_scope = "matters"

    @extend_schema(responses={200: AgreementOut(many=True), **REFUSED})
    def get(self, request: Request) -> Response:
        """与本单位签订的协议书。"""
        return Response([of_agreement(row) for row in own_agreements(employer_of(request))[:MOST]])


@extend_schema(tags=["单位签约"])
class EmployerDeedView(APIView):
    """对一份协议书：电子签章、申请解约。"""

    throttle_scope = "matters"

    @extend_schema(request=None, responses={200: AgreementOut, **REFUSED})
    def post(self, request: Request, pk: int, deed: str) -> Response:
        """seal 电子签章、terminate 申请解约（得到申请的编号，再填写提交）。"""
        row = own_agreements(employer_of(request)).filter(pk=pk).first()
        if row is None:
            raise Absent("没有找到这份协议书。")
        if deed == "seal":
            signing.seal_as_employer(row, by=request.user)
            paper.issued(row, request.user)
            return Response(of_agreement(row))
        return Response(of_ending(terminations.begin(row, by=request.user)), status=201)


@extend_schema(tags=["单位签约"])
class AnswerView(APIView):
    """答复学生的解约申请。"""

    throttle_scope = "matters"

    @extend_schema(request=AnswerIn, responses={200: EndingOut, **REFUSED})
    def post(self, request: Request, pk: int) -> Response:
        """同意或不同意解约。"""
        rows = Termination.objects.select_related("agreement__employer", "student")
        row = rows.filter(pk=pk, agreement__employer=employer_of(request)).first()
        if row is None:
            raise Absent("没有找到这份解约申请。")
        return Response(of_ending(terminations.answer(row, by=request.user, **checked(AnswerIn, request))))
