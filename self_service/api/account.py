"""The person's account and notices."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import update_session_auth_hash
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from models.accounts import own
from models.accounts.models import User
from models.notices import services
from models.notices.models import Notice
from self_service import mailbox, privacy
from self_service.api.shapes import ErrorOut
from self_service.forms import ContactForm, PasswordForm
from workflows.errors import Invalid


class MeOut(serializers.Serializer):
    username = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    number = serializers.CharField(allow_null=True)
    phone = serializers.CharField()
    email = serializers.CharField(help_text="已绑定的邮箱。")
    pending_email = serializers.CharField(
        allow_null=True, help_text="等待验证的邮箱：把收到的验证码提交到 /api/me/contact/code/ 后才会绑定。"
    )
    privacy = serializers.DictField(child=serializers.BooleanField())
    consent = serializers.DictField(allow_null=True)
    unread = serializers.IntegerField()


class PrivacyIn(serializers.Serializer):
    privacy = serializers.DictField(child=serializers.BooleanField())


class ContactIn(serializers.Serializer):
    phone = serializers.CharField(allow_blank=True)
    email = serializers.CharField(allow_blank=True)
    password = serializers.CharField(help_text="当前密码。")


class CodeIn(serializers.Serializer):
    code = serializers.CharField(max_length=20, help_text="邮件中的 8 位数字。")


class PasswordIn(serializers.Serializer):
    old = serializers.CharField()
    new = serializers.CharField()


def of_user(request: Request) -> dict[str, Any]:
    """The account of a request as `MeOut` says."""
    user: User = request.user
    pending = mailbox.waiting(request._request)
    student = getattr(user, "student", None)
    return {
        "username": user.username,
        "name": user.name,
        "kind": user.kind,
        "number": student.number if student else None,
        "phone": user.phone,
        "email": user.email,
        "pending_email": pending["address"] if pending else None,
        "privacy": privacy.switches(user),
        "consent": user.preferences.get("consent"),
        "unread": services.unread(user),
    }


@extend_schema(tags=["账号"])
class MeView(APIView):
    """本人账号。"""

    throttle_scope = "account"

    @extend_schema(responses=MeOut)
    def get(self, request: Request) -> Response:
        """账号信息与隐私设置。"""
        shown = of_user(request)
        if getattr(request, "impersonator", None):
            shown |= {"phone": "", "email": "", "pending_email": None}
        return Response(shown)

    @extend_schema(request=PrivacyIn, responses={200: MeOut, 400: ErrorOut})
    def patch(self, request: Request) -> Response:
        """修改隐私设置。"""
        given = _checked(PrivacyIn, request)["privacy"]
        privacy.switch(request.user, given)
        return Response(of_user(request))


@extend_schema(tags=["账号"])
class ContactView(APIView):
    """绑定的手机与邮箱。"""

    throttle_scope = "account"

    @extend_schema(request=ContactIn, responses={200: MeOut, 400: ErrorOut})
    def post(self, request: Request) -> Response:
        """修改手机号和邮箱，需要当前密码。新邮箱收到验证码，验证后才会绑定。"""
        user, inner = request.user, request._request
        form = ContactForm(user, data=_checked(ContactIn, request))
        _form_must_hold(form)
        if form.cleaned_data["email"] != user.email:
            mailbox.ask(inner, user, form.cleaned_data["email"])
        own.change_contact(user, phone=form.cleaned_data["phone"], email=user.email, request=inner)
        return Response(of_user(request))


@extend_schema(tags=["账号"])
class ContactCodeView(APIView):
    """绑定邮箱的验证码。"""

    throttle_scope = "account"

    @extend_schema(request=CodeIn, responses={200: MeOut, 400: ErrorOut})
    def post(self, request: Request) -> Response:
        """填写验证码，绑定等待验证的邮箱。"""
        if not mailbox.prove(request._request, _checked(CodeIn, request)["code"]):
            raise Invalid({"code": "验证码不正确，或已经失效。输错 5 次后需要重新获取。"})
        return Response(of_user(request))


@extend_schema(tags=["账号"])
class PasswordView(APIView):
    """登录密码。"""

    throttle_scope = "account"

    @extend_schema(request=PasswordIn, responses={204: None, 400: ErrorOut})
    def post(self, request: Request) -> Response:
        """修改密码；其他设备上的登录随即失效。"""
        given = _checked(PasswordIn, request)
        form = PasswordForm(request.user, data={"old": given["old"], "new1": given["new"], "new2": given["new"]})
        _form_must_hold(form)
        own.change_password(request.user, form.cleaned_data["new1"], request=request._request)
        update_session_auth_hash(request._request, request.user)
        return Response(status=204)


class NoticeOut(serializers.ModelSerializer):
    kind_label = serializers.CharField(source="get_kind_display", read_only=True)

    class Meta:
        model = Notice
        fields = ("id", "kind", "kind_label", "title", "body", "matter", "created_at", "read_at")
        read_only_fields = fields


@extend_schema(tags=["通知"])
class NoticeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """站内通知。"""

    serializer_class = NoticeOut
    throttle_scope = "account"
    filter_backends = ()
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        return services.inbox(self.request.user)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"])
    def read(self, request: Request, pk: str) -> Response:
        """标为已读。"""
        self.get_object()
        services.read(request.user, int(pk))
        return Response(status=204)

    @extend_schema(request=None, responses={204: None})
    @action(detail=False, methods=["post"], url_path="read-all")
    def read_all(self, request: Request) -> Response:
        """全部标为已读。"""
        services.read(request.user)
        return Response(status=204)


def _checked(shape: Any, request: Request) -> dict[str, Any]:
    serializer = shape(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def _form_must_hold(form: Any) -> None:
    if not form.is_valid():
        raise Invalid({name: messages[0] for name, messages in form.errors.items()})
