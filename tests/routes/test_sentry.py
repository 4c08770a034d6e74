"""The ways in of Sentry's SDKs over real sockets: what is answered, and what then stands in the log."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import Server


def an_event(**fields: Any) -> dict[str, Any]:
    return {
        "event_id": uuid4().hex,
        "platform": "python",
        "exception": {"values": [{"type": "ValueError", "value": "boom"}]},
    } | fields


def an_item(type_: str, payload: Any, **header: Any) -> bytes:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    head = {"type": type_, "length": len(content)} | header
    return json.dumps(head).encode() + b"\n" + content + b"\n"


def an_envelope(*items: bytes, **header: Any) -> bytes:
    return b"\n".join([json.dumps(header).encode(), b"".join(items)])


async def post(
    server: Server, content: bytes, path: str = "/api/1/envelope/", **headers: str
) -> httpx.Response:
    auth = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={server.key}"}
    async with server.client() as client:
        return await client.post(path, content=content, headers=auth | headers)


async def stored(server: Server) -> list[dict[str, Any]]:
    return await server.services.database.fetch_dicts(
        "SELECT * FROM log.event WHERE type = 'error.reported' ORDER BY position"
    )


@pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no slash"])
async def test_an_event_in_an_envelope_is_stored_under_its_id(server: Server, slash: str) -> None:
    event = an_event(environment="prod")
    answer = await post(server, an_envelope(an_item("event", event)), f"/api/1/envelope{slash}")
    assert (answer.status_code, answer.json()) == (200, {"id": event["event_id"]})
    (row,) = await stored(server)
    assert row["id"].hex == event["event_id"]
    assert (row["service"], row["environment"]) == (server.service, "prod")
    assert row["data"]["message"] == "boom"


@pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no slash"])
async def test_the_store_route_takes_a_bare_event(server: Server, slash: str) -> None:
    event = an_event()
    answer = await post(server, json.dumps(event).encode(), f"/api/1/store{slash}")
    assert (answer.status_code, answer.json()) == (200, {"id": event["event_id"]})
    assert [row["id"].hex for row in await stored(server)] == [event["event_id"]]
