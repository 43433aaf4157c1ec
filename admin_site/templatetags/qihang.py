"""Small pieces every page of the back office shares."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from admin_site import navigation
from models.jobs.models import Status as JobStatus
from workflows.levels import COLOURS, Status

register = template.Library()

JOB_COLOURS = {
    JobStatus.QUEUED: "grey",
    JobStatus.RUNNING: "blue",
    JobStatus.DONE: "green",
    JobStatus.FAILED: "red",
    JobStatus.CANCELLED: "grey",
}


def badge(word: Any, colour: str = "grey") -> SafeString:
    """A coloured label with its word; colours: grey, blue, amber, green, red."""
    return format_html('<span class="qh-badge qh-{}">{}</span>', colour, word)


@register.simple_tag(takes_context=True)
def menu_crumbs(context: Context, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """unfold's crumbs in the words of the side bar."""
    request = context.get("request")
    return navigation.crumbs(parts, request.path if request else "")


@register.simple_tag
def status_badge(status: str) -> SafeString:
    """The badge of a matter's status: the same colour and word everywhere; "" for no status."""
    if not status:
        return SafeString("")
    known = Status(status)
    return badge(known.label, COLOURS[known])


@register.simple_tag
def job_badge(job: Any) -> SafeString:
    """The badge of a background job."""
    return badge(job.status_label, JOB_COLOURS[JobStatus(job.status)])


@register.simple_tag
def word_badge(word: str, colour: str = "grey") -> SafeString:
    """A badge with any word."""
    return badge(word, colour)


@register.simple_tag(takes_context=True)
def with_query(context: dict[str, Any], **changes: Any) -> str:
    """The present query string with some parameters set, or taken out when empty: "?a=1&b=2"."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = value
    return f"?{urlencode(list(query.lists()), doseq=True)}"


@register.filter
def times(count: int) -> range:
    """A range to loop over."""
    return range(int(count or 0))
