"""What a foreign page can make a signed-in browser send, and the live stream's door before it opens."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from avalon.routes import auth as auth_routes
from avalon.routes import gate
from tests.conftest import Server
from tests.routes.doors import ACCESS, KEY, OPEN, Door, handshake

FOREIGN = ("https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1", "http://localhost")
WRITES = [
    Door(*operation.split(" "))
    for operation, who in ACCESS.items()
    if who not in (OPEN, KEY) and not operation.startswith("GET ")
]


@pytest.fixture
async def cookie(server: Server) -> dict[str, str]:
    """What a browser sends of its own accord."""
    return {"Cookie": f"avalon={await server.login()}"}


async def write_everywhere(server: Server, headers: dict[str, str], body: str = "{}") -> dict[str, Any]:
    """The status and the code at every door that writes."""
    found = {}
    async with server.client(headers=headers) as browser:
        for door in sorted(WRITES, key=lambda one: one.template == "/api/auth/logout"):
            answer = await browser.request(door.method, door.path, content=body)
            found[str(door)] = (answer.status_code, answer.json().get("code"))
    return found


async def test_a_foreign_origin_writes_nothing_with_the_cookie(
    server: Server, cookie: dict[str, str]
) -> None:
    json = {"Content-Type": "application/json"}
    for origin in FOREIGN:
        answers = await write_everywhere(server, cookie | json | {"Origin": origin})
        assert set(answers.values()) == {(403, "origin_refused")}, origin
    assert set((await write_everywhere(server, cookie | json)).values()) == {(403, "origin_refused")}


async def test_a_form_writes_nothing_with_the_cookie(server: Server, cookie: dict[str, str]) -> None:
    """These three a page may send without asking first (Fetch §2.2.2), and no type at all."""
    ours = cookie | {"Origin": server.url}
    forms = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "")
    for media_type in forms:
        answers = await write_everywhere(server, ours | {"Content-Type": media_type})
        assert set(answers.values()) == {(415, "unsupported_media")}, media_type


async def test_our_own_page_writes_with_the_cookie(server: Server, cookie: dict[str, str]) -> None:
    ours = cookie | {"Origin": server.url, "Content-Type": "application/json; charset=utf-8"}
    answers = await write_everywhere(server, ours)
    turned_away = {door for door, (status, _) in answers.items() if status in (401, 403, 415)}
    assert turned_away <= {"POST /api/auth/logout"}  # `DELETE /api/auth/sessions` spares this session
    assert len(answers) > 15


async def test_without_the_checks_a_foreign_page_writes(
    server: Server, cookie: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(gate, "check_origin", lambda scope, settings: None)
    foreign = cookie | {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    assert set((await write_everywhere(server, foreign)).values()) == {(415, "unsupported_media")}
    monkeypatch.setattr(gate, "check_json", lambda scope: None)
    statuses = {status for status, _ in (await write_everywhere(server, foreign)).values()}
    assert statuses & {200, 201}
    assert not statuses & {401, 403, 415}


async def test_a_foreign_page_can_not_sign_a_browser_in(
    server: Server, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = {"username": "admin", "password": "a password for tests"}
    headers = {"Origin": "https://evil.example"}
    assert (await client.post("/api/auth/login", json=login, headers=headers)).status_code == 403
    monkeypatch.setattr(auth_routes, "check_origin", lambda scope, settings: None)
    assert (await client.post("/api/auth/login", json=login, headers=headers)).status_code == 200


async def test_a_socket_with_the_cookie_needs_our_origin_before_it_is_accepted(
    server: Server, cookie: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connect(
        server.url.replace("http", "ws") + "/ws", additional_headers=cookie, origin=server.url
    ):
        pass
    for origin in (*FOREIGN, f"{server.url}.evil.example", server.url.replace("http", "https")):
        assert (await handshake(server, **cookie, Origin=origin))[0] == 403, origin
    status, headers = await handshake(server, **cookie)
    assert (status, headers["content-type"]) == (403, "application/json")
    monkeypatch.setattr(gate, "check_origin", lambda scope, settings: None)
    assert (await handshake(server, **cookie, Origin="https://evil.example"))[0] == 101


async def test_a_socket_needs_a_session_and_takes_no_token_from_its_address(server: Server) -> None:
    token = await server.login()
    assert (await handshake(server))[0] == 401
    for path in (f"/ws?token={token}", f"/ws?access_token={token}", f"/ws?authorization=Bearer%20{token}"):
        assert (await handshake(server, path))[0] == 401
    assert (await handshake(server, "/api/ws", Authorization=f"Bearer {token}"))[0] == 401
    assert (await handshake(server, Authorization=f"Bearer {token}"))[0] == 101


async def test_only_ingest_lets_other_origins_read(server: Server, admin: httpx.AsyncClient) -> None:
    elsewhere = {"Origin": "https://shop.example"}
    preflight = elsewhere | {"Access-Control-Request-Method": "POST"}
    async with server.client() as client:
        answer = await client.options("/report", headers=preflight)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        for path in ("/api/auth/login", "/api/errors", "/", "/metrics", "/health/ready", "/api/openapi.json"):
            for asked in (
                await client.get(path, headers=elsewhere),
                await client.options(path, headers=preflight),
            ):
                assert "access-control-allow-origin" not in asked.headers, path
    assert "access-control-allow-origin" not in (await admin.get("/api/errors", headers=elsewhere)).headers


async def test_a_refused_handshake_is_an_answer_like_every_other(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(server.url.replace("http", "ws") + "/nothing"):
            pass
    response = refused.value.response
    assert response.status_code == 404
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert b'"status":"error"' in (response.body or b"")
