"""What an attacker sends who has no session, or a viewer's: raw bytes, half requests, floods of sockets."""

from __future__ import annotations

import asyncio
import json
import resource
from typing import Any

import httpx
import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from avalon.cli import protocol
from avalon.cli import server as web_server
from avalon.filters import Filter
from avalon.routes import live
from tests.conftest import Server, running

DEADLINE_S = 10.0
A_HEADER_WITHOUT_END = b"GET /api/keys HTTP/1.1\r\nHost: x\r\nX-Long: "
HALF_A_LOGIN = b"\r\n".join(
    [
        b"POST /api/auth/login HTTP/1.1",
        b"Host: x",
        b"Content-Type: application/json",
        b"Content-Length: 9",
        b"",
        b"{",
    ]
)


async def dial(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = server.url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


async def exchange(server: Server, sent: bytes) -> bytes:
    """What is answered until the server hangs up."""
    reader, writer = await dial(server)
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.read(), DEADLINE_S)
    finally:
        writer.close()


async def pour(server: Server, part: bytes, megabytes: int) -> int:
    """How many megabytes of a request without an end the server takes before it hangs up."""
    _, writer = await dial(server)
    writer.write(part)
    try:
        for taken in range(megabytes):  # noqa: B007
            writer.write(b"a" * 1_000_000)
            await asyncio.wait_for(writer.drain(), DEADLINE_S)
        return megabytes
    except ConnectionError:
        return taken
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    "part",
    [
        A_HEADER_WITHOUT_END,
        b"GET /",
        b"POST /report HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
        b"POST /report HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;x=",
    ],
    ids=["header", "address", "trailer", "chunk extension"],
)
async def test_what_the_parser_swallows_is_bounded(server: Server, part: bytes) -> None:
    assert await pour(server, part, 20) < 20


async def test_without_our_protocol_a_header_never_ends(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(web_server, "Protocol", HttpToolsProtocol)
    async with running(server.settings) as unbounded:
        assert await pour(unbounded, A_HEADER_WITHOUT_END, 20) == 20


async def test_a_large_head_is_a_431_and_a_cookie_jar_is_not(server: Server) -> None:
    head = A_HEADER_WITHOUT_END + b"a" * 60_000
    assert (await exchange(server, head + b"\r\nConnection: close\r\n\r\n")).startswith(b"HTTP/1.1 401 ")
    assert (await exchange(server, head + b"a" * 10_000)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"\r\n",
        b"GET / HTTP/1.1\r\nHost:",
        HALF_A_LOGIN,
        b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nGET /",
    ],
    ids=["nothing", "a blank line", "half a head", "half a body", "half a second one"],
)
async def test_a_request_that_never_arrives_is_ended(
    server: Server, monkeypatch: pytest.MonkeyPatch, half: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(protocol, "MAX_REQUEST_S", 0.1)
    monkeypatch.setattr(protocol, "LOOK_S", 0.05)
    answer = await exchange(server, half)
    assert b"HTTP/1.1 408 " in answer
    assert b'"code":"request_timeout"' in answer
    assert "unhandled_error" not in capsys.readouterr().out


def test_idle_connections_do_not_use_up_the_files_that_a_shell_allows() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        web_server.allow_many_connections()
        allowed, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert hard == before[1]
        assert allowed == min(before[1], web_server.MAX_OPEN_FILES) or before[1] == resource.RLIM_INFINITY
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_what_is_not_http_is_answered_in_our_shape(server: Server) -> None:
    answer = await exchange(server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"content-security-policy: default-src 'none'" in answer
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["status"] == "error"


async def test_a_client_that_hangs_up_is_no_error_of_ours(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    _, writer = await dial(server)
    writer.write(HALF_A_LOGIN)
    await writer.drain()
    writer.close()
    said = ""
    async with asyncio.timeout(DEADLINE_S):
        while "/api/auth/login" not in said:
            await asyncio.sleep(0.01)
            said += capsys.readouterr().out
    assert "unhandled_error" not in said


def socket_of(server: Server, token: str, **options: Any) -> connect:
    headers = {"Authorization": f"Bearer {token}"}
    return connect(server.url.replace("http", "ws") + "/ws", additional_headers=headers, **options)


async def next_of(socket: ClientConnection, type_: str) -> dict[str, Any]:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["type"] == type_:
                return frame


async def blind(server: Server, wait_s: float) -> bool:
    """One viewer asks for what can't be looked for; whether another one then misses a report for so long."""
    token = await server.login()
    async with socket_of(server, token) as victim, socket_of(server, token) as attacker:
        await victim.send(json.dumps({"type": "subscribe", "service": server.service}))
        await next_of(victim, "events")
        await attacker.send(json.dumps({"type": "subscribe", "service": "elsewhere"}))
        await next_of(attacker, "events")  # from now on the hub reads for it
        for service in ("a\0b", "x" * 101):
            await attacker.send(json.dumps({"type": "subscribe", "service": service}))
        await attacker.send(json.dumps({"type": "ping"}))
        await next_of(attacker, "pong")
        await server.report("a read that had begun may find this one")
        await server.report("still here")
        try:
            async with asyncio.timeout(wait_s):
                while "still here" not in str(await next_of(victim, "events")):
                    pass
        except TimeoutError:
            return True
        return False


async def test_one_subscription_can_not_blind_the_others(server: Server) -> None:
    assert not await blind(server, DEADLINE_S)


async def test_without_its_check_one_subscription_blinds_everybody(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""

    class Unchecked(Filter, frozen=True):
        def __post_init__(self) -> None:
            pass

    monkeypatch.setattr(live, "Filter", Unchecked)
    assert await blind(server, 1.5)


async def test_ten_thousand_subscriptions_end_the_socket_and_nothing_else(server: Server) -> None:
    token = await server.login()
    async with socket_of(server, token) as socket:
        with pytest.raises(ConnectionClosed) as ended:
            for number in range(10_000):
                await socket.send(json.dumps({"type": "subscribe", "service": f"s{number}"}))
            while True:
                await asyncio.wait_for(socket.recv(), DEADLINE_S)
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1008
    async with server.client() as client:
        assert (await client.get("/health/ready")).status_code == 200


async def test_a_stream_can_not_ask_for_it_either(server: Server, admin: httpx.AsyncClient) -> None:
    for service in ("%00", "a%00b", "x" * 101):
        answer = await admin.get(f"/api/stream?service={service}")
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("service")
