"""What a thousand alert rules cost: how fast their followers read the log, how late an alert is meanwhile.

Twenty sinks with fifty rules each, in one process: filters that fit and that don't, thresholds, searches.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from parts import postgres, show

from avalon import event_store
from avalon.database import Database
from avalon.events import REPORTED, NewEvent, uuid7
from avalon.listener import Listener
from avalon.migrations import migrate
from avalon.rules import Definition
from avalon.rules.commands import create_rule
from avalon.settings import load_settings
from avalon.sinks import Address, Message, Receipt
from avalon.subscriptions import Subscriptions
from avalon.subscriptions.commands import create_sink

ACTOR = f"user:{UUID(int=1)}"
BUGS, RATE, SECONDS = 500, 200, 10
COUNTS = (0, 1_000)
PER_SINK = 50
ALLOWED = "127.0.0.1:9"


class _Told:
    """A sink that takes everything, and notes when it was told of which position."""

    def __init__(self) -> None:
        self.at: dict[int, float] = {}

    async def send(self, message: Message) -> Receipt:
        if hasattr(message, "position"):
            self.at[message.position] = time.perf_counter()
        return Receipt()


def main() -> None:
    rows = []
    for count in COUNTS:
        with postgres() as (owner_url, service_url):
            rows.append(asyncio.run(_measure(owner_url, service_url, count)))
    show(f"rules: {RATE} reports a second of {BUGS} issues for {SECONDS} s, then 10,000 at once", rows)


async def _measure(owner_url: str, service_url: str, count: int) -> dict[str, Any]:
    await migrate(owner_url, service_url)
    database = Database(service_url)
    await database.open()
    listener, told = Listener(service_url, database), _Told()
    settings = load_settings({"AVALON_WEBHOOK_ALLOWED_HOSTS": ALLOWED}, Path("no.env"))
    await _make(database, settings, count)
    subscriptions = Subscriptions(database, listener, settings, "bench", make_sink=lambda _: told)
    tasks = [asyncio.create_task(listener.run()), asyncio.create_task(subscriptions.run())]
    sent = await _send(database)
    await _read_all(database)
    lags = sorted((told.at[position] - at) * 1000 for position, at in sent.items() if position in told.at)
    begun = time.perf_counter()
    for first in range(0, 10_000, 500):
        await event_store.append(database, [_report(number) for number in range(first, first + 500)])
    appended = time.perf_counter() - begun
    await _read_all(database)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await database.close()
    return {
        "rules": count,
        "told": len(lags),
        "alert p50 ms": lags[len(lags) // 2],
        "alert max ms": lags[-1],
        "10,000 appended in s": appended,
        "read by all after s": time.perf_counter() - begun,
    }


async def _make(database: Database, settings: Any, count: int) -> None:
    """The sinks with their rules, and one that is told of the probes alone."""
    for number in range(0, count, PER_SINK):
        sink = await _a_sink(database, settings)
        for rule in range(number, number + PER_SINK):
            await create_rule(database, sink=sink, name=f"r{rule}", definition=_rule(rule), actor=ACTOR)
    probes = Definition(when="reported", services=["probe"])
    sink = await _a_sink(database, settings)
    await create_rule(database, sink=sink, name="probes", definition=probes, actor=ACTOR)


async def _a_sink(database: Database, settings: Any) -> UUID:
    address = Address(url=f"http://{ALLOWED}/api/webhooks/1/x")
    made = await create_sink(database, settings, address=address, actor=ACTOR, levels=[])
    return made.sink


def _rule(number: int) -> Definition:
    """Every fifth is of the one service that reports all the time; the others have services of their own."""
    services = ["api"] if number % 5 == 0 else [f"service-{number}"]
    window = 60 * (1 + number // 5 % 3)
    return [
        Definition(when="reported", services=services, level="error", tags={"browser": ["none"]}),
        Definition(when="events", services=services, threshold=10_000, window_s=window),
        Definition(when="events", services=services, threshold=50, window_s=window, level="error"),
        Definition(when="users", services=services, threshold=900, window_s=window),
        Definition(when="reported", services=services, q="is:muted"),
        Definition(when="opened", services=services, release="9.*"),
    ][number // 5 % 6]


async def _send(database: Database) -> dict[int, float]:
    """Reports at a steady rate, every tenth of a second, and ten probes; when each probe was appended."""
    sent: dict[int, float] = {}
    begun, step = time.perf_counter(), 0.1
    for turn in range(int(SECONDS / step)):
        await asyncio.sleep(max(0.0, begun + turn * step - time.perf_counter()))
        size = int(RATE * step)
        events = [_report(number) for number in range(turn * size, (turn + 1) * size)]
        if turn % 10 == 5:
            events.append(_report(turn, service="probe"))
        stored = await event_store.append(database, events)
        if turn % 10 == 5:
            sent[stored[-1].position] = time.perf_counter()
    return sent


def _report(number: int, service: str = "api") -> NewEvent:
    data = {"message": f"boom {number % BUGS}", "user": {"id": str(number % 97)}}
    return NewEvent(
        id=uuid7(),
        type=REPORTED,
        stream=UUID(int=number % BUGS + (10_000 if service == "probe" else 0)),
        service=service,
        level="error",
        actor=ACTOR,
        data=msgspec.Raw(msgspec.json.encode(data)),
    )


async def _read_all(database: Database) -> None:
    """Returns when every follower has read the log to its end, and saved that."""
    head = (await event_store.head(database)).position
    query = "SELECT coalesce(min(position), 0) FROM runtime.subscription"
    while await database.fetch_value(query) < head:
        head = (await event_store.head(database)).position
        await asyncio.sleep(0.05)
