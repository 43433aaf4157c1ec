"""Who asks: Django's own way from the session to the account, given the row that came with the session."""

from __future__ import annotations

from django.contrib.auth import get_user
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthenticationMiddleware
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from models.accounts.backends import read_along


class AuthenticationMiddleware(DjangoAuthenticationMiddleware):
    """Sets `request.user`; every check (backend, active, session hash) stays Django's and the backend's."""

    def process_request(self, request: HttpRequest) -> None:
        """As Django's, but for where the row comes from."""
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _person(request))  # type: ignore[assignment]


def _person(request: HttpRequest):
    if not hasattr(request, "_cached_user"):
        with read_along(request.session):
            request._cached_user = get_user(request)
    return request._cached_user
