"""Discord's webhooks: one POST a message, and what its answers mean.

Nothing of an answer is repeated but its status and Discord's own numeric code. Codes: docs.discord.com,
opcodes-and-status-codes; rate limits: rate-limits.mdx.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from avalon.errors import MessageRefused, TransportError
from avalon.sinks import Message, Receipt, Target
from avalon.sinks.address import check_discord_url
from avalon.sinks.embeds import payload
from avalon.sinks.http import Answer, HttpClient, retry_after_s, seconds

GONE = {401: "the webhook's token is wrong", 404: "the webhook was deleted"}
GONE_CODES = {10015: "the webhook was deleted", 50027: "the webhook's token is wrong"}

_encode = msgspec.json.Encoder().encode


class Said(msgspec.Struct):
    """What an answer's body may hold and we believe; everything else in it is left out."""

    id: str | None = None
    code: int | None = None
    retry_after: float | None = None


class DiscordSink:
    """One webhook."""

    def __init__(self, target: Target, client: HttpClient) -> None:
        self._url = target.url or ""
        self._client = client

    async def send(self, message: Message) -> Receipt:
        """Posts one message; returns when Discord has stored it, or raises TransportError, MessageRefused."""
        url = self._url + ("&" if "?" in self._url else "?") + "wait=true"  # without it errors are not told
        answer = await self._client.post_json(
            url, _encode(payload(message)), check=lambda _, *rest: check_discord_url(self._url, *rest)
        )
        return _classify(answer, _decode(answer.body))


def _decode(body: bytes) -> Said:
    """The answer's fields; none of them where the body is something else (a proxy's page, for example)."""
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Said()
    if not isinstance(found, dict):
        return Said()
    id_, code, retry_after = found.get("id"), found.get("code"), found.get("retry_after")
    return Said(
        id=id_ if isinstance(id_, str) and id_.isascii() and id_.isdigit() and len(id_) < 30 else None,
        code=code if isinstance(code, int) and 0 <= code < 10**9 else None,
        retry_after=float(retry_after) if isinstance(retry_after, int | float) else None,
    )


def _classify(answer: Answer, body: Said) -> Receipt:
    """The receipt of a 2xx; raises what any other answer means."""
    status = answer.status
    if answer.is_yes:
        return Receipt(answer=status, message_id=body.id, pause_s=_pause_s(answer))
    said = f"Discord answered {status}" + (f" (code {body.code})" if body.code else "")
    if status == 429:
        wait_s = retry_after_s(answer, body.retry_after, seconds(answer, "X-RateLimit-Reset-After"))
        raise TransportError(said, retry_after_s=wait_s, answer=status)
    reason = GONE_CODES.get(body.code or 0) or GONE.get(status)
    if status == 403 and body.code:  # without a code of Discord's it is a proxy's, and may pass
        reason = "the webhook is forbidden"
    if reason:
        raise TransportError(f"{said}: {reason}", permanent=True, answer=status)
    if status == 400 or status == 413:
        raise MessageRefused(f"{said}: it does not take this message", answer=status)
    raise TransportError(said, answer=status)


def _pause_s(answer: Answer) -> float:
    """How long to wait where this message was the last that the bucket had room for: it spares a 429."""
    if answer.headers.get("X-RateLimit-Remaining") != "0":
        return 0.0
    reset_after = seconds(answer, "X-RateLimit-Reset-After") or 0.0
    return min(max(reset_after, 0.0), 60.0) if math.isfinite(reset_after) else 0.0
