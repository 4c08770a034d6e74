"""A mute that ends by the clock is told of whatever has become of the issue's reports meanwhile."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

from avalon.deletions import delete_report
from avalon.events import IssueDeleted
from avalon.issues import change, merge
from avalon.sinks.webhook import payload
from avalon.subscriptions.compose import compose
from avalon.subscriptions.state import Single
from tests.history import ago
from tests.sinks.conftest import Stage, until
from tests.sinks.rules_help import a_quiet_sink, a_rule, decide, read_all, tagged

Owner = psycopg.AsyncConnection[Any]

FILTERS: dict[str, Any] = {
    "level": "fatal",
    "environments": ["prod"],
    "release": "1.*",
    "tags": {"browser": ["firefox"]},
}
COLUMNS: dict[str, Any] = {
    "level": "fatal",
    "environment": "prod",
    "release": "1.2",
    "data": tagged(browser="firefox"),
}


async def end_the_mute(owner: Owner, issue: int = 1) -> None:
    """As the clock does it, with nothing reported."""
    await owner.execute(
        "UPDATE projection.issue SET substatus = 'muted', muted_until = now() - interval '1 minute'"
        " WHERE id = %s",
        [UUID(int=issue)],
    )
    cursor = await owner.execute("SELECT log.unmute_due()")
    assert await cursor.fetchall() == [(1,)]


async def expire_everything(owner: Owner) -> None:
    """What retention comes to, once all days are over."""
    cursor = await owner.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'log.report'::regclass"
    )
    for (leaf,) in await cursor.fetchall():
        await owner.execute(f"DROP TABLE {leaf}".encode())


async def bind(stage: Stage, issue: int, group: int) -> None:
    """What another grouping does for the groups that reports will have."""
    await decide(stage, "issue.groups_bound", issue, groups=[str(UUID(int=group))])


async def told(stage: Stage, sink: UUID) -> dict[str, str]:
    """The only message of all that was read, with the position of what it names."""
    await read_all(stage, sink)
    await until(lambda: stage.facts(sink, "alert."))
    facts = await stage.facts(sink, "alert.")
    assert [fact.type for fact in facts] == ["alert.delivered"]
    (message,) = stage.discord.accepted
    assert message.fields["Why"] == "it is not muted any more: its time is over · rule: Ops"
    assert message.embed["title"] == "💀 REGRESSED · api"
    found: dict[str, str] = message.fields | {"position": str(facts[0].data["first_position"])}
    return found


async def test_one_with_a_group_that_has_no_report_yet_is_shown_by_its_newest_report(
    stage: Stage, owner: Owner
) -> None:
    sink = await a_quiet_sink(stage)
    await a_rule(stage, sink, when="regressed", **FILTERS)
    stage.start()
    (position,) = await stage.report(1, **COLUMNS)
    await bind(stage, 1, 77)
    await end_the_mute(owner)
    assert (await told(stage, sink))["position"] == str(position)


async def test_one_whose_newest_group_has_no_report_left_is_shown_by_an_older_one(
    stage: Stage, owner: Owner
) -> None:
    """Its times stay those of what was deleted."""
    sink = await a_quiet_sink(stage)
    await a_rule(stage, sink, when="regressed", **FILTERS)
    await stage.report(2)
    (kept,) = await stage.report(1, **COLUMNS, occurred_at=ago(hours=2))
    await merge(stage.database, UUID(int=1), [UUID(int=2)], "user:test")
    cursor = await owner.execute(
        "SELECT id FROM log.event WHERE type = 'error.reported' AND stream = %s", [UUID(int=2)]
    )
    ((newest,),) = await cursor.fetchall()
    await delete_report(stage.database, newest, "user:test")
    stage.start()
    await end_the_mute(owner)
    assert (await told(stage, sink))["position"] == str(kept)


async def test_one_whose_reports_have_all_expired_is_told_of_by_itself(stage: Stage, owner: Owner) -> None:
    """By what is still known of its tags, which the rule's filters ask for."""
    sink = await a_quiet_sink(stage)
    await a_rule(stage, sink, when="regressed", **FILTERS)
    other = await a_quiet_sink(stage)
    await a_rule(stage, other, when="regressed", **FILTERS | {"environments": ["test"]})
    await stage.report(1, **COLUMNS)
    await expire_everything(owner)
    stage.start()
    await end_the_mute(owner)
    fields = await told(stage, sink)
    assert (fields["Level"], fields["Events"]) == ("fatal", "1")
    assert "ID" not in fields
    (message,) = stage.discord.accepted
    assert message.embed["description"].startswith("boom")
    await read_all(stage, other)
    assert await stage.facts(other, "alert.") == []


async def test_a_fact_without_a_report_is_told_of_what_its_issue_was_merged_into(
    stage: Stage, owner: Owner
) -> None:
    await stage.report(1, 2)
    (fact,) = await stage.database.fetch_dicts(
        "SELECT position, recorded_at FROM log.event WHERE type = 'issue.opened' AND stream = %(issue)s",
        {"issue": UUID(int=2)},
    )
    item = Single(**fact, issue=UUID(int=2), queued=0, what="issue.regressed")
    await merge(stage.database, UUID(int=1), [UUID(int=2)], "user:test")
    message = await compose(stage.database, item, "https://avalon.example.org")
    assert message is not None
    data = payload(message)["data"]
    assert (data["issue"]["id"], data["issue"]["title"], data["level"]) == (UUID(int=1), "boom 1", "critical")
    assert set(data["report"].values()) == {None}
    assert data["url"] is None
    await change(stage.database, UUID(int=1), [IssueDeleted()], "user:test")
    assert await compose(stage.database, item, None) is None
