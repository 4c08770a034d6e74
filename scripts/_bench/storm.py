"""Storms: 10,000 reports of one bug in ten seconds, then as many of 500, over HTTP to a Discord of ours.

It has the limits of the real one. What it was told, what the log says of that, and what the projections count
must be the same: every report once. Takes some minutes, because the minutes of the pace are real ones.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import httpx
import psycopg
from parts import Service, postgres, service, show

from tests.sinks.fake_discord import Accepted, FakeDiscord

REPORTS = 10_000
SECONDS = 10
BATCH = 10
DEADLINE_S = 300
PER_MINUTE = 25


def main() -> None:
    with postgres() as (owner_url, service_url):
        asyncio.run(_measure(owner_url, service_url))


async def _measure(owner_url: str, service_url: str) -> None:
    async with FakeDiscord() as discord:
        # Its start is waited for in a thread: the Discord answers from this one.
        serving = service(owner_url, service_url, AVALON_WEBHOOK_ALLOWED_HOSTS=discord.host)
        avalon = await asyncio.to_thread(serving.__enter__)
        try:
            await _add_sink(avalon, discord)
            rows = []
            for bugs in (1, 500):
                rows.append(await _storm(avalon, service_url, discord, bugs))
            show(f"storm: {REPORTS} reports in {SECONDS} s", rows)
        finally:
            await asyncio.to_thread(serving.__exit__, None, None, None)
    if any(row["wrong"] or row["most messages a minute"] > PER_MINUTE for row in rows):
        raise SystemExit("storm: not every report was counted once, or Discord was told too often")


async def _add_sink(avalon: Service, discord: FakeDiscord) -> None:
    async with httpx.AsyncClient(base_url=avalon.url) as client:
        credentials = {"username": avalon.username, "password": avalon.password}
        token = (await client.post("/api/auth/login", json=credentials)).raise_for_status().json()["token"]
        sink = {"url": discord.webhook(), "levels": ["error"]}
        headers = {"Authorization": f"Bearer {token}"}
        (await client.post("/api/sinks", json=sink, headers=headers)).raise_for_status()


async def _storm(avalon: Service, dsn: str, discord: FakeDiscord, bugs: int) -> dict[str, Any]:
    seen = len(discord.accepted)
    begun = time.monotonic()
    retries = await _send(avalon, bugs)
    sent_s = time.monotonic() - begun
    while sum(told.reports for told in discord.accepted[seen:]) < REPORTS:
        if time.monotonic() - begun > DEADLINE_S:
            break
        await asyncio.sleep(0.2)
    told = discord.accepted[seen:]
    await asyncio.sleep(2)  # for the facts of the last message, and for one too many
    counted = await asyncio.to_thread(_counted, dsn, _beginning(bugs))
    return {
        "bugs": bugs,
        "sent in s": sent_s,
        "503s": retries,
        "messages": len(told),
        "digests": sum(one.is_digest for one in told),
        "most messages a minute": _fullest(told),
        "429s": sum(status == 429 for _, status in discord.answers),
        "first after s": told[0].at - begun if told else -1.0,
        "last after s": told[-1].at - begun if told else -1.0,
        "told": sum(one.reports for one in discord.accepted[seen:]),
        **counted,
        "wrong": _wrong(counted, bugs, sum(one.reports for one in discord.accepted[seen:])),
    }


async def _send(avalon: Service, bugs: int) -> int:
    """Every report at its time, in batches, again where it is asked to come later; how often that was."""
    headers, retries, begun = {"X-API-Key": avalon.key}, 0, time.monotonic()
    batches = iter(range(0, REPORTS, BATCH))

    async def send(client: httpx.AsyncClient) -> None:
        nonlocal retries
        for first in batches:
            await asyncio.sleep(max(0.0, begun + first * SECONDS / REPORTS - time.monotonic()))
            body = [_report(bugs, number) for number in range(first, first + BATCH)]
            while (await client.post("/report/batch", json=body)).status_code != 201:
                retries += 1
                await asyncio.sleep(1)

    async with httpx.AsyncClient(base_url=avalon.url, headers=headers, timeout=30) as client:
        await asyncio.gather(*(send(client) for _ in range(8)))
    return retries


def _beginning(bugs: int) -> str:
    """What the messages of a storm begin with; without a number, which would vary."""
    return "wide storm:" if bugs > 1 else "storm:"


def _report(bugs: int, number: int) -> dict[str, Any]:
    bug = "".join("abcdefghij"[int(digit)] for digit in str(number % bugs))
    return {"error": {"message": f"{_beginning(bugs)} {bug}"}}


def _fullest(told: list[Accepted]) -> int:
    return max((sum(one.at <= other.at < one.at + 60 for other in told) for one in told), default=0)


def _counted(dsn: str, beginning: str) -> dict[str, int]:
    """What the log holds, what the issues count, and what the alerts' facts say, of this storm's issues."""
    with psycopg.connect(dsn) as connection:
        issues = dict(
            connection.execute(
                "SELECT id::text, events FROM projection.issue WHERE title LIKE %s", [f"{beginning}%"]
            ).fetchall()
        )
        stored = connection.execute(
            "SELECT count(*) FROM log.event WHERE type = 'error.reported' AND data ->> 'message' LIKE %s",
            [f"{beginning}%"],
        ).fetchone()
        facts = connection.execute(
            "SELECT type, data FROM log.event WHERE type IN ('alert.delivered', 'alert.suppressed')"
        ).fetchall()
    delivered: Counter[str] = Counter()
    singles = suppressed = 0
    for type_, data in facts:
        if type_ == "alert.suppressed":
            suppressed += data["count"] if data["issue"] in issues else 0
        else:
            delivered.update({issue: count for issue, count in data["issues"].items() if issue in issues})
            singles += data["kind"] == "report" and not issues.keys().isdisjoint(data["issues"])
    return {
        "stored": stored[0] if stored else 0,
        "issues": len(issues),
        "counted": sum(issues.values()),
        "delivered": delivered.total(),
        "singles": singles,
        "held back": suppressed,
        "issues told right": sum(delivered[issue] == events for issue, events in issues.items()),
    }


def _wrong(counted: dict[str, int], bugs: int, told: int) -> int:
    """How many of the figures are not what they must be."""
    reports = (told, counted["stored"], counted["counted"], counted["delivered"])
    sums = (*reports, counted["singles"] + counted["held back"])
    return sum(one != REPORTS for one in sums) + sum(
        counted[name] != bugs for name in ("issues", "issues told right")
    )
