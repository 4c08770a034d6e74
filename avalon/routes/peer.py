"""Who is at the other end of a request, and under which address they see us.

`X-Forwarded-*` counts only where the connection comes from one of AVALON_TRUSTED_PROXIES; from anybody else
it is a claim like any other header. (A server that has read them already leaves the same answers here, but
for `X-Forwarded-Host`: then the proxy has to pass `Host` on, or AVALON_PUBLIC_URL has to name it.)
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from avalon.errors import Forbidden
from avalon.settings import Settings

Scope = Any  # HTTP and websocket scopes alike

_SECURE: Final = frozenset({"https", "wss"})
_DEFAULT_PORT: Final = {"http": ":80", "https": ":443"}


def header(scope: Scope, name: bytes) -> str:
    """The header's value, or that of all of its lines joined; empty where there is none."""
    return ", ".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def client_address(scope: Scope, settings: Settings) -> str:
    """The address of the client: the last one that no proxy of ours has."""
    address: str = (scope.get("client") or ("", 0))[0]
    if not _is_trusted(address, settings.trusted_proxies):
        return address
    for hop in reversed(header(scope, b"x-forwarded-for").split(",")):
        hop = hop.strip()
        if not _is_address(hop):
            return address
        address = hop
        if not _is_trusted(hop, settings.trusted_proxies):
            break
    return address


def is_secure(scope: Scope, settings: Settings) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy of ours."""
    return (_forwarded(scope, settings, b"x-forwarded-proto") or scope.get("scheme", "http")) in _SECURE


def own_origin(scope: Scope, settings: Settings) -> str:
    """The origin under which the browser sees this request's address."""
    host = _forwarded(scope, settings, b"x-forwarded-host") or header(scope, b"host").lower()
    return _origin("https" if is_secure(scope, settings) else "http", host)


def base_url_for(scope: Scope, settings: Settings) -> str:
    """What links and DSNs begin with: the address that the settings name, or else the one that was asked."""
    return settings.public_url or own_origin(scope, settings)


def check_origin(scope: Scope, settings: Settings) -> None:
    """Raises Forbidden unless a page of our own sent this: browsers say so, and pages can't (RFC 6454)."""
    origins = {own_origin(scope, settings)}
    if settings.public_url:
        public = urlsplit(settings.public_url.lower())
        origins.add(_origin(public.scheme, public.netloc))
    if header(scope, b"origin").lower() not in origins:
        raise Forbidden(
            "this needs the Origin of the dashboard itself; behind a proxy, set AVALON_PUBLIC_URL",
            code="origin_refused",
        )


def _origin(scheme: str, host: str) -> str:
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORT[scheme])}"


def _forwarded(scope: Scope, settings: Settings, name: bytes) -> str:
    """What the nearest proxy says, if it is one of ours."""
    address = (scope.get("client") or ("", 0))[0]
    if not _is_trusted(address, settings.trusted_proxies):
        return ""
    return header(scope, name).rpartition(",")[2].strip().lower()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(4096)
def _is_trusted(address: str, proxies: tuple[str, ...]) -> bool:
    return bool(proxies) and _is_address(address) and _is_within(ipaddress.ip_address(address), proxies)


def _is_within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: Iterable[str]) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ipaddress.ip_network(network) for network in networks)
