"""A request of the hot path: its key before its body, and its body within bounds."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import parse_qs

from litestar.types import HTTPScope, Receive

from avalon.auth import ApiKey
from avalon.errors import BadInput, Forbidden, PayloadTooLarge
from avalon.inflate import inflate
from avalon.routes.dependencies import Services

BODY_TIMEOUT_S: Final = 20.0
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
        "host",
        "key",
        "length",
        "origin",
        "receive",
        "scope",
        "sentry_auth",
        "services",
    )

    def __init__(self, scope: HTTPScope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.services: Services = scope["litestar_app"].state.services
        self.held = 0
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
        return key

    def parameter(self, name: str) -> str:
        """A parameter of the address, or ""."""
        query = self.scope["query_string"]
        return parse_qs(query.decode("latin-1")).get(name, [""])[0] if query else ""

    async def body(self, limit: int) -> bytes:
        """The whole body, inflated; raises PayloadTooLarge past `limit`, before or after inflating."""
        if self.length.isascii() and self.length.isdigit() and int(self.length[:20]) > limit:
            raise PayloadTooLarge(f"the body is larger than {limit} bytes")
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

    def let_go(self) -> None:
        """What was held of a large body is free again."""
        self.services.ingest.let_go(self.held)

    def _hold(self, size: int) -> None:
        self.services.ingest.hold(size)
        self.held += size

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
            raise BadInput(f"the body did not arrive within {BODY_TIMEOUT_S:.0f} seconds") from None

    def url(self, id_: object) -> str:
        """The page of a report."""
        base = self.services.settings.public_url or f"{self.scope['scheme']}://{self.host}"
        return f"{base}/errors/{id_}"
