"""`/api/drops`: what SDKs and we did not take, from the envelope to the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from avalon.errors import Unavailable
from avalon.routes import sentry
from tests.conftest import Server, Urls, running, settings_for
from tests.history import ago
from tests.routes.test_sentry import an_envelope, an_event, an_item, post, stored

REPORT = {
    "timestamp": 1_764_000_000,
    "discarded_events": [
        {"reason": "ratelimit_backoff", "category": "error", "quantity": 3},
        {"reason": "sample_rate", "category": "transaction", "quantity": "4"},
    ],
    "rate_limited_events": [{"category": "session", "quantity": 2}],
    "filtered_events": [{"reason": "browser-extensions", "category": "error", "quantity": 1}],
}


async def drops(server: Server, admin: httpx.AsyncClient, **params: Any) -> dict[tuple[str, str, str], int]:
    await server.services.drops.flush()
    page = (await admin.get("/api/drops", params=params)).raise_for_status().json()
    return {(item["by"], item["category"], item["reason"]): item["quantity"] for item in page["items"]}


async def test_a_client_report_is_counted_and_stored_nowhere(
    server: Server, admin: httpx.AsyncClient
) -> None:
    for _ in range(2):
        answer = await post(server, an_envelope(an_item("client_report", REPORT)))
        assert (answer.status_code, answer.json()) == (200, {})
    assert await drops(server, admin) == {
        ("sdk", "transaction", "sample_rate"): 8,
        ("sdk", "error", "ratelimit_backoff"): 6,
        ("sdk", "session", "rate_limited"): 4,
        ("sdk", "error", "browser-extensions"): 2,
    }
    assert await stored(server) == []


async def test_what_we_have_no_use_for_is_counted_by_the_sdks_own_names(
    server: Server, admin: httpx.AsyncClient
) -> None:
    event = an_event()
    types = ("transaction", "session", "sessions", "replay_video", "check_in", "statsd", "new_thing")
    items = [an_item(type_, b"{}") for type_ in types]
    broken = [an_item("event", b"["), an_item("user_report", b"["), an_item("client_report", b"[")]
    answer = await post(server, an_envelope(*items, an_item("event", event), *broken))
    assert answer.json() == {"id": event["event_id"]}
    assert await drops(server, admin) == {
        ("avalon", "session", "not_supported"): 2,
        **{
            ("avalon", category, "not_supported"): 1
            for category in ("transaction", "replay", "monitor", "metric_bucket", "new_thing")
        },
        **{("avalon", category, "broken"): 1 for category in ("error", "feedback", "client_report")},
    }


async def test_an_event_too_large_is_counted_and_what_is_beside_it_is_taken(
    server: Server, admin: httpx.AsyncClient
) -> None:
    large = an_item("event", an_event(extra="x" * 1_100_000))
    answer = await post(server, an_envelope(large, an_item("client_report", REPORT)))
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    counts = await drops(server, admin)
    assert counts.pop(("avalon", "error", "too_large")) == 1
    assert sum(counts.values()) == 10


async def test_an_envelope_that_is_sent_again_is_counted_once(
    server: Server, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres is away for what was said of the event, not for the event."""

    async def away(*_: Any) -> list[Any]:
        raise Unavailable("Postgres is away")

    event = an_event()
    said = an_item("user_report", {"event_id": event["event_id"], "comments": "it broke"})
    body = an_envelope(an_item("event", event), said, an_item("client_report", REPORT))
    with monkeypatch.context() as patch:
        patch.setattr(sentry, "store_feedback", away)
        assert (await post(server, body)).status_code == 503
    assert (await post(server, body)).json() == {"id": event["event_id"]}
    assert sum((await drops(server, admin)).values()) == 10


@pytest.mark.parametrize(
    "report",
    [
        [],
        {"discarded_events": 7},
        {"discarded_events": {"reason": "x"}},
        {"discarded_events": [None, 1, "x", [], {}, {"quantity": None}, {"quantity": -1}, {"quantity": 0}]},
        {"discarded_events": [{"reason": "x", "category": "error", "quantity": 1e300}]},
        {"discarded_events": [{"reason": "x", "category": "error", "quantity": True}]},
    ],
    ids=["a list", "a number", "an object", "junk", "a float without end", "a flag"],
)
async def test_junk_in_a_client_report_is_ignored(
    server: Server, admin: httpx.AsyncClient, report: Any
) -> None:
    answer = await post(server, an_envelope(an_item("client_report", report)))
    assert answer.status_code == 200
    assert set((await drops(server, admin)).values()) <= {1_000_000}


async def test_a_client_report_is_bounded(server: Server, admin: httpx.AsyncClient) -> None:
    rows = [{"reason": f"r{n}", "category": "error", "quantity": 10**15} for n in range(1_000)]
    items = [an_item("client_report", {"discarded_events": rows}) for _ in range(12)]
    await post(server, an_envelope(*items))
    counts = await drops(server, admin)
    assert counts.pop(("avalon", "client_report", "too_many_items")) == 2
    assert len(counts) == 50
    assert sum(counts.values()) == 10 * 200 * 1_000_000


async def test_the_list_goes_by_service_and_time_in_pages(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await post(server, an_envelope(an_item("client_report", REPORT)))
    assert (await client.get("/api/drops")).status_code == 401
    assert await drops(server, admin, service="nobody") == {}
    assert await drops(server, admin, until=ago(hours=3).isoformat()) == {}
    assert len(await drops(server, admin, since=ago(days=3).isoformat(), service=server.service)) == 4
    first = (await admin.get("/api/drops", params={"limit": 3})).json()
    rest = (await admin.get("/api/drops", params={"limit": 3, "cursor": first["next"]})).json()
    assert [item["quantity"] for item in first["items"] + rest["items"]] == [4, 3, 2, 1]
    assert rest["next"] is None
    assert first["items"][0].keys() == {"service", "by", "category", "reason", "quantity", "last_at"}
    for params in ({"cursor": "x"}, {"cursor": "9" * 20}, {"since": "then"}, {"limit": 0}):
        refused = await admin.get("/api/drops", params=params)
        assert (refused.status_code, *params) == (400, refused.json()["message"].partition(":")[0])


async def test_services_have_a_sum(server: Server, admin: httpx.AsyncClient) -> None:
    await post(server, an_envelope(an_item("client_report", REPORT), an_item("session", b"{}")))
    await server.services.drops.flush()
    (item,) = (await admin.get("/api/services")).json()["items"]
    assert (item["name"], item["dropped_24h"], item["events_24h"]) == (server.service, 11, 0)


async def test_what_was_counted_is_in_the_log_when_the_service_has_stopped(
    urls: Urls, owner: psycopg.AsyncConnection[Any], tmp_path: Path
) -> None:
    query = "SELECT service, actor, data FROM log.event WHERE type = 'reports.dropped'"
    async with running(settings_for(urls, tmp_path)) as server:
        await post(server, an_envelope(an_item("client_report", REPORT)))
        assert await (await owner.execute(query)).fetchall() == []
    ((service, actor, data),) = await (await owner.execute(query)).fetchall()
    assert (service, actor[:4]) == (server.service, "key:")
    assert {row["quantity"] for row in data["rows"]} == {1, 2, 3, 4}
