"""OpenTelemetry's way in over real sockets: what is answered, and what then stands in the log."""

from __future__ import annotations

import asyncio
import gzip
import random
import sys
import threading
import zlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import brotli
import httpx
import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from prometheus_client import REGISTRY

from avalon.errors import TooManyRequests, Unavailable
from avalon.ingest import queue
from avalon.protocols.otlp import JSON, PROTOBUF, requests
from avalon.routes import ingest_answers, otlp
from tests.conftest import Server
from tests.protocols.otlp_records import (
    ENCODINGS,
    EXCEPTION,
    STACK,
    TRACE_ID,
    a_log,
    a_span,
    an_event,
    encode,
    logs_of,
    spans_of,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


async def post(
    server: Server,
    request: Message | bytes,
    path: str = "/v1/logs",
    encoding: str = PROTOBUF,
    **headers: str,
) -> httpx.Response:
    body = request if isinstance(request, bytes) else encode(request, encoding)
    fields = {"Content-Type": encoding, "X-API-Key": server.key} | headers
    async with server.client() as client:
        return await client.post(path, content=body, headers={k: v for k, v in fields.items() if v})


async def stored(server: Server) -> list[dict[str, Any]]:
    return await server.services.database.fetch_dicts(
        "SELECT * FROM log.event WHERE type = 'error.reported' ORDER BY position"
    )


async def messages(server: Server) -> list[str]:
    return [row["data"]["message"] for row in await stored(server)]


def counted(signal: str, outcome: str) -> float:
    labels = {"signal": signal, "outcome": outcome}
    return REGISTRY.get_sample_value("avalon_otlp_records_total", labels) or 0.0


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_log_record_is_committed_when_it_is_acknowledged(server: Server, encoding: str) -> None:
    answer = await post(server, logs_of(a_log("could not pay", EXCEPTION)), encoding=encoding)
    assert (answer.status_code, answer.headers["content-type"]) == (200, encoding)
    assert answer.content == (b"" if encoding == PROTOBUF else b"{}")
    (row,) = await stored(server)
    assert (row["service"], row["level"]) == (server.service, "error")
    assert (row["environment"], row["release"]) == ("prod", "1.4.2")
    assert row["data"]["stack"] == STACK
    assert row["data"]["grouping"]["culprit"] == "shop.orders.pay"


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_an_exception_of_a_span_is_a_report(server: Server, encoding: str) -> None:
    answer = await post(server, spans_of(a_span(an_event()), a_span()), "/v1/traces", encoding)
    assert answer.status_code == 200
    (row,) = await stored(server)
    assert row["data"]["transaction"] == "POST /orders"
    assert row["data"]["contexts"]["trace"]["trace_id"] == TRACE_ID.hex()


async def test_what_is_no_report_is_taken_dropped_and_counted(server: Server) -> None:
    before = [counted("logs", "dropped"), counted("spans", "dropped"), counted("metrics", "dropped")]
    assert (await post(server, logs_of(a_log(severity_number=9), a_log(severity_number=12)))).content == b""
    assert (await post(server, spans_of(a_span()), "/v1/traces")).content == b""
    assert (await post(server, b"whatever it is", "/v1/metrics")).status_code == 200
    assert (await post(server, b"{}", "/v1/metrics", JSON)).json() == {}
    assert await stored(server) == []
    after = [counted("logs", "dropped"), counted("spans", "dropped"), counted("metrics", "dropped")]
    assert [b - a for a, b in zip(before, after, strict=True)] == [2, 1, 2]


async def test_what_was_not_taken_is_told(server: Server, admin: httpx.AsyncClient) -> None:
    body = encode(logs_of(a_log(), a_log("??"), a_log(severity_number=9)), PROTOBUF)
    await post(server, body.replace(b"??", b"\xff\xff"))
    await post(server, b"", "/v1/metrics")
    await server.services.drops.flush()
    items = (await admin.get("/api/drops")).json()["items"]
    assert {(item["category"], item["reason"], item["quantity"]) for item in items} == {
        ("logs", "no_error", 1),
        ("logs", "bad_input", 1),
        ("metrics", "no_error", 1),
    }


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_an_empty_request_is_a_success(server: Server, encoding: str) -> None:
    for path in ("/v1/logs", "/v1/traces", "/v1/metrics"):
        answer = await post(server, b"" if encoding == PROTOBUF else b"{}", path, encoding)
        assert (answer.status_code, answer.headers["content-type"]) == (200, encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_what_is_sent_again_is_stored_once(server: Server, encoding: str) -> None:
    """Byte for byte, however it is packed; two records that are equal are two."""
    body = encode(logs_of(a_log("twice"), a_log("twice")), encoding)
    answers = await asyncio.gather(*(post(server, body, encoding=encoding) for _ in range(6)))
    packed = {"Content-Encoding": "gzip"}
    answers.append(await post(server, gzip.compress(body), encoding=encoding, **packed))
    assert {answer.status_code for answer in answers} == {200}
    assert await messages(server) == ["twice", "twice"]


async def test_without_ids_of_its_own_bytes_a_request_is_stored_twice(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: ids that have nothing to do with what was sent."""
    monkeypatch.setattr(requests, "uuid5", lambda *_: uuid4())
    for _ in range(2):
        await post(server, logs_of(a_log()))
    assert len(await stored(server)) == 2


async def test_what_tells_no_time_is_stored_each_time(server: Server) -> None:
    for _ in range(2):
        await post(server, logs_of(a_log(time_unix_nano=0)))
    assert len(await stored(server)) == 2


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_record_that_cannot_be_read_costs_no_other(server: Server, encoding: str) -> None:
    body = encode(logs_of(a_log("one"), a_log("??"), a_log("three")), encoding)
    answer = await post(server, body.replace(b"??", b"\xff\xff"), encoding=encoding)
    assert answer.status_code == 200
    if encoding == PROTOBUF:
        said = ExportLogsServiceResponse.FromString(answer.content).partial_success
        assert (said.rejected_log_records, "UTF-8" in said.error_message) == (1, True)
    else:
        partial = answer.json()["partialSuccess"]
        assert (partial["rejectedLogRecords"], "UTF-8" in partial["errorMessage"]) == ("1", True)
    assert await messages(server) == ["one", "three"]


async def test_what_cannot_be_read_beside_what_is_no_report_is_a_partial_success(server: Server) -> None:
    body = encode(logs_of(a_log("??"), a_log(severity_number=9)), PROTOBUF)
    answer = await post(server, body.replace(b"??", b"\xff\xff"))
    assert answer.status_code == 200
    assert ExportLogsServiceResponse.FromString(answer.content).partial_success.rejected_log_records == 1


async def test_a_span_that_cannot_be_read_costs_no_other(server: Server) -> None:
    body = encode(spans_of(a_span(an_event()), a_span(an_event(), trace_state="??")), PROTOBUF)
    answer = await post(server, body.replace(b"??", b"\xff\xff"), "/v1/traces")
    said = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert said.rejected_spans == 1
    assert len(await stored(server)) == 1


def status_of(answer: httpx.Response) -> str:
    """The message of a google.rpc.Status, as who knows nothing of us reads it."""
    if answer.headers["content-type"] == PROTOBUF:
        return Status.FromString(answer.content).message
    return ParseDict(answer.json(), Status()).message


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (PROTOBUF, b"\xff\xff\xff"),
        (PROTOBUF, b"\x0a\x05abc"),
        (PROTOBUF, logs_of(a_log("??")).SerializeToString().replace(b"??", b"\xff\xff")),
        (JSON, b"{"),
        (JSON, b"\xff"),
        (JSON, b"[]"),
        (JSON, b'{"resourceLogs": 7}'),
        (JSON, b"[" * 300),
    ],
)
async def test_what_cannot_be_read_is_a_400_with_a_status(server: Server, encoding: str, body: bytes) -> None:
    answer = await post(server, body, encoding=encoding)
    assert (answer.status_code, answer.headers["content-type"]) == (400, encoding)
    assert status_of(answer)


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_wrong_key_is_a_401_with_a_status(server: Server, encoding: str) -> None:
    answer = await post(server, b"", encoding=encoding, **{"X-API-Key": "avl_nonsense"})
    assert (answer.status_code, answer.headers["content-type"]) == (401, encoding)
    assert status_of(answer).startswith("this API key is not known")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/grpc"])
async def test_another_content_type_is_a_415(server: Server, content_type: str) -> None:
    answer = await post(server, b"x", **{"Content-Type": content_type})
    assert (answer.status_code, answer.headers["content-type"]) == (415, JSON)
    assert PROTOBUF in status_of(answer)


async def test_a_content_type_may_have_parameters_and_capitals(server: Server) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await post(server, encode(logs_of(a_log()), JSON), **headers)).status_code == 200
    assert len(await stored(server)) == 1


async def test_the_key_is_in_one_of_two_headers_and_nowhere_else(server: Server) -> None:
    empty = {"X-API-Key": ""}
    taken = await post(server, logs_of(a_log()), **empty, Authorization=f"bearer {server.key}")
    assert taken.status_code == 200
    for path, headers in [
        (f"/v1/logs?key={server.key}", {}),
        ("/v1/logs", {"Authorization": f"Basic {server.key}"}),
        ("/v1/logs", {"Authorization": f"Bearer {await server.login()}"}),
    ]:
        refused = await post(server, logs_of(a_log()), path, **empty, **headers)
        assert refused.status_code == 401, path
    assert len(await stored(server)) == 1


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_a_body_may_be_packed(server: Server, coding: str) -> None:
    body = encode(logs_of(*[a_log(f"boom {n}") for n in range(30)]), PROTOBUF)
    packed = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": brotli.compress,
        "zstd": zstd.compress,
    }[coding](body)
    assert (await post(server, packed, **{"Content-Encoding": coding})).content == b""
    assert len(await stored(server)) == 30


async def test_a_body_may_come_in_chunks(server: Server) -> None:
    body = encode(logs_of(*[a_log(f"boom {n}") for n in range(30)]), PROTOBUF)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 700):
            yield body[start : start + 700]

    headers = {"X-API-Key": server.key, "Content-Type": PROTOBUF}
    async with server.client() as client:
        answer = await client.post("/v1/logs", content=chunks(), headers=headers)
    assert answer.status_code == 200
    assert len(await stored(server)) == 30


@pytest.mark.parametrize(("encoding", "limit"), [(PROTOBUF, 20 * 1024**2), (JSON, 5 * 1024**2)])
async def test_a_bomb_is_a_413(server: Server, encoding: str, limit: int) -> None:
    for size, status in ((limit + 1, 413), (1000, 400)):
        packed = gzip.compress(b"\0" * size, 1)
        answer = await post(server, packed, encoding=encoding, **{"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.headers["content-type"]) == (status, encoding)


async def test_what_a_body_takes_in_memory_is_counted_as_it_inflates_and_let_go(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress(encode(logs_of(a_log("x" * 1_000_000)), PROTOBUF))
    headers = {"Content-Encoding": "gzip"}
    monkeypatch.setattr(queue, "HELD_BYTES_LIMIT", 1_500_000)
    refused = await post(server, packed, **headers)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    monkeypatch.setattr(queue, "HELD_BYTES_LIMIT", 1_850_000)
    for _ in range(2):
        assert (await post(server, packed, **headers)).status_code == 200


async def test_what_many_small_records_take_in_memory_is_counted_and_let_go(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = logs_of(*[a_log(severity_number=9)] * 1000)
    monkeypatch.setattr(queue, "HELD_BYTES_LIMIT", 250_000)
    assert (await post(server, many)).status_code == 503
    monkeypatch.setattr(queue, "HELD_BYTES_LIMIT", 340_000)
    for _ in range(2):
        assert (await post(server, many)).status_code == 200


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_web_page_may_send_from_where_the_key_allows_it(
    server: Server, admin: httpx.AsyncClient, encoding: str
) -> None:
    fields = {"name": "page", "service": "page", "allowed_origins": ["https://shop.example"]}
    key = (await admin.post("/api/keys", json=fields)).json()["key"]
    async with server.client() as client:
        asked = await client.options("/v1/traces", headers={"Origin": "https://shop.example"})
    assert asked.status_code == 204
    assert {"x-api-key", "authorization", "content-type"} <= set(
        asked.headers["access-control-allow-headers"].split(", ")
    )
    request, named = logs_of(a_log()), {"X-API-Key": key}
    taken = await post(server, request, encoding=encoding, **named, Origin="https://shop.example")
    assert (taken.status_code, taken.headers["access-control-allow-origin"]) == (200, "*")
    refused = await post(server, request, encoding=encoding, **named, Origin="https://evil.example")
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (403, "*")


async def test_a_get_is_told_to_post(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/logs")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")


async def test_profiles_have_no_address(server: Server) -> None:
    assert (await post(server, b"", "/v1development/profiles")).status_code == 404


class TestManyAtOnce:
    """What is larger than an append is stored in several, in order."""

    async def test_a_large_request_is_several_appends(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(otlp, "CHUNK", 10)
        answer = await post(server, logs_of(*[a_log(str(n)) for n in range(47)]))
        assert answer.content == b""
        assert await messages(server) == [str(n) for n in range(47)]
        instants = await server.services.database.fetch_value(
            "SELECT count(DISTINCT recorded_at) FROM log.event WHERE type = 'error.reported'"
        )
        assert instants == 5

    async def test_large_records_are_appended_a_few_at_a_time(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A span's reports share what it says, so that a small request may be large in memory."""
        chunks: list[int] = []
        chunk = otlp._chunk

        def counted(outcomes: Any) -> Any:
            found = chunk(outcomes)
            chunks.append(len(found))
            return found

        monkeypatch.setattr(otlp, "_chunk", counted)
        monkeypatch.setattr(otlp, "CHUNK_BYTES", 10_000)
        logs = [a_log(f"boom {number}", {"a": "x" * 6_000}) for number in range(4)]
        assert (await post(server, logs_of(*logs))).status_code == 200
        assert chunks == [2, 2, 0]

    @pytest.mark.parametrize("raised", [True, False], ids=["before the append", "by the append"])
    async def test_where_postgres_goes_away_all_is_asked_for_again_and_stored_once(
        self, server: Server, monkeypatch: pytest.MonkeyPatch, raised: bool
    ) -> None:
        monkeypatch.setattr(otlp, "CHUNK", 10)
        appends = 0

        async def fail(services: Any, key: Any, submissions: Any) -> list[Any]:
            nonlocal appends
            appends += 1
            if appends != 3:
                return await ingest_answers.store(services, key, submissions)
            if raised:
                raise Unavailable("away", retry_after_s=7)
            return [Unavailable("away", retry_after_s=7)] * len(submissions)

        monkeypatch.setattr(otlp, "store", fail)
        body = encode(logs_of(*[a_log(str(n)) for n in range(47)]), PROTOBUF)
        answer = await post(server, body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
        assert status_of(answer) == "away"
        assert len(await messages(server)) == 20
        assert (await post(server, body)).status_code == 200
        assert await messages(server) == [str(n) for n in range(47)]

    @pytest.mark.parametrize("encoding", ENCODINGS)
    async def test_over_a_keys_rate_the_rest_is_rejected(
        self, server: Server, admin: httpx.AsyncClient, encoding: str
    ) -> None:
        fields = {"name": "slow", "service": "slow", "rate_per_minute": 10}
        headers = {"X-API-Key": (await admin.post("/api/keys", json=fields)).json()["key"]}
        request = logs_of(*[a_log(str(n)) for n in range(25)])
        answer = await post(server, request, encoding=encoding, **headers)
        assert answer.status_code == 200
        if encoding == PROTOBUF:
            said = ExportLogsServiceResponse.FromString(answer.content).partial_success
            assert said.rejected_log_records == 15
            assert said.error_message == "over this key's rate of 10 a minute"
        else:
            assert answer.json()["partialSuccess"]["rejectedLogRecords"] == "15"
        assert len(await stored(server)) == 10

    async def test_where_nothing_is_left_of_a_rate_it_says_when_to_come_again(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def over(*_: Any) -> list[Any]:
            return [TooManyRequests("over this key's rate", retry_after_s=12)]

        monkeypatch.setattr(otlp, "store", over)
        body = encode(logs_of(a_log("??"), a_log(), a_log(severity_number=9)), PROTOBUF)
        answer = await post(server, body.replace(b"??", b"\xff\xff"))
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "12")
        assert status_of(answer) == "over this key's rate"

    async def test_requests_are_read_beside_the_loop_one_by_one(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        threads: list[str] = []

        def decode(*arguments: Any) -> Any:
            threads.append(threading.current_thread().name)
            return requests.decode_request(*arguments)

        monkeypatch.setattr(otlp, "decode_request", decode)
        await asyncio.gather(*(post(server, logs_of(a_log(str(n)))) for n in range(5)))
        assert threads == ["otlp_0"] * 5


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_no_bytes_make_an_error_of_ours_and_what_can_be_read_is_stored(
    server: Server, encoding: str
) -> None:
    chance = random.Random(encoding)
    body = encode(logs_of(*[a_log(f"boom {n}", EXCEPTION) for n in range(5)]), encoding)
    for _ in range(60):
        place = chance.randrange(len(body))
        broken = body[:place] + chance.randbytes(chance.randrange(3)) + body[place + chance.randrange(3) :]
        answer = await post(server, broken, encoding=encoding)
        assert answer.status_code in (200, 400), broken
        assert answer.status_code == 200 or status_of(answer)
    assert len(await stored(server)) > 20
