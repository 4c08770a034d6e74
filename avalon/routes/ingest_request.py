"""A request of the hot path: its key before its body, and its body within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID

from litestar.types import HTTPScope, Receive

from avalon.auth import ApiKey
from avalon.errors import BadInput, Forbidden, PayloadTooLarge
from avalon.inflate import STEP_BYTES, Inflater, inflate
from avalon.routes.dependencies import Services

BODY_TIMEOUT_S: Final = 20.0
SLOW_BYTES: Final = 1024 * 1024
# Inflating that much takes under a millisecond; more goes to a thread, so that a bomb stops nobody.
SMALL_BYTES: Final = 4096

_FIELDS: Final = {
    b"x-api-key": "key",
    b"x-sentry-auth": "sentry_auth",
    b"authorization": "authorization",
    b"content-type": "content_type",
    b"content-encoding": "encoding",
    b"content-length": "length",
    b"host": "host",
    b"origin": "origin",
}


class ClientGone(Exception):
    """The client hung up before its body was whole; nobody waits for an answer."""


class Request:
    """What the hot path needs to know of a request, read from its headers in one pass."""

    __slots__ = (
        "authorization",
        "content_type",
        "encoding",
        "held",
        "holder",
        "host",
        "key",
        "length",
        "origin",
        "receive",
        "scope",
        "sentry_auth",
        "services",
        "window",
    )

    def __init__(self, scope: HTTPScope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.services: Services = scope["litestar_app"].state.services
        self.held = self.window = 0
        self.holder: UUID | None = None
        self.sentry_auth = self.authorization = ""
        self.key = self.content_type = self.encoding = self.host = self.origin = self.length = ""
        for name, value in scope["headers"]:
            field = _FIELDS.get(name)
            if field is not None:
                setattr(self, field, value.decode("latin-1"))

    async def authenticate(self, text: str | None = None) -> ApiKey:
        """The key of a text, or of the usual places, before the body is read.

        Raises KeyRefused, Forbidden, or what the queue says.
        """
        if text is None:
            text = self.key or self.parameter("key")
        # Before anything is asked of a Postgres that is known to be away.
        self.services.ingest.check(None)
        key = await self.services.auth.find_key(text)
        key.require("report")
        if key.allowed_origins and self.origin and self.origin not in key.allowed_origins:
            raise Forbidden("this key may not be used from this origin", code="origin_not_allowed")
        self.services.ingest.check(key)
        self._belong_to(key.id)
        return key

    def parameter(self, name: str) -> str:
        """A parameter of the address, or ""."""
        query = self.scope["query_string"]
        return parse_qs(query.decode("latin-1")).get(name, [""])[0] if query else ""

    async def body(self, limit: int) -> bytes:
        """The whole body, inflated; raises PayloadTooLarge past `limit`, before or after inflating."""
        self._check_length(limit)
        message: Any = await self.receive()
        raw: bytes = message.get("body", b"")
        if message["type"] == "http.disconnect":
            raise ClientGone
        if message.get("more_body"):
            raw = await self._rest(raw, limit)
        if len(raw) > limit:
            raise PayloadTooLarge(f"the body is larger than {limit} bytes")
        if not self.encoding:
            return raw
        if len(raw) < SMALL_BYTES:
            return inflate(raw, self.encoding, limit)
        return await asyncio.to_thread(inflate, raw, self.encoding, limit)

    async def steps(
        self, limit: int, inflated_limit: int, step_bytes: int = STEP_BYTES
    ) -> AsyncIterator[bytes]:
        """The body, inflated as it arrives, for one who need not have all of it at once.

        Raises PayloadTooLarge past a limit; what was given out before then has been read.
        """
        inflater = Inflater(self.encoding, inflated_limit, step_bytes)
        is_first = True
        async for part in self._parts(limit):
            for step in inflater.feed(part):
                if not is_first:
                    await asyncio.sleep(0)  # others wait for the loop
                is_first = False
                self._keep_window(inflater.window)
                yield step
        inflater.end()

    def keep(self, size: int) -> None:
        """Says how much of the body is in memory; raises Unavailable where all together keep too much.

        What its decoder keeps comes on top.
        """
        size += self.window
        if size > self.held:
            self._hold(size - self.held)
        elif size < self.held:
            self.services.ingest.let_go(self.held - size, self.holder)
            self.held = size

    def let_go(self) -> None:
        """What was held of a large body is free again."""
        self.services.ingest.let_go(self.held, self.holder)

    def _keep_window(self, size: int) -> None:
        if size > self.window:
            self._hold(size - self.window)
            self.window = size

    def _hold(self, size: int) -> None:
        self.services.ingest.hold(size, self.holder)
        self.held += size

    def _belong_to(self, key: UUID) -> None:
        """What is held already is this key's, too."""
        size, self.held = self.held, 0
        self.services.ingest.let_go(size, self.holder)
        self.holder = key
        if size:
            self._hold(size)

    async def _rest(self, first: bytes, limit: int) -> bytes:
        parts, size = [first], len(first)
        self._hold(size)
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                while True:
                    message: Any = await self.receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    part = message.get("body", b"")
                    self._hold(len(part))
                    parts.append(part)
                    size += len(part)
                    if size > limit:
                        raise PayloadTooLarge(f"the body is larger than {limit} bytes")
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError:
            raise _too_slow() from None

    async def _parts(self, limit: int) -> AsyncIterator[bytes]:
        """The body as it arrives; who is slow gets BODY_TIMEOUT_S for every SLOW_BYTES."""
        self._check_length(limit)
        begun, size, left_s = monotonic(), 0, None
        while True:
            try:
                message: Any = await (
                    self.receive() if left_s is None else asyncio.wait_for(self.receive(), left_s)
                )
            except TimeoutError:
                raise _too_slow() from None
            if message["type"] == "http.disconnect":
                raise ClientGone
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise PayloadTooLarge(f"the body is larger than {limit} bytes")
            yield part
            if not message.get("more_body"):
                return
            left_s = max(0.0, begun + BODY_TIMEOUT_S * (1 + size // SLOW_BYTES) - monotonic())

    def _check_length(self, limit: int) -> None:
        if self.length.isascii() and self.length.isdigit() and int(self.length[:20]) > limit:
            raise PayloadTooLarge(f"the body is larger than {limit} bytes")

    def url(self, id_: object) -> str:
        """The page of a report."""
        base = self.services.settings.public_url or f"{self.scope['scheme']}://{self.host}"
        return f"{base}/errors/{id_}"


def _too_slow() -> BadInput:
    return BadInput(f"the body did not arrive within {BODY_TIMEOUT_S:.0f} seconds")
