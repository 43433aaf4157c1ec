"""我的统计: questions people keep for themselves."""

from __future__ import annotations

from typing import Any

from models.rates.figures import Question
from models.rates.models import RateReport
from workflows.errors import Invalid

MOST = 30


def of(user: Any) -> list[RateReport]:
    """A person's kept questions, by name."""
    return list(RateReport.objects.filter(owner=user))


def keep(user: Any, title: str, question: Question, by: str) -> RateReport:
    """Keep a question with the breakdown `by`; the same title replaces it. Raises Invalid."""
    title = title.strip()
    if not title or len(title) > 60 or "\x00" in title:
        raise Invalid({"title": "请填写统计名称，不超过 60 个字。"})
    rows = RateReport.objects.filter(owner=user)
    if rows.exclude(title=title).count() >= MOST:
        raise Invalid({"title": f"最多保存 {MOST} 项统计，请先删除不再使用的。"})
    kept, _made = RateReport.objects.update_or_create(
        owner=user, title=title, defaults={"question": question.as_dict() | {"by": by}}
    )
    return kept


def drop(user: Any, pk: Any) -> None:
    """Forget one; what is somebody else's or not there is left alone."""
    if str(pk).isdecimal() and len(str(pk)) < 19:
        RateReport.objects.filter(owner=user, pk=int(pk)).delete()
