"""Whatever arrives where Sentry's SDKs send: a 2xx or a 4xx, never a 5xx, and what can be read is stored."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avalon.ingest import queue
from avalon.protocols.sentry import taking
from avalon.routes import ingest_request, sentry
from tests.conftest import Server
from tests.protocols.test_sentry_envelope import MIDDLE, mutated, mutations
from tests.routes.test_sentry import an_envelope, an_event, an_item, ids, post, upload

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, 1),
    "deflate": lambda body: zlib.compress(body, 1),
    "br": lambda body: brotli.compress(body, quality=1),
    "zstd": zstd.compress,
}
FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@FUZZ
@given(mutations)
async def test_neighbours_of_anything_are_stored(server: Server, changes: Any) -> None:
    first, last = an_event(), an_event()
    middle = mutated(MIDDLE, changes)
    body = an_envelope(an_item("event", first), middle + b"\n", an_item("event", last))
    answer = await post(server, body)
    assert (answer.status_code, answer.json()) == (200, {"id": first["event_id"]})
    assert {first["event_id"], last["event_id"]} <= set(await ids(server))


@FUZZ
@given(
    st.sampled_from(["envelope", "store", "security", "minidump"]),
    st.sampled_from(["", *PACKERS, "rot13"]),
    st.one_of(st.binary(max_size=200), mutations.map(lambda changes: mutated(b"{}\n" + MIDDLE, changes))),
    st.sampled_from(["", "text/plain", "application/json", "multipart/form-data; boundary=x", "\xff"]),
)
async def test_nothing_is_an_error_of_ours(
    server: Server, path: str, coding: str, body: bytes, content_type: str
) -> None:
    headers = {"Content-Encoding": coding, "Content-Type": content_type.encode("latin-1")}
    async with server.client() as client:
        for content in {body, PACKERS[coding](body) if coding in PACKERS else body}:
            answer = await client.post(
                f"/api/1/{path}/?sentry_key={server.key}", content=content, headers=headers
            )
            assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("coding", PACKERS)
async def test_of_a_bomb_no_more_than_its_limit_is_inflated(server: Server, coding: str) -> None:
    bomb = PACKERS[coding](an_envelope(b"x" * (sentry.MAX_INFLATED_BYTES + 1)))
    assert len(bomb) < 1_000_000
    answer = await post(server, bomb, **{"Content-Encoding": coding})
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert server.services.ingest._held_bytes == 0


async def test_an_event_that_is_nested_without_end_spoils_no_neighbour(server: Server) -> None:
    event = an_event()
    deep = [b'{"extra":' + b"[" * n + b"]" * n + b"}" for n in (101, 100_000)] + [b'{"a":' * 100_000]
    answer = await post(
        server, an_envelope(*(an_item("event", one) for one in deep), an_item("event", event))
    )
    assert (answer.status_code, answer.json()) == (200, {"id": event["event_id"]})
    assert await ids(server) == [event["event_id"]]


async def test_of_ten_thousand_items_so_many_events_are_stored(server: Server) -> None:
    item = an_item("event", {"message": "boom"})
    assert (await post(server, an_envelope(item * 10_000))).status_code == 200
    assert len(await ids(server)) == taking.MAX_EVENTS


async def test_bodies_that_arrive_share_a_bound(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the control: with the bound of always they are taken."""
    event = an_event(extra={f"k{n}": "x" * 8000 for n in range(100)})
    sending = (
        lambda: post(server, an_envelope(an_item("event", event))),
        lambda: upload(server, {"log": "x" * 800_000}),
    )
    for send in sending:
        with monkeypatch.context() as patch:
            patch.setattr(queue, "HELD_BYTES_LIMIT", 500_000)
            answer = await send()
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert server.services.ingest._held_bytes == 0
        assert (await send()).status_code == 200


async def test_what_is_passed_over_is_not_held(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "HELD_BYTES_LIMIT", 3_000_000)
    file = an_item("attachment", bytes(10_000_000), filename="a")
    assert (await post(server, an_envelope(an_item("event", an_event()), file))).status_code == 200


async def test_who_sends_too_slowly_is_told_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the controls: who has the time of always is waited for, and so is who has sent much."""
    host, port = server.url.removeprefix("http://").split(":")
    for wait_s, slow_bytes, is_answered in ((0.05, 1000, True), (20.0, 1000, False), (0.05, 0.01, False)):
        monkeypatch.setattr(ingest_request, "BODY_TIMEOUT_S", wait_s)
        monkeypatch.setattr(ingest_request, "SLOW_BYTES", slow_bytes)
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST /api/1/envelope/?sentry_key={server.key} HTTP/1.1\r\nHost: {host}\r\n".encode())
        writer.write(b"Content-Length: 1000\r\n\r\n{}\n")
        if is_answered:
            assert b" 400 " in await asyncio.wait_for(reader.readuntil(b"}"), 5)
        else:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.readuntil(b"}"), 0.2)
        writer.close()


@pytest.mark.parametrize("coding", PACKERS)
async def test_what_a_decoder_keeps_of_a_body_is_held(
    server: Server, coding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """61 bytes of brotli fill 16 MB, and may then wait for a slow rest. Gzip has nothing like it."""
    monkeypatch.setattr(queue, "HELD_BYTES_LIMIT", 3_000_000)
    body = PACKERS[coding](
        an_envelope(an_item("event", an_event()), an_item("attachment", bytes(10_000_000)))
    )
    assert len(body) < 100_000
    answer = await post(server, body, **{"Content-Encoding": coding})
    assert answer.status_code == (503 if coding in ("br", "zstd") else 200)
    assert server.services.ingest._held_bytes == 0
    monkeypatch.undo()
    assert (await post(server, body, **{"Content-Encoding": coding})).status_code == 200
    assert server.services.ingest._held_bytes == 0
