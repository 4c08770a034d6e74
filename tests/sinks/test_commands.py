"""Creating, changing and deleting sinks: the address is a secret, and the first one is made once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from avalon.database import Database
from avalon.errors import BadInput, Conflict, NotFound, SettingsError
from avalon.events import uuid7
from avalon.sinks import Address
from avalon.subscriptions.commands import (
    DEFAULT_SINK,
    change_sink,
    create_sink,
    delete_sink,
    ensure_default,
    set_default_url,
)
from tests.sinks.conftest import a_settings_for

HOST = "127.0.0.1:8065"
URL = f"http://{HOST}/api/webhooks/1/secret-token"
OTHER = f"http://{HOST}/api/webhooks/2/secret-token"
SETTINGS = a_settings_for(HOST)
FIRST = a_settings_for(HOST, DISCORD_WEBHOOK_URL=URL)


async def sinks(database: Database) -> list[dict[str, Any]]:
    return await database.fetch_dicts(
        "SELECT id, name, levels, is_active FROM projection.sink ORDER BY position"
    )


async def urls_of(database: Database) -> list[str]:
    rows = await database.fetch_dicts("SELECT url FROM account.sink_secret ORDER BY url")
    return [row["url"] for row in rows]


async def test_the_first_sink_is_made_once_however_many_replicas_start(database: Database) -> None:
    made = await asyncio.gather(*(ensure_default(database, FIRST) for _ in range(6)))
    assert sorted(made) == [False] * 5 + [True]
    assert await sinks(database) == [
        {"id": DEFAULT_SINK, "name": "Discord", "levels": ["fatal", "critical"], "is_active": True}
    ]


async def test_a_first_sink_that_was_deleted_stays_deleted(database: Database) -> None:
    await ensure_default(database, FIRST)
    await delete_sink(database, DEFAULT_SINK, actor="user:test")
    assert not await ensure_default(database, FIRST)
    assert await sinks(database) == [] and await urls_of(database) == []


async def test_the_environment_has_no_say_once_there_was_any_sink(database: Database) -> None:
    assert not await ensure_default(database, SETTINGS)
    await create_sink(database, SETTINGS, address=Address(url=OTHER), actor="user:test")
    assert not await ensure_default(database, FIRST)
    assert await urls_of(database) == [OTHER]


async def test_an_address_that_can_not_be_used_stops_the_start(database: Database) -> None:
    with pytest.raises(SettingsError, match="DISCORD_WEBHOOK_URL") as refused:
        await ensure_default(database, a_settings_for("", DISCORD_WEBHOOK_URL=URL))
    assert "secret-token" not in str(refused.value)


async def test_the_settings_page_makes_changes_and_deletes_the_default_sink(database: Database) -> None:
    for url, left in ((None, []), (URL, [URL]), (OTHER, [OTHER]), (None, []), (URL, [URL])):
        await set_default_url(database, SETTINGS, url, actor="user:test")
        assert await urls_of(database) == left
    assert [sink["id"] for sink in await sinks(database)] == [DEFAULT_SINK]


async def test_a_new_address_switches_the_default_sink_on_again(database: Database) -> None:
    await set_default_url(database, SETTINGS, URL, actor="user:test")
    await change_sink(database, SETTINGS, DEFAULT_SINK, actor="user:test", is_active=False)
    await set_default_url(database, SETTINGS, OTHER, actor="user:test")
    assert [sink["is_active"] for sink in await sinks(database)] == [True]


async def test_the_log_never_holds_an_address(database: Database) -> None:
    sink = (await create_sink(database, SETTINGS, address=Address(url=URL), actor="user:test")).sink
    await change_sink(
        database, SETTINGS, sink, actor="user:test", address=Address(url=OTHER), name="Night shift"
    )
    rows = await database.fetch_dicts("SELECT type, data::text FROM log.event ORDER BY position")
    assert [row["type"] for row in rows] == ["sink.created", "sink.changed"]
    assert "secret-token" not in str(rows)
    assert '"url": true' in rows[1]["data"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"address": Address(url="http://169.254.169.254/")}, "url"),
        ({"levels": ["loud"]}, "levels"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x1b[31m"}, "name"),
    ],
)
async def test_bad_input_is_told_by_its_field(database: Database, wrong: dict[str, Any], field: str) -> None:
    sink = (await create_sink(database, SETTINGS, address=Address(url=URL), actor="user:test")).sink
    with pytest.raises(BadInput) as refused:
        await create_sink(database, SETTINGS, **{"address": Address(url=URL), "actor": "user:test"} | wrong)
    assert refused.value.field == field
    with pytest.raises(BadInput):
        await change_sink(database, SETTINGS, sink, actor="user:test", **wrong)


async def test_what_is_not_there_can_not_be_changed(database: Database) -> None:
    for command in (
        change_sink(database, SETTINGS, uuid7(), actor="user:test", name="x"),
        delete_sink(database, uuid7(), actor="user:test"),
    ):
        with pytest.raises(NotFound):
            await command
    assert await database.fetch_value("SELECT count(*) FROM log.event") == 0


async def test_a_sink_can_not_be_made_twice(database: Database) -> None:
    await set_default_url(database, SETTINGS, URL, actor="user:test")
    with pytest.raises(Conflict):
        await create_sink(database, SETTINGS, address=Address(url=URL), actor="user:test", sink=DEFAULT_SINK)
