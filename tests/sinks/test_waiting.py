"""What a report's receipt and an issue's history say while a sink has not told of it yet."""

from __future__ import annotations

from uuid import UUID

from avalon.read_models.history import read_history
from avalon.read_models.receipts import Receipt, find_receipt
from tests.sinks.conftest import Stage, until
from tests.sinks.fake_discord import Prepared
from tests.sinks.rules_help import read_all

ISSUE = UUID(int=1)


async def receipt_of(stage: Stage, position: int) -> tuple[Receipt, str, str | None, str | None]:
    """The receipt, and of its only sink the outcome, what is next, and the last error."""
    found = await find_receipt(stage.database, position)
    (rule,) = found.rules
    return found, rule.outcome, rule.next, rule.last_error


async def test_a_report_whose_sink_fails_is_pending_with_the_error(stage: Stage) -> None:
    sink = await stage.create(name="night shift")
    stage.discord.answer_with(Prepared(500))
    stage.start()
    (position,) = await stage.report(1)

    async def has_failed() -> bool:
        return (await receipt_of(stage, position))[3] is not None

    await until(has_failed)
    found, outcome, then, error = await receipt_of(stage, position)
    assert (outcome, error, found.alerts) == ("pending", "Discord answered 500", [])
    assert then is not None and then.startswith("the sink takes no messages now; tried again at 20")
    (waiting,) = (await read_history(stage.database, ISSUE, cursor=None, limit=10)).waiting
    assert (waiting.sink, waiting.name, waiting.last_error) == (sink, "night shift", "Discord answered 500")
    await stage.play(lambda: stage.facts(sink, "alert.delivered"))
    found, *of_sink = await receipt_of(stage, position)
    assert (of_sink, [alert.outcome for alert in found.alerts]) == (
        ["delivered", None, None],
        ["delivered"],
    )
    assert (await read_history(stage.database, ISSUE, cursor=None, limit=10)).waiting == []


async def test_what_is_held_back_is_pending_and_so_is_its_digest_while_the_sink_fails(stage: Stage) -> None:
    sink = await stage.create()
    stage.start()
    await stage.report(1)
    await until(lambda: stage.facts(sink, "alert.delivered"))
    (held, other) = await stage.report(1, 2)
    await until(lambda: len(stage.discord.accepted) == 2)
    await read_all(stage, sink)
    _, outcome, then, _ = await receipt_of(stage, held)
    assert (outcome, str(then).partition(" due")[0]) == ("pending", "held back for a digest, which is")
    assert (await receipt_of(stage, other))[1] == "delivered"
    stage.discord.always = Prepared(500)

    async def has_failed() -> bool:
        return (await receipt_of(stage, held))[3] is not None

    await stage.play(has_failed)
    found, outcome, _, error = await receipt_of(stage, held)
    assert [alert.outcome for alert in found.alerts] == ["suppressed"]
    assert (outcome, error) == ("pending", "Discord answered 500")
    assert (await receipt_of(stage, other))[1] == "delivered", "it was not held back"


async def test_a_failing_sink_keeps_nothing_of_a_report_that_it_does_not_want(stage: Stage) -> None:
    await stage.create()
    stage.discord.always = Prepared(500)
    stage.start()
    (wanted,) = await stage.report(1)

    async def has_failed() -> bool:
        return (await receipt_of(stage, wanted))[3] is not None

    await until(has_failed)
    (unwanted,) = await stage.report(1, level="error")
    assert (await receipt_of(stage, unwanted))[1:] == ("not_wanted", None, None)
