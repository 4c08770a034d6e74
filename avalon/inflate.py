"""Content-Encoding taken off a body, in steps, so that a bomb never becomes more than its limit.

Every decoder is asked for at most one step of output at a time and the sum is checked after each, so that no
more than `limit` plus one step is ever held; what zstd and brotli keep as their window comes on top, and is
bounded by WINDOW_LOG for zstd and by RFC 7932 (16 MB) for brotli. Concatenated gzip members and zstd frames
are one body (RFC 1952 §2.2, RFC 8878 §3). One encoding at a time: a chain of them is refused.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Final

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

_ZSTD_OPTIONS: Final[dict[int, int]] = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG}


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding, at most `limit` bytes.

    Raises UnsupportedMedia for an encoding that is not understood or a chain of several, BadInput for a
    broken or unfinished stream, PayloadTooLarge as soon as the output passes the limit.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _join(iter((body,)), limit)
    decoder = _DECODERS.get(name)
    if decoder is None:
        raise UnsupportedMedia(
            f"expected one of gzip, deflate, br, zstd, got {name[:40]!a}", field="Content-Encoding"
        )
    try:
        return _join(decoder(body), limit)
    except (zlib.error, brotli.error, zstd.ZstdError) as error:
        raise BadInput(f"the body is not valid {name}: {error}") from None


def _join(steps: Iterator[bytes], limit: int) -> bytes:
    output = []
    size = 0
    for step in steps:
        size += len(step)
        if size > limit:
            raise PayloadTooLarge(f"the body is larger than {limit} bytes")
        output.append(step)
    return b"".join(output)


def _gzip(body: bytes) -> Iterator[bytes]:
    for _ in range(MAX_MEMBERS):
        decoder = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        yield from _zlib_steps(decoder, body, "gzip")
        # Zeros after the last member are padding, as gzip(1) and Python's gzip module read it.
        body = decoder.unused_data.lstrip(b"\0")
        if not body:
            return
    raise BadInput(f"the body has more than {MAX_MEMBERS} gzip members")


def _deflate(body: bytes) -> Iterator[bytes]:
    """RFC 9110 §8.4.1.2 means the zlib format; some clients send the raw one, which has no header."""
    has_header = len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
    yield from _zlib_steps(decoder, body, "deflate")
    if decoder.unused_data:
        raise BadInput("the body goes on after the end of its deflate stream")


def _zlib_steps(decoder: zlib._Decompress, data: bytes, name: str) -> Iterator[bytes]:
    while not decoder.eof:
        step = decoder.decompress(data, STEP_BYTES)
        if not step and not decoder.eof:
            raise _truncated(name)
        yield step
        data = decoder.unconsumed_tail


def _brotli(body: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    data = body
    while not decoder.is_finished():
        step = decoder.process(data, output_buffer_limit=STEP_BYTES)
        if not step and not decoder.is_finished():
            raise _truncated("br")
        yield step
        data = b""


def _zstd(body: bytes) -> Iterator[bytes]:
    for _ in range(MAX_MEMBERS):
        decoder = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)
        yield from _zstd_steps(decoder, body)
        body = decoder.unused_data
        if not body:
            return
    raise BadInput(f"the body has more than {MAX_MEMBERS} zstd frames")


def _zstd_steps(decoder: zstd.ZstdDecompressor, data: bytes) -> Iterator[bytes]:
    while not decoder.eof:
        step = decoder.decompress(data, STEP_BYTES)
        if not step and not decoder.eof:
            raise _truncated("zstd")
        yield step
        data = b""


def _truncated(name: str) -> BadInput:
    return BadInput(f"the body ends in the middle of its {name} stream")


_DECODERS: Final[dict[str, Callable[[bytes], Iterator[bytes]]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
