"""Signing in and out, one's own account, and the live stream's door."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from avalon.database import Database
from tests.database.auth_help import PASSWORD
from tests.routes.app_help import ORIGIN, App


@pytest.fixture
def app(database: Database) -> App:
    return App(database)


async def log_in(client: httpx.AsyncClient, username: str = "ada", password: str = PASSWORD) -> Any:
    return await client.post("/api/auth/login", json={"username": username, "password": password})


async def make_user(app: App, username: str = "ada", role: str = "viewer") -> None:
    await app.auth.users.create("system", username=username, role=role, password=PASSWORD)


async def test_a_login_answers_with_a_token_and_a_cookie(app: App) -> None:
    await make_user(app)
    async with app.client() as client:
        answer = await log_in(client)
        body = answer.json()
        assert answer.status_code == 200
        assert set(body) == {"status", "token", "expires_at", "user"}
        assert set(body["user"]) == {"id", "username", "role", "must_change_password"}
        assert body["expires_at"].endswith("Z")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"avalon={body['token']};")
        for part in ("HttpOnly", "Path=/", "SameSite=strict", "Max-Age=86400"):
            assert part in cookie
        assert "Secure" not in cookie
        assert (await client.get("/api/auth/me")).json()["user"] == body["user"]


async def test_under_tls_the_cookie_is_secure_and_of_this_host_alone(app: App, database: Database) -> None:
    await make_user(app)
    behind = App(database, trusted_proxies=("198.51.100.0/24",))
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.9"}
    for client, is_secure in (
        (app.client("https://avalon.test"), True),
        (behind.client(headers=forwarded), True),
        (app.client(headers=forwarded), False),
    ):
        cookie = (await log_in(client)).headers["set-cookie"]
        assert cookie.startswith("__Host-avalon=") is is_secure
        assert ("Secure" in cookie) is is_secure
        assert "Domain" not in cookie
    sessions = await behind.auth.sessions.of_user((await behind.auth.users.page())[0].id)
    assert [session.address for session in sessions] == ["198.51.100.7", "192.0.2.9", "198.51.100.7"]


async def test_a_wrong_login_says_the_same_for_both(app: App) -> None:
    await make_user(app)
    async with app.client() as client:
        wrong = [await log_in(client, username, "not the password") for username in ("ada", "nobody")]
        assert {answer.status_code for answer in wrong} == {401}
        assert wrong[0].json() == wrong[1].json()
        assert "set-cookie" not in wrong[0].headers


async def test_repeated_failures_are_a_429_with_a_time(app: App) -> None:
    await make_user(app)
    async with app.client() as client:
        statuses = [(await log_in(client, "ada", "wrong")).status_code for _ in range(6)]
        assert statuses == [401] * 5 + [429]
        answer = await log_in(client)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_a_login_that_can_not_be_read_is_a_400_that_names_the_field(app: App) -> None:
    async with app.client() as client:
        for body, named in UNREADABLE:
            answer = await client.post("/api/auth/login", json=body)
            assert (answer.status_code, named in answer.json()["message"]) == (400, True), body


UNREADABLE: list[tuple[object, str]] = [
    ({}, "username"),
    ({"username": "ada"}, "password"),
    ({"username": 1, "password": "x"}, "username"),
    ({"username": "ada", "password": None}, "password"),
    ({"username": "ada", "password": "x", "admin": True}, "admin"),
    ([], ""),
    ("ada", ""),
    (None, ""),
]


async def test_a_foreign_page_can_not_sign_somebody_in(app: App) -> None:
    await make_user(app)
    body = f'{{"username": "ada", "password": "{PASSWORD}"}}'
    for headers, status in (
        ({"Content-Type": "application/json", "Origin": "https://evil.example"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json", "Origin": ORIGIN}, 200),
    ):
        answer = await app.client().post("/api/auth/login", content=body, headers=headers)
        assert answer.status_code == status


async def test_a_logout_ends_the_session_and_the_cookie(app: App) -> None:
    await make_user(app)
    async with app.client(headers={"Origin": ORIGIN}) as client:
        token = (await log_in(client)).json()["token"]
        answer = await client.post("/api/auth/logout")
        assert answer.status_code == 200
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert not client.cookies
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await client.get("/api/auth/me", headers=bearer)).status_code == 401


async def test_a_new_password_ends_the_others_and_answers_with_a_new_token(app: App) -> None:
    await make_user(app)
    async with app.client(headers={"Origin": ORIGIN}) as client, app.client() as elsewhere:
        await log_in(elsewhere)
        before = (await log_in(client)).json()
        change = {"username": "Ada L.", "current_password": PASSWORD, "new_password": "another long one"}
        answer = await client.put("/api/auth/profile", json=change)
        body = answer.json()
        assert answer.status_code == 200
        assert body["user"] == before["user"] | {"username": "Ada L."}
        assert body["token"] != before["token"]
        assert client.cookies["avalon"] == body["token"]
        assert (await client.get("/api/auth/me")).status_code == 200
        assert (await elsewhere.get("/api/auth/me")).status_code == 401
        old = {"Authorization": f"Bearer {before['token']}"}
        assert (await elsewhere.get("/api/auth/me", headers=old)).status_code == 401


async def test_a_new_name_alone_needs_no_password_and_no_new_token(app: App) -> None:
    await make_user(app, "bob")
    client = await app.bearer("ada", "viewer")
    answer = await client.put("/api/auth/profile", json={"username": "Ada"})
    assert (answer.status_code, answer.json()["user"]["username"]) == (200, "Ada")
    assert "token" not in answer.json()
    assert (await client.get("/api/auth/me")).json()["user"]["username"] == "Ada"
    taken = await client.put("/api/auth/profile", json={"username": "BOB"})
    assert (taken.status_code, taken.json()["code"]) == (409, "username_taken")


async def test_a_bad_change_is_a_400_that_names_the_field(app: App) -> None:
    client = await app.bearer()
    for change, named in UNFIT:
        answer = await client.put("/api/auth/profile", json=change)
        assert (answer.status_code, answer.json()["message"].partition(":")[0]) == (400, named), change


UNFIT: list[tuple[dict[str, object], str]] = [
    ({"new_password": "another long one"}, "current_password"),
    ({"new_password": "another long one", "current_password": "wrong"}, "current_password"),
    ({"new_password": "password1", "current_password": PASSWORD}, "new_password"),
    ({"username": ""}, "username"),
    ({"username": 7}, "username"),
]


async def test_sessions_are_listed_and_ended(app: App) -> None:
    client = await app.bearer()
    other = await app.auth.login("ada", PASSWORD, user_agent="Firefox", address="192.0.2.1")
    third = await app.auth.login("ada", PASSWORD, user_agent="Safari", address="192.0.2.2")
    items = (await client.get("/api/auth/sessions")).json()["items"]
    assert [item["user_agent"] for item in items] == ["Safari", "Firefox", ""]
    assert [item["is_current"] for item in items] == [False, False, True]
    assert (await client.delete(f"/api/auth/sessions/{other.principal.session}")).status_code == 200
    assert (await client.delete(f"/api/auth/sessions/{other.principal.session}")).status_code == 404
    assert (await client.delete("/api/auth/sessions")).json() == {"status": "ok", "ended": 1}
    with pytest.raises(Exception, match="over"):
        await app.auth.authenticate(third.token)
    stranger = await app.bearer("bob", "admin")
    current = items[2]["id"]
    assert (await stranger.delete(f"/api/auth/sessions/{current}")).status_code == 404


async def open_socket(app: App, headers: dict[str, str], path: str = "/ws") -> list[str]:
    """The types of what a websocket's server says."""
    sent: list[str] = []
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("198.51.100.7", 4242),
        "server": ("avalon.test", 80),
        "subprotocols": [],
    }

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app.asgi(scope, receive, send)
    return sent


async def test_a_socket_with_the_cookie_needs_our_exact_origin(app: App) -> None:
    token = (await app.bearer()).headers["authorization"].split()[1]
    cookie = {"Host": "avalon.test", "Cookie": f"avalon={token}"}
    assert "websocket.accept" in await open_socket(app, cookie | {"Origin": ORIGIN})
    for origin in ("https://evil.example", "null", "https://avalon.test", f"{ORIGIN}.evil.example"):
        assert await open_socket(app, cookie | {"Origin": origin}) == ["websocket.close"]
    assert await open_socket(app, cookie) == ["websocket.close"]
    bearer = {"Host": "avalon.test", "Authorization": f"Bearer {token}"}
    assert "websocket.accept" in await open_socket(app, bearer)
    assert await open_socket(app, {"Host": "avalon.test"}) == ["websocket.close"]
    assert await open_socket(app, {"Host": "avalon.test"}, "/api/ws") == ["websocket.close"]


async def test_a_socket_waits_for_the_new_password(app: App) -> None:
    _, password = await app.auth.users.create("system", username="bob", role="admin")
    token = (await app.auth.login("bob", password, user_agent="", address="")).token
    assert await open_socket(app, {"Authorization": f"Bearer {token}"}) == ["websocket.close"]
