"""What every answer has, whatever gave it: security headers, a line in the access log, and an end.

The outermost layer around the routes. It adds to what it finds and changes nothing of it. An error that came
through all other layers becomes a 500 that says nothing; after the answer has begun, the connection is cut.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, Final, cast

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from avalon.errors import NotFound
from avalon.routes.answers import refuse_socket, send_error
from avalon.routes.gate import is_ingest
from avalon.routes.peer import is_secure
from avalon.routes.problems import as_avalon_error, log_unhandled
from avalon.settings import Settings
from avalon.telemetry import REQUESTS, Action, log

Header = tuple[bytes, bytes]

CONTENT_SECURITY_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'"
)
_DISABLED: Final = (
    *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer"),
    *("microphone", "midi", "payment", "usb"),
)
PLAIN: Final[tuple[Header, ...]] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not no-referrer: with it a browser says `Origin: null` for the dashboard's own forms (Fetch §3.2).
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", ", ".join(f"{feature}=()" for feature in _DISABLED).encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
)
SECURE: Final = (*PLAIN, (b"strict-transport-security", b"max-age=31536000; includeSubDomains"))
# Errors are about people: nothing is kept by a cache, unless its handler knows better (static files).
NO_STORE: Final[Header] = (b"cache-control", b"no-store")

SLOW_S: Final = 1.0
MAX_PATH: Final = 200
# Thousands a second, or one every second from each prober: metrics count them, the log hears of trouble.
QUIET: Final = frozenset({"ingest", "health"})
CLASSES: Final = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")


def headers(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The application with its headers, its access log and its last resort."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        kind: str = scope["type"]
        if kind == "http":
            await _answer(app, settings, cast("HTTPScope", scope), receive, send)
        elif kind == "websocket":
            await _shake_hands(app, settings, scope, receive, send)
        else:
            await app(scope, receive, send)

    return cast("ASGIApp", answered)


async def _answer(app: ASGIApp, settings: Settings, scope: HTTPScope, receive: Receive, send: Send) -> None:
    exchange = _Exchange(scope, send, SECURE if is_secure(scope, settings) else PLAIN)
    try:
        await app(scope, receive, exchange.send)
    except Exception as error:
        if exchange.status:
            log_unhandled(error.__cause__ if isinstance(error.__cause__, Exception) else error)
        else:
            await send_error(exchange.send, as_avalon_error(error))
    finally:
        exchange.finish()


async def _shake_hands(app: ASGIApp, settings: Settings, scope: Scope, receive: Receive, send: Send) -> None:
    handshake = _Handshake(scope, send, SECURE if is_secure(scope, settings) else PLAIN)
    try:
        await app(scope, receive, handshake.send)
    except Exception as error:
        if handshake.is_over:
            log_unhandled(error)
        else:
            await refuse_socket(scope, handshake.send, as_avalon_error(error))


class _Handshake:
    """A websocket before it is one: who is turned away gets an answer like every other."""

    __slots__ = ("_headers", "_path", "_scope", "_send", "is_over")

    def __init__(self, scope: Scope, send: Send, extra: tuple[Header, ...]) -> None:
        self.is_over = False
        self._headers = extra
        self._path: str = scope["path"]
        self._scope = scope
        self._send = send

    async def send(self, message: Any) -> None:
        """Sends on; a refusal gets our headers, a line in the log, and words where it has none."""
        is_first, self.is_over = not self.is_over, True
        if message["type"] == "websocket.http.response.start":
            message["headers"] = [*message.get("headers", ()), NO_STORE, *self._headers]
            log(
                Action.REQUEST,
                method="GET",
                path=self._path[:MAX_PATH],
                status=message["status"],
                socket=True,
            )
        elif is_first and message["type"] == "websocket.close" and self._can_answer():
            await refuse_socket(self._scope, self.send, NotFound("there is no live stream here"))
            return
        await self._send(message)

    def _can_answer(self) -> bool:
        return "websocket.http.response" in (self._scope.get("extensions") or {})


class _Exchange:
    """One request and its answer, as they go by."""

    __slots__ = ("_begun", "_headers", "_method", "_path", "_send", "_size", "status")

    def __init__(self, scope: HTTPScope, send: Send, extra: tuple[Header, ...]) -> None:
        self.status = 0
        self._begun = perf_counter()
        self._headers = extra
        self._method = scope["method"]
        self._path = scope["path"]  # the router writes another one here
        self._send = send
        self._size = 0

    async def send(self, message: Any) -> None:
        """Sends on, with our headers in the first message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            found = list(message.get("headers", ()))
            if not any(name == b"cache-control" for name, _ in found):
                found.append(NO_STORE)
            message["headers"] = [*found, *self._headers]
        elif message["type"] == "http.response.body":
            self._size += len(message.get("body", b""))
        await self._send(message)

    def finish(self) -> None:
        """Counts the answer, and logs it where it is worth a line."""
        part = part_of(self._path)
        _COUNTERS[part, self.status // 100].inc()
        spent_s = perf_counter() - self._begun
        if part in QUIET and self.status < 400 and spent_s < SLOW_S:
            return
        log(
            Action.REQUEST,
            level="warning" if self.status >= 500 else "info",
            method=self._method,
            path=self._path[:MAX_PATH],
            status=self.status,
            ms=round(spent_s * 1000, 1),
            bytes=self._size,
        )


def part_of(path: str) -> str:
    """Which part of the service a path belongs to: a closed set, for metrics."""
    if path == "/report" or path.startswith(("/report/", "/v1/")):
        return "ingest"
    if path.startswith("/api/"):
        return "ingest" if is_ingest(path.rstrip("/")) else "api"
    if path.startswith(("/health/", "/metrics")):
        return "health"
    return "page"


_COUNTERS: Final = {
    (part, number): REQUESTS.labels(part, name)
    for part in ("ingest", "api", "health", "page")
    for number, name in enumerate(CLASSES)
}
