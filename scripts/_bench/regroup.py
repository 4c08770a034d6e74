"""What another grouping costs: how fast stored reports are looked at, how long the loop of the replica stands
still meanwhile, how long applying and undoing take, and what rules cost each report that comes in."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable
from typing import Any, TypeVar
from uuid import UUID

from parts import postgres, show
from stack_samples import SAMPLES

from avalon import event_store, issues
from avalon.database import Database, connect
from avalon.events import NewEvent, uuid7
from avalon.grouping import Rule, RuleSet, group_report
from avalon.migrations import migrate
from avalon.protocols.submission import submit, to_event
from avalon.regrouping import Change, Regrouping
from avalon.regrouping.reading import decode_report
from avalon.reports import Report

REPORTS, BUGS = 20_000, 2_000
T = TypeVar("T")


def main() -> None:
    with postgres() as (owner_url, service_url):
        asyncio.run(_measure(owner_url, service_url))
    _measure_rules()


async def _measure(owner_url: str, service_url: str) -> None:
    await migrate(owner_url, service_url)
    database = Database(service_url)
    await database.open()
    for begin in range(0, REPORTS, 500):
        await event_store.append(database, [_event(number) for number in range(begin, begin + 500)])
    # As autovacuum does within a minute: without it every chunk is sorted out of all reports.
    async with await connect(owner_url) as owner:
        await owner.execute("VACUUM ANALYZE")
    change = Change(rule=Rule(id=uuid7(), kind="variable", pattern="ord_*"))
    regrouping, actor = Regrouping(database), f"user:{UUID(int=1)}"
    rows: list[dict[str, Any]] = []
    await _timed("nothing", asyncio.sleep(3), rows)
    _, looked = await _timed("preview", regrouping.preview(change), rows)
    done, _ = await _timed("apply", regrouping.apply(change, actor), rows)
    await _timed("undo", issues.undo(database, done.action, actor, is_admin=True), rows)
    await database.close()
    facts = {"issues": done.issues + 1, "groups_moved": done.groups, "reports_a_second": REPORTS / looked}
    show(f"regroup: {REPORTS} reports of {BUGS} issues", rows, **facts)


def _event(number: int) -> NewEvent:
    """A report of some kilobytes, of one of many bugs that a rule makes one."""
    stack = list(SAMPLES.values())[number % len(SAMPLES)]
    bug = "".join("abcdefghij"[int(digit)] for digit in str(number % BUGS))
    report = Report(message=f"lost ord_{bug}", stack=stack if number % 2 else "", metadata={"x": "y" * 500})
    return to_event(submit(report, None, level="error"), "api", f"user:{UUID(int=1)}")


async def _timed(what: str, work: Awaitable[T], rows: list[dict[str, Any]]) -> tuple[T, float]:
    """The answer and its seconds; and the longest that a task was kept waiting meanwhile."""
    longest = 0.0
    gc.collect()
    gc.freeze()

    async def tick() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before - 0.001)

    ticker = asyncio.create_task(tick())
    begun = time.perf_counter()
    answer = await work
    took = time.perf_counter() - begun
    ticker.cancel()
    rows.append({"": what, "s": took, "longest block ms": longest * 1000})
    return answer, took


def _measure_rules() -> None:
    reports = [decode_report(bytes(_event(number).data)) for number in range(200)]
    sets: dict[int, RuleSet | None] = {0: None}
    for count in (1, 10, 100):
        rules = [Rule(id=uuid7(), kind="variable", pattern=f"word{n}_*") for n in range(count // 2)]
        frames = [Rule(id=uuid7(), kind="ignore_frame", function=f"f{n}*") for n in range(count - count // 2)]
        sets[count] = RuleSet([*rules, *frames])
    rows = []
    for count, rules in sets.items():
        rounds = []
        for _ in range(15):
            begun = time.process_time()
            for report in reports:
                group_report(report, rules)
            rounds.append((time.process_time() - begun) / len(reports) * 1e6)
        rows.append({"rules": count, "µs a report": sorted(rounds)[len(rounds) // 2]})
    show("regroup: the key of a report", rows)
