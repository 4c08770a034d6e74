"""One task per active sink in the whole cluster, wherever a replica got its lease.

Every replica looks once a second which leases are free and takes them; whoever ends (a kill, a loss of
Postgres, a deploy) leaves a lease that is free at once or half a minute later, and a checkpoint to go on
from. A sink that is changed is followed anew; one that is switched off has what it held back written off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

import msgspec
import psycopg

from avalon import event_store
from avalon.database import Database
from avalon.errors import AvalonError, Gone, LeaseLost, NotFound, TooManyRequests, TransportError, Unavailable
from avalon.events import uuid7
from avalon.feed import Feed
from avalon.listener import Listener
from avalon.rules import of_levels
from avalon.settings import Settings, base_url
from avalon.sinks import Note, Sink, Target
from avalon.sinks.http import HttpClient
from avalon.sinks.kinds import KINDS
from avalon.statements import load
from avalon.subscriptions import pacing
from avalon.subscriptions.clock import Clock
from avalon.subscriptions.evaluation import wanted
from avalon.subscriptions.follower import Follower
from avalon.subscriptions.lease import LEASE_S, Claim, Lease, claim
from avalon.subscriptions.questions import rules_of
from avalon.subscriptions.state import Limits
from avalon.telemetry import Action, log

sql = load("subscriptions")

POLL_S = 1.0
# An alert may be a moment late: a read for every append would cost ingest more than it tells anybody sooner.
PAUSE_S = 0.1
# A follower that failed for a reason nobody foresaw is not taken up again before this.
REST_S = 10.0
# Longer than a webhook may take (`http.TIMEOUT_S`) and its outcome's save. A mail server may take longer:
# its message is then left in the air, and sent again by whoever follows next.
STOP_TIMEOUT_S = 8.0


class TestResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the other side said to a message that was sent by hand; `answer` is its HTTP or SMTP status."""

    delivered: bool
    message: str
    answer: int | None = None
    message_id: str | None = None


class _Running(msgspec.Struct, frozen=True):
    task: asyncio.Task[None]
    stopping: asyncio.Event
    changed_at: int


class _SinkRow(msgspec.Struct):
    id: UUID
    is_active: bool
    changed_at: int
    has_checkpoint: bool


class _Quiet(Target, frozen=True, kw_only=True):
    quiet_s: float


