"""Forms of the front door and the account page. Every sentence a person may read stands here, in Chinese."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.validators import RegexValidator

from models.accounts import own
from models.accounts.models import SchoolOf, User
from workflows.fields import please

PHONE = RegexValidator(r"^1[3-9]\d{9}$", "手机号码应为 11 位数字，请检查是否多填或漏填。")


class PlainForm(forms.Form):
    """Chinese error messages, inputs a template can draw by themselves, ids that do not clash."""

    required_css_class = "is-required"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", "auto_id": "f-%s", **kwargs})
        for field in self.fields.values():
            field.error_messages["required"] = please(str(field.label), _kind(field))
            field.widget.attrs.setdefault(
                "class", "form-select" if isinstance(field.widget, forms.Select) else "form-control"
            )
            if isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs["class"] = "form-check-input"

    def full_clean(self) -> None:
        """Tie each input to its error, for those who do not see the colour."""
        super().full_clean()
        for name in self._errors or ():
            if name in self.fields:
                self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"f-{name}-error"}


def _kind(field: forms.Field) -> str:
    return "file" if isinstance(field, forms.FileField) else "choice" if hasattr(field, "choices") else "text"


def _text(label: str, length: int = 60, **kwargs: Any) -> forms.CharField:
    attrs = {key: kwargs.pop(key) for key in ("autocomplete", "inputmode", "autocapitalize") if key in kwargs}
    return forms.CharField(label=label, max_length=length, widget=forms.TextInput(attrs), **kwargs)


def _secret(label: str, autocomplete: str, **kwargs: Any) -> forms.CharField:
    widget = forms.PasswordInput({"autocomplete": autocomplete})
    return forms.CharField(label=label, max_length=128, strip=False, widget=widget, **kwargs)


class SchoolField(forms.ChoiceField):
    """The schools of this deployment; with only one there is nothing to choose."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label="学校", required=False, **kwargs)

    def offer(self, blank: str) -> bool:
        """Read the schools; False when there is no choice to be made."""
        self.schools = list(SchoolOf.active().values_list("pk", "name"))
        self.choices = [("", blank), *((str(pk), name) for pk, name in self.schools)]
        return len(self.schools) > 1

    def clean(self, value: Any) -> int | None:
        """The school's key; the only one where nothing was asked."""
        text = super().clean(value)
        return int(text) if text else self.schools[0][0] if len(self.schools) == 1 else None


class WithSchool(PlainForm):
    """Forms that need to know which school a 学号 is of."""

    school_blank = "请选择学校"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.fields["school"].offer(self.school_blank):
            self.fields["school"].widget = forms.HiddenInput()


class LoginForm(WithSchool):
    """One page for everybody."""

    school_blank = "教职工和用人单位不必选择"

    username = _text(
        "账号或学号", 60, autocomplete="username", autocapitalize="none", help_text="用人单位填统一社会信用代码。"
    )
    school = SchoolField()
    password = _secret("密码", "current-password")


class IdentityForm(WithSchool):
    """学生激活, first step: what the roster must agree with."""

    school = SchoolField()
    number = _text("学号", 30, autocomplete="off", autocapitalize="none")
    name = _text("姓名", 60, autocomplete="name")
    identity = _text("证件号码", 30, autocomplete="off", help_text="与学校登记的身份证号或其他证件号一致。")

    def clean_school(self) -> int | None:
        """A school is needed here."""
        if self.cleaned_data["school"] is None:
            raise forms.ValidationError("请选择学校。")
        return self.cleaned_data["school"]


def _confirmed(user: User, password: str) -> str:
    """The present password if it is right."""
    try:
        right = own.confirm(user, password)
    except own.TooMany as refusal:
        raise forms.ValidationError(refusal.sentence) from refusal
    if not right:
        raise forms.ValidationError("当前密码不正确。")
    return password


