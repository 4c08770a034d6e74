"""One live connection's side of the hub: what it wants, what it is owed, how far it has been told. No I/O.

    idle ──subscribe──▶ behind ──stands where the hub stands──▶ live ──too slow──▶ lagged ──was told──▶ idle

`behind` reads the log by itself, at its own pace; `live` is offered what the hub reads. The queue between
the hub and the connection is bounded in items and in bytes: what does not fit empties it, and the
connection is told after which position it has missed something. Nothing is dropped in silence, nothing is
sent twice, nothing waits for a slow connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from avalon.errors import AvalonError, BadInput, Conflict
from avalon.event_store import Cursor
from avalon.events import Event
from avalon.filters import Filter
from avalon.items import Item

if TYPE_CHECKING:
    from avalon.auth import Principal

MAX_QUEUED_ITEMS: Final = 256
MAX_QUEUED_BYTES: Final = 4_000_000
MAX_FRAME_ITEMS: Final = 200
MAX_FRAME_BYTES: Final = 256_000  # what a connection that never reads can pin in the server's buffer
MAX_FILTERS: Final = 64
MAX_CONTROL_FRAMES: Final = 64

SESSION_OVER: Final = 4401
SHUTDOWN: Final = 1012


class Frame(msgspec.Struct, frozen=True):
    """What a connection is told; `position` is that up to which it has been told everything."""

    type: Literal["events", "lagged", "gone", "pong", "error"]
    position: int = 0
    items: tuple[Item, ...] = ()
    skipped: int = 0
    error: AvalonError | None = None


class State(Enum):
    IDLE = "idle"
    BEHIND = "behind"
    LIVE = "live"
    LAGGED = "lagged"


class Reader:
    """One connection. The route subscribes and takes frames, the hub offers items; all in one loop."""

    def __init__(self, principal: Principal, position: int) -> None:
        self.principal = principal
        self.role = principal.role
        self.state = State.IDLE
        self.position = position
        self.filters: set[Filter] = set()
        self.after: int | None = None
        self.cursor: Cursor | None = None
        self.end_code: int | None = None
        self._seen = position
        self._queue: deque[Item] = deque()
        self._queued_bytes = 0
        self._skipped = 0
        self._control: deque[Frame] = deque()
        self._owes_position = False
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()

    # What the connection asks for.

    def subscribe(self, wanted: Filter, after: int | None = None) -> None:
        """Starts to read, from `after` or from now. Raises Conflict for `after` where it reads already."""
        if after is not None and self.state is not State.IDLE:
            raise Conflict("after counts in the first subscribe, or in the first after lagged or gone")
        if len(self.filters) >= MAX_FILTERS and wanted not in self.filters:
            raise BadInput(f"at most {MAX_FILTERS} subscriptions stand at once")
        self.filters.add(wanted)
        if self.state is State.IDLE:
            self.state, self.after, self.cursor = State.BEHIND, after, None
            if after is not None:
                self.position = self._seen = after
        self._owes_position = True
        self._changed.set()

    def unsubscribe(self, wanted: Filter) -> None:
        self.filters.discard(wanted)

    def answer(self, frame: Frame) -> None:
        """Puts a pong or an error before everything else; raises BadInput where too many are unread."""
        if len(self._control) >= MAX_CONTROL_FRAMES:
            raise BadInput("read the answers before asking more")
        self._control.append(frame)
        self._changed.set()

    # What the hub and the replay give.

    def wants(self, item: Item) -> bool:
        if item.is_for_admins and self.role != "admin":
            return False
        return any(wanted.passes(item) for wanted in self.filters)

    def offer(self, items: Iterable[Item], position: int) -> None:
        """Everything up to `position`. Items that the reader has been offered before are left out."""
        fresh = [item for item in items if item.position > self._seen and self.wants(item)]
        self._seen = max(self._seen, position)
        if self.state is State.LAGGED:
            self._skipped += len(fresh)
        elif fresh:
            self._queue.extend(fresh)
            self._queued_bytes += sum(len(item.body) for item in fresh)
            if self.state is State.LIVE and self._is_too_much():
                self._overflow()
            self._changed.set()

    def _is_too_much(self) -> bool:
        return len(self._queue) > MAX_QUEUED_ITEMS or self._queued_bytes > MAX_QUEUED_BYTES

    def _overflow(self) -> None:
        self.state = State.LAGGED
        self._skipped = len(self._queue)
        self._clear()

    def start_at(self, cursor: Cursor, after: int | None) -> None:
        """Where the replay begins, found for `after`; too late where it has been told to start again."""
        if self.state is State.BEHIND and self.cursor is None and self.after == after:
            self.cursor = cursor
            self.position = self._seen = cursor.position

    def replay(self, items: Iterable[Item], cursor: Cursor) -> None:
        """What its own read found. The read is bounded, and follows only when all before it was taken."""
        self.cursor = cursor
        self.offer(items, cursor.position)

    def go_live(self) -> None:
        """From here on the hub offers what it reads; what it reads once more is left out."""
        self.state, self.cursor = State.LIVE, None

    def start_again(self, position: int) -> None:
        """The log that it has read is not the log any more: what it holds is worth nothing."""
        self._clear()
        self.state, self.cursor, self.after = State.IDLE, None, None
        self.position = self._seen = position
        if not any(frame.type == "gone" for frame in self._control):
            self._control.append(Frame("gone", position))
        self._changed.set()

    def judge(self, fact: Event) -> None:
        """Ends the connection where a fact ends its session; a new role counts at once."""
        if fact.stream != self.principal.user_id:
            return
        session = str(self.principal.session)
        match fact.type:
            case "user.changed":
                self.role = fact.data.get("role", self.role)
            case "session.ended" if fact.data.get("session") == session:
                self.end(SESSION_OVER)
            case "user.password_changed" if fact.data.get("kept_session") != session:
                self.end(SESSION_OVER)
            case "user.deleted":
                self.end(SESSION_OVER)

    def end(self, code: int) -> None:
        """Ends the connection with a close code, whatever it is doing."""
        self.end_code = self.end_code or code
        self._ended.set()

    # What the connection takes.

    def take(self) -> Frame | None:
        """The next frame, or None where nothing is owed."""
        if self._control:
            frame = self._control.popleft()
            return Frame("pong", self._told()) if frame.type == "pong" else frame
        if self.state is State.LAGGED:
            self.state = State.IDLE
            return Frame("lagged", self.position, skipped=self._skipped)
        if self._queue:
            return self._take_events()
        if self._owes_position and self.state is State.LIVE:
            self._owes_position = False
            return Frame("events", self._told())
        return None

    def _told(self) -> int:
        if not self._queue and self.state in (State.BEHIND, State.LIVE):
            self.position = self._seen
        return self.position

    def _take_events(self) -> Frame:
        items: list[Item] = []
        room = MAX_FRAME_BYTES
        while self._queue and len(items) < MAX_FRAME_ITEMS:
            room -= len(self._queue[0].body)
            if items and room < 0:
                break
            items.append(self._queue.popleft())
        self._queued_bytes -= sum(len(item.body) for item in items)
        self.position = items[-1].position
        self._told()
        self._owes_position = self._owes_position and (bool(self._queue) or self.state is not State.LIVE)
        return Frame("events", self.position, tuple(items))

    async def wait(self, heartbeat_s: float) -> None:
        """Returns when something may be owed; after `heartbeat_s` that is the position."""
        try:
            async with asyncio.timeout(heartbeat_s):
                await self._changed.wait()
        except TimeoutError:
            self._owes_position = bool(self.filters)
        self._changed.clear()

    async def wait_for_end(self) -> int:
        """The close code, when the connection has to end: it was told to, or its session has expired."""
        while self.end_code is None:
            remaining_s = (self.principal.expires_at - datetime.now(UTC)).total_seconds()
            if remaining_s <= 0:
                self.end(SESSION_OVER)
            # The wall clock may be set: look again at least every minute.
            with suppress(TimeoutError):
                async with asyncio.timeout(min(remaining_s, 60.0)):
                    await self._ended.wait()
        return self.end_code

    def _clear(self) -> None:
        self._queue.clear()
        self._queued_bytes = 0
