"""Accounts over HTTP: for admins alone."""

from __future__ import annotations

import httpx
import pytest

from avalon.database import Database
from avalon.events import uuid7
from tests.database.auth_help import PASSWORD
from tests.routes.app_help import App

FIELDS = {"id", "username", "role", "must_change_password", "created_at", "created_by", "last_login_at"}


@pytest.fixture
def app(database: Database) -> App:
    return App(database)


@pytest.fixture
async def admin(app: App) -> httpx.AsyncClient:
    return await app.bearer()


async def test_a_user_is_made_with_a_password_that_is_shown_once(app: App, admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/users", json={"username": "bob", "role": "member"})
    made = answer.json()
    assert answer.status_code == 201
    assert set(made) == FIELDS | {"password"}
    assert (made["created_by"], made["must_change_password"]) == ("ada", True)
    login = {"username": "bob", "password": made["password"]}
    assert (await app.client().post("/api/auth/login", json=login)).status_code == 200
    items = (await admin.get("/api/users")).json()["items"]
    assert [item["username"] for item in items] == ["ada", "bob"]
    assert all(set(item) == FIELDS for item in items)
    assert (await admin.get(f"/api/users/{made['id']}")).json() == items[1]


async def test_a_given_password_is_not_shown_and_stays(admin: httpx.AsyncClient) -> None:
    body = {"username": "bob", "role": "viewer", "password": PASSWORD}
    made = (await admin.post("/api/users", json=body)).json()
    assert set(made) == FIELDS
    assert made["must_change_password"] is False
    again = await admin.post("/api/users", json=body | {"username": "BOB"})
    assert (again.status_code, again.json()["code"]) == (409, "username_taken")


async def test_a_user_can_be_changed_reset_and_deleted(app: App, admin: httpx.AsyncClient) -> None:
    bob = await app.bearer("bob", "viewer")
    path = f"/api/users/{(await bob.get('/api/auth/me')).json()['user']['id']}"
    changed = (await admin.patch(path, json={"role": "member", "username": "Bob"})).json()
    assert (changed["role"], changed["username"]) == ("member", "Bob")
    assert (await bob.get("/api/auth/me")).json()["user"]["role"] == "member"
    reset = (await admin.patch(path, json={"reset_password": True})).json()
    assert reset["must_change_password"] is True
    assert (await bob.get("/api/auth/me")).status_code == 401
    login = {"username": "bob", "password": reset["password"]}
    assert (await app.client().post("/api/auth/login", json=login)).status_code == 200
    assert "password" not in (await admin.patch(path, json={"password": "chosen by an admin"})).json()
    assert (await admin.delete(path)).json() == {"status": "ok"}
    for answer in (await admin.get(path), await admin.delete(path), await admin.patch(path, json={})):
        assert answer.status_code == 404


async def test_the_last_admin_stays(admin: httpx.AsyncClient) -> None:
    path = f"/api/users/{(await admin.get('/api/auth/me')).json()['user']['id']}"
    for answer in (await admin.delete(path), await admin.patch(path, json={"role": "viewer"})):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    assert (await admin.get("/api/auth/me")).json()["user"]["role"] == "admin"


BAD: list[tuple[dict[str, object], str]] = [
    ({"username": ""}, "username"),
    ({"username": "a\0"}, "username"),
    ({"role": "root"}, "role"),
    ({"password": "short"}, "password"),
    ({"password": "bob"}, "password"),
    ({"is_admin": True}, "is_admin"),
]


async def test_a_bad_field_is_a_400_that_names_it(admin: httpx.AsyncClient) -> None:
    for fields, named in BAD:
        answer = await admin.post("/api/users", json={"username": "bob", "role": "viewer"} | fields)
        assert (answer.status_code, named in answer.json()["message"]) == (400, True), fields


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_others_get_nowhere(app: App, role: str) -> None:
    client = await app.bearer("bob", role)
    path = f"/api/users/{uuid7()}"
    for answer in (
        await client.get("/api/users"),
        await client.post("/api/users", json={"username": "x", "role": "admin"}),
        await client.get(path),
        await client.patch(path, json={"role": "admin"}),
        await client.delete(path),
    ):
        assert answer.status_code == 403
