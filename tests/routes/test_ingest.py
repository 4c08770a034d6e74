"""`/report` and `/report/batch` over real sockets: what is answered, and what then stands in the log."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import psycopg
import pytest

from avalon.database import SESSION
from avalon.errors import TooManyRequests, Unavailable
from avalon.event_store import Stored
from avalon.events import REPORTED, NewEvent, uuid7
from avalon.ingest import Ingest, writer
from avalon.ingest import queue as ingest_queue
from avalon.protocols import submission
from tests.acceptance.command import DEADLINE_S
from tests.conftest import Server


def an_event() -> NewEvent:
    return NewEvent(
        id=uuid7(),
        type=REPORTED,
        stream=uuid7(),
        service="s",
        level="error",
        actor="system",
        data=msgspec.Raw(b'{"message":"boom"}'),
    )


async def post(server: Server, body: Any, path: str = "/report", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with server.client() as client:
        return await client.post(path, content=content, headers={"X-API-Key": server.key} | headers)


async def stored(server: Server) -> list[dict[str, Any]]:
    return await server.services.database.fetch_dicts(
        "SELECT * FROM log.event WHERE type = 'error.reported' ORDER BY position"
    )


async def test_a_report_is_committed_when_it_is_acknowledged(server: Server) -> None:
    body = {
        "error": {"message": "boom 42", "stack": "at f", "path": "/x", "method": "GET", "type": "TypeError"},
        "level": "warn",
        "environment": "prod",
        "release": "1.4.2",
        "timestamp": "2026-01-02T03:04:05Z",
        "tags": {"browser": "firefox"},
        "unknown": [1],
    }
    answer = await post(server, body)
    assert answer.status_code == 201
    (row,) = await stored(server)
    said = answer.json()
    assert said == {
        "status": "ok",
        "id": str(row["id"]),
        "position": row["position"],
        "url": f"{server.url}/errors/{row['id']}",
    }
    assert (row["service"], row["level"], row["environment"]) == (server.service, "warning", "prod")
    assert row["occurred_at"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert row["data"]["metadata"] == {"unknown": [1]}
    assert row["data"]["grouping"]["key_parts"] == ["TypeError", "boom <num>"]


async def test_the_service_comes_from_the_key_and_from_nowhere_else(server: Server) -> None:
    await post(server, {"error": {"message": "boom"}, "service": "forged"})
    (row,) = await stored(server)
    assert row["service"] == server.service
    assert row["data"]["metadata"] == {"service": "forged"}


async def test_a_retry_with_the_same_id_is_stored_once(server: Server) -> None:
    body = {"error": {"message": "boom"}, "id": str(uuid4())}
    answers = await asyncio.gather(*(post(server, body) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(await stored(server)) == 1


async def test_concurrent_reports_share_an_append(server: Server) -> None:
    before = await server.services.database.fetch_value("SELECT xact_commit FROM pg_stat_database LIMIT 1")
    answers = await asyncio.gather(*(server.report(f"boom {n}") for n in range(60)))
    assert len({answer["position"] for answer in answers}) == 60
    instants = await server.services.database.fetch_value(
        "SELECT count(DISTINCT recorded_at) FROM log.event WHERE type = 'error.reported'"
    )
    assert before is not None
    assert 1 <= instants < 60


@pytest.mark.parametrize(
    ("key", "code"),
    [("", "key_missing"), ("nonsense", "key_unknown"), ("avl_" + "x" * 38, "key_unknown")],
)
async def test_without_a_valid_key_no_body_is_read(server: Server, key: str, code: str) -> None:
    answer = await answer_without_a_body(server, key)
    assert b" 401 " in answer
    assert code.encode() in answer


async def answer_without_a_body(server: Server, key: str) -> bytes:
    """The request promises a megabyte and sends none: only who does not wait for it can answer."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST /report HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {key}\r\n".encode())
    writer.write(b"Content-Length: 1000000\r\n\r\n")
    try:
        return await asyncio.wait_for(reader.readuntil(b"}"), 5)
    finally:
        writer.close()


async def test_over_its_rate_and_while_postgres_is_away_no_body_is_read_nor_postgres_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def over(key: Any) -> None:
        if key is not None:
            raise TooManyRequests("over this key's rate", retry_after_s=12)

    def away(key: Any) -> None:
        raise Unavailable("Postgres is away")

    monkeypatch.setattr(server.services.ingest, "check", over)
    assert b" 429 " in await answer_without_a_body(server, server.key)
    monkeypatch.setattr(server.services.ingest, "check", away)
    assert b" 503 " in await answer_without_a_body(server, "nobody has looked at this one")


async def test_a_key_from_the_query_is_taken_for_beacons(server: Server) -> None:
    async with server.client() as client:
        answer = await client.post(
            f"/report?key={server.key}",
            content=b'{"error":{"message":"beacon"}}',
            headers={"Content-Type": "text/plain", "Origin": "https://shop.example"},
        )
    assert answer.status_code == 201
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_browser_may_ask_first(client: httpx.AsyncClient) -> None:
    answer = await client.options("/report", headers={"Origin": "https://shop.example"})
    assert answer.status_code == 204
    assert "x-api-key" in answer.headers["access-control-allow-headers"]


