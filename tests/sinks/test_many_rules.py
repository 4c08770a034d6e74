"""However many rules there are, a batch of reports costs a few questions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from avalon import event_store
from avalon.database import Database
from avalon.rules import Rule
from avalon.subscriptions import questions
from avalon.subscriptions.evaluation import evaluate
from avalon.subscriptions.state import Match
from tests.sinks.conftest import Stage
from tests.sinks.rules_help import met_by

NOW = 1_800_000_000.0


def rules(count: int) -> list[Rule]:
    """Of every sort, with windows and thresholds of their own; the last ones are passed."""
    kinds: list[dict[str, Any]] = [
        {"when": "events", "services": ["api"]},
        {"when": "users", "level": "error"},
        {"when": "events", "environments": ["prod"]},
        {"when": "reported", "q": "is:unresolved", "threshold": None, "window_s": None},
    ]
    made = [
        {"threshold": 5, "window_s": 60 * (1 + n // 4)} | kinds[n % len(kinds)] | {"id": UUID(int=n + 1)}
        for n in range(count)
    ]
    return [Rule(**fields) for fields in made]


async def ask(stage: Stage, count: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[Match]]:
    """How many questions were asked for some rules, and what was found."""
    asked, connection = 0, Database.connection

    def counting(self: Database) -> Any:
        nonlocal asked
        asked += 1
        return connection(self)

    events = await event_store.read_after(stage.database, event_store.START, limit=500)
    with monkeypatch.context() as patch:
        patch.setattr(Database, "connection", counting)
        found = await evaluate(stage.database, rules(count), events.events, NOW)
    return asked, found


async def reported(stage: Stage) -> None:
    for user in range(6):
        await stage.report(1, data=met_by(str(user)), environment="prod")
    await stage.report(2, 2, 3, 4)


async def test_fifty_rules_ask_no_more_than_four(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await reported(stage)
    few, found_by_few = await ask(stage, 4, monkeypatch)
    many, found_by_many = await ask(stage, 48, monkeypatch)
    assert few == many
    (passed,) = [one.passed for one in found_by_many if one.passed]
    assert len(passed) == 36 and passed.keys() > {*next(one.passed for one in found_by_few if one.passed)}


async def test_an_issue_that_never_had_as_many_is_not_counted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reported(stage)
    counted: list[UUID] = []
    counts = questions.counts

    async def noting(database: Database, asked: Any) -> Any:
        counted.extend(one.issue for one in asked)
        return await counts(database, asked)

    monkeypatch.setattr(questions, "counts", noting)
    await ask(stage, 4, monkeypatch)
    assert set(counted) == {UUID(int=1)}
