"""Envelopes as SDKs send them, and as networks and bugs leave them."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avalon.errors import BadInput
from avalon.protocols.sentry import envelope as module
from avalon.protocols.sentry.envelope import MAX_ITEM_BYTES, MAX_LINES, EnvelopeParser
from avalon.protocols.sentry.store import unpack_store_body

EVENT = b'{"message":"boom"}'
OTHER_EVENT = b'{"message":"neighbour"}'


def parse(body: bytes, portion: int = 0) -> EnvelopeParser:
    parser = EnvelopeParser()
    for start in range(0, len(body), portion or len(body) or 1):
        parser.feed(body[start : start + portion] if portion else body)
    parser.end()
    return parser


def payloads(parser: EnvelopeParser, type_: str = "event") -> list[bytes]:
    return [item.payload.strip() for item in parser.items if item.type == type_]


def item(type_: str, payload: bytes, **header: Any) -> bytes:
    head = {"type": type_, "length": len(payload)} | header
    return json.dumps({k: v for k, v in head.items() if v is not None}).encode() + b"\n" + payload + b"\n"


NEIGHBOUR = item("event", OTHER_EVENT)


@pytest.mark.parametrize("portion", [0, 1, 2, 7, 64])
def test_items_are_found_however_the_bytes_come(portion: int) -> None:
    body = b'{"event_id":"x"}\n' + item("event", EVENT) + item("session", b"{}") + NEIGHBOUR
    parser = parse(body, portion)
    assert parser.header == {"event_id": "x"}
    assert payloads(parser) == [EVENT, OTHER_EVENT]
    assert parser.dropped == {("session", "not_supported"): 1}
    assert parser.held < 5000


@pytest.mark.parametrize("portion", [0, 5])
@pytest.mark.parametrize(
    "body",
    [
        b"{}\n" + item("event", EVENT)[:-1],
        b"{}\n" + item("event", EVENT, length=None),
        b"{}\n" + item("event", EVENT, length=None)[:-1],
        b"\n".join([b"{}", b'{"type":"event"}', EVENT]).replace(b"\n", b"\r\n"),
        (b"{}\n" + item("event", EVENT)).replace(b"\n", b"\r\n"),
        b"{}\n\n\n" + item("event", EVENT) + b"\n\n\r\n\n",
        b"\xef\xbb\xbf{}\n" + item("event", EVENT),
        b"{}\n" + item("event", EVENT, length=str(len(EVENT))),
        b"{}\n" + item("event", EVENT, length=-1),
        b"{}\n" + item("event", EVENT, length="many"),
    ],
    ids=[
        *("no newline at the end", "no length", "neither", "CRLF", "CRLF and a length", "blank lines"),
        *("a byte order mark", "a length as a text", "a negative length", "a word for a length"),
    ],
)
def test_odd_forms_are_read(body: bytes, portion: int) -> None:
    assert payloads(parse(body, portion)) == [EVENT]


@pytest.mark.parametrize("portion", [0, 9])
@pytest.mark.parametrize("type_", ["event", "session", "attachment", "something new"])
@pytest.mark.parametrize("length", [0, 1, 5, 17, 19, 30, 51, 500, 10**9, 10**400])
def test_a_wrong_length_spoils_no_neighbour(type_: str, length: int, portion: int) -> None:
    parser = parse(b"{}\n" + item(type_, EVENT, length=length) + NEIGHBOUR, portion)
    assert OTHER_EVENT in payloads(parser)
    if type_ == "event" and length > 0:
        assert EVENT in payloads(parser)


def test_without_the_look_for_lines_a_wrong_length_takes_its_neighbour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control."""
    monkeypatch.setattr(EnvelopeParser, "_is_length", lambda *_: True)
    assert OTHER_EVENT not in payloads(parse(b"{}\n" + item("event", EVENT, length=50) + NEIGHBOUR))


