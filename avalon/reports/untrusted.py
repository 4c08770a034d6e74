"""Reads JSON that strangers sent.

What clients really send is read, also where msgspec is stricter: lone surrogates, NaN and Infinity, numbers
beyond a double or 4,300 digits, raw control characters, a byte order mark. Only what is broken, not UTF-8 or
nested too deeply is BadInput. Depth is measured before decoding, at C speed, because decoders recurse.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from avalon.errors import BadInput, PayloadTooLarge
from avalon.reports.limits import MAX_DEPTH

_decode = msgspec.json.Decoder().decode
_BOM: Final = b"\xef\xbb\xbf"
# int() refuses more digits than 4,300, and beyond 64 bits nobody could store the number anyway.
_SURELY_INT64_DIGITS: Final = 18


def parse_json(body: bytes, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON text. Numbers that no double or 4,300-digit integer holds come as strings."""
    if exceeds_depth(body, max_depth):
        raise BadInput(f"the JSON is nested deeper than {max_depth} levels")
    try:
        return _decode(body)
    except (ValueError, RecursionError):
        return _parse_leniently(body, max_depth)


def kind_of(value: object) -> str:
    """The JSON name of a value's type, for messages."""
    return _KINDS.get(type(value), "value")


_KINDS: Final = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def _parse_leniently(body: bytes, max_depth: int) -> Any:
    try:
        text = body.removeprefix(_BOM).decode()
        return _lenient_decoder.decode(text.strip(" \t\r\n"))
    except UnicodeDecodeError as error:
        raise BadInput(f"the body is not UTF-8: byte {error.start} can't be read") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadInput(f"the body is not valid JSON: {error.msg} ({where})") from None
    except RecursionError:
        raise BadInput(f"the JSON is nested deeper than {max_depth} levels") from None


def _parse_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= _SURELY_INT64_DIGITS else digits


def _parse_float(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


_lenient_decoder: Final = json.JSONDecoder(
    strict=False, parse_int=_parse_int, parse_float=_parse_float, parse_constant=str
)

_NOT_SIGNS: Final = bytes(byte for byte in range(256) if byte not in b'[]{}"')
# A longer body surely has more than a few brackets.
_WORTH_COUNTING: Final = 16_384
# To find them one by one costs 80 ns each, and to look for two bytes costs 1 ns for each of the body.
MANY_ESCAPES: Final = 2_000
_ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
_AS_SQUARE: Final = bytes.maketrans(b"{}", b"[]")


def exceeds_depth(body: bytes, limit: int) -> bool:
    """Whether lists and objects stand more than `limit` deep inside each other.

    Linear for any input: the strings are taken out, and then the innermost pairs of brackets, level by level.
    What stays of broken JSON counts by its opening brackets, so no decoder meets more than it can recurse.
    """
    if len(body) <= _WORTH_COUNTING and body.count(b"{") + body.count(b"[") <= limit:
        return False
    brackets = _brackets(body)
    for _ in range(limit):
        peeled = brackets.replace(b"[]", b"")
        if len(peeled) == len(brackets):
            break
        brackets = peeled
    return b"[]" in brackets or brackets.count(b"[") > limit


def _brackets(body: bytes) -> bytes:
    """The brackets outside of strings, all of them square."""
    body, escapes = _ESCAPE.subn(b"", body, MANY_ESCAPES)
    if escapes == MANY_ESCAPES:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes beside each other change nothing of what stands inside of strings and what outside.
    signs = body.translate(None, _NOT_SIGNS).replace(b'""', b"")
    return b"".join(signs.split(b'"')[::2]).translate(_AS_SQUARE)


# Looking through one costs half a microsecond.
MAX_BRACKETS: Final = 400_000
# From inside an element to its next bracket, over strings and all else; possessive: nothing is read twice.
_TO_BRACKET: Final = re.compile(
    rb'(?:[^"\[\]{}]*+"[^"\\]*+(?:\\.[^"\\]*+)*+")*+[^"\[\]{}]*+([\[\]{}])', re.DOTALL
)
_TO_BRACKET_OR_COMMA: Final = re.compile(
    rb'(?:[^"\[\]{},]*+"[^"\\]*+(?:\\.[^"\\]*+)*+")*+[^"\[\]{},]*+([\[\]{},])', re.DOTALL
)


def split_array(body: bytes) -> Iterator[bytes]:
    """The elements of a JSON array, each as its own JSON text, unread: one that is broken spoils no other.

    Raises BadInput where the array itself is broken, which may be after some elements.
    """
    body = body.removeprefix(_BOM).strip(b" \t\r\n")
    if not body.startswith(b"["):
        raise BadInput("expected a JSON array of reports, or application/x-ndjson with one report a line")
    if body[1:].lstrip(b" \t\r\n") == b"]":
        return
    if len(_brackets(body)) > MAX_BRACKETS:
        raise PayloadTooLarge(
            f"the array is broken, and has more than {MAX_BRACKETS} brackets to look through"
        )
    depth = 1
    start = place = 1
    while match := (_TO_BRACKET_OR_COMMA if depth == 1 else _TO_BRACKET).match(body, place):
        place = match.end()
        sign = match[1]
        if sign in b"[{":
            depth += 1
        elif sign != b",":
            depth -= 1
        if depth == 0 or (depth == 1 and sign == b","):
            yield _element(body[start : place - 1])
            start = place
        if depth == 0:
            break
    if depth or place != len(body):
        raise BadInput("the body is not a JSON array: it ends too early, or goes on after its end")


def _element(text: bytes) -> bytes:
    if not text.strip(b" \t\r\n"):
        raise BadInput("the body is not a JSON array: an element is empty")
    return text
