"""Ingest with millions of stored reports against ingest with none, in one run, in turns."""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec
from parts import postgres, service, show, wrk

from avalon.database import connect
from avalon.event_store import append_encoded
from avalon.events import REPORTED, NewEvent, uuid7
from avalon.grouping import group_id

REPORTS = 5_000_000
CHUNK = 5_000
ROUNDS = 4
SECONDS = 6


def main(reports: int = REPORTS) -> None:
    with postgres() as empty, postgres() as full, service(*empty) as none, service(*full) as many:
        asyncio.run(_fill(full[1], reports))
        rates: dict[str, list[float]] = {"none": [], "many": []}
        for _ in range(ROUNDS):
            for name, avalon in (("none", none), ("many", many)):
                run = wrk(f"{avalon.url}/report", connections=64, seconds=SECONDS, BENCH_KEY=avalon.key)
                rates[name].append(run.rate)
    medians = {name: sorted(found)[len(found) // 2] for name, found in rates.items()}
    show(
        "size",
        [{"stored": 0, "reports/s": medians["none"]}, {"stored": reports, "reports/s": medians["many"]}],
        ratio=medians["many"] / medians["none"],
    )


async def _fill(service_url: str, reports: int) -> None:
    connection = await connect(service_url, statement_timeout="60s", plan_cache_mode="auto")
    data = msgspec.Raw(msgspec.json.encode({"message": "an order failed", "stack": "at f (a.js:1:2)\n" * 70}))
    begun = time.monotonic()
    async with connection:
        for start in range(0, reports, CHUNK):
            rows = [_row(number, data) for number in range(start, start + CHUNK)]
            await append_encoded(connection, rows)
            if start % 250_000 == 0:
                print(f"filled {start:,} of {reports:,} ({time.monotonic() - begun:.0f} s)", file=sys.stderr)


def _row(number: int, data: msgspec.Raw) -> tuple[object, str, bytes]:
    service_name = f"service-{number % 12}"
    event = NewEvent(
        id=uuid7(),
        type=REPORTED,
        stream=group_id(service_name, 0, [str(number % 5_000)]),
        service=service_name,
        level="error",
        actor="key:00000000-0000-0000-0000-000000000001",
        data=data,
    )
    return event.id, service_name, event.encode()