def test_a_length_that_ends_in_an_item_by_chance_is_noticed() -> None:
    two = EVENT + b"\n" + b'{"type":"session"}'
    parser = parse(b"{}\n" + item("event", EVENT, length=len(two)) + b'{"type":"session"}\n{}\n' + NEIGHBOUR)
    assert payloads(parser) == [EVENT, OTHER_EVENT]
    assert parser.dropped == {("session", "not_supported"): 1}


def test_json_over_several_lines_is_one_payload_where_its_length_is_right() -> None:
    pretty = json.dumps(json.loads(EVENT), indent=2).encode()
    assert payloads(parse(b"{}\n" + item("event", pretty) + NEIGHBOUR)) == [pretty, OTHER_EVENT]


@pytest.mark.parametrize("end", [1, 10, 40, 45])
def test_of_what_was_cut_off_the_first_items_are_there(end: int) -> None:
    body = b"{}\n" + NEIGHBOUR + item("event", EVENT)
    parser = parse(body[: len(b"{}\n" + NEIGHBOUR) + end])
    assert payloads(parser)[0] == OTHER_EVENT


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"nonsense\n" + NEIGHBOUR, b"[]\n", b'"x"\n', b"\x00" * 100, b"{" * 70_000]
)
@pytest.mark.parametrize("portion", [0, 1000])
def test_only_a_header_that_is_none_is_refused(body: bytes, portion: int) -> None:
    with pytest.raises(BadInput, match="first line"):
        parse(body, portion)


def test_lines_that_are_no_items_are_passed_over() -> None:
    parser = parse(b"{}\n" + b"garbage\n{broken\n[1]\n" + NEIGHBOUR)
    assert payloads(parser) == [OTHER_EVENT]
    assert parser.dropped == {("unreadable", "broken"): 3}


@pytest.mark.parametrize("portion", [100_000, 10**9])
def test_an_event_beside_a_large_file_is_kept_and_the_file_is_not(portion: int) -> None:
    content = b"MDMP\n" * 1_000_000
    file = item("attachment", content, filename="crash.dmp", attachment_type="event.minidump")
    body = b"{}\n" + item("event", EVENT) + file + NEIGHBOUR
    parser = EnvelopeParser()
    most = 0
    for start in range(0, len(body), portion):
        parser.feed(body[start : start + portion])
        most = max(most, parser.held)
    parser.end()
    assert payloads(parser) == [EVENT, OTHER_EVENT]
    (found,) = parser.attachments
    assert (found.name, found.size, found.is_minidump) == ("crash.dmp", len(content), True)
    assert found.sha256 == sha256(content).hexdigest()
    assert most < 2 * MAX_ITEM_BYTES


def test_a_length_far_beyond_the_end_hides_nothing_that_was_kept() -> None:
    long = b"x" * MAX_ITEM_BYTES
    parser = parse(
        b"{}\n" + item("event", EVENT, length=10**7) + NEIGHBOUR + long + b"\n" + NEIGHBOUR, 70_000
    )
    assert payloads(parser)[:2] == [EVENT, OTHER_EVENT]


def test_an_event_too_large_is_counted_and_its_neighbour_kept() -> None:
    large = b'{"message":"' + b"x" * MAX_ITEM_BYTES + b'"}'
    for length in (len(large), None):
        parser = parse(b"{}\n" + item("event", large, length=length) + NEIGHBOUR, 50_000)
        assert payloads(parser) == [OTHER_EVENT]
        assert parser.dropped == {("event", "too_large"): 1}


def test_ten_thousand_items_are_counted_and_what_is_kept_has_a_bound() -> None:
    parser = parse(b"{}\n" + item("session", b"{}") * 10_000 + NEIGHBOUR)
    assert payloads(parser) == [OTHER_EVENT]
    assert parser.dropped == {("session", "not_supported"): 10_000}
    parser = parse(b"{}\n" + NEIGHBOUR * 10_000)
    assert 1000 < len(parser.items) < 10_000
    assert parser.dropped == {("event", "too_many_items"): 10_000 - len(parser.items)}
    assert parser.held < 6 * 1024 * 1024


