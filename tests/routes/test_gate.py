"""Nobody gets under /api without a session, whatever the path and whatever the trick."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from avalon.database import Database
from avalon.routes.gate import is_guarded
from tests.database.auth_help import PASSWORD
from tests.routes.app_help import App

CLOSED = [
    "/api",
    "/api/",
    "//api",
    "/api/anything",
    "//api//anything//",
    "/api/keys",
    "/api/keys/",
    "/api//keys",
    "/api/nothing/like/this",
    "/%61pi/keys",
    "/api%2Fkeys",
    "/API/keys",
    "/Api/keys",
    "/./api/keys",
    "/x/../api/keys",
    "/api/./keys",
    "/api/docs/../keys",
    "/api/docs/%2e%2e/keys",
    "/api/docs/..%2fkeys",
    "/api/docs/..%5ckeys",
    "/api/auth/login/../../keys",
    "/api/auth/login/x",
    "/api/auth/login%00",
    "/api/auth/login%0a",
    "/api/auth/Login",
    "/api;a=b/keys",
    "/api%5ckeys",
    "/api%00/keys",
    "/api%20/keys",
    "/api/1/envelope/x",
    "/api/x/envelope/",
    "/api/1/store/../../keys",
    "/api//envelope/",
    "/api/%D9%A1/envelope/",
    "/api/0/projects/a/user-feedback",
    "/api/0/projects/a/b/c/user-feedback",
    "/api/0/projects/a/../../../keys/user-feedback",
    "/api/0/projects/a/%D9%A1/user-feedback",
    "/api/0/projects/a/b/user-feedback/x",
    "/api/1/projects/a/b/user-feedback",
    "/api/embed",
    "/api/embed/error-page/x",
    "/api/openapi.json/x",
    "/api/openapi.yaml",
]
# A trailing slash is the same route to the router.
OPEN = [
    "/",
    "/health",
    "/apiary",
    "/x/api",
    "/api/docs",
    "/api/docs/ui.js",
    "/api/openapi.json",
    "/api/auth/login",
    "/api/auth/login/",
    "/api/1/envelope/",
    "/api/1/envelope",
    "/api/123456789/store/",
    "/api/0/projects/our-org/our_project/user-feedback/",
    "/api/embed/error-page",
    "/api/embed/error-page/",
]


@pytest.fixture
def app(database: Database) -> App:
    return App(database)


@pytest.fixture
async def anybody(app: App) -> AsyncIterator[httpx.AsyncClient]:
    async with app.client() as client:
        yield client


async def send_raw(app: App, path: str, method: str = "GET", root_path: str = "") -> int:
    """A request whose path no client library has tidied up."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path, "latin-1").encode("latin-1").decode("utf-8", "replace"),
        "raw_path": path.encode(),
        "root_path": root_path,
        "query_string": b"",
        "headers": [(b"host", b"avalon.test")],
        "client": ("198.51.100.7", 4242),
        "server": ("avalon.test", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app.asgi(scope, receive, send)
    status: int = sent[0]["status"]
    return status


async def test_no_path_under_api_opens_without_a_session(app: App) -> None:
    for method in ("GET", "POST", "OPTIONS", "TRACE"):
        for path in CLOSED:
            assert await send_raw(app, path, method) == 401, path


async def test_what_is_open_is_left_to_the_router(app: App) -> None:
    for path in OPEN:
        assert await send_raw(app, path) != 401, path


async def test_without_the_gate_the_tricks_reach_a_handler(database: Database) -> None:
    """The control: a handler that forgot its guard is protected by the gate alone."""
    app = App(database, is_guarded=False)
    reached = [path for path in CLOSED if await send_raw(app, path) == 200]
    assert {"/api/anything", "//api//anything//", "/api/docs/../keys"} <= set(reached)


async def test_a_root_path_is_read_as_the_router_reads_it(app: App) -> None:
    for path in ("/x/api/anything", "/api/auth/login/x/api/anything"):
        assert await send_raw(app, path, root_path="/x") == 401, path


async def test_every_path_that_the_router_takes_for_api_is_guarded() -> None:
    for path in ("/api", "/api/x", "/api/docs/..", "/api/docs/./x", "/api\\docs", "/api.json"):
        assert is_guarded(path), path


async def test_a_refusal_has_our_shape_and_says_how_to_sign_in(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/api/nothing")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["status"] == "error"
    assert answer.json()["code"] == "unauthorized"


async def test_what_is_no_token_opens_nothing(anybody: httpx.AsyncClient) -> None:
    for authorization in (
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic YTpi",
        "bearer null",
        "Token x",
        "",
        "Bearer x, Bearer y",
    ):
        answer = await anybody.get("/api/anything", headers={"Authorization": authorization})
        assert answer.status_code == 401, authorization


async def test_a_bearer_opens_in_any_case_of_the_scheme_and_needs_no_origin(app: App) -> None:
    client = await app.bearer()
    token = client.headers["authorization"].split()[1]
    for scheme in ("Bearer", "bearer", "BEARER"):
        answer = await client.get("/api/anything", headers={"Authorization": f"{scheme} {token}"})
        assert answer.text == "closed"
    elsewhere = {"Origin": "https://evil.example"}
    assert (await client.post("/api/auth/logout", headers=elsewhere)).status_code == 200
    assert (await client.get("/api/anything")).status_code == 401


async def test_a_token_in_the_address_opens_nothing(app: App, anybody: httpx.AsyncClient) -> None:
    token = (await app.bearer()).headers["authorization"].split()[1]
    for name in ("token", "access_token", "authorization"):
        assert (await anybody.get(f"/api/anything?{name}={token}")).status_code == 401


async def test_a_password_that_must_be_changed_opens_only_ones_own_account(app: App) -> None:
    _, password = await app.auth.users.create("system", username="bob", role="admin")
    async with app.client() as client:
        token = (await client.post("/api/auth/login", json={"username": "bob", "password": password})).json()
        client.cookies.clear()
        client.headers["Authorization"] = f"Bearer {token['token']}"
        assert (await client.get("/api/auth/me")).json()["user"]["must_change_password"] is True
        for path in ("/api/keys", "/api/users", "/api/auth/sessions", "/api/nothing"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "password_change_required")
        change = {"current_password": password, "new_password": PASSWORD}
        changed = (await client.put("/api/auth/profile", json=change)).json()
        client.headers["Authorization"] = f"Bearer {changed['token']}"
        assert (await client.get("/api/keys")).status_code == 200


async def test_postgres_away_is_a_503_and_not_a_401(app: App, database: Database) -> None:
    client = await app.bearer()
    await database.close()
    answer = await client.get("/api/anything")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
