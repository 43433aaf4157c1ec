"""Small helps of the self-service templates."""

from __future__ import annotations

from typing import Any

from django import template

from self_service.addresses import address

register = template.Library()


@register.simple_tag
def is_chosen(entry: Any, code: Any) -> str:
    """ " selected" when `code` is what stands in the entry's input."""
    return "selected" if str(code) == entry.shown else ""


@register.filter
def teachers(people: Any) -> str:
    """Names as one addresses them: 王老师、李老师."""
    return "、".join(name if name.endswith("老师") else f"{name}老师" for name in people)


@register.simple_tag(takes_context=True)
def own_url(context: Any, page: str, record: Any = None, **values: Any) -> str:
    """The address of a page on the side of the person who looks."""
    return address(context["user"], page, record, **values)