class Subscriptions:
    """The supervisor. `run` is its task; the rest may be called while it runs or not."""

    def __init__(
        self,
        database: Database,
        listener: Listener,
        settings: Settings,
        replica: str,
        *,
        limits: Limits | None = None,
        clock: Clock | None = None,
        lease_s: float = LEASE_S,
        poll_s: float = POLL_S,
        make_sink: Callable[[Target], Sink] | None = None,
    ) -> None:
        self._database = database
        self._listener = listener
        self._settings = settings
        self._owner = f"{replica}/{uuid7()}"  # a process that starts again is another owner
        self._limits = limits or Limits()
        self._clock = clock or Clock()
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._make_sink = make_sink or self._make
        self._client: HttpClient | None = None
        self._running: dict[UUID, _Running] = {}
        self._resting: dict[UUID, float] = {}

    async def run(self) -> None:
        """Follows until it is cancelled; then finishes the messages under way and gives its leases back."""
        is_away = False
        try:
            while True:
                try:
                    await self._adjust()
                    is_away = False
                except (AvalonError, psycopg.Error) as error:  # tried again, and said once
                    if not is_away:
                        log(Action.SINK_FAILED, level="warning", error=type(error).__name__)
                    is_away = True
                await asyncio.sleep(self._poll_s)
        finally:
            await self._stop()

    async def test(self, sink_id: UUID) -> TestResult:
        """Sends a real message now; what the other side said. Raises NotFound, TooManyRequests."""
        target = await self._database.fetch_one(sql.find, {"sink": sink_id}, row=_Quiet)
        if target is None:
            raise NotFound("there is no such sink")
        if target.quiet_s > 0:
            raise TooManyRequests("the other side asked to be left alone", retry_after_s=target.quiet_s)
        note = Note(
            key=f"test-{uuid7()}",
            title="Avalon can reach you here",
            text="Somebody tried this sink out. Nothing is wrong.",
            url=base_url(self._settings),
        )
        try:
            receipt = await self._make_sink(target).send(note)
        except TransportError as error:
            return TestResult(delivered=False, message=error.message, answer=error.answer)
        return TestResult(
            delivered=True,
            message=receipt.note or "delivered",
            answer=receipt.answer,
            message_id=receipt.message_id,
        )

    def _make(self, target: Target) -> Sink:
        if self._client is None:
            self._client = HttpClient(self._settings.webhook_allowed_hosts)
        return KINDS[target.kind].make(target, self._client, self._settings)

    async def _adjust(self) -> None:
        """Ends the followers of sinks that changed, and takes up what is free."""
        self._reap()
        sinks = await self._database.fetch(sql.sinks, row=_SinkRow)
        wanted = {sink.id: sink.changed_at for sink in sinks if sink.is_active}
        for id_, running in self._running.items():
            if wanted.get(id_) != running.changed_at:
                running.stopping.set()
        for sink in sinks:
            if sink.is_active and not sink.has_checkpoint:
                await self._database.execute(sql.start_from_head, {"sink": sink.id})
        busy = [*self._running, *self._resting]
        for claimed in await claim(self._database, self._owner, self._lease_s, busy):
            self._clock.set(claimed.now)
            stopping = asyncio.Event()
            task = asyncio.create_task(self._attend(claimed, stopping))
            self._running[claimed.sink] = _Running(task, stopping, claimed.changed_at)

    def _reap(self) -> None:
        """Forgets the followers that have ended, and says why."""
        now = asyncio.get_running_loop().time()
        self._resting = {id_: until for id_, until in self._resting.items() if until > now}
        for id_, running in list(self._running.items()):
            if not running.task.done():
                continue
            del self._running[id_]
            error = None if running.task.cancelled() else running.task.exception()
            if isinstance(error, LeaseLost | Unavailable):
                log(Action.LEASE_LOST, level="warning", sink=str(id_), error=type(error).__name__)
            elif error is not None:
                self._resting[id_] = now + REST_S
                log(Action.SINK_FAILED, level="error", sink=str(id_), error=type(error).__name__)

    async def _attend(self, claimed: Claim, stopping: asyncio.Event) -> None:
        """What one lease is for: following the sink, or writing off what one that is off had held back."""
        lease = Lease(self._database, claimed, self._lease_s)
        if not claimed.is_active:
            await lease.save(pacing.settle(lease.state, "the sink was switched off", switched_off=False))
            await lease.release()
            return
        log(Action.LEASE_TAKEN, sink=str(claimed.sink), position=claimed.position)
        sink = self._make_sink(claimed.target)
        goes_on = True
        while goes_on:
            try:
                goes_on = await self._follow(claimed, lease, sink, stopping)
            except Gone:  # the log was restored to before the checkpoint
                lease.cursor = await event_store.head(self._database)
                await lease.save()

    async def _follow(self, claimed: Claim, lease: Lease, sink: Sink, stopping: asyncio.Event) -> bool:
        """Follows under the rules as they were at the cursor, until the end or until other rules count."""
        own = of_levels(claimed.levels, int(self._limits.window_s))
        rules = own + await rules_of(self._database, claimed.sink, lease.cursor.position)
        follower = Follower(
            self._database,
            lease,
            sink,
            rules,
            stopping,
            clock=self._clock,
            limits=self._limits,
            base_url=base_url(self._settings),
        )
        doorbell = self._listener.subscribe()
        return await follower.run(
            Feed(self._database, doorbell, lease.cursor, wanted(rules), pause_s=PAUSE_S)
        )

    async def _stop(self) -> None:
        for running in self._running.values():
            running.stopping.set()
        tasks = [running.task for running in self._running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_TIMEOUT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None


__all__ = ["Limits", "Subscriptions", "TestResult"]
