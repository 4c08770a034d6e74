"""Content-Encoding taken off a body, in steps, so that a bomb never becomes more than its limit.

Every decoder is asked for at most one step of output at a time and the sum is checked after each, so that no
more than `limit` plus one step is ever held; what zstd and brotli keep as their window comes on top, and is
bounded by WINDOW_LOG for zstd and by RFC 7932 (16 MB) for brotli. Concatenated gzip members and zstd frames
are one body (RFC 1952 §2.2, RFC 8878 §3). One encoding at a time: a chain of them is refused.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from typing import Final, Protocol

import brotli  # type: ignore[import-untyped]  # it has no stubs

from avalon.errors import BadInput, PayloadTooLarge, UnsupportedMedia

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STEP_BYTES: Final = 64 * 1024
# A member costs a new decoder and a copy of the input's rest, so that a body of empty ones would be slow.
MAX_MEMBERS: Final = 1000
# RFC 8878 §3.1.1.1.2 recommends to support windows of 8 MB and lets a decoder refuse larger ones.
WINDOW_LOG: Final = 23
# RFC 7932 §9.1; a stream of 61 bytes can ask for it, and fill it.
BROTLI_WINDOW_BYTES: Final = 1 << 24

_ZSTD_OPTIONS: Final[dict[int, int]] = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
_BROKEN: Final = (zlib.error, brotli.error, zstd.ZstdError)


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding, at most `limit` bytes.

    Raises what an Inflater raises.
    """
    inflater = Inflater(encoding, limit)
    steps = list(inflater.feed(body))
    inflater.end()
    return steps[0] if len(steps) == 1 else b"".join(steps)


class Inflater:
    """Takes a Content-Encoding off a body that comes in parts.

    Raises UnsupportedMedia for an encoding that is not understood or a chain of several, BadInput for a
    broken or unfinished stream, PayloadTooLarge as soon as the output passes the limit.
    """

    def __init__(self, encoding: str, limit: int, step_bytes: int = STEP_BYTES) -> None:
        self._name = encoding.strip().lower()
        if self._name not in _DECODERS:
            raise UnsupportedMedia(
                f"expected one of gzip, deflate, br, zstd, got {self._name[:40]!a}", field="Content-Encoding"
            )
        self._decoder = _DECODERS[self._name](step_bytes)
        self._limit = limit
        self._size = 0

    @property
    def window(self) -> int:
        """The bytes of its output that the decoder keeps, where these are many."""
        return min(self._size, self._decoder.window_bytes)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the next part of the body becomes; to be used up before the next one is fed."""
        try:
            for step in self._decoder.feed(data):
                self._size += len(step)
                if self._size > self._limit:
                    raise PayloadTooLarge(f"the body is larger than {self._limit} bytes")
                yield step
        except _BROKEN as error:
            raise BadInput(f"the body is not valid {self._name}: {error}") from None

    def end(self) -> None:
        """Raises BadInput where the stream is not at its end."""
        if not self._decoder.is_done():
            raise BadInput(f"the body ends in the middle of its {self._name} stream")


class _Decoder(Protocol):
    window_bytes: int

    def __init__(self, step_bytes: int) -> None: ...

    def feed(self, data: bytes) -> Iterator[bytes]: ...

    def is_done(self) -> bool: ...


class _Identity:
    window_bytes = 0

    def __init__(self, step_bytes: int) -> None:
        self._step_bytes = step_bytes

    def feed(self, data: bytes) -> Iterator[bytes]:
        if len(data) <= self._step_bytes:
            yield data
            return
        for start in range(0, len(data), self._step_bytes):
            yield data[start : start + self._step_bytes]

    def is_done(self) -> bool:
        return True


class _Gzip:
    window_bytes = 0

    def __init__(self, step_bytes: int) -> None:
        self._step_bytes = step_bytes
        self._decoder = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._members = 1

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._decoder.eof:
                # Zeros after the last member are padding, as gzip(1) and Python's gzip module read it.
                data = data.lstrip(b"\0")
                if not data:
                    return
                self._members = _count(self._members, "gzip members")
                self._decoder = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            yield from _zlib_steps(self._decoder, data, self._step_bytes)
            data = self._decoder.unused_data

    def is_done(self) -> bool:
        return self._decoder.eof


class _Deflate:
    """RFC 9110 §8.4.1.2 means the zlib format; some clients send the raw one, which has no header."""

    window_bytes = 0

    def __init__(self, step_bytes: int) -> None:
        self._step_bytes = step_bytes
        self._decoder: zlib._Decompress | None = None
        self._start = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._decoder is None:
            data = self._start = self._start + data
            if len(data) < 2:
                return
            has_header = data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0
            self._decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
        yield from _zlib_steps(self._decoder, data, self._step_bytes)
        if self._decoder.unused_data:
            raise BadInput("the body goes on after the end of its deflate stream")

    def is_done(self) -> bool:
        return self._decoder is not None and self._decoder.eof


def _zlib_steps(decoder: zlib._Decompress, data: bytes, step_bytes: int) -> Iterator[bytes]:
    """Also an input that is used up may have more to give, as long as the steps are full."""
    step = decoder.decompress(data, step_bytes)
    while step:
        yield step
        if decoder.eof or not (decoder.unconsumed_tail or len(step) == step_bytes):
            return
        step = decoder.decompress(decoder.unconsumed_tail, step_bytes)


class _Brotli:
    window_bytes = BROTLI_WINDOW_BYTES

    def __init__(self, step_bytes: int) -> None:
        self._step_bytes = step_bytes
        self._decoder = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        step = self._decoder.process(data, output_buffer_limit=self._step_bytes)
        while step:
            yield step
            if self._decoder.is_finished():
                return
            step = self._decoder.process(b"", output_buffer_limit=self._step_bytes)

    def is_done(self) -> bool:
        return bool(self._decoder.is_finished())


class _Zstd:
    window_bytes = 1 << WINDOW_LOG

    def __init__(self, step_bytes: int) -> None:
        self._step_bytes = step_bytes
        self._decoder = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
        self._frames = 1

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._decoder.eof:
                self._frames = _count(self._frames, "zstd frames")
                self._decoder = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
            if step := self._decoder.decompress(data, self._step_bytes):
                yield step
            while not (self._decoder.eof or self._decoder.needs_input):
                yield self._decoder.decompress(b"", self._step_bytes)
            data = self._decoder.unused_data

    def is_done(self) -> bool:
        return self._decoder.eof


def _count(members: int, name: str) -> int:
    if members == MAX_MEMBERS:
        raise BadInput(f"the body has more than {MAX_MEMBERS} {name}")
    return members + 1


_DECODERS: Final[dict[str, type[_Decoder]]] = {
    "": _Identity,
    "identity": _Identity,
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
