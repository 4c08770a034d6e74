"""`/api/receipts/{position}`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest

from avalon import event_store
from avalon.database import Database
from avalon.events import AlertDelivered, AlertFailed, AlertSuppressed, Fact, SinkChanged, SinkCreated
from tests.history import a_report, report
from tests.routes.reads_help import App

SINK, ISSUE, OTHER = UUID(int=100), UUID(int=1), UUID(int=2)


@pytest.fixture
def client(database: Database) -> httpx.AsyncClient:
    return App(database).client("viewer")


async def say(database: Database, *facts: Fact, sink: UUID = SINK) -> None:
    await event_store.append(database, [fact.new(sink, "system") for fact in facts])


async def read(client: httpx.AsyncClient, position: int) -> dict[str, Any]:
    answer = await client.get(f"/api/receipts/{position}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def created(*levels: str) -> SinkCreated:
    return SinkCreated(kind="discord", name="ops", levels=list(levels))


async def test_it_tells_the_issue_and_what_the_sinks_said(
    client: httpx.AsyncClient, database: Database
) -> None:
    await say(database, created("error"))
    one, two, three = await report(database, a_report(1), a_report(1), a_report(2))
    delivered = AlertDelivered(
        kind="report",
        reports=1,
        first_position=one.position,
        last_position=one.position,
        issues={str(ISSUE): 1},
        message_id="m1",
    )
    held = AlertSuppressed(
        reason="digest", issue=ISSUE, count=1, first_position=one.position, last_position=two.position
    )
    of_another = AlertSuppressed(
        reason="digest", issue=OTHER, count=1, first_position=one.position, last_position=two.position
    )
    await say(database, delivered, held, of_another)
    found = await read(client, one.position)
    assert (found["id"], found["service"], found["level"]) == (str(one.id), "api", "error")
    assert found["issue"] == {"id": str(ISSUE), "title": "boom", "status": "unresolved"}
    assert [(a["outcome"], a["reason"], a["message_id"]) for a in found["alerts"]] == [
        ("delivered", None, "m1"),
        ("suppressed", "digest", None),
    ]
    assert [a["outcome"] for a in (await read(client, two.position))["alerts"]] == ["suppressed"]
    assert (await read(client, three.position))["alerts"] == []


async def test_a_digest_and_a_failure_cover_a_range(client: httpx.AsyncClient, database: Database) -> None:
    await say(database, created("error"))
    first, between, last = await report(database, a_report(1), a_report(1), a_report(2))
    span = {"first_position": first.position, "last_position": last.position}
    await say(
        database,
        AlertDelivered(kind="digest", reports=3, issues={str(ISSUE): 2, str(OTHER): 1}, **span),
        AlertFailed(reason="503", permanent=False, reports=3, **span),
    )
    found = await read(client, between.position)
    assert [(a["outcome"], a["reports"], a["name"]) for a in found["alerts"]] == [
        ("delivered", 3, "ops"),
        ("failed", 3, "ops"),
    ]
    assert [rule["outcome"] for rule in found["rules"]] == ["failed"]


async def test_a_sinks_silence_has_a_reason(
    client: httpx.AsyncClient, database: Database, owner: Any
) -> None:
    wanted, not_wanted, off, behind = (UUID(int=200 + n) for n in range(4))
    await say(database, created("error"), sink=wanted)
    await say(database, created("fatal"), sink=not_wanted)
    await say(database, created("error"), SinkChanged(is_active=False), sink=off)
    await say(database, created("error"), sink=behind)
    (stored,) = await report(database)
    for sink, position in ((wanted, stored.position), (behind, stored.position - 1)):
        await owner.execute(
            "INSERT INTO runtime.subscription (sink, position, recorded_at) VALUES (%s, %s, now())",
            [sink, position],
        )
    rules = {rule["sink"]: rule["outcome"] for rule in (await read(client, stored.position))["rules"]}
    assert rules == {
        str(wanted): "passed",
        str(not_wanted): "not_wanted",
        str(off): "switched_off",
        str(behind): "pending",
    }


@pytest.mark.parametrize("position", ["1", "999999", str(2**63 - 1)])
async def test_only_reports_have_receipts(
    client: httpx.AsyncClient, database: Database, position: str
) -> None:
    await say(database, created())
    assert (await client.get(f"/api/receipts/{position}")).status_code == 404


@pytest.mark.parametrize("position", ["0", "-1", str(2**63), "9" * 100])
async def test_a_position_that_can_not_be_is_refused(client: httpx.AsyncClient, position: str) -> None:
    answer = await client.get(f"/api/receipts/{position}")
    assert (answer.status_code, answer.json()["message"].split(":")[0]) == (400, "position")
