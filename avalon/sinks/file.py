"""The file sink: every report, once, as a line of JSON in each host's file.

It follows the log by itself, from behind the file's last line; several replicas on one host share a file,
and one of them writes. A disk that refuses stops this sink alone: it says so once, tries every second, and
the log keeps what it has not written. A file that never was begins with what is reported after `open`.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from avalon import event_store
from avalon.database import Database
from avalon.errors import Gone, Unavailable
from avalon.event_store import EVERYTHING, START, Cursor
from avalon.events import REPORTED
from avalon.feed import Feed
from avalon.listener import Listener
from avalon.sinks.lines import line
from avalon.sinks.logfile import LogFile
from avalon.telemetry import Action, log

RETRY_S = 1.0
# A file may be a moment late; under load each read then finds many reports.
PAUSE_S = 0.05

Result = TypeVar("Result")


class FileSink:
    """One file of this host. `run` is its task."""

    def __init__(
        self, path: Path, database: Database, listener: Listener, *, retry_s: float = RETRY_S
    ) -> None:
        self._path = path
        self._file = LogFile(path)
        self._database = database
        self._listener = listener
        self._retry_s = retry_s
        self._cursor: Cursor | None = None  # while the file is ours
        self._written: Cursor | None = None  # up to where this process has written, if it has
        self._is_paused = False

    async def open(self) -> None:
        """Settles where the file goes on, if it is ours and Postgres answers; otherwise `run` will.

        Called before the service takes its first report, so that a new file has that one too.
        """
        try:
            if await _in_thread(self._file.try_lock):
                self._cursor = await self._place()
        except (OSError, Unavailable):
            await _in_thread(self._file.close)

    async def run(self) -> None:
        """Writes until it is cancelled; gives the file back then, after the line that is being written."""
        try:
            while True:
                if self._cursor is None:
                    await self._take_file()
                await self._follow()
                await _in_thread(self._file.close)
                self._cursor = None
        finally:
            await _in_thread(self._file.close)
            self._cursor = None

    async def _take_file(self) -> None:
        """Waits until no other process on this host writes the file, and finds the place."""
        while True:
            try:
                if self._file.is_locked() or await _in_thread(self._file.try_lock):
                    self._cursor = await self._place()
                    self._resume()
                    return
            except OSError as error:
                self._pause(error)
            except Unavailable:
                pass
            await asyncio.sleep(self._retry_s)

    async def _place(self) -> Cursor:
        """Where to go on: behind the file's last line, or at the log's end for a new file."""
        position = await _in_thread(self._file.last_position)
        if position is not None:
            try:
                return await event_store.cursor_at(self._database, position)
            except Gone:
                pass  # days are gone that were never written here, or this is another log than the file's
        elif self._written is not None:  # somebody has deleted the file and all that was beside it
            return self._written
        head = await event_store.head(self._database)
        if position is not None and position <= head.position:
            return Cursor(position, START.recorded_at)
        await _in_thread(lambda: self._file.remember(head.position))
        return head

    def _feed(self, cursor: Cursor) -> Feed:
        return Feed(self._database, self._listener.subscribe(), cursor, EVERYTHING, pause_s=PAUSE_S)

    async def _follow(self) -> None:
        """Writes what is reported; returns where the file has become another process's."""
        self._written = self._cursor
        feed = self._feed(self._cursor or START)
        while self._file.is_locked():
            try:
                batch = await feed.read()
            except Gone:  # the log was restored to before the file's last line
                self._cursor = await event_store.head(self._database)
                feed = self._feed(self._cursor)
                continue
            if not await self._write([line(event) for event in batch.events if event.type == REPORTED]):
                return
            self._written = batch.cursor
            if batch.events:
                position = batch.cursor.position
                await _in_thread(lambda: self._file.remember(position))  # noqa: B023

    async def _write(self, lines: list[bytes]) -> bool:
        """Writes all of them, however long the disk makes it wait; False where the file is not ours then."""
        while lines:
            if not self._file.is_locked():
                return False
            written, error = await _in_thread(lambda: self._file.append(lines))  # noqa: B023
            lines = lines[written:]
            if error is None:
                self._resume()
            else:
                self._pause(error)
                await asyncio.sleep(self._retry_s)
        return True

    def _pause(self, error: OSError) -> None:
        if not self._is_paused:
            name = errno.errorcode.get(error.errno or 0, "unknown")
            log(Action.FILE_SINK_PAUSED, level="error", file=str(self._path), error=name)
        self._is_paused = True

    def _resume(self) -> None:
        if self._is_paused:
            log(Action.FILE_SINK_RESUMED, file=str(self._path))
        self._is_paused = False


async def _in_thread(function: Callable[[], Result]) -> Result:
    """Runs what may block in a thread, to its end: a cancelled writer must not write on behind our back."""
    future = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise
