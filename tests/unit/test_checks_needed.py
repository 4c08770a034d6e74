"""The shortcut past scrubbing: it leaves out only checks that would change nothing, and is always quick."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from avalon.reports import Cleaner, Report, bound_and_scrub
from avalon.reports.scrubbing import (
    ALL_CHECKS,
    Check,
    checks_needed,
    filter_assignments,
    filter_bearer,
    filter_cards,
    filter_jwts,
    filter_members,
    filter_own_keys,
    filter_url_passwords,
    is_secret_key,
    repair,
)

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
OWN_KEY = "avl_7Zk2mQ9vXc4RtY8uPw1sDf6gHj3kLn5b0aVeCx"

# The fragments of which secrets, their disguises in JSON and near misses are made.
FRAGMENTS = [
    "4111", "1111", "4111111111111111", "5252", " ", "-", ".", "0", "3", "eyJ", "eyJhbGciOiJI",
    ".eyJzdWIiOiI", "bearer ", "Bearer", ":", "abcdefgh", "authentication", "avl_", "0123456789abcdef",
    "://", "user", "@", "/", "password", "PassWord", "=", "token=", "api-key=", '"', "'", "\\", "\n", "\t",
    "\0", "\x1f", "é", "ſ", "\u212a", "\ud800", "\udc00", "\ud83d\ude00", "secret", "[Filtered]",
    "\u2028", "x", "token':", 'token":', '\\"token\\":', 'b\'',
]  # fmt: skip
texts = st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join)


def escape_all(text: str) -> str:
    """JSON that hides every character of its strings behind an escape."""
    return '"' + "".join(f"\\u{unit:04x}" for unit in utf16_units(text)) + '"'


def utf16_units(text: str) -> list[int]:
    data = text.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[index : index + 2], "big") for index in range(0, len(data), 2)]


def write_plain(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def write_as_php(text: str) -> str:
    return json.dumps(text).replace("/", "\\/")


def source_of(written: list[str]) -> bytes:
    return ("[" + ", ".join(written) + "]").encode("utf-8", "surrogatepass")


@settings(max_examples=600, deadline=None)
@given(
    values=st.lists(texts, max_size=4),
    write=st.sampled_from([json.dumps, write_plain, write_as_php, escape_all]),
)
@example(values=["://u:bearer:abc/defghi@host"], write=json.dumps)
def test_the_checks_that_a_source_needs_do_all_that_all_checks_do(values: list[str], write: Any) -> None:
    source = source_of([write(value) for value in values])
    if write is write_plain and any(
        "\ud800" <= character <= "\udfff" for text in values for character in text
    ):
        return  # not UTF-8: refused before
    values = json.loads(source, strict=False)
    report = Report(message="boom", metadata={"values": values}, tags={value: value for value in values})
    assert bound_and_scrub(report, source) == bound_and_scrub(report)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (repair, "a\0b"),
        (filter_url_passwords, "a://b:c@d"),
        (filter_bearer, "bearer abc123def456"),
        (filter_jwts, JWT),
        (filter_own_keys, OWN_KEY),
        (filter_assignments, "pwd=x"),
        (filter_assignments, 'pwd = "x"'),
        (filter_members, '{"password": "x"}'),
        (filter_members, "{'api_key': b'x'}"),
        (filter_members, r"{\"token\":\"x\"}"),
        (filter_members, r"{\'token\':\'x\'}"),
        (filter_cards, "4111-1111-1111-1111"),
    ],
)
def test_without_its_check_a_secret_would_pass(check: Check, text: str) -> None:
    assert check in checks_needed(json.dumps(text).encode())
    cleaner = Cleaner(b"")
    cleaner.checks = tuple(other for other in ALL_CHECKS if other is not check)
    assert cleaner.text(text, 1000, "a") == text
    assert Cleaner().text(text, 1000, "a") != text


def test_an_ordinary_report_needs_no_check_at_all() -> None:
    error = {"message": "Order 17 not found", "stack": "at a (/srv/a.js:1:2)"}
    assert checks_needed(json.dumps({"error": error, "user": {"email": "a@b.c"}}).encode()) == ()


ADVERSARIES = [
    "4", "4111 ", "4111-", "5252 4111 ", "3782 822463 ", "4 ", "4111111111111111 ", "eyJ", " eyJaaaaa",
    "eyJaaaaa.", "eyJ-_", "bearer ", "bearer  ", "bearer:=", "avl_", "avl_0123456789abcdef", "://", "://a:b",
    "a:", "://a:@", "=", "token=", 'token="', "password", "secret", "_key", "\0", "\ud800", " ", "[", '\\"',
    '"', "aé", ":", '":', "token':", 'token":"', 'token":"\\',
]  # fmt: skip


@pytest.mark.parametrize("piece", ADVERSARIES)
def test_a_megabyte_of_anything_is_scrubbed_within_a_second(piece: str) -> None:
    text = (piece * 1_000_000)[:1_000_000]
    source = json.dumps(text).encode()
    for work in (*ALL_CHECKS, is_secret_key, lambda _: checks_needed(source)):
        started = time.process_time()
        work(text)
        assert time.process_time() - started < 1, work
