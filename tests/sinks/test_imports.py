"""Nobody is told of what was imported: it is counted, with a reason that receipts show."""

from __future__ import annotations

import pytest

from avalon.events import IMPORT
from avalon.read_models.receipts import find_receipt
from avalon.rules import Definition
from avalon.subscriptions import evaluation
from avalon.subscriptions.preview import preview
from avalon.subscriptions.state import Limits
from tests.history import ago
from tests.sinks.conftest import Stage, until
from tests.sinks.rules_help import a_quiet_sink, a_rule, decide, read_all


async def test_an_import_of_many_issues_sends_no_message_and_is_accounted_for(stage: Stage) -> None:
    sink = await stage.create()
    await a_rule(stage, sink, "New", when="opened")
    await a_rule(stage, sink, "Loud", when="events", threshold=3, window_s=3600)
    stage.start()
    issues = range(1, 41)
    positions = await stage.report(*issues, *issues, *issues, actor=IMPORT, occurred_at=ago(days=3))
    (live,) = await stage.report(77)
    await until(lambda: stage.discord.accepted)
    await read_all(stage, sink)
    stage.clock.advance(3600)
    await until(lambda: stage.facts(sink, "alert.suppressed"))
    assert len(stage.discord.accepted) == 1, "the one that was reported: the control"
    held = await stage.facts(sink, "alert.suppressed")
    assert {fact.data["reason"] for fact in held} == {"imported"}
    assert sum(fact.data["count"] for fact in held) == len(positions)
    receipt = await find_receipt(stage.database, positions[0])
    assert [(alert.outcome, alert.reason) for alert in receipt.alerts] == [("suppressed", "imported")]
    told = await find_receipt(stage.database, live)
    assert [alert.outcome for alert in told.alerts] == ["delivered"]


async def test_an_imported_report_passes_no_threshold_of_its_own(stage: Stage) -> None:
    sink = await a_quiet_sink(stage)
    await a_rule(stage, sink, "Loud", when="events", threshold=3, window_s=3600)
    stage.start()
    await stage.report(1, 1, 1, 1, actor=IMPORT)
    await read_all(stage, sink)
    assert await stage.facts(sink, "alert.") == []
    await stage.report(2, 2, 2)
    await until(lambda: stage.discord.accepted)


async def test_without_the_look_at_who_brought_it_people_would_be_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(evaluation, "IMPORT", "nobody")
    await stage.create()
    stage.start()
    await stage.report(1, actor=IMPORT)
    await until(lambda: stage.discord.accepted)


async def test_a_mute_that_ends_is_told_also_where_the_last_report_was_imported(stage: Stage) -> None:
    sink = await a_quiet_sink(stage)
    await a_rule(stage, sink, when="regressed")
    await stage.report(1, actor=IMPORT)
    stage.start()
    await decide(stage, "issue.unmuted", 1, reason="until", was={})
    await until(lambda: stage.discord.accepted)
    assert await stage.facts(sink, "alert.suppressed") == []


async def test_a_rules_preview_knows_that_imports_are_not_told(stage: Stage) -> None:
    await stage.report(*range(1, 6), actor=IMPORT, occurred_at=ago(hours=2))
    await stage.report(9)
    found = await preview(stage.database, Definition(when="opened"), days=1, limits=Limits())
    assert (found.messages, found.reasons) == (1, {"imported": 5})
