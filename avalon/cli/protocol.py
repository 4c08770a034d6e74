"""One HTTP connection, with the bounds that uvicorn's own leaves open (uvicorn 0.54, httptools 0.9).

A request's head, and whatever else the parser swallows without handing it on, is bounded in bytes; a whole
request, head and body, in time. So neither headers without an end nor requests that never arrive hold memory,
the loop or a connection. What the parser itself refuses gets the headers of every other answer.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from avalon.routes.headers import NO_STORE, PLAIN

# As much as nginx and h11 take; the check comes after each read, which is at most 256 KB.
MAX_HEAD_BYTES: Final = 65_536
# Longer than the routes themselves wait for a body: they say what was wrong.
MAX_REQUEST_S: Final = 30.0
LOOK_S: Final = 5.0


class Protocol(HttpToolsProtocol):
    """uvicorn's, within bounds."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._swallowed = 0
        # When the request that is on its way began; None while none is.
        self._begun: float | None = self.loop.time()
        self._watch = self.loop.call_later(LOOK_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._swallowed += len(data)
        if self._begun is None:
            self._begun = self.loop.time()
        super().data_received(data)
        if self._swallowed > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large")

    def on_message_begin(self) -> None:
        self._begun = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._swallowed = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._swallowed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._swallowed = 0
        self._begun = None
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._watch.cancel()
        self._swallowed = 0
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        self._refuse(HTTPStatus.BAD_REQUEST, "this is not HTTP")

    def _look(self) -> None:
        """Ends a connection whose request takes too long; one that waits for its next has its own end."""
        if self._begun is not None and self.loop.time() - self._begun > MAX_REQUEST_S:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request did not arrive in time")
        else:
            self._watch = self.loop.call_later(LOOK_S, self._look)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answers in the place of the application, unless it has begun to, and hangs up."""
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(_answer(status, message))
        self.transport.close()


def _answer(status: HTTPStatus, message: str) -> bytes:
    code = status.name.lower()
    body = msgspec.json.encode({"status": "error", "code": code, "message": message})
    fields = [
        *((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))),
        *((b"connection", b"close"), NO_STORE, *PLAIN),
    ]
    head = b"".join(b"%b: %b\r\n" % field for field in fields)
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, status.phrase.encode(), head, body)
