"""`GET /ws` through a real server: what it says, to whom, and how it ends."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from avalon import event_store, reader
from avalon.cli import port
from avalon.events import SessionEnded, UserDeleted, UserPasswordChanged, uuid7
from avalon.routes import live
from tests.conftest import Urls
from tests.live.rig import (
    ADMIN,
    DEADLINE_S,
    Site,
    a_principal,
    a_report,
    frame,
    items,
    replica,
    say,
    site,
    subscribe,
    until,
)

ISSUE_KEYS = {"type", "id", "service", "level", "title", "environment", "release", "createdAt", "position"}
ERROR_KEYS = {
    *("type", "id", "service", "message", "stack", "path", "method", "level", "metadata", "createdAt"),
    *("position", "issue", "environment", "release", "exception_type"),
}


async def _close_code(socket: ClientConnection) -> int | None:
    """Reads until the server closes."""
    async with asyncio.timeout(DEADLINE_S):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


async def test_the_frames_are_those_of_the_contract(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here, here.connect() as socket:
        hello = await frame(socket)
        assert hello == {"type": "hello", "position": one.hub.position, "replica": "one"}
        assert await subscribe(socket) == {"type": "events", "position": one.hub.position, "items": []}
        (stored,) = await event_store.append(one.database, [a_report(environment="prod", release="1.4.2")])
        events = await frame(socket)
        assert set(events) == {"type", "position", "items"}
        error, issue = events["items"]
        assert events["position"] == issue["position"] > error["position"] == stored.position
        assert set(error) == ERROR_KEYS
        assert set(issue) == ISSUE_KEYS
        assert (error["type"], error["id"], error["message"]) == ("error:new", str(stored.id), "boom")
        assert (issue["type"], issue["id"], issue["title"]) == ("issue:opened", error["issue"], "boom")
        assert error["createdAt"].endswith("Z")
        await say(socket, type="ping")
        assert await frame(socket) == {"type": "pong", "position": events["position"]}


async def test_it_resumes_on_another_replica(urls: Urls) -> None:
    async with (
        replica(urls.service) as one,
        replica(urls.service) as other,
        site(one.hub) as here,
        site(other.hub) as there,
    ):
        async with here.connect() as socket:
            await frame(socket)
            await subscribe(socket)
            first = await event_store.append(one.database, [a_report() for _ in range(3)])
            seen = await items(socket, 3)
        second = await event_store.append(one.database, [a_report() for _ in range(250)])
        async with there.connect() as socket:
            await frame(socket)
            await say(socket, type="subscribe", after=seen[-1]["position"])
            seen += await items(socket, 250)
            third = await event_store.append(one.database, [a_report()])
            seen += await items(socket, 1)
    assert [item["position"] for item in seen] == [s.position for s in [*first, *second, *third]]


async def test_frames_have_at_most_200_items(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here, here.connect() as socket:
        await frame(socket)
        await subscribe(socket)
        await event_store.append(one.database, [a_report() for _ in range(240)])
        first, second = await frame(socket), await frame(socket)
        assert [len(first["items"]), len(second["items"])] == [200, 41]
        assert first["position"] == first["items"][-1]["position"] < second["position"]


async def test_a_subscription_can_be_taken_back(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here, here.connect() as socket:
        await frame(socket)
        await subscribe(socket, service="web")
        await subscribe(socket, service="api")
        await say(socket, type="unsubscribe", service="api")
        await say(socket, type="ping")
        assert (await frame(socket))["type"] == "pong"
        await event_store.append(one.database, [a_report("api"), a_report("web", 2)])
        (item,) = await items(socket, 1)
        assert item["service"] == "web"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_input"),
        ("[]", "bad_input"),
        ("nonsense", "bad_input"),
        ("[" * 60_000, "bad_input"),
        (b"\xff\xfe", "bad_input"),
        ('{"type":"subscribe","after":-1}', "bad_input"),
        ('{"type":"subscribe","after":"1"}', "bad_input"),
        ('{"type":"subscribe","after":9223372036854775808}', "bad_input"),
        ('{"type":"subscribe","level":"loud"}', "bad_input"),
        ('{"type":"subscribe","issue":"1"}', "bad_input"),
        ('{"type":"destroy"}', "bad_input"),
        ('{"type":"subscribe","after":0}', "conflict"),
    ],
)
async def test_what_can_not_be_done_is_answered(urls: Urls, text: str | bytes, code: str) -> None:
    async with replica(urls.service) as one, site(one.hub) as here, here.connect() as socket:
        await frame(socket)
        await subscribe(socket)
        await socket.send(text)
        answer = await frame(socket)
        assert set(answer) == {"type", "code", "message"}
        assert (answer["type"], answer["code"]) == ("error", code)
        await say(socket, type="ping")
        assert (await frame(socket))["type"] == "pong"


async def test_subscriptions_are_bounded(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here, here.connect() as socket:
        await frame(socket)
        for number in range(reader.MAX_FILTERS + 1):
            await say(socket, type="subscribe", service=f"s{number}")
        while (answer := await frame(socket))["type"] == "events":
            pass
        assert answer["code"] == "bad_input"


async def test_a_flood_is_closed(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here, here.connect() as socket:
        with pytest.raises(ConnectionClosed):
            for _ in range(live.MAX_MESSAGES + 1):
                await say(socket, type="ping")
            await _close_code(socket)
            await socket.send("")
        assert socket.close_code == 1008


async def test_a_message_that_is_too_large_is_closed(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here, here.connect() as socket:
        await socket.send("x" * 70_000)
        assert await _close_code(socket) == 1009


async def test_without_subscribe_it_is_closed(urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SUBSCRIBE_TIMEOUT_S", 0.1)
    async with replica(urls.service) as one, site(one.hub) as here, here.connect() as socket:
        await say(socket, type="ping")
        assert await _close_code(socket) == 4408
        await until(lambda: not one.hub._readers)


async def test_without_a_session_there_is_no_handshake(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here:
        for token in (None, "wrong"):
            with pytest.raises(InvalidStatus) as refused:
                await here.connect(token)
            assert refused.value.response.status_code == 401
            assert json.loads(refused.value.response.body)["code"] == "unauthorized"
        assert not one.hub._readers


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
async def test_a_foreign_page_is_refused(urls: Urls, origin: str | None) -> None:
    async with replica(urls.service) as one, site(one.hub) as here:
        headers = {"Cookie": f"avalon={ADMIN}"} | ({"Origin": origin} if origin else {})
        with pytest.raises(InvalidStatus) as refused:
            await here.connect(None, **headers)
        assert refused.value.response.status_code == 403


async def test_our_own_page_may(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here:
        headers = {"Cookie": f"avalon={ADMIN}", "Origin": f"http://127.0.0.1:{here.port}"}
        async with here.connect(None, **headers) as socket:
            assert (await frame(socket))["type"] == "hello"


async def _with_sessions(urls: Urls, ending: str) -> tuple[list[Any], list[int | None]]:
    """Two sessions of one user and one of another; a fact; which of them are closed, and how."""
    user = uuid7()
    people = [a_principal(user=user), a_principal(user=user), a_principal()]
    facts = {
        "session.ended": SessionEnded(session=people[0].session),
        "user.password_changed": UserPasswordChanged(kept_session=people[1].session),
        "user.deleted": UserDeleted(),
    }
    async with replica(urls.service) as one, site(one.hub) as here:
        sockets = []
        for number, who in enumerate(people):
            socket = await here.connect(here.tokens.add(f"t{number}", who))
            await frame(socket)
            await subscribe(socket)
            sockets.append(socket)
        await event_store.append(one.database, [facts[ending].new(user, "system")])
        await until(lambda: len(one.hub._readers) == {"user.deleted": 1}.get(ending, 2))
        codes = []
        for socket in sockets:
            is_open = any(r.principal is people[len(codes)] for r in one.hub._readers)
            codes.append(None if is_open else await _close_code(socket))
            await socket.close()
    return people, codes


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ("session.ended", [4401, None, None]),
        ("user.password_changed", [4401, None, None]),
        ("user.deleted", [4401, 4401, None]),
    ],
)
async def test_a_session_that_ends_closes_its_sockets(
    urls: Urls, ending: str, expected: list[int | None]
) -> None:
    _, codes = await _with_sessions(urls, ending)
    assert codes == expected


async def test_a_session_that_expires_closes_its_sockets(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here:
        token = here.tokens.add("short", a_principal(lasts_s=0.5))
        async with here.connect(token) as socket:
            await subscribe(socket)
            assert await _close_code(socket) == 4401


async def test_a_session_that_ends_during_the_handshake_closes_it(
    urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replica(urls.service) as one, site(one.hub) as here:
        who = a_principal()

        async def slow(*_: Any) -> Any:
            fact = SessionEnded(session=who.session).new(who.user_id, "system")
            (stored,) = await event_store.append(one.database, [fact])
            await until(lambda: one.hub.position >= stored.position)
            return who

        monkeypatch.setattr(live, "authenticate_socket", slow)
        async with here.connect() as socket:
            assert await _close_code(socket) == 4401


async def test_a_shutdown_closes_with_1012(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here, here.connect() as socket:
        await subscribe(socket)
        one.hub.stop()
        assert await _close_code(socket) == 1012


async def test_a_shutdown_of_the_server_closes_with_1012(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here, here.connect() as socket:
        await subscribe(socket)
        here.server.should_exit = True
        assert await _close_code(socket) == 1012
        await until(lambda: not one.hub._readers)


async def test_too_many_sockets_are_refused(urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avalon.hub.MAX_READERS_PER_USER", 2)
    async with replica(urls.service) as one, site(one.hub) as here, here.connect(), here.connect():
        with pytest.raises(InvalidStatus) as refused:
            await here.connect()
        assert refused.value.response.status_code == 429


async def test_a_client_that_never_reads_is_let_go_and_costs_little(
    urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SEND_TIMEOUT_S", 1.0)
    async with replica(urls.service) as one, site(one.hub) as here, here.connect() as stalled:
        await frame(stalled)
        await subscribe(stalled)
        (slow,) = one.hub._readers
        async with here.connect() as healthy:
            await frame(healthy)
            await subscribe(healthy)
            stalled.transport.pause_reading()
            async with asyncio.timeout(DEADLINE_S):
                while slow in one.hub._readers:
                    await event_store.append(one.database, _large_reports(100))
                    await items(healthy, 100)
                    assert slow._queued_bytes < 5_000_000
                    assert _buffered(here) < 2_000_000
            assert len(one.hub._readers) == 1
        stalled.transport.abort()


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_USER_TIMEOUT is Linux's")
async def test_the_kernel_cuts_a_client_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that closes a connection would wait for what is still in its buffer, for ever."""
    monkeypatch.setattr(port, "UNTAKEN_MS", 500)
    lost = asyncio.Event()

    class Closing(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            transport.write(b"x" * 20_000_000)
            transport.close()

        def connection_lost(self, _: Exception | None) -> None:
            lost.set()

    taken = port.take_port("127.0.0.1", 0)
    server = await asyncio.get_running_loop().create_server(Closing, sock=taken)
    client = socket.create_connection(taken.getsockname())
    async with asyncio.timeout(DEADLINE_S):
        await lost.wait()
    client.close()
    server.close()


def _large_reports(count: int) -> list[Any]:
    data = msgspec.Raw(b'{"message":"boom","stack":"%b"}' % (b"x" * 6_000))
    return [a_report(data=data) for _ in range(count)]


def _buffered(here: Site) -> int:
    """What the server's transports hold for clients."""
    connections: Any = here.server.server_state.connections
    return sum(connection.transport.get_write_buffer_size() for connection in connections)


async def test_fifty_sockets_get_everything(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here:
        sockets = await asyncio.gather(*(here.connect() for _ in range(50)))
        for socket in sockets:
            await frame(socket)
            await subscribe(socket)
        stored = []
        for _ in range(20):
            stored += await event_store.append(one.database, [a_report() for _ in range(5)])
        seen = await asyncio.gather(*(items(socket, 100) for socket in sockets))
        expected = [s.position for s in stored]
        assert all([item["position"] for item in found] == expected for found in seen)
        await asyncio.gather(*(socket.close() for socket in sockets))
