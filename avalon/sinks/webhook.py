"""A webhook of anybody's: signed JSON of a stable shape, as Standard Webhooks has it.

`webhook-signature` is the HMAC-SHA256 of `webhook-id.webhook-timestamp.body` under the sink's secret; the
timestamp is against replay, the id (the same on every try) against doubles. github.com/standard-webhooks,
spec/standard-webhooks.md. The shape only grows: what is not known is null.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from avalon.errors import BadInput, MessageRefused, TransportError
from avalon.sinks import Alert, Digest, Message, Note, Receipt, Target
from avalon.sinks.http import Answer, HttpClient, retry_after_s
from avalon.sinks.text import fit, fit_ends, one_line

PREFIX = "whsec_"
NEW_SECRET_BYTES = 32
SECRET_BYTES = range(24, 65)  # what the specification allows

MESSAGE = 8_000
STACK = 16_000
SHORT = 300
LINES = 100

_encode = msgspec.json.Encoder().encode


class WebhookSink:
    """One receiver."""

    def __init__(self, target: Target, client: HttpClient) -> None:
        self._target = target
        self._client = client

    async def send(self, message: Message) -> Receipt:
        """Posts one message; raises TransportError, MessageRefused."""
        body = _encode(payload(message))
        id_ = f"{message.key}-{self._target.sink}"
        signed = signature_headers(self._target.secret or "", id_, int(time.time()), body)
        return _classify(await self._client.post_json(self._target.url or "", body, headers=signed))


def signature_headers(secret: str, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers by which a receiver knows that a body is ours, and when it was sent."""
    signed = f"{id_}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(NEW_SECRET_BYTES)).decode()


def check_secret(secret: str) -> None:
    """Raises BadInput, without repeating the secret."""
    try:
        fits = secret.startswith(PREFIX) and len(_key(secret)) in SECRET_BYTES
    except (binascii.Error, ValueError):
        fits = False
    if not fits:
        raise BadInput(
            "give whsec_ and the base64 of 24 to 64 random bytes, or nothing, and one is made", field="secret"
        )


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def payload(message: Message) -> dict[str, Any]:
    """The body: what happened, when, and the rest of it. At most some 50 KB for an alert or a digest."""
    match message:
        case Alert():
            return _body(message.what, message.occurred_at, _alert(message))
        case Digest():
            return _body("digest", message.until, _digest(message))
        case Note():
            return _body("test", datetime.now(UTC), {"title": message.title, "text": message.text})


def _body(type_: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    return {"type": type_, "timestamp": at, "data": data}


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "position": alert.position,
        "reason": _short(alert.reason),
        "service": alert.service,
        "level": alert.level,
        "environment": _short(alert.environment),
        "release": _short(alert.release),
        "issue": {"id": alert.issue, "title": _short(alert.title), "culprit": _short(alert.culprit)},
        "counts": alert.counts,
        "report": {
            "id": alert.report,
            "message": fit(alert.message, MESSAGE, str) if alert.report else None,
            "type": _short(alert.type),
            "method": _short(alert.method),
            "path": _short(alert.path),
            "stack": fit_ends(alert.stack, STACK, str) if alert.stack.strip() else None,
            "occurred_at": alert.occurred_at if alert.report else None,
        },
        "url": alert.url,
    }


def _digest(digest: Digest) -> dict[str, Any]:
    """The loudest issues by name, the others as a count."""
    shown, left = digest.lines[:LINES], digest.lines[LINES:]
    return {
        "first_position": digest.first_position,
        "last_position": digest.last_position,
        "since": digest.since,
        "until": digest.until,
        "reports": digest.reports,
        "issues": [
            {
                "id": line.issue,
                "title": _short(line.title),
                "service": line.service,
                "level": line.level,
                "reports": line.count,
                "latest_report": line.report,
                "url": line.url,
            }
            for line in shown
        ],
        "more_issues": len(left),
        "more_reports": sum(line.count for line in left),
        "url": digest.url,
    }


def _short(text: str) -> str | None:
    return one_line(text, SHORT) if text.strip() else None


def _classify(answer: Answer) -> Receipt:
    """Any 2xx is a yes; 410 says that nothing shall ever come again."""
    status = answer.status
    if answer.is_yes:
        return Receipt(answer=status)
    said = f"the receiver answered {status}"
    if status == 410:
        raise TransportError(f"{said}: it wants no more", permanent=True, answer=status)
    if status in (400, 413, 415, 422):
        raise MessageRefused(f"{said}: it does not take this message", answer=status)
    if status == 429 or "Retry-After" in answer.headers:
        raise TransportError(said, retry_after_s=retry_after_s(answer), answer=status)
    if 300 <= status < 400:
        said += ": redirects are not followed"
    raise TransportError(said, answer=status)