async def test_a_key_may_be_bound_to_origins(server: Server, admin: httpx.AsyncClient) -> None:
    body = {"name": "shop", "service": "shop", "allowed_origins": ["https://shop.example"]}
    key = (await admin.post("/api/keys", json=body)).raise_for_status().json()["key"]
    report = {"error": {"message": "boom"}}
    headers = {"X-API-Key": key}
    assert (await post(server, report, **headers, Origin="https://shop.example")).status_code == 201
    assert (await post(server, report, **headers)).status_code == 201, "no browser asks"
    for origin in ("https://evil.example", "http://shop.example", "https://shop.example:444", "null"):
        for path, sent in (("/report", report), ("/report/batch", [report]), (f"/report?key={key}", report)):
            own = headers if "?" not in path else {"X-API-Key": ""}
            refused = await post(server, sent, path, **own, Origin=origin)
            assert (refused.status_code, refused.json()["code"]) == (403, "origin_not_allowed"), (
                path,
                origin,
            )
            # So that the page can read why.
            assert refused.headers["access-control-allow-origin"] == "*"
    assert (await post(server, report, Origin="https://evil.example")).status_code == 201, "the control"
    assert len(await stored(server)) == 3


async def test_a_page_can_read_why_it_was_refused(server: Server) -> None:
    for headers in ({"X-API-Key": ""}, {"Content-Encoding": "rar"}, {}):
        refused = await post(server, {"error": {}}, **headers, Origin="https://shop.example")
        assert refused.status_code >= 400
        assert refused.headers["access-control-allow-origin"] == "*", refused.text


async def test_a_key_for_source_maps_reports_nothing(server: Server, admin: httpx.AsyncClient) -> None:
    body = {"name": "build", "service": "shop", "scope": "source_maps"}
    key = (await admin.post("/api/keys", json=body)).raise_for_status().json()
    report = {"error": {"message": "boom"}}
    for path, sent in (("/report", report), ("/report/batch", [report])):
        refused = await post(server, sent, path, **{"X-API-Key": key["key"]})
        assert (refused.status_code, refused.json()["code"]) == (403, "key_scope")
        assert "make one whose scope is report" in refused.json()["message"]
    await admin.patch(f"/api/keys/{key['id']}", json={"scope": "report"})
    assert (await post(server, report, **{"X-API-Key": key["key"]})).status_code == 201, "the control"


async def test_a_key_decides_what_is_not_stored(server: Server, admin: httpx.AsyncClient) -> None:
    body = {"name": "a", "service": "shop", "scrub_fields": ["ssn"], "drop_ip_addresses": True}
    key = (await admin.post("/api/keys", json=body)).raise_for_status().json()
    report = {"error": {"message": "no route to 203.0.113.7"}, "metadata": {"SSN": 17, "a": "ssn=17"}}
    for path, sent in (("/report", report), ("/report/batch", [report])):
        assert (await post(server, sent, path, **{"X-API-Key": key["key"]})).status_code == 201
    assert (await post(server, report)).status_code == 201, "the control: another key of the same replica"
    cleaned, batched, whole = [row["data"] for row in await stored(server)]
    assert cleaned == batched
    assert cleaned["message"] == "no route to [ip]"
    assert cleaned["metadata"] == {"SSN": "[Filtered]", "a": "ssn=[Filtered]"}
    assert (whole["message"], whole["metadata"]) == (report["error"]["message"], report["metadata"])  # type: ignore[index]


async def test_a_get_is_told_to_post(client: httpx.AsyncClient) -> None:
    answer = await client.get("/report")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")


async def test_a_batch_stores_its_good_ones_and_names_the_others(server: Server) -> None:
    reports: list[Any] = [{"error": {"message": f"boom {n}"}} for n in range(20)]
    reports[3] = {"error": {"message": ["no text"]}}
    reports[7] = 7
    answer = await post(server, reports, "/report/batch")
    said = answer.json()
    assert (answer.status_code, said["accepted"]) == (201, 18)
    assert [rejected["index"] for rejected in said["rejected"]] == [3, 7]
    assert "error.message" in said["rejected"][0]["message"]
    rows = await stored(server)
    assert len(rows) == 18
    assert said["position"] == rows[-1]["position"]


async def test_a_batch_as_lines_compressed(server: Server) -> None:
    lines = b"\n".join(json.dumps({"error": {"message": f"boom {n}"}}).encode() for n in range(50))
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    answer = await post(server, gzip.compress(lines), "/report/batch", **headers)
    assert answer.json()["accepted"] == 50


async def test_a_batch_that_holds_nothing_good_is_a_400(server: Server) -> None:
    answer = await post(server, [{}, 5], "/report/batch")
    said = answer.json()
    assert (answer.status_code, said["status"], said["code"]) == (400, "error", "bad_input")
    assert said["message"].startswith("no report of this batch can be stored; of the first: error.message: ")
    assert (said["accepted"], [rejected["index"] for rejected in said["rejected"]]) == (0, [0, 1])


