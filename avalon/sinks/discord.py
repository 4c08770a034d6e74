"""Discord's webhooks: one POST a message, and what its answers mean.

It never follows a redirect, reads at most 64 KB of an answer, ends within five seconds, and repeats nothing
of an answer but its status and Discord's own numeric code. Codes: docs.discord.com, opcodes-and-status-codes;
rate limits: rate-limits.mdx.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

import httpx
import msgspec

from avalon.errors import BadInput, MessageRefused, TransportError
from avalon.sinks import Message, Receipt
from avalon.sinks.address import check_discord_url
from avalon.sinks.embeds import payload

TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 65_536
# Where a 429 does not say how long; and the longest wait that is believed.
DEFAULT_RETRY_AFTER_S = 5.0
MAX_RETRY_AFTER_S = 86_400.0

GONE = {401: "the webhook's token is wrong", 404: "the webhook was deleted"}
GONE_CODES = {10015: "the webhook was deleted", 50027: "the webhook's token is wrong"}

_encode = msgspec.json.Encoder().encode

# They would log the URL of every request, and the URL is a secret.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Answer(msgspec.Struct):
    """What an answer's body may hold and we believe; everything else in it is left out."""

    id: str | None = None
    code: int | None = None
    retry_after: float | None = None


def new_client() -> httpx.AsyncClient:
    """The client that all sinks of a process share; proxies and .netrc of the environment stay out of it."""
    return httpx.AsyncClient(
        timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, headers={"User-Agent": "Avalon"}
    )


class DiscordSink:
    """One webhook."""

    def __init__(self, url: str, client: httpx.AsyncClient, allowed_hosts: frozenset[str]) -> None:
        self._url = url
        self._client = client
        self._allowed_hosts = allowed_hosts

    async def send(self, message: Message) -> Receipt:
        """Posts one message; returns when Discord has stored it, or raises TransportError, MessageRefused."""
        try:
            check_discord_url(self._url, self._allowed_hosts)
        except BadInput as error:
            raise TransportError(f"this address may not be called: {error.message}", permanent=True) from None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                response, body = await self._post(_encode(payload(message)))
        except TimeoutError:
            raise TransportError(f"no answer within {TIMEOUT_S:.0f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            # Its text may quote the URL.
            raise TransportError(f"the connection failed ({type(error).__name__})") from None
        return _classify(response, _decode(body))

    async def _post(self, body: bytes) -> tuple[httpx.Response, bytes]:
        url = httpx.URL(self._url).copy_merge_params({"wait": "true"})  # without it errors are not told
        # Not compressed, so that what is read is what was sent: 64 KB can inflate to 64 MB.
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        async with self._client.stream("POST", url, content=body, headers=headers) as response:
            read = bytearray()
            async for chunk in response.aiter_raw(8192):
                read += chunk
                if len(read) > MAX_ANSWER_BYTES:
                    return response, b""
        return response, bytes(read)


def _decode(body: bytes) -> Answer:
    """The answer's fields; none of them where the body is something else (a proxy's page, for example)."""
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Answer()
    if not isinstance(found, dict):
        return Answer()
    id_, code, retry_after = found.get("id"), found.get("code"), found.get("retry_after")
    return Answer(
        id=id_ if isinstance(id_, str) and id_.isascii() and id_.isdigit() and len(id_) < 30 else None,
        code=code if isinstance(code, int) and 0 <= code < 10**9 else None,
        retry_after=float(retry_after) if isinstance(retry_after, int | float) else None,
    )


def _classify(response: httpx.Response, answer: Answer) -> Receipt:
    """The receipt of a 2xx; raises what any other answer means."""
    status = response.status_code
    if 200 <= status < 300:
        return Receipt(message_id=answer.id, pause_s=_pause_s(response))
    said = f"Discord answered {status}" + (f" (code {answer.code})" if answer.code else "")
    if status == 429:
        raise TransportError(said, retry_after_s=_retry_after_s(response, answer), answer=status)
    reason = GONE_CODES.get(answer.code or 0) or GONE.get(status)
    if status == 403 and answer.code:  # without a code of Discord's it is a proxy's, and may pass
        reason = "the webhook is forbidden"
    if reason:
        raise TransportError(f"{said}: {reason}", permanent=True, answer=status)
    if status == 400 or status == 413:
        raise MessageRefused(f"{said}: it does not take this message", answer=status)
    raise TransportError(said, answer=status)


def _retry_after_s(response: httpx.Response, answer: Answer) -> float:
    """The longer of what the body and the headers ask for."""
    asked = [
        answer.retry_after,
        _seconds(response, "Retry-After"),
        _seconds(response, "X-RateLimit-Reset-After"),
    ]
    believed = [s for s in asked if s is not None and math.isfinite(s) and s >= 0]
    return min(max(believed, default=DEFAULT_RETRY_AFTER_S), MAX_RETRY_AFTER_S)


def _pause_s(response: httpx.Response) -> float:
    """How long to wait where this message was the last that the bucket had room for: it spares a 429."""
    if response.headers.get("X-RateLimit-Remaining") != "0":
        return 0.0
    reset_after = _seconds(response, "X-RateLimit-Reset-After") or 0.0
    return min(max(reset_after, 0.0), 60.0) if math.isfinite(reset_after) else 0.0


def _seconds(response: httpx.Response, header: str) -> float | None:
    try:
        return float(response.headers[header])
    except (KeyError, ValueError):
        return None
