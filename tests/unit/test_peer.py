"""Who is at the other end, and which proxies are believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from avalon.errors import Forbidden
from avalon.routes.peer import check_origin, client_address, is_secure, own_origin
from avalon.settings import Settings, load_settings

PROXY = "10.0.0.1"


def believing(*proxies: str, **changes: Any) -> Settings:
    return msgspec.structs.replace(load_settings({}, Path("/nowhere")), trusted_proxies=proxies, **changes)


def a_scope(client: str | None = PROXY, scheme: str = "http", **headers: str) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"client": client and (client, 1), "scheme": scheme, "headers": [(b"host", b"a.test"), *named]}


@pytest.mark.parametrize(
    ("client", "forwarded_for", "address"),
    [
        (PROXY, "192.0.2.1", "192.0.2.1"),
        (PROXY, "6.6.6.6, 192.0.2.1", "192.0.2.1"),
        (PROXY, "6.6.6.6, 192.0.2.1, 10.9.9.9", "192.0.2.1"),
        (PROXY, "10.0.0.7, 10.9.9.9", "10.0.0.7"),
        (PROXY, "192.0.2.1, rubbish", PROXY),
        (PROXY, "192.0.2.1, rubbish, 10.9.9.9", "10.9.9.9"),
        (PROXY, "", PROXY),
        (PROXY, "2001:db8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("203.0.113.5", "192.0.2.1", "203.0.113.5"),
        ("/run/socket", "192.0.2.1", "/run/socket"),
        (None, "192.0.2.1", ""),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy_of_ours(
    client: str | None, forwarded_for: str, address: str
) -> None:
    scope = a_scope(client, x_forwarded_for=forwarded_for)
    assert client_address(scope, believing("10.0.0.0/8")) == address


def test_without_trusted_proxies_nothing_forwarded_is_believed() -> None:
    scope = a_scope(x_forwarded_for="1.1.1.1", x_forwarded_proto="https", x_forwarded_host="evil.test")
    settings = believing()
    assert client_address(scope, settings) == PROXY
    assert not is_secure(scope, settings)
    assert own_origin(scope, settings) == "http://a.test"


def test_a_trusted_proxy_says_how_the_browser_sees_us() -> None:
    settings = believing("10.0.0.0/8")
    scope = a_scope(x_forwarded_proto="http, https", x_forwarded_host="Errors.Example:443")
    assert is_secure(scope, settings)
    assert own_origin(scope, settings) == "https://errors.example"
    check_origin(scope | {"headers": [*scope["headers"], (b"origin", b"https://errors.example")]}, settings)


@pytest.mark.parametrize("scheme", ["https", "wss"])
def test_tls_of_our_own_is_seen(scheme: str) -> None:
    assert own_origin(a_scope("192.0.2.1", scheme), believing()) == "https://a.test"


def test_a_request_without_an_origin_is_not_from_a_page_of_ours() -> None:
    for scope in (a_scope(), a_scope(origin=""), a_scope(origin="null"), a_scope() | {"headers": []}):
        with pytest.raises(Forbidden):
            check_origin(scope, believing())
