"""What the review engine and the accounts report becomes a notice to the person it is about, set-wise."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from models.accounts.models import OrgStaff, User
from models.accounts.signals import contact_changed, impersonated, password_changed
from models.notices.models import Notice
from models.notices.outbox import key_of, mail, queue
from models.notices.services import CHUNK, tell, wants_mail
from workflows import diff
from workflows.levels import SCHOOL, Status, Verb
from workflows.signals import moved

STAFF_TOLD = 5


@receiver(moved, dispatch_uid="notices.moved")
def on_moved(
    sender: Any,
    ids: list[int],
    verb: str,
    to_status: str,
    by: Any,
    text: str,
    reasons: list,
    corrections: dict,
    **kwargs: Any,
) -> None:
    """Tell the subjects what was decided; a step up the chain without a change of data is no news."""
    if verb == Verb.DISPUTE:
        _tell_school(sender, ids, by, text)
    message = _message(sender, ids, verb, to_status, text, reasons, corrections, by)
    if message is None:
        return
    title, body = message
    for begin in range(0, len(ids), CHUNK):
        rows = sender._base_manager.filter(pk__in=ids[begin : begin + CHUNK]).exclude(**{sender.subject_path: None})
        events = list(rows.values_list("pk", "version", sender.subject_path))
        users = {
            u.pk: u
            for u in User.objects.filter(pk__in=[e[2] for e in events], is_active=True).only(
                "pk", "email", "preferences"
            )
        }
        about = {
            user_id: f"{sender._meta.label_lower}:{pk}:{version}:{verb}:{to_status}"
            for pk, version, user_id in events
            if user_id in users
        }
        tell(
            [
                Notice(
                    recipient=users[user_id],
                    kind=Notice.Kind.REVIEW,
                    title=title,
                    body=body,
                    matter=sender._meta.label_lower,
                    sender=by,
                    key=key_of("review", user_id, event),
                )
                for user_id, event in about.items()
            ],
            [
                mail("review", users[user_id], title, f"{body}\n\n请登录系统查看。".strip(), about=event)
                for user_id, event in about.items()
                if wants_mail(users[user_id])
            ],
        )


def _tell_school(model: Any, ids: list[int], by: Any, text: str) -> None:
    """A dispute goes to the school level."""
    for row in model._base_manager.filter(pk__in=ids).select_related(model.scope_source):
        staff = OrgStaff.responsible(SCHOOL, row.org_path).select_related("user").order_by("pk")[:STAFF_TOLD]
        tell(
            [
                Notice(
                    recipient=one.user, kind=Notice.Kind.REVIEW, title=f"{row.subject()}对{model._meta.verbose_name}提出异议",
                    body=f"{text}\n该记录已冻结，请核实后在审核页面处理。", matter=model._meta.label_lower, sender=by,
                )
                for one in staff
            ]
        )  # fmt: skip


def _message(
    model: Any, ids: list[int], verb: str, to_status: str, text: str, reasons: list, corrections: dict, by: Any
) -> tuple[str, str] | None:
    """(title, body) for the subjects, None when there is nothing to tell them."""
    name = str(model._meta.verbose_name)
    # What the name of a matter says already is not said again: no 单位审核已审核通过, no 解约申请的修改申请.
    reviewing = name if name.endswith("审核") else f"审核{name}"
    passed = f"{name}已通过" if name.endswith("审核") else f"{name}已审核通过"
    change = f"{name}的修改" if name.endswith("申请") else f"{name}的修改申请"
    why = "；".join([*reasons, text] if text else reasons)
    changed = _changes(model, ids, corrections)
    if verb == Verb.RETURN:
        return f"{name}被退回，请修改后重新提交", f"退回原因：{why}"
    if verb == Verb.APPROVE and to_status == Status.APPROVED:
        return passed, changed
    if verb == Verb.APPROVE and changed:
        return f"老师在{reviewing}时更正了部分内容", changed
    if verb == Verb.ACCEPT_CHANGE:
        return f"{change}已同意", changed
    if verb == Verb.REFUSE_CHANGE:
        return f"{change}未同意", f"处理意见：{why}"
    if verb == Verb.VOID:
        return f"{name}已作废", f"说明：{why}" if why else ""
    if verb == Verb.SETTLE:
        return f"您对{name}的异议已处理，请登录确认", "\n".join(filter(None, [f"核实结果：{why}", changed]))
    if verb == Verb.SUBMIT and by is None:  # brought by staff, an import or an agreement
        return f"{name}已登记并送审，请登录核对", why
    if verb == Verb.REOPEN:
        return f"{name}已恢复办理", "请核对内容后重新提交。"
    return None


def _changes(model: Any, ids: list[int], corrections: dict) -> str:
    """What was changed, a line each: "手机号码：19900000001 → 19900000002"."""
    if not corrections:
        return ""
    record = model._base_manager.filter(pk=ids[0]).first()
    lines = [
        f"{row['label']}：{row['old'] or '（空）'} → {row['new'] or '（空）'}"
        for row in diff.described(record, corrections)
    ]
    return "以下内容已更正，请核对：\n" + "\n".join(lines)


@receiver(impersonated, dispatch_uid="notices.impersonated")
def on_impersonated(user: User, by: User, reason: str, until: Any, **kwargs: Any) -> None:
    """The student learns who looks at the pages as them, and why."""
    body = f"{by.name} 于 {timezone.localtime():%Y-%m-%d %H:%M} 以您的身份查看了系统页面（只能查看，不能修改）。\n原因：{reason}"
    tell([Notice(recipient=user, kind=Notice.Kind.ACCOUNT, title="老师查看了您的页面", body=body, sender=by)])


HOW = {"change": "修改", "recovery": "通过邮箱验证码重设", "activation": "在激活账号时设置"}


@receiver(password_changed, dispatch_uid="notices.password_changed")
def on_password_changed(user: User, how: str, **kwargs: Any) -> None:
    """A change of password is told, in the site and to the mailbox: the way to notice that it was somebody else."""
    at = f"{timezone.localtime():%Y-%m-%d %H:%M}"
    body = f"您的登录密码已于 {at} {HOW[how]}。如非本人操作，请立即找回密码并联系学校。"
    notices = (
        [Notice(recipient=user, kind=Notice.Kind.ACCOUNT, title="密码已更新", body=body)] if how != "activation" else []
    )
    tell(notices, [mail("password", user, "密码已更新", body, about=user.session_epoch)])


@receiver(contact_changed, dispatch_uid="notices.contact_changed")
def on_contact_changed(user: User, old_email: str, **kwargs: Any) -> None:
    """The old mailbox is told that it no longer counts; in the site it is told as well."""
    if old_email and old_email != user.email:
        body = "您的账号所绑定的电子邮箱已更改。如非本人操作，请立即联系学校。"
        tell([Notice(recipient=user, kind=Notice.Kind.ACCOUNT, title="绑定邮箱已更改", body=body)])
        queue([mail("contact", user, "绑定邮箱已更改", body, about=timezone.now().isoformat(), address=old_email)])