def test_there_is_an_end_to_the_lines_that_are_looked_at() -> None:
    parser = parse(b"{}\n" + b"x\n" * MAX_LINES + NEIGHBOUR, 8000)
    assert payloads(parser) == []
    assert parser.dropped == {("unreadable", "broken"): MAX_LINES, ("other", "too_many_items"): 1}


def test_so_many_types_are_told_apart() -> None:
    parser = parse(b"{}\n" + b"".join(item(f"new{n}", b"{}") for n in range(60)) + item("x" * 50, b""))
    assert len(parser.dropped) == 51
    assert parser.dropped["other", "not_supported"] == 11
    assert parse(b"{}\n" + item("x" * 41, b"{}")).dropped == {("other", "not_supported"): 1}


@pytest.mark.parametrize("size", [10, 1000], ids=["kept whole", "on its way"])
def test_so_many_files_are_named(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(module, "MAX_ITEM_BYTES", 100)
    parser = parse(b"{}\n" + item("attachment", bytes(size)) * (module.MAX_ATTACHMENTS + 5), 50)
    assert len(parser.attachments) == module.MAX_ATTACHMENTS


def test_chance_lengths_do_not_make_it_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    real = module._object
    monkeypatch.setattr(module, "_object", lambda *a: looks.append(len(a[0])) or real(*a))
    line = b'{"type":"event","length":%d}\n'
    reach = len(line % 1000) * 300 - 1
    body = b"{}\n" + line % reach * 2000
    parse(body)
    assert module.MAX_DOUBTS * reach <= sum(looks) < 2 * len(body) + module.MAX_DOUBTS * reach


@pytest.mark.parametrize("pack", [bytes, base64.b64encode], ids=["bare", "base64"])
def test_whatever_byte_an_old_clients_body_ends_with_it_is_unpacked(pack: Callable[[bytes], bytes]) -> None:
    ends = set()
    for number in range(3000):
        event = b'{"message":"%d"}' % number
        packed = zlib.compress(event)
        ends.add(packed[-1])
        assert unpack_store_body(pack(packed), 1000) == event
    assert ends >= set(b"\r\n\t")


MIDDLE = item("event", b'{"message":"middle"}')
mutations = st.lists(
    st.tuples(
        st.sampled_from(["cut", "insert", "double", "flip"]),
        st.integers(0, len(MIDDLE)),
        st.sampled_from([b"\n", b"\r\n", b"{", b"}", b'"', b"9", b"0", b"\x00", b"\xff", b"{}\n", MIDDLE]),
    ),
    min_size=1,
    max_size=4,
)


def mutated(body: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    for kind, place, piece in changes:
        if kind == "cut":
            body = body[:place] + body[place + len(piece) :]
        elif kind == "insert":
            body = body[:place] + piece + body[place:]
        elif kind == "double":
            body = body[:place] + body[place // 2 :]
        else:
            body = body[:place] + bytes(byte ^ 1 for byte in body[place : place + 1]) + body[place + 1 :]
    return body


@settings(max_examples=400, deadline=None, derandomize=True)
@given(mutations)
def test_whatever_happens_to_an_item_its_neighbours_are_there(changes: list[tuple[str, int, bytes]]) -> None:
    body = b"{}\n" + NEIGHBOUR + mutated(MIDDLE, changes) + b"\n" + NEIGHBOUR
    assert payloads(parse(body)).count(OTHER_EVENT) == 2


@settings(max_examples=300, deadline=None, derandomize=True)
@given(mutations, st.integers(1, 20))
def test_portions_change_nothing_of_a_broken_envelope(
    changes: list[tuple[str, int, bytes]], portion: int
) -> None:
    body = b"{}\n" + NEIGHBOUR + mutated(MIDDLE + item("attachment", b"a\nb") + MIDDLE, changes)
    whole, parts = parse(body), parse(body, portion)
    assert (whole.items, whole.dropped, whole.attachments) == (parts.items, parts.dropped, parts.attachments)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=300))
def test_any_bytes_are_an_envelope_or_bad_input(body: bytes) -> None:
    parse(b"{}\n" + body)
    with suppress(BadInput):
        parse(body)
