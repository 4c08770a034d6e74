"""Replicas that are killed or frozen: what is acknowledged is told once or, where one died between Discord's
answer and the checkpoint, twice, never not at all. Real processes, real signals.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from avalon.sinks import Message, Receipt, Sink
from avalon.sinks.discord import DiscordSink
from avalon.sinks.http import HttpClient
from tests.conftest import Urls
from tests.sinks.conftest import Stage, a_settings, until
from tests.sinks.fake_discord import DROP, HANG, FakeDiscord, Prepared, footers


class Killed(Exception):
    """Stands for a kill -9 of the replica."""


class Dying:
    """A sink whose replica dies after some of Discord's answers, before it can write anything down."""

    kills = 0

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._number = 0

    async def send(self, message: Message) -> Receipt:
        receipt = await self._sink.send(message)
        self._number += 1
        if self._number % 3 == 0 and Dying.kills < 20:
            Dying.kills += 1
            raise Killed
        return receipt


async def test_a_kill_between_the_answer_and_the_checkpoint_repeats_one_message(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avalon.subscriptions.REST_S", 0.0)
    Dying.kills = 0
    sink = await stage.create()
    async with HttpClient(stage.settings.webhook_allowed_hosts) as client:
        stage.start(make_sink=lambda target: Dying(DiscordSink(target, client)))
        reported: list[int] = []
        for wave in range(6):
            reported += await stage.report(
                *range(wave * 12, wave * 12 + 12), *range(wave * 12, wave * 12 + 12)
            )

            async def is_told() -> bool:
                facts = await stage.facts(sink, "alert.delivered")
                return sum(int(fact.data["reports"]) for fact in facts) == len(reported)  # noqa: B023

            await stage.play(is_told, step_s=2)
        await stage.stop()
    repeated = sum(footers(stage.discord).values()) - len(footers(stage.discord))
    assert Dying.kills >= 10
    assert repeated == Dying.kills


@pytest.mark.slow
async def test_a_replica_that_is_killed_is_followed_by_the_next(stage: Stage, urls: Urls) -> None:
    """Real processes and real SIGKILLs, each between Discord's taking a message and its answer."""
    async with FakeDiscord(rates=()) as discord:
        stage.settings = a_settings(discord)
        await stage.create(url=discord.webhook())
        reported = []
        for kill in range(3):
            discord.answer_with(Prepared(DROP))
            process = await a_replica(urls, discord)
            reported += await stage.report(kill * 2, kill * 2 + 1)
            await discord.wait_for(lambda d: [s for _, s in d.answers].count(DROP) > kill)  # noqa: B023
            process.send_signal(signal.SIGKILL)
            await process.wait()
        process = await a_replica(urls, discord)
        await until(lambda: len(footers(discord)) == len(reported))
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    repeated = sum(footers(discord).values()) - len(footers(discord))
    assert repeated <= 3


@pytest.mark.slow
async def test_a_replica_that_froze_writes_nothing_when_it_wakes(stage: Stage, urls: Urls) -> None:
    """Frozen in the middle of a message; the next one tells of it, and the first finds its lease gone."""
    async with FakeDiscord(rates=()) as discord:
        stage.settings = a_settings(discord)
        sink = await stage.create(url=discord.webhook())
        discord.answer_with(Prepared(HANG))
        frozen = await a_replica(urls, discord)
        await stage.report(1)
        await discord.wait_for(lambda d: bool(d.answers))
        frozen.send_signal(signal.SIGSTOP)
        awake = await a_replica(urls, discord)
        await discord.wait_for(lambda d: len(d.accepted) == 1)
        token = await stage.token(sink)
        frozen.send_signal(signal.SIGCONT)
        await stage.report(2)
        await discord.wait_for(lambda d: len(d.accepted) == 2)
        for process in (frozen, awake):
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    delivered = await stage.facts(sink, "alert.delivered")
    assert [fact.data["message_id"] for fact in delivered] == [m.message_id for m in discord.accepted]
    assert await stage.token(sink) >= token
    assert await stage.facts(sink, "alert.failed") == []


async def a_replica(urls: Urls, discord: FakeDiscord) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.sinks.replica",
        urls.service,
        discord.host,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )
