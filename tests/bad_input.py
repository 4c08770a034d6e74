"""The corpus of bad input: what clients, broken clients and attackers really send, as data.

Each `Case` is one body for `POST /report` with the statuses that it may be answered with. Most can also stand
among good reports in a batch, where they must not fail their neighbours: see `as_array` and `as_lines`.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import zlib
from typing import Any

import brotli
from backports import zstd

KIB = 1024
MIB = 1024 * KIB
STORED = frozenset({201})
REFUSED = frozenset({400})
TOO_LARGE = frozenset({413})
NOT_UNDERSTOOD = frozenset({415})


@dataclasses.dataclass(frozen=True)
class Case:
    """One bad input. `field` is named by the refusal; an `alone` case makes no sense in a batch, and one that
    `breaks_array` leaves its array without an end or a beginning, so that all of it is refused."""

    name: str
    body: bytes
    statuses: frozenset[int] = STORED
    field: str | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    alone: bool = False
    breaks_array: bool = False

    def __str__(self) -> str:
        return self.name


def report(**fields: Any) -> dict[str, Any]:
    """A small good report with these fields; those of `error` are merged into its own."""
    error = fields.pop("error", {})
    return {"error": {"message": "boom", **error}, **fields}


def good(index: int = 0) -> bytes:
    """A good report, told from others by its message."""
    return json.dumps(report(error={"message": f"good neighbour {index}"})).encode()


def as_array(case: Case, neighbours: int = 99) -> tuple[bytes, int]:
    """A JSON array with the case in the middle of good reports, and its index."""
    index = neighbours // 2
    bodies = [good(number) for number in range(neighbours)]
    bodies.insert(index, case.body)
    return b"[" + b",".join(bodies) + b"]", index


def as_lines(case: Case, neighbours: int = 99) -> tuple[bytes, int]:
    """The same as NDJSON."""
    index = neighbours // 2
    bodies = [good(number) for number in range(neighbours)]
    bodies.insert(index, case.body)
    return b"\n".join(bodies) + b"\n", index


def _with(**fields: Any) -> bytes:
    return json.dumps(report(**fields)).encode()


def _raw(value: bytes, name: str = "metadata") -> bytes:
    """A report whose field holds this JSON text, as it is; `error.x` stands for a field of `error`."""
    if name.startswith("error."):
        return b'{"error": {"message": "boom", "%s": %s}}' % (name[6:].encode(), value)
    return b'{"error": {"message": "boom"}, "%s": %s}' % (name.encode(), value)


def _message(value: bytes) -> bytes:
    return b'{"error": {"message": %s}}' % value


def _encoded(name: str, body: bytes, encoding: str, statuses: frozenset[int]) -> Case:
    return Case(name, body, statuses, headers={"content-encoding": encoding}, alone=True)


def _raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


TEXTS = [
    Case("NUL in the message", _message(rb'"a\u0000b"')),
    Case("NUL in a key", _raw(rb'{"a\u0000b": 1}')),
    Case("NUL in a tag's key", _raw(rb'{"a\u0000b": "x"}', "tags")),
    Case("NUL as a raw byte", _message(b'"a\0b"')),
    Case("raw control characters", _message(b'"a\tb\x1b[31mc\x07"')),
    Case("lone high surrogate", _message(rb'"a\ud800b"')),
    Case("lone low surrogate", _message(rb'"a\udc00b"')),
    Case("surrogates the wrong way round", _message(rb'"\ude00\ud83d"')),
    Case("high surrogate at the very end", _message(rb'"a\ud83d"')),
    Case("surrogate in a key", _raw(rb'{"\udfff": {"\ud800": "\udbff"}}')),
    Case("surrogate in release and environment", _with(release="1\udc00", environment="p\ud800")),
    Case("bidi and zero-width characters", _with(error={"message": "a\u202eb\u200bc\u2028d\ufeff"})),
    Case("noncharacters", _with(error={"message": "\uffff\ufffe\U0010ffff"})),
    Case("invalid UTF-8 in the message", _message(b'"a\xff\xfeb"'), REFUSED, "UTF-8"),
    Case("invalid UTF-8 in a key", _raw(b'{"a\xff": 1}'), REFUSED, "UTF-8"),
    Case("encoded surrogate", _message(b'"\xed\xa0\x80"'), REFUSED, "UTF-8"),
    Case("overlong NUL", _message(b'"\xc0\x80"'), REFUSED, "UTF-8"),
    Case("UTF-16", json.dumps(report()).encode("utf-16"), REFUSED, "UTF-8"),
    Case("byte order mark", b"\xef\xbb\xbf" + _with()),
    Case("a message of blanks", _with(error={"message": " \n "})),
    Case("an empty message", _with(error={"message": ""})),
]

BROKEN = [
    Case("no body", b"", REFUSED, "JSON", alone=True),
    Case("blanks only", b"  ", REFUSED, "JSON", alone=True),
    Case("null", b"null", REFUSED, "got null"),
    Case("an array", b"[1, 2]", REFUSED, "got array"),
    Case("a string", b'"boom"', REFUSED, "got string"),
    Case("a number", b"17", REFUSED, "got number"),
    Case("not JSON at all", b"message=boom&level=error", REFUSED, "JSON"),
    Case("cut in a string", b'{"error": {"message": "bo', REFUSED, "JSON", breaks_array=True),
    Case("cut after a key", b'{"error": {"message"', REFUSED, "JSON", breaks_array=True),
    Case("one brace too many", _with() + b"}", REFUSED, "JSON", breaks_array=True),
    Case("text after the end", _with() + b" x", REFUSED, "JSON"),
    Case("single quotes", b"{'error': {'message': 'boom'}}", REFUSED, "JSON"),
    Case("a trailing comma", b'{"error": {"message": "boom"},}', REFUSED, "JSON"),
    Case("a bad escape", _message(rb'"\x41"'), REFUSED, "JSON"),
    Case("a misspelt literal", _raw(b'{"a": tru}'), REFUSED, "JSON"),
]

NUMBERS = [
    Case("NaN", _raw(b'{"a": NaN}')),
    Case("Infinity", _raw(b'{"a": [Infinity, -Infinity]}')),
    Case("1e999", _raw(b'{"a": 1e999, "b": -1e999}')),
    Case("1e308", _raw(b'{"a": [1e308, -1e308, 1e-308, 5e-324]}')),
    Case("2^63", _raw(b'{"a": [9223372036854775808, -9223372036854775809]}')),
    Case("2^64", _raw(b'{"a": 18446744073709551616}')),
    Case("an integer of 4,300 digits", _raw(b'{"a": %s}' % (b"7" * 4300))),
    Case("an integer of 100,000 digits", _raw(b'{"a": %s}' % (b"7" * 100_000))),
    Case("a fraction of 100,000 digits", _raw(b'{"a": 0.%s}' % (b"7" * 100_000))),
    Case("NaN as the message", _message(b"NaN")),
]

DEEP = [
    Case("33 levels", _raw(b'{"a":' * 32 + b"1" + b"}" * 32), REFUSED, "nested deeper than 32 levels"),
    Case("32 levels", _raw(b'{"a":' * 31 + b"1" + b"}" * 31)),
    Case("2,000 levels", _raw(b"[" * 2000 + b"]" * 2000), REFUSED, "nested deeper"),
    Case(
        "100,000 levels of an unknown field",
        _raw(b"[" * 100_000 + b"]" * 100_000, "x"),
        REFUSED,
        "nested deeper",
    ),
    Case("100,000 objects", _raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), REFUSED, "nested deeper"),
    Case("100,000 levels without an end", _raw(b"[" * 100_000), REFUSED, "nested deeper", breaks_array=True),
    Case("100,000 brackets in a string", _with(error={"message": '"[{' * 33_000})),
]

OPTIONAL = ("level", "metadata", "id", "timestamp", "environment", "release", "tags", "user", "fingerprint")

WRONG_TYPES = [
    Case("no error", b"{}", REFUSED, "error.message: required"),
    Case("error is null", b'{"error": null}', REFUSED, "error.message: required"),
    Case("error is a string", b'{"error": "boom"}', REFUSED, "error: expected an object, got string"),
    Case("error is an array", b'{"error": []}', REFUSED, "error: "),
    Case("no message", b'{"error": {"stack": "x"}}', REFUSED, "error.message: required"),
    Case("message is null", _message(b"null"), REFUSED, "error.message: required"),
    Case("message is an object", _message(b"{}"), REFUSED, "error.message: expected a string, got object"),
    Case("message is an array", _message(b'["x"]'), REFUSED, "error.message: "),
    Case("message is a number", _message(b"42")),
    Case("message is a boolean", _message(b"false")),
    Case("stack is an array", _raw(b'["x"]', "error.stack"), REFUSED, "error.stack: "),
    Case("path is an object", _raw(b"{}", "error.path"), REFUSED, "error.path: "),
    Case("method is an array", _raw(b"[]", "error.method"), REFUSED, "error.method: "),
    Case("type is an object", _raw(b"{}", "error.type"), REFUSED, "error.type: "),
    Case("level is an object", _raw(b"{}", "level"), REFUSED, "level: "),
    Case("level is a number", _raw(b"50", "level")),
    Case("level is not one of ours", _with(level="kaputt")),
    Case("level is a megabyte", _with(level="x" * 900 * KIB)),
    Case("metadata is an array", _raw(b"[]"), REFUSED, "metadata: expected an object, got array"),
    Case("metadata is a string", _raw(b'"x"'), REFUSED, "metadata: "),
    Case("tags is an array", _raw(b'[["a", "b"]]', "tags"), REFUSED, "tags: "),
    Case("a tag is an object", _raw(b'{"browser": {}}', "tags"), REFUSED, "tags.browser: "),
    Case("a nasty tag is an array", _raw(rb'{"\ud800\u0000\u202e": []}', "tags"), REFUSED, "tags."),
    Case("a tag is a number or null", _raw(b'{"a": 1, "b": null, "c": true, "d": 1.5}', "tags")),
    Case("user is a string", _raw(b'"jean"', "user"), REFUSED, "user: "),
    Case("user is an array", _raw(b"[]", "user"), REFUSED, "user: "),
    Case("user.id is an object", _raw(b'{"id": {}}', "user"), REFUSED, "user.id: "),
    Case("user.id is a number", _raw(b'{"id": 17, "email": null}', "user")),
    Case("fingerprint is a string", _raw(b'"x"', "fingerprint"), REFUSED, "fingerprint: "),
    Case("fingerprint is an object", _raw(b"{}", "fingerprint"), REFUSED, "fingerprint: "),
    Case("a fingerprint's part is an array", _raw(b'["a", []]', "fingerprint"), REFUSED, "fingerprint[1]: "),
    Case("environment is an array", _raw(b"[]", "environment"), REFUSED, "environment: "),
    Case("release is an object", _raw(b"{}", "release"), REFUSED, "release: "),
    Case("release is a number", _raw(b"1.4", "release")),
    Case("id is a number", _raw(b"17", "id"), REFUSED, "id: expected a UUID, got number"),
    Case("id is a lone surrogate", _raw(b'"\\ud800"', "id"), REFUSED, "id: expected a UUID"),
    Case("id is not a UUID", _raw(b'"17"', "id"), REFUSED, "id: expected a UUID"),
    Case("id is the nil UUID", _raw(b'"00000000-0000-0000-0000-000000000000"', "id"), REFUSED, "id: "),
    Case("id has a path in it", _raw(b'"../../etc/passwd"', "id"), REFUSED, "id: "),
    Case(
        "every field is null",
        json.dumps(
            report(error=dict.fromkeys(("stack", "path", "method", "type"))) | dict.fromkeys(OPTIONAL)
        ).encode(),
    ),
    Case(
        "duplicate keys",
        b'{"error": {"message": "first"}, "error": {"message": "last", "message": "very last"}}',
    ),
    Case("keys of JavaScript's", _raw(b'{"__proto__": {"x": 1}, "constructor": 1, "toString": 2}')),
    Case("a service of its own", _with(service="somebody else's", key="avl_x", position=-1)),
]

TIMES = [
    Case("a timestamp of another kind", _raw(b"{}", "timestamp"), REFUSED, "timestamp: "),
    Case("a timestamp that is none", _with(timestamp="yesterday")),
    Case("the year 10000", _with(timestamp="+010000-01-01T00:00:00Z")),
    Case("the year 9999", _with(timestamp="9999-12-31T23:59:59-14:00")),
    Case("the year 1", _with(timestamp="0001-01-01T00:00:00+14:00")),
    Case("before Christ", _with(timestamp="-0044-03-15T00:00:00Z")),
    Case("1970", _with(timestamp=0)),
    Case("infinity, as Postgres has it", _with(timestamp="infinity")),
    Case("a negative timestamp", _with(timestamp=-62135596801)),
    Case("a timestamp of 400 digits", _raw(b"1" * 400, "timestamp")),
    Case("1e999 as the timestamp", _raw(b"1e999", "timestamp")),
    Case("NaN as the timestamp", _raw(b"NaN", "timestamp")),
    Case("a megabyte of timestamp", _with(timestamp="1" * 900 * KIB)),
    Case("the 30th of February", _with(timestamp="2026-02-30T00:00:00Z")),
    Case("a leap second", _with(timestamp="2016-12-31T23:59:60Z")),
]

LARGE = [
    Case("a message of 900 KB", _with(error={"message": "x" * 900 * KIB})),
    Case("a stack of 900 KB", _with(error={"stack": "at line\n" * 112 * KIB})),
    Case("metadata of 900 KB", _with(metadata={f"key {n}": "x" * 9 * KIB for n in range(100)})),
    Case("a key of 100 KB", _with(metadata={"k" * 100 * KIB: 1})),
    Case("50,000 tags", _with(tags={f"t{n}": "x" for n in range(50_000)})),
    Case("a tag of 100 KB", _with(tags={"a": "x" * 100 * KIB})),
    Case("100,000 numbers", _with(metadata={"a": list(range(100_000))})),
    Case("50,000 keys", _with(metadata={f"k{n}": n for n in range(50_000)})),
    Case("a fingerprint of 10,000 parts", _with(fingerprint=["x"] * 10_000)),
    Case(
        "path, method, type and release of 50 KB",
        _with(error=dict.fromkeys(("path", "method", "type"), "x" * 50 * KIB), release="x" * 50 * KIB),
    ),
    Case("a report of 2 MB", _with(error={"message": "x" * 2 * MIB}), TOO_LARGE),
    Case("a report of 10 MB", _with(error={"message": "x" * 10 * MIB}), TOO_LARGE, alone=True),
]

ENCODED = [
    _encoded("gzip", gzip.compress(_with()), "gzip", STORED),
    _encoded("gzip in two members", gzip.compress(_with()[:9]) + gzip.compress(_with()[9:]), "gzip", STORED),
    _encoded("deflate", zlib.compress(_with()), "deflate", STORED),
    _encoded("deflate without its header", _raw_deflate(_with()), "deflate", STORED),
    _encoded("br", brotli.compress(_with()), "br", STORED),
    _encoded("zstd", zstd.compress(_with()), "zstd", STORED),
    _encoded("gzip bomb", gzip.compress(b" " * 100 * MIB), "gzip", TOO_LARGE),
    _encoded("deflate bomb", zlib.compress(b" " * 100 * MIB), "deflate", TOO_LARGE),
    _encoded("br bomb", brotli.compress(b" " * 100 * MIB, quality=5), "br", TOO_LARGE),
    _encoded("zstd bomb", zstd.compress(b" " * 100 * MIB), "zstd", TOO_LARGE),
    _encoded("gzip of 20,000 empty members", gzip.compress(b"") * 20_000, "gzip", REFUSED),
    _encoded("gzip cut", gzip.compress(_with())[:-9], "gzip", REFUSED),
    _encoded("zstd cut", zstd.compress(_with())[:-3], "zstd", REFUSED),
    _encoded("br cut", brotli.compress(_with())[:-3], "br", REFUSED),
    _encoded("gzip that is none", _with(), "gzip", REFUSED),
    _encoded("deflate that is none", _with(), "deflate", REFUSED),
    _encoded("an encoding that nobody knows", _with(), "rot13", NOT_UNDERSTOOD),
    _encoded("gzip twice", gzip.compress(gzip.compress(_with())), "gzip, gzip", NOT_UNDERSTOOD),
]  # fmt: skip

CORPUS = TEXTS + BROKEN + NUMBERS + DEEP + WRONG_TYPES + TIMES + LARGE + ENCODED
