"""`GET /ws` and `GET /api/stream`: the live stream as a WebSocket and as server-sent events.

Three tasks serve a connection: one sends what its reader is owed, one listens to the client, one waits for
the end (session over, shutdown). The first that ends takes the others with it. A connection holds nothing of
the pool. The server's flow control makes `send` wait for a slow client; one that takes nothing for
`SEND_TIMEOUT_S` is let go.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Request, get, websocket
from litestar.connection import WebSocket
from litestar.exceptions import WebSocketDisconnect
from litestar.params import HeaderParameter, QueryParameter
from litestar.types import ASGIApp, Receive, Scope, Send

from avalon.auth import Principal
from avalon.errors import AvalonError, BadInput
from avalon.filters import Filter
from avalon.hub import Hub
from avalon.reader import Frame, Reader
from avalon.routes import live_frames
from avalon.routes.answers import refuse_socket
from avalon.routes.dependencies import principal, services
from avalon.routes.gate import authenticate_socket

SEND_TIMEOUT_S: Final = 30.0
SUBSCRIBE_TIMEOUT_S: Final = 10.0
MAX_MESSAGE_BYTES: Final = 65_536
MAX_MESSAGES: Final = 100  # of a client within FLOOD_WINDOW_S
FLOOD_WINDOW_S: Final = 10.0

FLOODED, TOO_BIG, NO_SUBSCRIBE = 1008, 1009, 4408

Level = Literal["debug", "info", "warning", "error", "fatal", "critical"]
MAX_POSITION: Final = 2**63 - 1


class Ask(msgspec.Struct, frozen=True):
    """What a client may say."""

    type: Literal["subscribe", "unsubscribe", "ping"]
    service: str | None = None
    level: Level | None = None
    issue: UUID | None = None
    after: Annotated[int, msgspec.Meta(ge=0, le=MAX_POSITION)] | None = None


_decode = msgspec.json.Decoder(Ask).decode


@websocket("/ws")
async def live(socket: WebSocket[Any, Any, Any]) -> None:
    """The live stream. Refused before the handshake: without a session, or from a foreign page."""
    reach = services(socket)
    since = reach.hub.position
    try:
        who = await authenticate_socket(reach.auth, reach.settings, socket.scope)
        reader = reach.hub.open(who, since)
    except AvalonError as error:
        await socket.receive()
        await refuse_socket(socket.scope, socket.send, error)
        return
    try:
        await socket.accept()
        await _send_text(socket, live_frames.hello(reader.position, reach.replica))
        code = await _first_of(
            _send_frames(socket, reach.hub, reader), _listen(socket, reader), reader.wait_for_end()
        )
        if code:
            async with asyncio.timeout(1.0):
                await socket.send({"type": "websocket.close", "code": code, "reason": ""})
    except (OSError, TimeoutError, WebSocketDisconnect):
        pass  # the client is gone, or takes nothing any more
    finally:
        reach.hub.close(reader)


async def _first_of(*works: Coroutine[Any, Any, int | None]) -> int | None:
    """What the first of them returns or raises; the others are ended."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send_frames(socket: WebSocket[Any, Any, Any], hub: Hub, reader: Reader) -> None:
    while True:
        await _send_text(socket, live_frames.as_json(await hub.next_frame(reader)))


async def _send_text(socket: WebSocket[Any, Any, Any], text: bytes) -> None:
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await socket.send({"type": "websocket.send", "text": text.decode(), "bytes": None})


async def _listen(socket: WebSocket[Any, Any, Any], reader: Reader) -> int | None:
    """Does what the client asks until it leaves; the close code where it breaks a rule."""
    loop = asyncio.get_running_loop()
    deadline: float | None = loop.time() + SUBSCRIBE_TIMEOUT_S
    times: deque[float] = deque(maxlen=MAX_MESSAGES)
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                message = await socket.receive()
        except TimeoutError:
            return NO_SUBSCRIBE
        if message["type"] != "websocket.receive":
            return None
        text = message.get("text") or message.get("bytes") or b""
        if len(text) > MAX_MESSAGE_BYTES:
            return TOO_BIG
        if len(times) == MAX_MESSAGES and loop.time() - times[0] < FLOOD_WINDOW_S:
            return FLOODED
        times.append(loop.time())
        try:
            deadline = None if _obey(reader, text) else deadline
        except BadInput:
            return FLOODED


def _obey(reader: Reader, text: str | bytes) -> bool:
    """Does one thing that a client asks; whether that was a subscribe. What it can't do, it answers.

    Raises BadInput where the client asks on and on without reading the answers.
    """
    try:
        ask = _decode(text)
        wanted = Filter(ask.service, ask.level, ask.issue)
        if ask.type == "ping":
            reader.answer(Frame("pong"))
        elif ask.type == "unsubscribe":
            reader.unsubscribe(wanted)
        else:
            reader.subscribe(wanted, ask.after)
            return True
    except (msgspec.DecodeError, RecursionError) as error:
        reader.answer(Frame("error", error=BadInput(str(error))))
    except AvalonError as error:
        reader.answer(Frame("error", error=error))
    return False


@get("/api/stream", media_type="text/event-stream")
async def stream(
    request: Request[Any, Any, Any],
    after: Annotated[int | None, QueryParameter(ge=0, le=MAX_POSITION, description="Begin behind it")] = None,
    service: Annotated[str | None, QueryParameter(description="Only this service")] = None,
    level: Annotated[Level | None, QueryParameter(description="Only this level")] = None,
    issue: Annotated[UUID | None, QueryParameter(description="Only this issue")] = None,
    last_event_id: Annotated[int | None, HeaderParameter(name="Last-Event-ID", ge=0, le=MAX_POSITION)] = None,
) -> ASGIApp:
    """The live stream as server-sent events, for curl. Resumes by Last-Event-ID, or by after."""
    hub, who = services(request).hub, principal(request)
    begin = after if last_event_id is None else last_event_id
    return _event_stream(hub, who, Filter(service, level, issue), begin)


def _event_stream(hub: Hub, who: Principal, wanted: Filter, after: int | None) -> ASGIApp:
    async def answer(_: Scope, receive: Receive, send: Send) -> None:
        reader = hub.open(who, hub.position)
        reader.subscribe(wanted, after)
        try:
            await _first_of(
                _send_events(send, hub, reader, wanted), _wait_for_client(receive), reader.wait_for_end()
            )
            await _send_chunk(send, b"", more=False)
        except (OSError, TimeoutError):
            pass  # the client is gone, or takes nothing any more
        finally:
            hub.close(reader)

    return answer


async def _send_events(send: Send, hub: Hub, reader: Reader, wanted: Filter) -> None:
    """A stream can't subscribe again, so it goes on by itself: behind what it missed, or from now."""
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await _send_chunk(send, b"retry: 1000\n\n")
    while True:
        frame = await hub.next_frame(reader)
        if frame.type in ("lagged", "gone"):
            reader.subscribe(wanted, frame.position if frame.type == "lagged" else None)
        await _send_chunk(send, live_frames.as_events(frame))


async def _send_chunk(send: Send, chunk: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(SEND_TIMEOUT_S):
        await send({"type": "http.response.body", "body": chunk, "more_body": more})


async def _wait_for_client(receive: Receive) -> None:
    """Returns when the client hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass


handlers = [live, stream]
