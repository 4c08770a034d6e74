"""A key's rules hold at every way in: what it is for, where it may be used from, what is not stored."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from avalon import feedback
from tests.conftest import Server

SSN, ADDRESS = "078-05-1120", "203.0.113.7"
ORIGIN = "https://shop.example"


def a_report() -> dict[str, Any]:
    message = f"ssn={SSN} of {ADDRESS}"
    return {
        "error": {"message": message},
        "metadata": {"SSN": SSN},
        "user": {"id": "1", "ip_address": ADDRESS},
    }


def an_event() -> dict[str, Any]:
    frame = {"function": "f", "vars": {"'ssn'": SSN, "body": json.dumps({"ssn": SSN}), "peer": ADDRESS}}
    return {
        "event_id": uuid4().hex,
        "message": f"ssn={SSN} of {ADDRESS}",
        "exception": {"type": "E", "value": f"at {ADDRESS}", "stacktrace": {"frames": [frame]}},
        "request": {"env": {"REMOTE_ADDR": ADDRESS}, "data": {"ssn": SSN}},
        "user": {"id": "1", "ip_address": ADDRESS},
    }


def a_log() -> dict[str, Any]:
    attributes = [
        {"key": "ssn", "value": {"stringValue": SSN}},
        {"key": "ip", "value": {"stringValue": ADDRESS}},
    ]
    record = {
        "severityNumber": 17,
        "body": {"stringValue": f"ssn={SSN} of {ADDRESS}"},
        "attributes": attributes,
    }
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}


def a_span() -> dict[str, Any]:
    attributes = [{"key": "exception.message", "value": {"stringValue": f"ssn={SSN} of {ADDRESS}"}}]
    event = {"name": "exception", "attributes": attributes}
    span = {"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1", "events": [event]}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def an_envelope() -> str:
    event = an_event()
    said = {
        "event_id": event["event_id"],
        "comments": f"ssn={SSN} at {ADDRESS}",
        "name": "J",
        "email": "j@a.b",
    }
    items = (({"type": "event"}, event), ({"type": "user_report"}, said))
    return "\n".join(["{}", *(json.dumps(part) for item in items for part in item)])


WAYS_IN: dict[str, Any] = {
    "/report": a_report,
    "/report/batch": lambda: [a_report()],
    "/api/1/envelope/": an_envelope,
    "/api/1/store/": an_event,
    "/v1/logs": a_log,
    "/v1/traces": a_span,
}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feedback about what is not there is not waited for."""
    monkeypatch.setattr(feedback, "PAUSES_S", ())


async def a_key(admin: httpx.AsyncClient, **rules: Any) -> str:
    body = {"name": "a", "service": "shop"} | rules
    text: str = (await admin.post("/api/keys", json=body)).raise_for_status().json()["key"]
    return text


async def send(server: Server, path: str, key: str, **headers: str) -> httpx.Response:
    body = WAYS_IN[path]()
    content = body if isinstance(body, str) else json.dumps(body)
    named = {"X-Sentry-Auth": f"Sentry sentry_key={key}"} if path.startswith("/api") else {"X-API-Key": key}
    async with server.client() as client:
        json_type = {"Content-Type": "application/json"} if path.startswith("/v1") else {}
        return await client.post(path, content=content, headers=named | json_type | headers)


async def all_of_the_log(server: Server, service: str = "shop") -> str:
    rows = await server.services.database.fetch_dicts(
        "SELECT data::text AS data FROM log.event"
        " WHERE service = %(service)s AND NOT starts_with(type, 'api_key.')",
        {"service": service},
    )
    return "\n".join(row["data"] for row in rows)


async def test_what_a_key_forbids_to_store_stands_nowhere(server: Server, admin: httpx.AsyncClient) -> None:
    rules = {"scrub_fields": ["ssn"], "drop_ip_addresses": True}
    key = await a_key(admin, **rules)
    for path in WAYS_IN:
        assert (await send(server, path, key)).status_code in (200, 201), path
    found = await all_of_the_log(server)
    assert SSN not in found and ADDRESS not in found
    assert found.count("[ip]") >= len(WAYS_IN)
    assert "ssn=[Filtered] at [ip]" in found, "the feedback"
    for path in WAYS_IN:
        await send(server, path, await a_key(admin, service=path))
        assert SSN in await all_of_the_log(server, path), "the control"


@pytest.mark.parametrize("path", WAYS_IN)
async def test_a_key_is_refused_where_it_is_for_something_else(
    server: Server, admin: httpx.AsyncClient, path: str
) -> None:
    refused = await send(server, path, await a_key(admin, scope="source_maps"), Origin=ORIGIN)
    assert refused.status_code == 403 and "source maps" in refused.text
    assert refused.headers["access-control-allow-origin"] == "*", "the page can read why"
    bound = await a_key(admin, allowed_origins=[ORIGIN])
    for origin in ("https://evil.example", "null"):
        assert (await send(server, path, bound, Origin=origin)).status_code == 403
    assert await all_of_the_log(server) == ""
    assert (await send(server, path, bound, Origin=ORIGIN)).status_code in (200, 201), "the control"
