"""OpenTelemetry's way in over real sockets: what is answered, and what then stands in the log."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from google.protobuf.message import Message
from prometheus_client import REGISTRY

from avalon.protocols.otlp import JSON, PROTOBUF
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

BROKEN_LOG = b"\x1a\x02\xff\xff"  # its severity_text is not UTF-8


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


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_an_empty_request_is_a_success(server: Server, encoding: str) -> None:
    for path in ("/v1/logs", "/v1/traces", "/v1/metrics"):
        answer = await post(server, b"" if encoding == PROTOBUF else b"{}", path, encoding)
        assert (answer.status_code, answer.headers["content-type"]) == (200, encoding)
