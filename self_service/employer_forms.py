"""Forms of the employers' door: registration, appeal, a new password by link, and the choice of a school."""

from __future__ import annotations

from typing import Any

from django import forms

from models.accounts.models import User
from models.employers import uscc
from self_service.forms import PHONE, NewPassword, PlainForm, SchoolField, _text


class UsccField(forms.CharField):
    """A 统一社会信用代码 with its check digit, however it was typed."""

    def __init__(self) -> None:
        widget = forms.TextInput({"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"})
        super().__init__(
            label="统一社会信用代码", max_length=40, widget=widget, help_text="营业执照或法人证书上的 18 位代码。"
        )

    def clean(self, value: Any) -> str:
        """Tidied and checked."""
        code = uscc.tidy(super().clean(value))
        uscc.validate(code)
        return code


class _AtSchool(PlainForm):
    """Forms that name a school; with only one there is nothing to choose."""

    school_blank = "请选择学校"
    school_label = "学校"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["school"]
        field.label = self.school_label
        if not field.offer(self.school_blank):
            field.widget = forms.HiddenInput()

    def clean_school(self) -> int:
        """A school is needed."""
        if self.cleaned_data["school"] is None:
            raise forms.ValidationError(f"请选择{self.school_label}。")
        return self.cleaned_data["school"]


class _Contact(forms.Form):
    contact = _text("联系人姓名", 40, autocomplete="name")
    mobile = _text("联系人手机", 11, autocomplete="tel", inputmode="numeric", validators=[PHONE])
    email = forms.EmailField(
        label="电子邮箱",
        widget=forms.EmailInput({"autocomplete": "email"}),
        error_messages={"invalid": "电子邮箱格式不正确，例如 name@example.com。"},
    )


class RegisterForm(_Contact, NewPassword, _AtSchool):
    """单位注册. Nothing here looks anything up: the answer is the same for every code."""

    school_label = "首先入驻的学校"
    field_order = ("uscc", "name", "school", "contact", "mobile", "email", "new1", "new2", "consent")
    uscc = UsccField()
    name = _text("单位名称", 120, autocomplete="organization", help_text="与营业执照一致的全称。")
    school = SchoolField()
    consent = forms.BooleanField(label="我已阅读并同意个人信息处理告知，并承诺所填信息真实")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(None, *args, **kwargs)
        self.fields["new1"].label, self.fields["new2"].label = "登录密码", "再输入一次登录密码"
        self.fields["new1"].error_messages["required"] = "请填写登录密码。"
        self.fields["new2"].error_messages["required"] = "请再输入一次登录密码。"
        self.fields["school"].help_text = "由该校审核贵单位资料；通过后可继续申请入驻其他学校。"
        self.fields["email"].help_text = "用于接收验证码、审核结果和找回密码。"
        self.fields["consent"].error_messages["required"] = "请先阅读并同意个人信息处理告知。"

    def candidate(self) -> User:
        """Whom the password is checked against: it must contain neither the code nor the phone."""
        data = self.cleaned_data
        return User(username=data.get("uscc", ""), phone=data.get("mobile", ""), email=data.get("email", ""))


class AppealForm(_Contact, _AtSchool):
    """账号申诉: what the school needs to know, and the licence."""

    school_label = "受理学校"
    field_order = ("uscc", "name", "school", "contact", "mobile", "email", "reason", "licence")
    uscc = UsccField()
    name = _text("单位名称", 120, autocomplete="organization")
    school = SchoolField()
    reason = forms.CharField(
        label="申诉原因",
        max_length=500,
        widget=forms.Textarea({"rows": 3, "maxlength": 500}),
        help_text="例如：原经办人已离职，无法登录。",
    )
    licence = forms.FileField(
        label="营业执照或法人证书",
        widget=forms.FileInput({"accept": ".jpg,.jpeg,.png,.pdf"}),
        help_text="JPG、PNG 或 PDF，不超过 10 MB，须清晰完整；学校据此核实身份。",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["contact"].label, self.fields["mobile"].label = "新联系人姓名", "新联系人手机"
        self.fields["email"].label = "新电子邮箱"
        self.fields["school"].help_text = "选择贵单位首先入驻的学校；由审核过贵单位资料的学校处理。"
        self.fields["licence"].error_messages["required"] = "请上传营业执照或法人证书。"
        self.fields["licence"].error_messages["empty"] = "上传的文件是空的，请重新选择。"


class AdmissionForm(_AtSchool):
    """申请入驻: which school."""

    school = SchoolField()

    def __init__(self, taken: set[int], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["school"]
        field.choices = [(key, name) for key, name in field.choices if not key or int(key) not in taken]
        self.offered = len(field.choices) > 1
        field.widget = forms.Select({"class": "form-select"})
        field.widget.choices = field.choices
