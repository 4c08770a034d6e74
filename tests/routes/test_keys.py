"""API keys over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from avalon import event_store
from avalon.database import Database
from avalon.errors import KeyRefused
from avalon.events import REPORTED, NewEvent, uuid7
from tests.routes.app_help import App

FIELDS = {
    "id",
    "name",
    "service",
    "prefix",
    "is_active",
    "last_used_at",
    "created_at",
    "created_by",
    "expires_at",
    "rate_per_minute",
    "allowed_origins",
    "scope",
    "scrub_fields",
    "drop_ip_addresses",
    "events_24h",
}


@pytest.fixture
def app(database: Database) -> App:
    return App(database)


@pytest.fixture
async def admin(app: App) -> httpx.AsyncClient:
    return await app.bearer()


async def make_key(client: httpx.AsyncClient, **fields: Any) -> Any:
    answer = await client.post("/api/keys", json={"name": "Shop", "service": "shop"} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_key_is_made_shown_once_and_listed_without_its_text(
    app: App, admin: httpx.AsyncClient
) -> None:
    made = await make_key(admin, rate_per_minute=5, allowed_origins=["https://Shop.Example:443"])
    assert set(made) == FIELDS | {"key", "dsn"}
    assert (made["created_by"], made["is_active"]) == ("ada", True)
    assert made["allowed_origins"] == ["https://shop.example"]
    assert made["key"].startswith(made["prefix"])
    assert (await app.auth.find_key(made["key"])).service == "shop"
    shown = {name: made[name] for name in FIELDS}
    listed = (await admin.get("/api/keys")).json()
    assert listed == {"items": [shown], "next": None}
    assert (await admin.get(f"/api/keys/{made['id']}")).json() == shown


@pytest.mark.parametrize("public_url", [None, "https://errors.example.org"])
async def test_a_new_key_comes_with_its_dsn_unless_it_can_not_report(
    database: Database, public_url: str | None
) -> None:
    admin = await App(database, public_url=public_url).bearer()
    made = await make_key(admin)
    scheme, host = (public_url or f"http://{admin.base_url.netloc.decode()}").split("://")
    assert made["dsn"] == f"{scheme}://{made['key']}@{host}/1"
    assert (await make_key(admin, scope="source_maps"))["dsn"] is None


async def test_an_item_tells_how_its_key_was_used(
    app: App, admin: httpx.AsyncClient, database: Database
) -> None:
    made = await make_key(admin)
    key = await app.auth.find_key(made["key"])
    reports = [
        NewEvent(
            id=uuid7(),
            type=REPORTED,
            stream=uuid7(),
            service=key.service,
            level="error",
            actor=key.actor,
            data=msgspec.Raw(b"{}"),
        )
        for _ in range(3)
    ]
    await event_store.append(database, reports)
    item = (await admin.get("/api/keys")).json()["items"][0]
    assert item["events_24h"] == 3
    assert datetime.now(UTC) - datetime.fromisoformat(item["last_used_at"]) < timedelta(minutes=2)


async def test_a_key_can_be_changed_field_by_field(app: App, admin: httpx.AsyncClient) -> None:
    made = await make_key(admin, rate_per_minute=5)
    path = f"/api/keys/{made['id']}"
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await admin.patch(path, json={"name": "Other"})).json()["name"] == "Other"
    assert (await admin.patch(path, json={"expires_at": soon})).json()["expires_at"] is not None
    assert (await admin.patch(path, json={"expires_at": None})).json()["expires_at"] is None
    after = (await admin.patch(path, json={"rate_per_minute": None, "is_active": False})).json()
    assert (after["rate_per_minute"], after["is_active"], after["name"]) == (None, False, "Other")
    with pytest.raises(KeyRefused) as refused:
        await app.auth.find_key(made["key"])
    assert refused.value.code == "key_inactive"
    assert (await admin.patch(path, json={})).json() == after


RULES = {"scope": "source_maps", "scrub_fields": ["ssn", "IBAN-Number"], "drop_ip_addresses": True}
NO_RULES = {"scope": "report", "scrub_fields": [], "drop_ip_addresses": False}


async def test_a_key_keeps_its_rules_until_they_are_changed(app: App, admin: httpx.AsyncClient) -> None:
    def rules(item: Any) -> dict[str, Any]:
        return {name: item[name] for name in RULES}

    assert rules(await make_key(admin)) == NO_RULES
    made = await make_key(admin, **RULES)
    path = f"/api/keys/{made['id']}"
    rotated = (await admin.post(f"{path}/rotate")).json()
    renamed = (await admin.patch(path, json={"name": "Other"})).json()
    assert rules(made) == rules(rotated) == rules(renamed) == RULES
    for name, value in NO_RULES.items():
        assert (await admin.patch(path, json={name: value})).json()[name] == value
    key = await app.auth.find_key(rotated["key"])
    assert (key.scope, key.privacy) == ("report", None)
    await admin.patch(path, json={"scrub_fields": ["ssn", " ssn "]})
    privacy = (await app.auth.find_key(rotated["key"])).privacy
    assert privacy and privacy.names("SSN") and not privacy.drops_addresses


async def test_a_rotated_key_answers_with_its_new_text(app: App, admin: httpx.AsyncClient) -> None:
    made = await make_key(admin)
    answer = await admin.post(f"/api/keys/{made['id']}/rotate", json={"overlap_seconds": 60})
    rotated = answer.json()
    assert answer.status_code == 200
    assert set(rotated) == FIELDS | {"key", "dsn", "previous_expires_at"}
    assert rotated["dsn"].split("@")[0] == f"http://{rotated['key']}"
    assert rotated["id"] == made["id"]
    assert await app.auth.find_key(made["key"]) == await app.auth.find_key(rotated["key"])
    at_once = await admin.post(f"/api/keys/{made['id']}/rotate")
    assert at_once.status_code == 200
    with pytest.raises(KeyRefused):
        await app.auth.find_key(rotated["key"])
    assert (await app.auth.find_key(at_once.json()["key"])).service == "shop"
    for overlap in (-1, "x", 10**9, None):
        answer = await admin.post(f"/api/keys/{made['id']}/rotate", json={"overlap_seconds": overlap})
        assert (answer.status_code, "overlap_seconds" in answer.json()["message"]) == (400, True), overlap


async def test_a_deleted_key_is_gone(app: App, admin: httpx.AsyncClient) -> None:
    made = await make_key(admin)
    path = f"/api/keys/{made['id']}"
    assert (await admin.delete(path)).json() == {"status": "ok"}
    for answer in (
        await admin.get(path),
        await admin.delete(path),
        await admin.patch(path, json={"name": "x"}),
        await admin.post(f"{path}/rotate", json={}),
        await admin.get("/api/keys/not-a-uuid"),
    ):
        assert answer.status_code == 404


BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": " " * 5}, "name"),
    ({"name": "x" * 101}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"name": 5}, "name"),
    ({"service": ""}, "service"),
    ({"service": "a" * 101}, "service"),
    ({"service": "a<b"}, "service"),
    ({"service": "a\nb"}, "service"),
    ({"service": "a_b\u202e"}, "service"),
    ({"service": None}, "service"),
    ({"rate_per_minute": 0}, "rate_per_minute"),
    ({"rate_per_minute": -1}, "rate_per_minute"),
    ({"rate_per_minute": 10**30}, "rate_per_minute"),
    ({"rate_per_minute": 1.5}, "rate_per_minute"),
    ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
    ({"expires_at": "9999-12-31T00:00:00Z"}, "expires_at"),
    ({"expires_at": "2050-01-01T00:00:00"}, "expires_at"),
    ({"expires_at": "soon"}, "expires_at"),
    ({"allowed_origins": ["*"]}, "allowed_origins"),
    ({"allowed_origins": ["https://a.example/path"]}, "allowed_origins"),
    ({"allowed_origins": ["ftp://a.example"]}, "allowed_origins"),
    ({"allowed_origins": ["https://a.example:70000"]}, "allowed_origins"),
    ({"allowed_origins": ["https://a.example"] * 101}, "allowed_origins"),
    ({"allowed_origins": "https://a.example"}, "allowed_origins"),
    ({"scope": "everything"}, "scope"),
    ({"scope": None}, "scope"),
    ({"scrub_fields": "ssn"}, "scrub_fields"),
    ({"scrub_fields": [""]}, "scrub_fields"),
    ({"scrub_fields": ["a\0"]}, "scrub_fields"),
    ({"scrub_fields": ["x" * 65]}, "scrub_fields"),
    ({"scrub_fields": [f"field {n}" for n in range(51)]}, "scrub_fields"),
    ({"drop_ip_addresses": "yes"}, "drop_ip_addresses"),
    ({"unknown": 1}, "unknown"),
]


async def test_a_bad_field_is_a_400_that_names_it(admin: httpx.AsyncClient) -> None:
    path = f"/api/keys/{(await make_key(admin))['id']}"
    for fields, named in BAD:
        answers = [await admin.post("/api/keys", json={"name": "a", "service": "a"} | fields)]
        if "service" not in fields:
            answers.append(await admin.patch(path, json=fields))
        for answer in answers:
            assert answer.status_code == 400, fields
            assert named in answer.json()["message"], fields
    assert len((await admin.get("/api/keys")).json()["items"]) == 1


@pytest.mark.parametrize(
    "service", ["a", "my-app", "Shop 2.0", "team/api:eu-1", "x" * 100, "café_été", "007"]
)
async def test_a_good_service_name_is_taken(admin: httpx.AsyncClient, service: str) -> None:
    assert (await make_key(admin, service=service))["service"] == service


async def test_keys_come_in_pages(admin: httpx.AsyncClient) -> None:
    made = [(await make_key(admin, name=str(n)))["id"] for n in range(3)]
    first = (await admin.get("/api/keys?limit=2")).json()
    rest = (await admin.get(f"/api/keys?limit=2&cursor={first['next']}")).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None
    for query in ("limit=0", "limit=-5", "limit=201", "limit=x", "cursor=x"):
        answer = await admin.get(f"/api/keys?{query}")
        assert (answer.status_code, query.partition("=")[0] in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_others_see_keys_and_change_none(app: App, admin: httpx.AsyncClient, role: str) -> None:
    made = await make_key(admin)
    path = f"/api/keys/{made['id']}"
    client = await app.bearer("bob", role)
    assert (await client.get("/api/keys")).status_code == (await client.get(path)).status_code == 200
    for answer in (
        await client.post("/api/keys", json={"name": "a", "service": "a"}),
        await client.patch(path, json={"name": "a"}),
        await client.post(f"{path}/rotate", json={}),
        await client.delete(path),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
