"""What Sentry's SDKs say in headers, and what they look at in answers.

The key is the DSN's public part. It may stand in X-Sentry-Auth or Authorization (`Sentry sentry_key=…`), in
the address or in the DSN of an envelope's header; X-API-Key does, too. A DSN's old secret part is of no use.
"""

from __future__ import annotations

import re
from math import ceil
from typing import Final
from urllib.parse import urlsplit

from avalon.errors import AvalonError, TooManyRequests
from avalon.protocols.sentry.values import Object, as_text
from avalon.routes.ingest_answers import Answer, refusal
from avalon.routes.ingest_request import Request

_SENTRY_KEY: Final = re.compile(r"\bsentry_key\s*=\s*\"?([^\s,\"]+)", re.IGNORECASE)
MAX_MESSAGE: Final = 200


def key_of(request: Request) -> str:
    """The key that the headers or the address name, or ""."""
    for header in (request.sentry_auth, request.authorization):
        if found := _key_in(header):
            return found
    return request.key or request.parameter("sentry_key")


def _key_in(header: str) -> str:
    if match := _SENTRY_KEY.search(header):
        return match[1]
    scheme, _, dsn = header.partition(" ")
    return key_of_dsn(dsn) if scheme.lower() == "dsn" else ""


def key_in_header(header: Object | None) -> str:
    """The key of the DSN in an envelope's own header, or ""."""
    return key_of_dsn(as_text(header.get("dsn"))) if header else ""


def key_of_dsn(dsn: str) -> str:
    try:
        return urlsplit(dsn.strip()).username or ""
    except ValueError:
        return ""


def refuse(request: Request, error: AvalonError) -> Answer:
    """An error, with what SDKs look at: in a 429, for how long to be silent, and about what (everything).

    A 503 has no such header: mobile SDKs then keep what they have and send it later, and all others obey
    its Retry-After or send their next event as ever.
    """
    answer = refusal(request, error)
    message = error.message[:MAX_MESSAGE].encode("ascii", "replace").translate(None, b"\r\n")
    headers = [*answer.headers, (b"x-sentry-error", message)]
    if isinstance(error, TooManyRequests):
        headers.append((b"x-sentry-rate-limits", b"%d::key" % max(1, ceil(error.retry_after_s))))
    return Answer(answer.status, answer.body, headers)
