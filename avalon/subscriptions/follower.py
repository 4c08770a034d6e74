"""Follows the log for one sink under its lease: reads, decides, tells, and writes down what became of it.

One step at a time, and no transaction is open while it talks to the world. Before a message goes out it
stands in the saved outbox, and what became of it is saved next: a crash between the two repeats one message
and loses none. Ends when it is stopped, when the sink switches off, when its rules change, or with LeaseLost;
whoever follows next goes on from what was saved.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from avalon.database import Database
from avalon.errors import MessageRefused, TransportError
from avalon.event_store import Batch, Cursor
from avalon.events import AlertDelivered, Fact
from avalon.feed import Feed
from avalon.rules import Rule
from avalon.sinks import Receipt, Sink
from avalon.subscriptions import pacing
from avalon.subscriptions.clock import Clock
from avalon.subscriptions.compose import compose
from avalon.subscriptions.evaluation import evaluate
from avalon.subscriptions.lease import Lease
from avalon.subscriptions.state import Item, Limits, Single
from avalon.telemetry import SINK_MESSAGES, Action, log

# What was only read and counted is saved this often; a crash reads and counts it again.
CHECKPOINT_S = 1.0
FIRST_BACKOFF_S = 1.0
MAX_BACKOFF_S = 300.0


class Follower:
    """One sink's work; `run` ends soon after `stopping` is set, but never in the middle of a message."""

    def __init__(
        self,
        database: Database,
        lease: Lease,
        sink: Sink,
        rules: Sequence[Rule],
        stopping: asyncio.Event,
        *,
        clock: Clock,
        limits: Limits,
        base_url: str | None,
    ) -> None:
        self._database = database
        self._lease = lease
        self._sink = sink
        self._rules = rules
        self._clock = clock
        self._limits = limits
        self._base_url = base_url
        self._stopping = stopping
        self._is_dirty = False
        self._has_new_rules = False

    async def run(self, feed: Feed) -> bool:
        """Follows until the end; the feed begins at the lease's cursor. Raises LeaseLost, Gone.

        True where other rules count from the cursor on. Otherwise the lease has been given back.
        """
        await self._follow(feed)
        if self._has_new_rules and not self._stopping.is_set():
            return True
        await self._lease.release()
        return False

    async def _follow(self, feed: Feed) -> None:
        reading: asyncio.Task[Batch] | None = None
        try:
            while not (self._stopping.is_set() or self._has_new_rules):
                if reading is None and not pacing.is_full(self._lease.state, self._limits):
                    reading = asyncio.ensure_future(feed.read())
                await self._wait(reading)
                if reading is not None and reading.done():
                    await self._take(reading.result())
                    reading = None
                await self._act()
        finally:
            if reading is not None:
                reading.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await reading

    async def _wait(self, reading: asyncio.Task[Batch] | None) -> None:
        """Until there is something to read, to send or to save, or the end."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._stopping.wait())]
        at = pacing.next_at(self._lease.state, self._limits)
        if at is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep_until(at)))
        try:
            await asyncio.wait(
                [*waits, *([reading] if reading else [])],
                timeout=max(0.0, self._save_at() - asyncio.get_running_loop().time()),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for task in waits:
                task.cancel()

    async def _take(self, batch: Batch) -> None:
        """Decides about what was read, up to the fact that changes this sink's rules, if there is one."""
        events, cursor = batch.events, batch.cursor
        for index, event in enumerate(events):
            if event.type.startswith("rule.") and event.data.get("sink") == str(self._lease.sink):
                events, cursor = events[:index], Cursor(event.position, event.recorded_at)
                self._has_new_rules = True
                break
        now = self._clock.now()
        for match in await evaluate(self._database, self._rules, events, now):
            pacing.take(self._lease.state, match, now, self._limits)
        self._is_dirty = self._is_dirty or cursor != self._lease.cursor
        self._lease.cursor = cursor

    async def _act(self) -> None:
        """Everything that is due now: the digest, the messages that may go out, the checkpoint."""
        state = self._lease.state
        facts = pacing.seal(state, self._clock.now(), self._limits)
        if facts:
            await self._save(facts)
        while state.outbox and not self._stopping.is_set():
            if pacing.may_send_at(state, self._limits) > self._clock.now():
                break
            await self._tell(state.outbox[0])
        if self._save_at() <= asyncio.get_running_loop().time():
            await self._save()

    def _save_at(self) -> float:
        """When to save although no message asks for it, on the loop's clock."""
        if not self._is_dirty:
            return self._lease.renew_at
        return min(self._lease.renew_at, self._lease.saved_at + CHECKPOINT_S)

    async def _save(self, facts: Sequence[Fact] = ()) -> None:
        await self._lease.save(facts)
        self._is_dirty = False

    async def _tell(self, item: Item) -> None:
        """One try to send one message, and what became of it."""
        state = self._lease.state
        message = await compose(self._database, item, self._base_url)
        if message is None:
            state.outbox.pop(0)
            await self._save([pacing.failed(item, "the report is not kept any more", permanent=True)])
            return
        pacing.begin(state, self._clock.now())
        await self._save()
        self._lease.check()
        try:
            receipt = await self._sink.send(message)
        except TransportError as error:
            await self._failed(item, error)
        else:
            await self._delivered(item, receipt)

    async def _delivered(self, item: Item, receipt: Receipt) -> None:
        pacing.end(self._lease.state, self._clock.now(), receipt.pause_s)
        first, last = item.span
        SINK_MESSAGES.labels("delivered").inc()
        await self._save(
            [
                AlertDelivered(
                    kind="report" if isinstance(item, Single) else "digest",
                    reports=sum(item.counts.values()),
                    first_position=first,
                    last_position=last,
                    issues={str(issue): count for issue, count in item.counts.items()},
                    rules=item.rules,
                    what=item.what if isinstance(item, Single) else None,
                    words=item.words or None if isinstance(item, Single) else None,
                    message_id=receipt.message_id,
                    reason=receipt.note,
                )
            ]
        )

    async def _failed(self, item: Item, error: TransportError) -> None:
        """For good, for this message, or for now."""
        if error.permanent:
            await self._switch_off(error)
            return
        now = self._clock.now()
        is_refused = isinstance(error, MessageRefused)
        wait_s = 0.0 if is_refused else self._wait_s(error)
        is_given_up = is_refused or now - item.queued > self._limits.give_up_s
        log(
            Action.SINK_FAILED,
            level="error" if is_given_up else "warning",
            sink=str(self._lease.sink),
            reason=error.message,
            retry_after_s=round(wait_s, 3),
        )
        SINK_MESSAGES.labels("failed" if is_given_up else "postponed").inc()
        if is_given_up:
            pacing.end(self._lease.state, now, wait_s)
            await self._save([pacing.failed(item, error.message, permanent=is_refused)])
        else:
            pacing.postpone(self._lease.state, now, wait_s, error.message)
            await self._save()

    def _wait_s(self, error: TransportError) -> float:
        """What the other side asks for; otherwise doubled with each failure in a row, with jitter, so that
        sinks don't come back all at once."""
        if error.retry_after_s is not None:
            return error.retry_after_s
        doubled = FIRST_BACKOFF_S * 2 ** min(self._lease.state.failures, 10)
        return float(min(doubled, MAX_BACKOFF_S) * random.uniform(0.5, 1.5))  # noqa: S311

    async def _switch_off(self, error: TransportError) -> None:
        """The other side is gone for good: says so, writes off what is held back, and ends."""
        SINK_MESSAGES.labels("failed").inc()
        await self._save(pacing.settle(self._lease.state, error.message, switched_off=True))
        log(Action.SINK_SWITCHED_OFF, level="error", sink=str(self._lease.sink), reason=error.message)
        self._stopping.set()
