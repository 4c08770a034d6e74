"""Whatever stands in an address, reading answers or refuses; it never breaks."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avalon.database import Database
from tests.history import a_report, report
from tests.routes.reads_help import App

PATHS = [
    "/api/errors",
    "/api/issues",
    "/api/changes",
    "/api/releases",
    "/api/services",
    "/api/stats",
    "/api/log",
    "/api/openapi.json",
    "/health/live",
]
NAMES = [
    *("service", "level", "environment", "release", "issue", "since", "until", "q", "cursor", "limit"),
    *("take", "skip", "step", "after", "types", "confirm", "before", "nonsense"),
]
NASTY = [
    *("", "0", "-1", "1", "2", "200", "201", "1e3", "NaN", "null", "9" * 19, "9" * 5000, "-" + "9" * 30),
    *("\0", "%", "_", "\\", "%00", "'", '"', "'; DROP TABLE log.event --", "{}", "[]", "\u202e", "\ud800"),
    *("2026-01-01", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *("2026-02-30", "infinity", "now", "1970-01-01T00:00:00Z", "minute", "60", "61", "error", "api"),
    *(
        "error.reported",
        "issue.opened,error.reported",
        "MS4y",
        "MC4w",
        "LTEuMA",
        "00000000-0000-0000-0000-000000000001",
    ),
]
# What a client can put on the wire: a surrogate goes as the bytes that it would be.
values = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.integers().map(str)).map(
    lambda text: text.encode("utf-8", "surrogatepass")
)
queries = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=6)
segments = st.one_of(st.sampled_from([v for v in NASTY if v]), st.text(min_size=1, max_size=20))


def quoted(value: bytes) -> str:
    return "".join(f"%{byte:02x}" for byte in value)


@pytest.fixture
async def app(database: Database) -> App:
    await report(database, a_report(1), a_report(2, level="fatal"))
    return App(database)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(PATHS), query=queries)
async def test_any_query_is_answered_or_refused(app: App, path: str, query: list[tuple[str, bytes]]) -> None:
    address = f"{path}?" + "&".join(f"{name}={quoted(value)}" for name, value in query)
    answer = await app.client().get(address)
    assert answer.status_code in (200, 400, 404, 410), (address, answer.text)
    if answer.status_code != 200:
        assert set(answer.json()) == {"status", "code", "message"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(
        ["/api/errors", "/api/receipts", "/api/test", "/static", "/errors", "/api", "/health", ""]
    ),
    method=st.sampled_from(["GET", "HEAD", "DELETE", "POST", "PUT", "PATCH", "OPTIONS"]),
    segment=segments,
)
async def test_any_path_is_answered_or_refused(app: App, path: str, method: str, segment: str) -> None:
    address = f"{path}/{quoted(segment.encode('utf-8', 'surrogatepass'))}"
    answer = await app.client().request(method, address)
    assert answer.status_code < 500, (method, address, answer.text)
