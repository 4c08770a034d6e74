"""The headers of every answer, the access log, and errors that nobody foresaw."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from litestar import Request, asgi, get
from litestar.params import FromQuery
from litestar.response import Stream
from prometheus_client import REGISTRY

from avalon.errors import Unavailable
from avalon.routes import headers as layer
from tests.conftest import Server
from tests.routes.reads_help import App

EXPECTED = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
    "require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
AnyRequest = Request[Any, Any, Any]


@get("/api/fine")
async def fine(limit: FromQuery[int] = 1) -> list[int]:
    return [limit]


@get("/api/broken")
async def broken(request: AnyRequest) -> None:
    raise RuntimeError("the password is hunter2")


@get("/api/half")
async def half(request: AnyRequest) -> Stream:
    async def parts() -> Any:
        yield b"half"
        raise RuntimeError("the password is hunter2")

    return Stream(parts())


@asgi("/report", copy_scope=False)
async def ingest(scope: Any, receive: Any, send: Any) -> None:
    """Stands in for the hot path: its status is what the query says."""
    status = int(scope["query_string"] or b"201")
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


@asgi("/outside", copy_scope=False)
async def outside(scope: Any, receive: Any, send: Any) -> None:
    raise Unavailable("not now", retry_after_s=2.3)


@pytest.fixture
def client() -> httpx.AsyncClient:
    return App(None, fine, broken, half, ingest, outside).client()


def lines(capsys: pytest.CaptureFixture[str], action: str = "request") -> list[dict[str, Any]]:
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in found if line["action"] == action]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/static/index.html", 200),
        ("GET", "/static/nothing.js", 404),
        ("GET", "/api/fine", 200),
        ("GET", "/api/fine?limit=x", 400),
        ("GET", "/api/nothing", 404),
        ("PATCH", "/api/fine", 405),
        ("OPTIONS", "/api/fine", 204),
        ("GET", "/api/broken", 500),
        ("GET", "/nothing", 404),
        ("GET", "/health/live", 200),
        ("GET", "/metrics", 200),
        ("GET", "/api/docs", 200),
        ("POST", "/report", 201),
        ("GET", "/outside", 503),
    ],
)
async def test_every_answer_has_them(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED
    assert "camera=()" in answer.headers["permissions-policy"]
    assert "server" not in answer.headers
    assert "strict-transport-security" not in answer.headers
    if path.startswith("/api"):
        assert answer.headers["cache-control"] == "no-store"


async def test_a_real_server_adds_them_before_the_gate_and_after(server: Server) -> None:
    async with server.client() as client:
        for method, path, status in (
            ("GET", "/api/anything", 401),
            ("GET", "/", 200),
            ("POST", "/report", 401),
            ("OPTIONS", "/report", 204),
            ("GET", "/report", 405),
            ("GET", "/nothing", 404),
        ):
            answer = await client.request(method, path)
            assert answer.status_code == status, path
            assert {name: answer.headers.get(name) for name in EXPECTED} == EXPECTED
            assert "server" not in answer.headers


async def test_no_answer_has_one_twice(client: httpx.AsyncClient) -> None:
    for path in ("/", "/api/fine", "/nothing"):
        names = [name for name, _ in (await client.get(path)).headers.raw]
        assert sorted(names) == sorted(set(names))


async def test_hsts_only_behind_tls() -> None:
    app = App(None, changes={"trusted_proxies": ("127.0.0.1/32",)})
    assert "strict-transport-security" not in (await app.client().get("/health/live")).headers
    tls = await app.client(base_url="https://avalon.test").get("/health/live")
    assert tls.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    behind = await app.client().get("/health/live", headers={"X-Forwarded-Proto": "https"})
    assert "strict-transport-security" in behind.headers
    stranger = await App(None).client().get("/health/live", headers={"X-Forwarded-Proto": "https"})
    assert "strict-transport-security" not in stranger.headers


async def test_an_unforeseen_error_says_nothing_and_is_noted(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await client.get("/api/broken")
    assert answer.json() == {
        "status": "error",
        "code": "internal_error",
        "message": "Something went wrong in here; it has been noted.",
    }
    printed = capsys.readouterr().out
    assert "hunter2" not in printed + answer.text
    (noted, request) = [json.loads(line) for line in printed.splitlines()]
    assert (noted["action"], noted["level"], noted["error"]) == ("unhandled_error", "error", "RuntimeError")
    assert any("test_headers.py" in place and "broken" in place for place in noted["places"])
    assert (request["status"], request["level"]) == (500, "warning")


async def test_an_error_behind_the_first_byte_is_noted_too(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AssertionError):  # httpx's word for an answer that was cut off
        await client.get("/api/half")
    (noted,) = lines(capsys, "unhandled_error")
    assert noted["error"] == "RuntimeError"


async def test_errors_outside_of_handlers_have_the_same_shape(client: httpx.AsyncClient) -> None:
    answer = await client.get("/outside")
    assert answer.json() == {"status": "error", "code": "unavailable", "message": "not now"}
    assert answer.headers["retry-after"] == "3"


async def test_the_access_log_says_what_was_asked_but_no_secrets(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await client.get(
        "/api/fine?q=hunter2", headers={"X-API-Key": "hunter2", "Authorization": "Bearer hunter2"}
    )
    (line,) = lines(capsys)
    assert isinstance(line.pop("ms"), float)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "action": "request",
        "method": "GET",
        "path": "/api/fine",
        "status": 200,
        "bytes": len(answer.content),
    }


async def test_a_path_of_any_sort_is_one_short_line(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await client.get("/api/%0a%1b%e2%80%ae%ff" + "x" * 5000)
    (printed,) = capsys.readouterr().out.splitlines()
    assert len(printed) < 500
    assert "\x1b" not in printed


async def test_good_ingest_and_good_health_are_counted_and_not_logged(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    def count() -> float:
        return REGISTRY.get_sample_value("avalon_requests_total", {"part": "ingest", "status": "2xx"}) or 0

    before = count()
    await client.post("/report")
    await client.get("/health/live")
    assert lines(capsys) == []
    assert count() == before + 1
    await client.post("/report?503")
    (line,) = lines(capsys)
    assert (line["path"], line["status"]) == ("/report", 503)


async def test_slow_ingest_is_logged(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer, "SLOW_S", 0.0)
    await client.post("/report")
    assert [line["path"] for line in lines(capsys)] == ["/report"]


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/report", "ingest"),
        ("/report/batch", "ingest"),
        ("/api/1/envelope/", "ingest"),
        ("/api/0/projects/org/shop/user-feedback/", "ingest"),
        ("/api/embed/error-page/", "ingest"),
        ("/v1/logs", "ingest"),
        ("/api/0/organizations/org/chunk-upload/", "api"),
        ("/api/fine", "api"),
        ("/health/ready", "health"),
        ("/metrics", "health"),
        ("/reports", "page"),
        ("/", "page"),
        ("/apiary", "page"),
    ],
)
def test_parts_are_a_closed_set(path: str, part: str) -> None:
    assert layer.part_of(path) == part