@pytest.mark.parametrize("lines", [False, True], ids=["array", "lines"])
async def test_an_empty_batch_is_refused_like_anything_that_is_no_report(server: Server, lines: bool) -> None:
    headers = {"Content-Type": "application/x-ndjson"} if lines else {}
    answer = await post(server, b"\n" if lines else [], "/report/batch", **headers)
    assert (answer.status_code, answer.json()) == (
        400,
        {"status": "error", "code": "bad_input", "message": "a batch holds at least one report"},
    )


async def test_a_rate_is_exact_over_the_requests_of_a_minute(
    server: Server, admin: httpx.AsyncClient
) -> None:
    body = {"name": "limited", "service": "limited", "rate_per_minute": 10}
    key = (await admin.post("/api/keys", json=body)).raise_for_status().json()["key"]
    headers = {"X-API-Key": key}
    answers = [await post(server, {"error": {"message": "boom"}}, **headers) for _ in range(14)]
    answers += await asyncio.gather(
        *(post(server, {"error": {"message": "b"}}, **headers) for _ in range(10))
    )
    refused = [answer for answer in answers if answer.status_code == 429]
    per_minute = await server.services.database.fetch_dicts(
        "SELECT date_bin('1 minute', recorded_at, 'epoch'), count(*) FROM log.event"
        " WHERE type = 'error.reported' GROUP BY 1 ORDER BY 1"
    )
    assert refused
    assert all(0 < int(answer.headers["retry-after"]) <= 61 for answer in refused)
    assert max(row["count"] for row in per_minute) == 10
    assert sum(row["count"] for row in per_minute) == sum(a.status_code == 201 for a in answers)


async def test_one_key_in_a_loop_does_not_turn_the_others_away(
    server: Server, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_queue, "QUEUE_EVENTS_LIMIT", 20)
    # However slow the machine is, the append waits for the lock as long as the test holds it.
    monkeypatch.setattr(writer, "APPEND_TIMEOUT_S", DEADLINE_S)
    for limit in ("lock_timeout", "statement_timeout"):
        monkeypatch.setitem(SESSION, limit, f"{DEADLINE_S:.0f}s")
    key = (await admin.post("/api/keys", json={"name": "n", "service": "other"})).raise_for_status().json()
    async with await psycopg.AsyncConnection.connect(server.settings.database_owner_url or "") as owner:
        await owner.execute("SELECT pg_advisory_xact_lock(4711)")
        loop = [asyncio.create_task(post(server, {"error": {"message": "loop"}})) for _ in range(40)]
        for number, answer in enumerate(asyncio.as_completed(loop), 1):
            assert (await answer).status_code == 503
            if number == 25:
                break
        other = asyncio.create_task(post(server, {"error": {"message": "x"}}, **{"X-API-Key": key["key"]}))
        await asyncio.wait({other}, timeout=0.1)
        assert not other.done()
        await owner.rollback()
        assert (await other).status_code == 201
        rest = await asyncio.gather(*loop)
    assert {answer.status_code for answer in rest} == {201, 503}
    assert len(await stored(server)) == sum(answer.status_code == 201 for answer in rest) + 1


async def test_what_postgres_refuses_is_stored_as_a_minimal_report(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of ours lets such a report through; should something ever, nothing is lost."""

    def poisoned(report: Any) -> bytes:
        text = json.dumps({"message": report.message})
        return text.replace("poison", "\\u0000").encode()

    monkeypatch.setattr(submission, "encode_report", poisoned)
    messages = ["good 1", "poison", "good 2", "good 3"]
    body = [{"error": {"message": message}} for message in messages]
    answer = await post(server, body, "/report/batch")
    assert answer.json()["accepted"] == 4
    data = [row["data"] for row in await stored(server)]
    assert data.pop(1)["refused"] == "22P05"
    assert [d["message"] for d in data] == ["good 1", "good 2", "good 3"]


async def test_a_time_that_can_not_be_is_replaced_by_ours(server: Server) -> None:
    await server.report(timestamp="9999-12-31T00:00:00Z")
    (row,) = await stored(server)
    assert abs(row["occurred_at"] - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_queue_that_ends_stores_what_it_has_taken(server: Server) -> None:
    queue = Ingest(server.settings.database_url or "")
    task = asyncio.create_task(queue.run())
    await queue.submit(an_event())
    submitted = [asyncio.create_task(queue.submit(an_event())) for _ in range(20)]
    await asyncio.sleep(0)  # the tasks have put theirs into the queue; the loop has taken none yet
    task.cancel()
    await asyncio.wait({task})
    outcomes = await asyncio.gather(*submitted, return_exceptions=True)
    kept = [outcome for outcome in outcomes if isinstance(outcome, Stored)]
    assert kept
    assert len(await stored(server)) >= len(kept) + 1
    with pytest.raises(Unavailable):
        await queue.submit(an_event())
