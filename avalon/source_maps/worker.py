"""A process of its own that looks places up in source maps: `python -m avalon.source_maps.worker`.

The library that does it is native code, and recurses: a script with 100,000 nested brackets ends the process
that reads it (symbolic 13.9). So that one does nothing else, within a bound of memory, and whoever asks it
(`avalon.source_maps.lookup`) ends it when it takes too long. It reads questions from standard input, writes
answers to standard output, and ends with its input.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from collections import OrderedDict
from contextlib import suppress
from typing import IO, Final

import msgspec
from symbolic.exceptions import SymbolicError
from symbolic.sourcemapcache import SourceMapCache, SourceMapCacheToken

from avalon.source_maps.wire import (
    CONTEXT_LINES,
    LENGTH,
    MAX_LINE,
    MAX_MESSAGE_BYTES,
    MAX_NAME,
    Answer,
    Origin,
    Question,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# A script of 16 MB takes a gigabyte while it is read.
MAX_MEMORY_BYTES: Final = 1536 * 1024 * 1024
# Of the maps that are kept ready, by the files that they were made of.
READY_BYTES: Final = 96 * 1024 * 1024
_UNREADABLE: Final = Answer(is_unreadable=True)

_decode = msgspec.msgpack.Decoder(Question).decode
_encode = msgspec.msgpack.Encoder().encode


class Ready:
    """The maps that were read last."""

    def __init__(self, limit: int = READY_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._maps: OrderedDict[bytes, tuple[SourceMapCache, int]] = OrderedDict()

    def answer(self, question: Question) -> Answer:
        found = self._maps.get(question.name)
        if found is None and question.map is None:
            return Answer(needs_files=True)
        try:
            if found is None:
                found = self._read(question)
            self._maps.move_to_end(question.name)
            return Answer(origins=[_look_up(found[0], *place) for place in question.places])
        except (SymbolicError, zstd.ZstdError, UnicodeDecodeError, MemoryError):
            return _UNREADABLE

    def _read(self, question: Question) -> tuple[SourceMapCache, int]:
        script = zstd.decompress(question.script) if question.script else b""
        map_ = zstd.decompress(question.map or b"")
        found = SourceMapCache.from_bytes(script, map_), len(script) + 2 * len(map_)
        _give_back()
        self._maps[question.name] = found
        self._size += found[1]
        while self._size > self._limit and len(self._maps) > 1:
            _, (_, size) = self._maps.popitem(last=False)
            self._size -= size
        return found


def _give_back() -> None:
    """What reading took and has freed goes back to the system, where its C library can do that (glibc)."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)


def _look_up(cache: SourceMapCache, line: int, column: int) -> Origin | None:
    token = cache.lookup(line, column, CONTEXT_LINES)
    return _origin(token) if token is not None and token.src else None


def _origin(token: SourceMapCacheToken) -> Origin:
    return Origin(
        file=(token.src or "")[:MAX_LINE],
        line=token.line,
        column=token.col,
        function=(token.function_name or "")[:MAX_NAME],
        name=(token.name or "")[:MAX_NAME],
        context_line=None if token.context_line is None else _line(token.context_line),
        pre_context=[_line(text) for text in token.pre_context],
        post_context=[_line(text) for text in token.post_context],
    )


def _line(text: str) -> str:
    return text[:MAX_LINE].rstrip("\r\n")


def serve(source: IO[bytes], sink: IO[bytes]) -> None:
    """Answers until there are no more questions."""
    ready = Ready()
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        (length,) = LENGTH.unpack(head)
        if length > MAX_MESSAGE_BYTES:
            return
        body = _encode(ready.answer(_decode(source.read(length))))
        sink.write(LENGTH.pack(len(body)) + body)
        sink.flush()


def bound_memory() -> None:
    """To MAX_MEMORY_BYTES, or to less where whoever started us has less."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    most = MAX_MEMORY_BYTES if most == resource.RLIM_INFINITY else min(most, MAX_MEMORY_BYTES)
    # macOS has no such bound, and says that it is wrong.
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    bound_memory()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)
