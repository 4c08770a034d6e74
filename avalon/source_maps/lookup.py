"""The worker as the service talks to it: one process, started when something is first asked.

A question that takes too long, or that the worker dies of, is answered by `Unreadable`, and its files are not
asked about again for a while: whoever uploads a bomb spoils their own frames and nothing else. Who stops
waiting leaves the question behind; its answer is read by a task that belongs to nobody.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from avalon.source_maps.wire import LENGTH, MAX_MESSAGE_BYTES, Answer, Origin, Question
from avalon.telemetry import Action, log

ANSWER_S: Final = 10.0
UNREADABLE_FOR_S: Final = 600.0
MAX_UNREADABLE: Final = 1_000
# Whoever comes behind so many is better off without an answer.
MAX_WAITING: Final = 32

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Answer).decode


class Files(NamedTuple):
    """A script and its map, by the hashes of their contents."""

    script: bytes | None
    map: bytes

    @property
    def name(self) -> bytes:
        return blake2b((self.script or b"") + self.map, digest_size=16).digest()


Place = tuple[int, int]
Load = Callable[[Files], Awaitable[tuple[bytes | None, bytes] | None]]


class Unreadable(Exception):
    """These files can't be read; or not now, where too many ask."""


class Lookup:
    """Asks the worker. Belongs to one loop; `close` ends the process."""

    def __init__(self, load: Load, *, answer_s: float = ANSWER_S) -> None:
        self._load = load
        self._answer_s = answer_s
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[list[Origin | None]]] = set()
        self._unreadable: dict[bytes, float] = {}

    async def find(self, files: Files, places: Sequence[Place]) -> list[Origin | None]:
        """The origin of each place; raises Unreadable."""
        if self._is_unreadable(files.name) or len(self._tasks) >= MAX_WAITING:
            raise Unreadable
        task = asyncio.create_task(self._find(files, list(places)))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await self._end()

    def _forget(self, task: asyncio.Task[list[Origin | None]]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen, though nobody waits any more

    async def _find(self, files: Files, places: list[Place]) -> list[Origin | None]:
        async with self._turn:
            if self._is_unreadable(files.name):
                raise Unreadable
            answer = await self._ask(Question(files.name, places))
            if answer.needs_files:
                loaded = await self._load(files)
                if loaded is None:
                    raise Unreadable
                answer = await self._ask(Question(files.name, places, *loaded))
            if answer.is_unreadable or len(answer.origins) != len(places):
                self._note(files.name, "no source map")
                raise Unreadable
            return answer.origins

    async def _ask(self, question: Question) -> Answer:
        body = _encode(question)
        if len(body) > MAX_MESSAGE_BYTES:
            raise Unreadable
        try:
            async with asyncio.timeout(self._answer_s):
                return await self._exchange(body)
        except (TimeoutError, OSError, EOFError, msgspec.MsgspecError) as error:
            await self._end()
            self._note(question.name, type(error).__name__)
            raise Unreadable from None
        except BaseException:
            await self._end()  # cancelled between a question and its answer
            raise

    async def _exchange(self, body: bytes) -> Answer:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "avalon.source_maps.worker"), stdin=PIPE, stdout=PIPE, stderr=DEVNULL
            )
        source, sink = self._process.stdout, self._process.stdin
        assert source is not None and sink is not None
        sink.write(LENGTH.pack(len(body)) + body)
        await sink.drain()
        (length,) = LENGTH.unpack(await source.readexactly(LENGTH.size))
        return _decode(await source.readexactly(length))

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _is_unreadable(self, name: bytes) -> bool:
        return self._unreadable.get(name, 0.0) > asyncio.get_running_loop().time()

    def _note(self, name: bytes, reason: str) -> None:
        log(Action.SOURCE_MAP_UNREADABLE, level="warning", reason=reason)
        if len(self._unreadable) >= MAX_UNREADABLE:
            del self._unreadable[next(iter(self._unreadable))]
        self._unreadable[name] = asyncio.get_running_loop().time() + UNREADABLE_FOR_S
