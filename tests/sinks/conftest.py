"""A stage for subscriptions: a real Postgres and listener, a Discord on loopback, and one clock for both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
import pytest

from avalon import event_store
from avalon.database import Database
from avalon.events import REPORTED, Event, NewEvent, uuid7
from avalon.listener import Listener
from avalon.settings import Settings, load_settings
from avalon.sinks import Address
from avalon.subscriptions import Subscriptions
from avalon.subscriptions.clock import Clock
from avalon.subscriptions.commands import create_sink
from tests.conftest import Urls
from tests.sinks.fake_discord import FakeDiscord

if TYPE_CHECKING:
    from tests.sinks.file_help import Host

DEADLINE_S = 15.0


class FakeClock(Clock):
    """Stands still until a test moves it; what Postgres says about the time does not count."""

    def __init__(self) -> None:
        self._now = 1_800_000_000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def set(self, now: float) -> None:
        pass

    def now(self) -> float:
        return self._now

    async def sleep_until(self, at: float) -> None:
        if at > self._now:
            future = asyncio.get_running_loop().create_future()
            self._sleepers.append((at, future))
            await future

    def advance(self, seconds: float) -> None:
        self._now += seconds
        for at, future in self._sleepers:
            if at <= self._now and not future.done():
                future.set_result(None)
        self._sleepers = [(at, future) for at, future in self._sleepers if not future.done()]


async def stop(task: asyncio.Task[None]) -> None:
    """As the lifespan ends a task: cancelled, then waited for."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], Any], *, each: Callable[[], None] = lambda: None) -> None:
    """Polls with a deadline; `condition` may be a coroutine function. `each` is done before every look."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            each()
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.005)


class Stage:
    """What the tests of subscriptions play on."""

    def __init__(
        self, database: Database, listener: Listener, discord: FakeDiscord, clock: FakeClock
    ) -> None:
        self.database = database
        self.listener = listener
        self.discord = discord
        self.clock = clock
        self.settings = a_settings(discord)
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, replica: str = "one", **options: Any) -> Subscriptions:
        """A replica's subscriptions, running until `stop`."""
        values: dict[str, Any] = {"clock": self.clock, "poll_s": 0.02}
        subscriptions = Subscriptions(
            self.database, self.listener, self.settings, replica, **values | options
        )
        self.tasks[replica] = asyncio.create_task(subscriptions.run())
        return subscriptions

    async def stop(self, replica: str = "one") -> None:
        await stop(self.tasks.pop(replica))

    async def create(self, *, url: str | None = None, **options: Any) -> UUID:
        """A sink that speaks to the Discord of this test."""
        address = Address(url=url or self.discord.webhook())
        values: dict[str, Any] = {"address": address, "actor": "user:test"}
        return (await create_sink(self.database, self.settings, **values | options)).sink

    async def report(self, *issues: int, level: str = "critical", **columns: Any) -> list[int]:
        """Reports, one for each issue that is named; their positions."""
        events = [a_report(issue, level=level, **columns) for issue in issues]
        stored = []
        for start in range(0, len(events), 500):
            stored += await event_store.append(self.database, events[start : start + 500])
        return [s.position for s in stored]

    async def facts(self, sink: UUID, type_: str = "") -> list[Event]:
        found = await event_store.read_stream(self.database, sink, limit=100_000)
        return [event for event in found if event.type.startswith(type_)]

    async def token(self, sink: UUID) -> int:
        """The fencing token: one more with every new follower."""
        found: int = await self.database.fetch_value(
            "SELECT token FROM runtime.subscription WHERE sink = %(sink)s", {"sink": sink}
        )
        return found

    async def counted(self, sink: UUID) -> int:
        """How many reports the saved state holds back."""
        state = await self.database.fetch_value(
            "SELECT state FROM runtime.subscription WHERE sink = %(sink)s", {"sink": sink}
        )
        return sum(window.get("count", 0) for window in (state or {}).get("issues", {}).values())

    async def play(self, condition: Callable[[], Any], step_s: float = 0.25) -> None:
        """Lets the time go by until the condition holds."""
        await until(condition, each=lambda: self.clock.advance(step_s))


def a_settings(discord: FakeDiscord) -> Settings:
    return a_settings_for(discord.host)


def a_settings_for(allowed_host: str, **environ: str) -> Settings:
    values = {
        "AVALON_WEBHOOK_ALLOWED_HOSTS": allowed_host,
        "AVALON_PUBLIC_URL": "https://avalon.example.org",
    }
    return load_settings(values | environ, dotenv=Path("no-such-file"))


def a_report(issue: int = 1, *, level: str = "critical", **columns: Any) -> NewEvent:
    data = {"message": f"boom {issue}", "stack": "Error: boom\n  at f (a.js:1)", "path": "/api/users"}
    values: dict[str, Any] = {
        "id": uuid7(),
        "type": REPORTED,
        "stream": UUID(int=issue),
        "service": "api",
        "level": level,
        "actor": f"key:{UUID(int=9)}",
        "data": msgspec.Raw(msgspec.json.encode(data)),
    }
    return NewEvent(**values | columns)


@pytest.fixture
async def listener(urls: Urls, database: Database) -> AsyncIterator[Listener]:
    listening = Listener(urls.service, database)
    task = asyncio.create_task(listening.run())
    yield listening
    await stop(task)


@pytest.fixture
async def stage(database: Database, listener: Listener) -> AsyncIterator[Stage]:
    clock = FakeClock()
    async with FakeDiscord(clock=clock.now) as discord:
        stage = Stage(database, listener, discord, clock)
        yield stage
        for replica in list(stage.tasks):
            await stage.stop(replica)


@pytest.fixture
def host(database: Database, listener: Listener, tmp_path: Path) -> Host:
    from tests.sinks.file_help import Host

    return Host(database, listener, tmp_path / "logs" / "errors.log")
