"""The corpus of bad input over real sockets, alone and among good reports: no 5xx, a clear error, all good
neighbours stored, and every list still readable afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bad_input import CORPUS, Case, as_array, as_lines, good
from tests.conftest import Server

LISTS = ("/api/errors", "/api/services", "/api/stats", "/api/keys", "/api/log")


async def send(server: Server, body: bytes, path: str, **headers: str) -> httpx.Response:
    async with server.client(timeout=30) as client:
        return await client.post(path, content=body, headers={"X-API-Key": server.key} | headers)


async def every_list_is_readable(admin: httpx.AsyncClient) -> None:
    for path in LISTS:
        answer = await admin.get(path)
        assert answer.status_code == 200, (path, answer.text)
        answer.json()


async def stored(server: Server) -> int:
    count: int = await server.services.database.fetch_value(
        "SELECT count(*) FROM log.event WHERE type = 'error.reported'"
    )
    return count


async def test_each_alone(server: Server, admin: httpx.AsyncClient) -> None:
    assert len(CORPUS) >= 40
    accepted = 0
    for case in CORPUS:
        answer = await send(server, case.body, "/report", **case.headers)
        assert answer.status_code in case.statuses, (case.name, answer.status_code, answer.text)
        accepted += answer.status_code == 201
        if answer.status_code != 201:
            said = answer.json()
            assert said["status"] == "error", case.name
            assert said["message"], case.name
            assert case.field is None or case.field in said["message"], (case.name, said)
    assert await stored(server) == accepted
    await every_list_is_readable(admin)


@pytest.mark.parametrize("arrange", [as_array, as_lines])
async def test_each_among_a_hundred(server: Server, admin: httpx.AsyncClient, arrange: Any) -> None:
    expected = 0
    for case in (case for case in CORPUS if not case.alone):
        body, index = arrange(case)
        content_type = "application/json" if arrange is as_array else "application/x-ndjson"
        headers = {"Content-Type": content_type}
        answer = await send(server, body, "/report/batch", **headers)
        assert answer.status_code < 500, (case.name, answer.text)
        if case.breaks_array and arrange is as_array:
            assert answer.status_code == 400, case.name
            continue
        if answer.status_code == 413:
            assert len(body) > 5 * 1024 * 1024, case.name
            continue
        expected += _checked(case, index, answer)
    assert await stored(server) == expected
    await every_list_is_readable(admin)


def _checked(case: Case, index: int, answer: httpx.Response) -> int:
    """The number of accepted reports, when they are the neighbours and perhaps the case itself."""
    said = answer.json()
    rejected = [item["index"] for item in said["rejected"]]
    assert said["accepted"] >= 99, (case.name, said)
    assert said["accepted"] + len(rejected) >= 100, (case.name, said)
    assert not rejected or rejected[0] == index, (case.name, said)
    accepted: int = said["accepted"]
    return accepted


async def test_a_body_that_never_ends_holds_nobody_up(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    halves = []
    for _ in range(100):
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /report HTTP/1.1\r\nHost: h\r\nX-API-Key: {server.key}\r\nContent-Length: 1000\r\n\r\n"
        writer.write(head.encode() + b'{"error":')
        await writer.drain()
        halves.append((reader, writer))
    answer = await send(server, good(), "/report")
    assert answer.status_code == 201
    for _, writer in halves:
        writer.close()
    assert (await send(server, good(), "/report")).status_code == 201
    assert await stored(server) == 2


async def test_bombs_in_parallel_are_refused_and_others_served(server: Server) -> None:
    bombs = [
        case for case in CORPUS if case.statuses == frozenset({413}) and "content-encoding" in case.headers
    ]
    assert len({case.headers["content-encoding"] for case in bombs}) == 4
    attacks = [send(server, case.body, "/report", **case.headers) for case in bombs for _ in range(5)]
    answers = await asyncio.gather(*attacks, send(server, good(), "/report"))
    assert {answer.status_code for answer in answers[:-1]} == {413}
    assert answers[-1].status_code == 201


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("error", "level", "id", "timestamp", "environment", "release", "tags", "user", "fingerprint", "x")
BODIES = (
    st.dictionaries(st.sampled_from(FIELDS), JSON)
    | st.fixed_dictionaries({"error": st.fixed_dictionaries({"message": JSON, "stack": JSON})})
    | JSON
)


async def test_no_json_makes_it_fail(server: Server, admin: httpx.AsyncClient) -> None:
    """Property-based, inside one running service: hypothesis draws, the socket answers."""
    import json

    drawn: list[bytes] = []

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(BODIES | st.binary(max_size=200))
    def draw(body: Any) -> None:
        drawn.append(body if isinstance(body, bytes) else json.dumps(body).encode())

    draw()
    accepted = 0
    async with server.client(headers={"X-API-Key": server.key}) as client:
        for body in drawn:
            answer = await client.post("/report", content=body)
            assert answer.status_code in (201, 400), (body, answer.text)
            accepted += answer.status_code == 201
    assert await stored(server) == accepted
    await every_list_is_readable(admin)
