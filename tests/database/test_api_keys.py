"""Finding API keys on the hot path, and changing them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import Raw
from msgspec.json import encode

from avalon import event_store, projections
from avalon.auth import Auth
from avalon.auth.key_format import fingerprint, new_key
from avalon.auth.key_ring import MAX_UNKNOWN
from avalon.database import Database
from avalon.errors import BadInput, Forbidden, KeyRefused, NotFound
from avalon.events import ApiKeyChanged, NewEvent, uuid7
from tests.conftest import Urls
from tests.database.auth_help import Feed, facts, settings

ADMIN = "user:01890000-0000-7000-8000-000000000001"


@pytest.fixture
def feed(database: Database) -> Feed:
    return Feed(database)


@pytest.fixture
def auth(database: Database, feed: Feed) -> Auth:
    return Auth(database, settings(), feed.is_fresh)


@pytest.fixture
def other(database: Database, feed: Feed) -> Auth:
    """Another replica on the same database."""
    return Auth(database, settings(), feed.is_fresh)


async def refusal(auth: Auth, text: str) -> str | None:
    try:
        await auth.find_key(text)
    except KeyRefused as error:
        return error.code
    return None


async def test_a_new_key_is_found_and_only_its_hash_is_kept(auth: Auth, database: Database) -> None:
    item, text = await auth.keys.create(
        ADMIN,
        name=" Shop ",
        service="shop-prod",
        rate_per_minute=60,
        allowed_origins=["HTTPS://Shop.example:443/"],
    )
    key = await auth.find_key(text)
    assert (key.id, key.service, key.actor) == (item.id, "shop-prod", f"key:{item.id}")
    assert (key.rate_per_minute, key.allowed_origins) == (60, ("https://shop.example",))
    assert (item.name, item.created_by, item.is_active, item.events_24h) == ("Shop", ADMIN, True, 0)
    assert text.startswith(item.prefix)
    (created,) = await facts(database)
    assert (created.type, created.actor, created.service) == ("api_key.created", ADMIN, "shop-prod")
    assert created.data["sha256"] == fingerprint(text).hex()
    assert text[12:] not in str(created)


async def test_a_text_that_is_no_key_costs_no_query(auth: Auth, database: Database) -> None:
    await database.close()
    assert await refusal(auth, "") == "key_missing"
    for text in ("x", "avl_" + "x" * 38, new_key() + "x", "\ud800", "\0" * 60_000):
        assert await refusal(auth, text) == "key_unknown"


async def test_a_known_key_costs_no_query(auth: Auth, feed: Feed, database: Database) -> None:
    _, text = await auth.keys.create(ADMIN, name="a", service="a")
    unknown = new_key()
    assert await refusal(auth, text) is None
    assert await refusal(auth, unknown) == "key_unknown"
    await database.close()
    assert await refusal(auth, text) is None
    assert await refusal(auth, unknown) == "key_unknown"
    feed.fresh = False
    with pytest.raises(Exception, match="Postgres is away"):
        await auth.find_key(text)


async def test_a_key_switched_off_is_refused_everywhere_once_the_fact_has_come(
    auth: Auth, other: Auth, feed: Feed
) -> None:
    item, text = await auth.keys.create(ADMIN, name="a", service="a")
    await other.find_key(text)
    await auth.keys.change(ADMIN, item.id, ApiKeyChanged(is_active=False))
    assert await refusal(auth, text) == "key_inactive"
    assert await refusal(other, text) is None, "the control: without the fact it is still remembered"
    await feed.bring(auth, other)
    assert await refusal(other, text) == "key_inactive"
    await auth.keys.change(ADMIN, item.id, ApiKeyChanged(is_active=True))
    await feed.bring(other)
    assert await refusal(other, text) is None


async def test_new_rules_count_everywhere_once_the_fact_has_come(
    auth: Auth, other: Auth, feed: Feed, database: Database, urls: Urls
) -> None:
    item, text = await auth.keys.create(ADMIN, name="a", service="a")
    await other.find_key(text)
    rules = ApiKeyChanged(scope="source_maps", scrub_fields=["ssn"], drop_ip_addresses=True)
    await auth.keys.change(ADMIN, item.id, rules)
    assert (await other.find_key(text)).privacy is None, "the control: without the fact it is remembered"
    await feed.bring(other)
    key = await other.find_key(text)
    assert key.privacy is not None and key.privacy.drops_addresses and key.privacy.names("SSN")
    with pytest.raises(Forbidden, match="for source maps") as refused:
        key.require("report")
    assert refused.value.code == "key_scope"
    assert await projections.verify(urls.owner) == []


async def test_a_key_of_an_older_release_has_no_rules(auth: Auth, database: Database, urls: Urls) -> None:
    text, key = new_key(), uuid7()
    data = {"name": "a", "sha256": fingerprint(text).hex(), "prefix": text[:10], "expires_at": None}
    data |= {"rate_per_minute": None, "allowed_origins": []}
    made = NewEvent(
        id=uuid7(), type="api_key.created", stream=key, actor=ADMIN, service="a", data=Raw(encode(data))
    )
    await event_store.append(database, [made])
    found = await auth.find_key(text)
    assert (found.scope, found.privacy) == ("report", None)
    await projections.rebuild(urls.owner)
    item = await auth.keys.get(key)
    assert (item.scope, item.scrub_fields, item.drop_ip_addresses) == ("report", [], False)


async def test_a_stale_feed_makes_every_find_ask(auth: Auth, other: Auth, feed: Feed) -> None:
    item, text = await auth.keys.create(ADMIN, name="a", service="a")
    await other.find_key(text)
    await auth.keys.change(ADMIN, item.id, ApiKeyChanged(is_active=False))
    feed.fresh = False
    assert await refusal(other, text) == "key_inactive"


async def test_what_was_read_before_an_invalidation_is_not_kept_after_it(
    auth: Auth, other: Auth, feed: Feed, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, text = await auth.keys.create(ADMIN, name="a", service="a")
    await feed.bring(other)
    fetch_one = database.fetch_one

    async def slow(*args: Any, **named: Any) -> Any:
        row = await fetch_one(*args, **named)
        monkeypatch.undo()
        await auth.keys.change(ADMIN, item.id, ApiKeyChanged(is_active=False))
        await feed.bring(other)
        return row

    monkeypatch.setattr(database, "fetch_one", slow)
    assert await refusal(other, text) is None, "this one asked before"
    assert await refusal(other, text) == "key_inactive"


async def test_without_the_generation_the_old_state_is_kept(
    auth: Auth, other: Auth, feed: Feed, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    item, text = await auth.keys.create(ADMIN, name="a", service="a")
    begin = other._ring._known.begin
    row = await other.find_key(text)
    known = other._ring._known.get(fingerprint(text))
    await auth.keys.change(ADMIN, item.id, ApiKeyChanged(is_active=False))
    await feed.bring(other)
    assert known is not None
    other._ring._known.put(begin(), fingerprint(text), known)
    assert await other.find_key(text) == row


async def test_a_key_that_was_tried_too_early_works_once_it_is_made(
    auth: Auth, other: Auth, feed: Feed, database: Database
) -> None:
    item, _ = await auth.keys.create(ADMIN, name="a", service="a")
    text = new_key()
    assert await refusal(other, text) == "key_unknown"
    sha256 = fingerprint(text).hex()
    await event_store.append(database, [_rotated(item.id, sha256)])
    assert await refusal(other, text) == "key_unknown"
    await feed.bring(other)
    assert await refusal(other, text) is None


def _rotated(key: Any, sha256: str) -> NewEvent:
    from avalon.events import ApiKeyRotated

    return ApiKeyRotated(sha256=sha256, prefix="avl_x", previous_expires_at=datetime.now(UTC)).new(key, ADMIN)


async def test_unknown_keys_are_remembered_within_a_bound(auth: Auth) -> None:
    unknown = auth._ring._unknown
    for n in range(MAX_UNKNOWN + 10):
        unknown.put(unknown.begin(), n.to_bytes(32, "big"), True)
    assert len(unknown) == MAX_UNKNOWN


async def test_after_a_rotation_the_old_text_works_for_the_overlap(auth: Auth, database: Database) -> None:
    item, old = await auth.keys.create(ADMIN, name="a", service="a")
    rotated, new, ends_at = await auth.keys.rotate(ADMIN, item.id, overlap_s=3600)
    assert rotated.id == item.id
    assert rotated.prefix == new[:10]
    assert timedelta(minutes=59) < ends_at - datetime.now(UTC) <= timedelta(minutes=60)
    assert await auth.find_key(old) == await auth.find_key(new)
    _, newest, _ = await auth.keys.rotate(ADMIN, item.id)
    assert [await refusal(auth, text) for text in (old, new, newest)] == ["key_expired", "key_expired", None]
    with pytest.raises(BadInput, match="overlap_seconds"):
        await auth.keys.rotate(ADMIN, item.id, overlap_s=-1)


async def test_a_key_ends_at_its_hour_also_when_it_is_remembered(auth: Auth, database: Database) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    _, text = await auth.keys.create(ADMIN, name="a", service="a", expires_at=soon)
    assert await refusal(auth, text) is None
    await database.close()
    for _ in range(500):
        if await refusal(auth, text) is not None:
            break
        await asyncio.sleep(0.01)
    assert datetime.now(UTC) >= soon
    assert await refusal(auth, text) == "key_expired"


async def test_a_deleted_key_is_unknown(auth: Auth, other: Auth, feed: Feed) -> None:
    item, text = await auth.keys.create(ADMIN, name="a", service="a")
    await other.find_key(text)
    await auth.keys.delete(ADMIN, item.id)
    await feed.bring(other)
    assert await refusal(auth, text) == await refusal(other, text) == "key_unknown"
    for command in (
        auth.keys.get(item.id),
        auth.keys.delete(ADMIN, item.id),
        auth.keys.rotate(ADMIN, item.id),
        auth.keys.change(ADMIN, item.id, ApiKeyChanged(name="b")),
    ):
        with pytest.raises(NotFound):
            await command


async def test_only_what_changes_is_a_fact(auth: Auth, database: Database) -> None:
    soon = datetime.now(UTC) + timedelta(days=1)
    item, _ = await auth.keys.create(ADMIN, name="a", service="a", expires_at=soon)
    same = ApiKeyChanged(name="a", is_active=True, expires_at=soon, rate_per_minute=None, allowed_origins=[])
    assert await auth.keys.change(ADMIN, item.id, same) == item
    changed = await auth.keys.change(ADMIN, item.id, ApiKeyChanged(name="b", is_active=True, expires_at=None))
    assert (changed.name, changed.expires_at) == ("b", None)
    assert [fact.data for fact in await facts(database)][1:] == [{"name": "b", "expires_at": None}]


async def test_a_new_epoch_makes_everything_forgotten(auth: Auth, feed: Feed, database: Database) -> None:
    _, text = await auth.keys.create(ADMIN, name="a", service="a")
    await auth.find_key(text)
    await feed.bring(auth)
    await auth.find_key(text)
    await database.fetch_value("SELECT log.start_epoch()")
    assert any(event.type == "epoch.started" for event in await feed.bring(auth))
    assert auth._ring._known.get(fingerprint(text)) is None


async def test_pages_of_keys_come_newest_first(auth: Auth) -> None:
    made = [(await auth.keys.create(ADMIN, name=str(n), service="a"))[0].id for n in range(3)]
    first = await auth.keys.page(limit=2)
    rest = await auth.keys.page(before=first[-1].id, limit=2)
    assert [item.id for item in (*first, *rest)] == made[::-1]
    assert await auth.keys.page(before=uuid7(), limit=1) == first[:1]
