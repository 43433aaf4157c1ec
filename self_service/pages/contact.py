"""手机与邮箱, for staff and students: the password first, then a code sent to a new mailbox before it counts."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect

from models.accounts import own
from models.accounts.models import User
from self_service import mailbox
from self_service.forms import CodeForm, ContactForm
from self_service.pages.base import home_of, public, render

# Who has this on a page of their own.
ACCOUNT_PAGES = {User.Kind.STUDENT: "student_account", User.Kind.EMPLOYER: "employer_account"}


def edit_contact(request: HttpRequest, back: str) -> tuple[ContactForm, HttpResponse | None]:
    """The form of a contact page, and where to go when it was taken: to the code if the mailbox is another, else to page `back`."""
    user = request.user
    form = ContactForm(user, request.POST or None, initial={"phone": user.phone, "email": user.email})
    if request.method != "POST" or not form.is_valid():
        return form, None
    phone, address = form.cleaned_data["phone"], form.cleaned_data["email"]
    if address != user.email:
        try:
            mailbox.ask(request, user, address)
        except own.TooMany as refusal:
            form.add_error("email", refusal.sentence)
            return form, None
    if own.change_contact(user, phone=phone, email=user.email, request=request):
        messages.success(request, "手机号码已更新。")
    elif address == user.email:
        messages.success(request, "联系方式没有变化。")
    return form, redirect("contact_code" if address != user.email else back)


def send_code(request: HttpRequest, user: User, address: str) -> bool:
    """Ask for the proof of a mailbox in passing, when an account gets its first password; whether a code is on its way."""
    try:
        mailbox.ask(request, user, address)
    except own.TooMany:
        messages.warning(request, "邮箱还没有绑定：发往该邮箱的验证码过多。请稍后在账号页面绑定。")
        return False
    return True


def home_for(user: User) -> str:
    """The page from which a person came to the code, by name."""
    return ACCOUNT_PAGES.get(user.kind, "contact")


@public("GET", "POST")
def contact(request: HttpRequest) -> HttpResponse:
    """手机与邮箱 of staff; students and employers have it on their account page."""
    user = request.user
    if not user.is_authenticated:
        return redirect("login")
    if user.kind in ACCOUNT_PAGES:
        return redirect(ACCOUNT_PAGES[user.kind])
    form, answer = edit_contact(request, "contact")
    if answer is not None:
        return answer
    return render(request, "contact.html", {"form": form, "waiting": mailbox.waiting(request), "back": home_of(user)})


@public("GET", "POST")
def contact_code(request: HttpRequest) -> HttpResponse:
    """The code that proves a mailbox, in the session that asked for it. `do`: prove, again (a new code), drop."""
    if not request.user.is_authenticated:
        return redirect("login")
    back, kept = home_for(request.user), mailbox.waiting(request)
    if kept is None:
        messages.warning(request, "验证码已经失效，请重新填写邮箱获取。")
        return redirect(back)
    do = request.POST.get("do", "prove")
    if request.method == "POST" and do == "drop":
        mailbox.drop(request)
        messages.info(request, "已取消，绑定的邮箱没有变化。")
        return redirect(back)
    if request.method == "POST" and do == "again":
        return _again(request, kept["address"])
    form, failed = CodeForm(request.POST or None), False
    if request.method == "POST" and form.is_valid():
        if mailbox.prove(request, form.cleaned_data["code"]):
            messages.success(request, f"邮箱 {kept['address']} 已绑定。")
            return HttpResponseRedirect(home_of(request.user))
        failed = True
    shown = {"form": form, "failed": failed, "address": kept["address"], "home": home_of(request.user)}
    return render(request, "contact_code.html", {**shown, "current": "account"})


def _again(request: HttpRequest, address: str) -> HttpResponse:
    try:
        mailbox.ask(request, request.user, address)
    except own.TooMany as refusal:
        messages.warning(request, refusal.sentence)
    else:
        messages.success(request, "新的验证码已发送，之前的验证码不再有效。")
    return redirect("contact_code")
