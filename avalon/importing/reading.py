"""Files of exported events: JSON lines, JSON arrays one after the other, or both, plain or gzip.

Each element is read by itself, and what is larger than an event can be is passed over, so that memory stays
bounded whatever a file holds. A file that begins with `[`, or whose first line only begins an object, is read
by its brackets; any other by its lines, where a bad one hurts nobody else.
"""

from __future__ import annotations

import gzip
import io
import re
import select
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec

from avalon.errors import BadInput

MAX_EVENT_BYTES: Final = 5 * 1024 * 1024
CHUNK_BYTES: Final = 256 * 1024
LOOK_EVERY_S: Final = 0.2
_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"
_SIGNS: Final = re.compile(rb'\\.|["{}\[\]]', re.DOTALL)
# How the first line of an object ends that goes over many.
_BROKEN_OFF: Final = (b"{", b"[", b",", b":")
_BETWEEN: Final = re.compile(rb"[\s,\[\]\x1e]*+")


class Element(msgspec.Struct, frozen=True):
    """One event's JSON, and the line that it begins in."""

    line: int
    body: bytes


class Bad(msgspec.Struct, frozen=True):
    """What is no event, and why."""

    line: int
    reason: str


class Source:
    """A file that is being read. `done` and `size` are bytes of the file itself; size 0: nobody knows."""

    def __init__(self, name: str, raw: IO[bytes], size: int) -> None:
        self.name = name
        self.size = size
        self._counted = _Counted(raw)
        buffered = io.BufferedReader(self._counted, CHUNK_BYTES)
        is_gzip = buffered.peek(2)[:2] == _GZIP
        stream = gzip.GzipFile(fileobj=buffered) if is_gzip else buffered
        self._stream = io.BufferedReader(cast("io.RawIOBase", stream), CHUNK_BYTES)

    @property
    def done(self) -> int:
        return self._counted.done

    def close(self) -> None:
        self._counted.close()

    def stop(self) -> None:
        """Ends a read that waits for somebody else to write, as if nothing more came."""
        self._counted.is_stopped = True

    def elements(self) -> Iterator[Element | Bad]:
        """All of it, in order; a file that breaks off ends with what is bad about it."""
        line = 1
        try:
            for element in self._elements():
                line = element.line
                yield element
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            yield Bad(line, f"the rest of the file can't be read: {error}")

    def _elements(self) -> Iterator[Element | Bad]:
        first = self._stream.peek(len(_BOM))[: len(_BOM)]
        if first == _BOM:
            self._stream.read(len(_BOM))
        head = self._stream.readline(MAX_EVENT_BYTES)
        is_bracketed = head.lstrip().startswith(b"[") or head.rstrip().endswith(_BROKEN_OFF)
        return self._bracketed(head) if is_bracketed else self._lines(head)

    def _lines(self, line: bytes) -> Iterator[Element | Bad]:
        number = 0
        while line:
            number += 1
            if len(line) >= MAX_EVENT_BYTES and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):
                    line = self._stream.readline(CHUNK_BYTES)
                yield _too_large(number)
            elif not line.isspace():
                yield Element(number, line.strip())
            line = self._stream.readline(MAX_EVENT_BYTES)

    def _bracketed(self, head: bytes) -> Iterator[Element | Bad]:
        brackets = Brackets()
        chunk = head
        while chunk:
            yield from brackets.feed(chunk)
            chunk = self._stream.read1(CHUNK_BYTES)
        yield from brackets.end()


def open_source(name: str) -> Source:
    """A file to read; `-` is standard input. Raises BadInput for a folder, and OSError."""
    if name == "-":
        return Source("standard input", open(sys.stdin.fileno(), "rb", 0, closefd=False), 0)
    path = Path(name)
    if path.is_dir():
        raise BadInput(f"{name} is a folder: name its files")
    raw = path.open("rb", buffering=0)
    return Source(name, raw, path.stat().st_size if path.is_file() else 0)


class Brackets:
    """Cuts a stream of JSON into the objects that stand outermost, or in arrays that do.

    Only strings and brackets are looked at: whether an element is JSON, its reader says.
    """

    def __init__(self) -> None:
        self._line = self._begun_in = 1
        self._depth = 0  # of brackets, within an element
        self._in_string = False
        self._parts: list[bytes] = []
        self._size = 0
        self._carried = b""  # a backslash whose next character is not here yet

    def feed(self, chunk: bytes) -> Iterator[Element | Bad]:
        chunk = self._carried + chunk
        self._carried = b"\\" * ((len(chunk) - len(chunk.rstrip(b"\\"))) % 2)
        chunk = chunk.removesuffix(self._carried)
        done = 0
        for match in _SIGNS.finditer(chunk):
            sign = match[0]
            if sign == b'"':
                self._in_string = not self._in_string
            elif self._in_string or len(sign) > 1:
                continue
            elif sign in b"{[" and (self._depth or sign == b"{"):
                if not self._depth:
                    yield from self._pass(chunk[done : match.start()])
                    done, self._begun_in = match.start(), self._line
                self._depth += 1
            elif sign in b"}]" and self._depth:
                self._depth -= 1
                if not self._depth:
                    self._keep(chunk[done : match.end()])
                    done = match.end()
                    yield self._element()
        rest = chunk[done:]
        if self._depth:
            self._keep(rest)
        else:
            yield from self._pass(rest)

    def end(self) -> Iterator[Bad]:
        """What is left when nothing more comes."""
        if self._depth:
            yield Bad(self._begun_in, "the file ends in the middle of it")

    def _keep(self, part: bytes) -> None:
        self._line += part.count(b"\n")
        self._size += len(part)
        if self._size <= MAX_EVENT_BYTES:
            self._parts.append(part)
        else:
            self._parts.clear()

    def _element(self) -> Element | Bad:
        is_too_large = self._size > MAX_EVENT_BYTES
        body = b"".join(self._parts)
        self._parts, self._size = [], 0
        return _too_large(self._begun_in) if is_too_large else Element(self._begun_in, body)

    def _pass(self, between: bytes) -> Iterator[Bad]:
        """What stands between elements, where only commas and the brackets of arrays may stand."""
        if not _BETWEEN.fullmatch(between):
            yield Bad(self._line, "neither an object nor an array of objects")
        self._line += between.count(b"\n")


def _too_large(line: int) -> Bad:
    return Bad(line, f"larger than {MAX_EVENT_BYTES // 2**20} MB")


class _Counted(io.RawIOBase):
    """A raw stream that says how much of it was read."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.done = 0
        self.is_stopped = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._wait()
        data = b"" if self.is_stopped else self._raw.read(len(buffer)) or b""
        buffer[: len(data)] = data
        self.done += len(data)
        return len(data)

    def _wait(self) -> None:
        """Until there is something to read of a pipe: a read that blocks could not be ended."""
        if isinstance(self._raw, io.FileIO):
            while not self.is_stopped and not select.select([self._raw], [], [], LOOK_EVERY_S)[0]:
                pass

    def close(self) -> None:
        self._raw.close()
        super().close()
