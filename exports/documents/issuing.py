"""From a record to a document that is given out, one at a time; the many are in `printing`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from exports.documents import press, stamp
from exports.documents.forms import PrintedForm
from models.documents.models import IssuedDocument, new_token
from models.documents.services import issue, newest
from models.jobs.files import FileNotStored
from workflows.errors import Refused, WrongState


def issued(form: PrintedForm, record: Any, *, by: Any, base: str = "") -> IssuedDocument:
    """The document of `record` that holds now: the one given out before if nothing has changed since, else a new one.

    `base` is the address of this deployment as the person uses it. Raises a Refused with a sentence.
    """
    if refusal := form.refusal(record):
        raise WrongState(refusal)
    found = newest(record, form.kind)
    if found is not None and default_storage.exists(found.stored.name):
        return found
    token = new_token()
    pdf = laid_out(form, [filled(form, record, token, base)])
    try:
        return issue(record, form.kind, pdf, number=form.number(record), title=form.title, token=token, by=by)
    except FileNotStored as error:
        raise Refused(error.sentence, code="disk_full") from error


def preview(form: PrintedForm, record: Any) -> bytes:
    """The form as it would look now, with a line across that says it is a draft; nothing is kept."""
    return laid_out(form, [filled(form, record)])


def filled(form: PrintedForm, record: Any, token: str = "", base: str = "") -> dict[str, Any]:
    """What the template shows of one record. Plain data, so that another process can lay it out."""
    values = form.fill(record)
    values = {name: stamp.picture(v) if isinstance(v, bytes) and v else v or "" for name, v in values.items()}
    if token:
        values |= {
            "token": token,
            "qr": stamp.qr(stamp.address(token, base)),
            "site": site(base),
            "issued": f"{timezone.localdate():%Y-%m-%d}",
            "title": form.title,
        }
    return values


def site(base: str = "") -> str:
    """The verification page as people read it, without the protocol."""
    address = urlsplit((base or settings.PUBLIC_URL).rstrip("/") + reverse("verify_start"))
    return f"{address.netloc}{address.path}"


def laid_out(form: PrintedForm, filled_in: list[dict[str, Any]]) -> bytes:
    """The PDF of one or many filled-in forms, a page each."""
    school = filled_in[0].get("school", "") if filled_in else ""
    return press.render(form.template, {"title": form.title, "school_name": school, "forms": filled_in})
