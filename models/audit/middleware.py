"""One log line per request, a request id that links it to the audit rows, and refusals written down."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from urllib.parse import quote

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from models.audit.models import Action, Result
from models.audit.request import client_ip, from_trusted_proxy
from models.audit.services import record

logger = logging.getLogger("qihang.request")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def request_line(request: HttpRequest) -> str:
    """Path with the names of the query parameters but not their values: those may hold a name or a number."""
    path = quote(request.path, safe="/:@+,;=~!*'()")
    names = "&".join(quote(name, safe="") + "=" for name in request.GET)
    return f"{path}?{names}" if names else path


class RequestLogMiddleware:
    """Sets `request.request_id`, answers it as X-Request-ID, logs the request, and records 403 answers as audit rows.

    The person is taken from what the request has loaded anyway: this class never causes a query. A refusal is recorded for
    somebody who is logged in; anonymous ones stay in the log, or anybody could fill the trail from outside.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = self._request_id(request)  # type: ignore[attr-defined]
        started = time.perf_counter()
        response = self.get_response(request)
        milliseconds = (time.perf_counter() - started) * 1000
        # `_cached_user` is where AuthenticationMiddleware keeps whom it has loaded; request.user itself might query.
        user = getattr(request, "impersonator", None) or getattr(request, "_cached_user", None)
        user_id = getattr(user, "pk", None)
        logger.info(
            "%s %s %s %.0fms user=%s ip=%s id=%s",
            request.method,
            request_line(request),
            response.status_code,
            milliseconds,
            user_id or "-",
            client_ip(request) or "-",
            request.request_id,  # type: ignore[attr-defined]
        )
        if response.status_code == 403 and user_id:
            self._record_refusal(request)
        response.headers["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response

    @staticmethod
    def _request_id(request: HttpRequest) -> str:
        given = request.headers.get("X-Request-ID", "")
        if _REQUEST_ID.fullmatch(given) and from_trusted_proxy(request):
            return given
        return uuid.uuid4().hex[:16]

    @staticmethod
    def _record_refusal(request: HttpRequest) -> None:
        try:
            record(
                Action.DENIED, request=request, result=Result.DENIED, method=request.method, path=request_line(request)
            )
        except DatabaseError:
            # The refusal stands whether or not it could be written down.
            logger.exception("refusal could not be recorded")