class NewPassword(PlainForm):
    """A new password, twice."""

    new1 = _secret("新密码", "new-password")
    new2 = _secret("再输入一次新密码", "new-password")

    def __init__(self, user: User | None, *args: Any, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)
        self.fields["new1"].help_text = "".join(password_validators_help_texts())
        self.fields["new2"].error_messages["required"] = "请再输入一次新密码。"

    def candidate(self) -> User | None:
        """The account the password is checked against, with what else the form sets on it."""
        return self.user

    def clean(self) -> dict[str, Any]:
        """Both are the same and the rules hold."""
        data = super().clean()
        first, second = data.get("new1"), data.get("new2")
        if first and second and first != second:
            self.add_error("new2", "两次输入的密码不一致，请重新输入。")
        elif first:
            try:
                validate_password(first, self.candidate())
            except forms.ValidationError as error:
                self.add_error("new1", error)
        return data


class ContactFields(forms.Form):
    """Phone and mail."""

    phone = _text("手机号码", 11, autocomplete="tel", inputmode="numeric", validators=[PHONE])
    email = forms.EmailField(
        label="电子邮箱",
        widget=forms.EmailInput({"autocomplete": "email"}),
        help_text="用于找回密码和接收通知；会发送验证码确认是您本人的邮箱。",
        error_messages={"invalid": "电子邮箱格式不正确，例如 name@example.com。"},
    )


class ActivationForm(ContactFields, NewPassword):
    """学生激活, second step."""

    field_order = ("new1", "new2", "phone", "email", "consent")
    consent = forms.BooleanField(label="我已阅读并同意个人信息处理告知")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["consent"].error_messages["required"] = "请先阅读并同意个人信息处理告知。"

    def candidate(self) -> User | None:
        """The phone being set counts: the password must not contain it."""
        self.user.phone = self.cleaned_data.get("phone", "")
        return self.user


class PasswordForm(NewPassword):
    """Change of the own password."""

    field_order = ("old", "new1", "new2")
    old = _secret("当前密码", "current-password")

    def clean_old(self) -> str:
        """The present password, by whatever rule it is checked (an initial one is not stored)."""
        return _confirmed(self.user, self.cleaned_data["old"])

    def clean(self) -> dict[str, Any]:
        """The new one is another."""
        data = super().clean()
        if data.get("old") and data.get("old") == data.get("new1"):
            self.add_error("new1", "新密码不能与当前密码相同。")
        return data


class FirstPasswordForm(NewPassword):
    """First log-in with an initial password, which has just been given: it is not asked again. A mailbox opens 找回密码."""

    field_order = ("new1", "new2", "phone", "email")
    phone = _text("手机号码（选填）", 11, required=False, autocomplete="tel", inputmode="numeric", validators=[PHONE])
    email = forms.EmailField(
        label="电子邮箱（选填）",
        required=False,
        widget=forms.EmailInput({"autocomplete": "email"}),
        help_text="用验证码确认后，忘记密码时可用邮箱找回。",
        error_messages={"invalid": "电子邮箱格式不正确，例如 name@example.com。"},
    )

    def clean(self) -> dict[str, Any]:
        """Not the one that was given out."""
        data = super().clean()
        if data.get("new1") and self.user.check_password(data["new1"]):
            self.add_error("new1", "新密码不能与初始密码相同。")
        return data


class ContactForm(ContactFields, PlainForm):
    """Phone and mail of the account; the present password shows that it is the person."""

    password = _secret("当前密码", "current-password")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_password(self) -> str:
        """As it stands."""
        return _confirmed(self.user, self.cleaned_data["password"])


class ForgotForm(WithSchool):
    """找回密码, first step."""

    school_blank = "教职工不必选择"

    username = _text("账号或学号", 60, autocomplete="username", autocapitalize="none")
    school = SchoolField()
    email = forms.EmailField(
        label="绑定的电子邮箱",
        widget=forms.EmailInput({"autocomplete": "email"}),
        error_messages={"invalid": "电子邮箱格式不正确，例如 name@example.com。"},
    )


class CodeForm(PlainForm):
    """找回密码 and 绑定邮箱, second step."""

    code = _text(
        "验证码", 12, autocomplete="one-time-code", inputmode="numeric", help_text="邮件中的 8 位数字，10 分钟内有效。"
    )
