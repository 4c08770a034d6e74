"""Content-Encoding: what is understood, what is refused, and that no bomb gets past its limit."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
from backports import zstd

from avalon.errors import BadInput, PayloadTooLarge, UnsupportedMedia
from avalon.inflate import STEP_BYTES, Inflater, inflate

LIMIT = 256 * 1024
TEXT = b'{"error": {"message": "boom"}}' * 100


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


ENCODERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("br", brotli.compress),
    ("zstd", zstd.compress),
    ("identity", bytes),
    ("", bytes),
]
STREAMS = ENCODERS[:6]


@pytest.mark.parametrize(("encoding", "encode"), ENCODERS)
@pytest.mark.parametrize("body", [b"", b"x", TEXT, bytes(STEP_BYTES), bytes(LIMIT)])
def test_a_body_comes_back_as_it_was(encoding: str, encode: Callable[[bytes], bytes], body: bytes) -> None:
    assert inflate(encode(body), encoding, LIMIT) == body


@pytest.mark.parametrize(("encoding", "encode"), ENCODERS)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_that_comes_in_parts_is_the_same(
    encoding: str, encode: Callable[[bytes], bytes], size: int
) -> None:
    body = TEXT + bytes(2 * STEP_BYTES)
    sent = encode(body)[: 5000 * size]
    inflater = Inflater(encoding, LIMIT)
    parts = [sent[start : start + size] for start in range(0, len(sent), size)]
    steps = [step for part in parts for step in inflater.feed(part)]
    assert body.startswith(b"".join(steps))
    if len(sent) < 5000 * size:
        inflater.end()
        assert b"".join(steps) == body


@pytest.mark.parametrize(("encoding", "encode"), ENCODERS)
def test_one_byte_over_the_limit_is_too_large(encoding: str, encode: Callable[[bytes], bytes]) -> None:
    with pytest.raises(PayloadTooLarge):
        inflate(encode(bytes(LIMIT + 1)), encoding, LIMIT)


@pytest.mark.parametrize(("encoding", "encode"), STREAMS)
def test_a_bomb_never_becomes_more_than_its_limit_and_a_step(
    encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    bomb = encode(bytes(64 * 1024 * 1024))
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLarge):
            inflate(bomb, encoding, LIMIT)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The rest is the decoder's own state, and the copy of its input's rest that zlib hands back.
    assert peak < LIMIT + STEP_BYTES + 2 * len(bomb) + 256 * 1024


@pytest.mark.parametrize(("encoding", "encode"), STREAMS)
def test_a_stream_that_ends_anywhere_too_early_is_bad_input(
    encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    body = encode(TEXT)
    for end in range(len(body)):
        with pytest.raises(BadInput, match=r"ends in the middle|not valid") as refused:
            inflate(body[:end], encoding, LIMIT)
        assert refused.value.status == 400


@pytest.mark.parametrize(("encoding", "encode"), STREAMS)
def test_what_follows_the_end_of_a_stream_is_not_swallowed(
    encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(BadInput):
        inflate(encode(TEXT) + b"and more", encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_that_is_not_encoded_is_bad_input(encoding: str) -> None:
    with pytest.raises(BadInput) as refused:
        inflate(TEXT, encoding, LIMIT)
    assert refused.value.status == 400


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_concatenated_streams_are_one_body_with_one_limit(
    encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    assert inflate(encode(b"one ") + encode(b"") + encode(b"two"), encoding, LIMIT) == b"one two"
    with pytest.raises(PayloadTooLarge):
        inflate(encode(bytes(LIMIT - 1)) + encode(bytes(2)), encoding, LIMIT)
    with pytest.raises(BadInput, match="more than 1000"):
        inflate(encode(b"") * 50_000, encoding, LIMIT)


def test_zeros_after_gzip_are_padding() -> None:
    assert inflate(gzip.compress(TEXT) + bytes(512), "gzip", LIMIT) == TEXT


def test_a_zstd_frame_that_asks_for_a_huge_window_is_refused() -> None:
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=options)
    frame = compressor.compress(TEXT) + compressor.flush()
    with pytest.raises(BadInput, match="not valid zstd"):
        inflate(frame, "zstd", LIMIT)


@pytest.mark.parametrize("encoding", ["rot13", "compress", "gzip, gzip", "gzip,br", "*", "gzip;q=1", "\x00"])
def test_an_unknown_encoding_or_a_chain_is_not_understood(encoding: str) -> None:
    with pytest.raises(UnsupportedMedia, match="Content-Encoding"):
        inflate(TEXT, encoding, LIMIT)


def test_an_encodings_name_is_read_in_any_case() -> None:
    assert inflate(gzip.compress(TEXT), " GZip ", LIMIT) == TEXT
