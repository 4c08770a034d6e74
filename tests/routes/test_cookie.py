"""The dashboard's cookie: what a page of ours may do with it, and a foreign one can't."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from avalon.database import Database
from tests.routes.app_help import ORIGIN, App


@pytest.fixture
def app(database: Database) -> App:
    return App(database)


async def with_cookie(app: App, **named: Any) -> httpx.AsyncClient:
    client = await app.bearer()
    token = client.headers.pop("authorization").split()[1]
    cookie = f"other=1; avalon={token}; avalon=second"
    return app.client(headers={"Cookie": cookie, **named.pop("headers", {})}, **named)


async def test_with_the_cookie_reading_needs_no_origin(app: App) -> None:
    client = await with_cookie(app)
    assert (await client.get("/api/anything")).text == "closed"
    assert (await client.get("/api/anything", headers={"Origin": "https://evil.example"})).status_code == 200


async def test_with_the_cookie_a_write_needs_our_origin(app: App) -> None:
    client = await with_cookie(app)
    for origin, status in ORIGINS:
        headers = {} if origin is None else {"Origin": origin}
        answer = await client.post("/api/keys", json={"name": "a", "service": "a"}, headers=headers)
        assert answer.status_code == status, origin
        if status == 403:
            assert answer.json()["code"] == "origin_refused"


ORIGINS = [
    (None, 403),
    ("null", 403),
    ("", 403),
    ("https://evil.example", 403),
    ("http://avalon.test.evil.example", 403),
    ("https://avalon.test", 403),
    ("http://avalon.test:81", 403),
    ("http://avalon.test, https://evil.example", 403),
    ("http://avalon.test", 201),
    ("HTTP://AVALON.TEST", 201),
]


async def test_with_the_cookie_a_write_needs_json(app: App) -> None:
    client = await with_cookie(app, headers={"Origin": ORIGIN})
    body = b'{"name": "a", "service": "a"}'
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "", "text/json"):
        answer = await client.post("/api/keys", content=body, headers={"Content-Type": content_type})
        assert answer.status_code == 415, content_type
    proper = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await client.post("/api/keys", content=body, headers=proper)).status_code == 201


async def test_the_public_address_counts_as_our_origin_too(database: Database) -> None:
    app = App(database, public_url="https://Errors.example:443")
    client = await with_cookie(app)
    body = {"name": "a", "service": "a"}
    for origin, status in (("https://errors.example", 201), (ORIGIN, 201), ("http://errors.example", 403)):
        answer = await client.post("/api/keys", json=body, headers={"Origin": origin})
        assert answer.status_code == status


async def test_behind_tls_only_the_cookie_counts_that_no_other_host_can_set(app: App) -> None:
    token = (await app.bearer()).headers["authorization"].split()[1]
    secure = app.client("https://avalon.test")
    for name, status in (("avalon", 401), ("__Host-avalon", 200)):
        answer = await secure.get("/api/anything", headers={"Cookie": f"{name}={token}"})
        assert answer.status_code == status
