"""Imported events: each once on whatever day it comes again, with its own time, and without any alarm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from avalon import projections
from avalon.database import Database, connect
from avalon.errors import Conflict
from avalon.events import IssueMuted, IssueResolved
from avalon.importing import Bad, Element, Imported, Target, import_events
from avalon.importing import events as importing_events
from avalon.issues import change
from avalon.protocols.avalon import decode_report
from avalon.protocols.submission import Terms, to_event
from avalon.reports import Privacy
from tests.conftest import Urls
from tests.history import ago, report

TARGET = Target("shop", Terms(), 90)


def an_event(number: int = 1, message: str = "boom", **fields: Any) -> dict[str, Any]:
    values = {"event_id": UUID(int=number + 1).hex, "timestamp": ago(days=3).isoformat(), "message": message}
    return values | fields


async def bring_in(urls: Urls, *events: Any, target: Target = TARGET) -> tuple[Imported, list[Bad]]:
    """One run; what became of the elements, and those that were bad."""
    bad: list[Bad] = []
    done = Imported()

    def elements() -> Iterator[Element | Bad]:
        for line, event in enumerate(events, 1):
            yield event if isinstance(event, Bad) else Element(line, json.dumps(event).encode())

    def note(imported: Imported) -> None:
        nonlocal done
        done = imported

    await import_events(urls.service, target, elements(), refuse=bad.append, report=note)
    return done, bad


async def stored(urls: Urls) -> list[Any]:
    async with await connect(urls.owner) as connection:
        cursor = await connection.execute(
            "SELECT id, service, actor, occurred_at, data FROM log.event"
            " WHERE type = 'error.reported' ORDER BY position"
        )
        return await cursor.fetchall()


async def test_an_event_keeps_its_id_and_its_time(urls: Urls) -> None:
    at = ago(days=3).replace(microsecond=5000)
    done, _ = await bring_in(urls, an_event(timestamp=at.isoformat()))
    (row,) = await stored(urls)
    assert row[:4] == (UUID(int=2), "shop", "import", at)
    assert (done.stored, done.all) == (1, 1)


async def test_every_element_is_counted_once(urls: Urls) -> None:
    events = [an_event(n) for n in range(600)]
    mixed = [
        *events,
        events[0],
        events[599],
        {"type": "transaction"},
        7,
        Bad(9, "cut"),
        an_event(900, timestamp=1e9),
    ]
    done, bad = await bring_in(urls, *mixed)
    assert (done.stored, done.known, done.no_error, done.too_old, done.bad) == (600, 2, 1, 1, 2)
    assert done.all == len(mixed) and [one.line for one in bad] == [604, 9]
    again, _ = await bring_in(urls, *mixed, an_event(901))
    assert (again.stored, again.known) == (1, 602)
    assert len(await stored(urls)) == 601
    assert await projections.verify(urls.owner) == []


async def yesterday(urls: Urls, event: dict[str, Any]) -> None:
    """Stands in the log as if it had been imported a day ago."""
    exported = importing_events.read_exported(json.dumps(event).encode())
    row = to_event(exported.decode(UUID(event["event_id"]), Terms()), "shop", "import")
    async with await connect(urls.superuser) as connection:
        await connection.execute("SELECT log.create_day((now() - interval '1 day')::date)")
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            "INSERT INTO log.event (id, type, stream, service, level, occurred_at, recorded_at, actor, data)"
            " VALUES (%s, %s, %s, %s, 'error', now() - interval '3 days', now() - interval '1 day',"
            " %s, %s::jsonb)",
            [row.id, row.type, row.stream, row.service, row.actor, bytes(row.data).decode()],
        )


async def test_an_event_is_stored_once_on_whatever_day_it_comes_again(urls: Urls) -> None:
    await yesterday(urls, an_event())
    done, _ = await bring_in(urls, an_event(), an_event(2))
    assert (done.stored, done.known, len(await stored(urls))) == (1, 1, 2)
    other, _ = await bring_in(urls, an_event(), target=Target("other", Terms(), 90))
    assert other.stored == 1, "an id is a service's own"


async def test_without_the_look_into_other_days_it_would_stand_twice(
    urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    await yesterday(urls, an_event())
    blind = importing_events.sql.find_stored + " AND false"
    monkeypatch.setattr(importing_events.sql, "find_stored", blind)
    done, _ = await bring_in(urls, an_event())
    assert (done.stored, len(await stored(urls))) == (1, 2)


async def test_an_event_without_an_id_is_stored_once_too(urls: Urls) -> None:
    event = an_event()
    del event["event_id"]
    assert (await bring_in(urls, event, event))[0].stored == 1
    assert (await bring_in(urls, event))[0].known == 1


async def test_two_imports_do_not_run_at_once(urls: Urls) -> None:
    async with await connect(urls.service) as connection:
        await connection.execute("SELECT pg_advisory_lock(%s)", [importing_events.IMPORT_LOCK])
        with pytest.raises(Conflict, match="another import"):
            await bring_in(urls, an_event())
    assert (await bring_in(urls, an_event()))[0].stored == 1


async def test_events_older_than_what_is_kept_are_left_out(urls: Urls) -> None:
    old = an_event(timestamp=ago(days=100).isoformat())
    assert (await bring_in(urls, old))[0].too_old == 1
    assert (await bring_in(urls, old, target=Target("shop", Terms(), 0)))[0].stored == 1


async def test_a_keys_rules_hold_for_imported_events(urls: Urls) -> None:
    event = an_event(message="from 203.0.113.7", extra={"ssn": "1"}, user={"ip_address": "203.0.113.7"})
    private = Terms(privacy=Privacy(["ssn"], drop_ip_addresses=True))
    await bring_in(urls, event, target=Target("shop", private, 0))
    ((*_, data),) = await stored(urls)
    assert (data["message"], data["metadata"], data.get("user")) == (
        "from [ip]",
        {"ssn": "[Filtered]"},
        None,
    )


async def test_what_postgres_refuses_of_one_event_costs_no_other(urls: Urls, owner: Any) -> None:
    await owner.execute(
        "ALTER TABLE log.report ADD CONSTRAINT no_boom CHECK (data ->> 'message' <> 'boom 3') NOT VALID"
    )
    done, _ = await bring_in(urls, *(an_event(n, message=f"boom {n}") for n in range(6)))
    assert done.stored == 6
    assert sum("could not be stored" in data["message"] for *_, data in await stored(urls)) == 1


Live = Callable[..., Any]


@pytest.fixture
def live(database: Database) -> Live:
    """Reports the same error as it comes in with a key."""

    async def send(user: str = "live") -> None:
        body = {"error": {"message": "boom"}, "user": {"id": user}}
        submission = decode_report(json.dumps(body).encode())
        await report(database, to_event(submission, "shop", f"key:{uuid4()}"))

    return send


async def the_issue(database: Database) -> Any:
    return (await database.fetch_dicts("SELECT * FROM projection.issue"))[0]


async def test_an_imported_event_reopens_no_resolved_issue(
    urls: Urls, database: Database, live: Live
) -> None:
    await live()
    issue = (await the_issue(database))["id"]
    await change(database, issue, [IssueResolved()], "user:test")
    later = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    await bring_in(urls, *(an_event(n, timestamp=later) for n in range(3)))
    assert ((await the_issue(database))["status"], (await the_issue(database))["events"]) == ("resolved", 4)
    await live()
    assert (await the_issue(database))["status"] == "unresolved", "the control"
    assert await projections.verify(urls.owner) == []


@pytest.mark.parametrize("threshold", ["events", "users"])
async def test_an_imported_event_ends_no_mute_and_brings_it_no_nearer(
    urls: Urls, database: Database, live: Live, threshold: str
) -> None:
    await live()
    issue = (await the_issue(database))["id"]
    await change(database, issue, [IssueMuted(**{threshold: 3})], "user:test")
    await bring_in(urls, *(an_event(n, user={"id": str(n)}) for n in range(5)))
    assert (await the_issue(database))["substatus"] == "muted"
    await live("0")  # who has met it before is nobody new
    await live("another")
    found = await the_issue(database)
    assert (found["substatus"], found["events"], found["users"]) == ("muted", 8, 7)
    await live("third")
    await live("fourth")
    assert (await the_issue(database))["substatus"] == "ongoing", "the control"
    assert await projections.verify(urls.owner) == []
