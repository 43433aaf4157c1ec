"""Whose request this is, on the network side: the address that may be believed (security row B4)."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Any

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# What TRUSTED_PROXIES says when the proxy talks to gunicorn through a unix socket, where REMOTE_ADDR is empty.
UNIX = "unix"


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=8)
def _networks(proxies: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(proxy, strict=False) for proxy in proxies if proxy != UNIX)


def _trusted(address: Address | None, proxies: tuple[str, ...]) -> bool:
    if address is None:
        return False
    return any(address in network for network in _networks(proxies))


def from_trusted_proxy(request: Any) -> bool:
    """Whether the peer that opened this connection is one of settings.TRUSTED_PROXIES (addresses, networks or "unix")."""
    remote = request.META.get("REMOTE_ADDR", "")
    proxies = tuple(settings.TRUSTED_PROXIES)
    return UNIX in proxies if not remote else _trusted(_address(remote), proxies)


def client_ip(request: Any) -> str | None:
    """Address of the person's machine, None if the request has none (a command, a test).

    X-Forwarded-For is read only when the peer is a trusted proxy, from the right, and the first address that is not itself a
    trusted proxy is the answer: everything to the left of it can be written by anybody. An entry that is no address ends the
    search at the last hop that was one. Also settings.AXES_CLIENT_IP_CALLABLE.
    """
    remote = _address(request.META.get("REMOTE_ADDR", ""))
    if not from_trusted_proxy(request):
        return str(remote) if remote else None
    proxies = tuple(settings.TRUSTED_PROXIES)
    hop = remote
    for entry in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        address = _address(entry)
        if address is None:
            break
        hop = address
        if not _trusted(address, proxies):
            break
    return str(hop) if hop else None


def is_local(request: Any) -> bool:
    """Whether the request comes from this very machine; a forwarded request counts by its true origin, or not at all."""
    if request.META.get("HTTP_X_FORWARDED_FOR") and not from_trusted_proxy(request):
        return False
    address = _address(client_ip(request) or "")
    return bool(address and address.is_loopback)
