"""What answers have in common: one shape of errors, pages of lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil
from typing import Annotated, Any, Final, TypeVar, cast

import msgspec
from litestar.params import QueryParameter
from litestar.types import Scope, Send

from avalon.errors import AvalonError, TooManyRequests, Unauthorized, Unavailable
from avalon.read_models.rows import as_time

MAX_PAGE: Final = 200
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_PAGE, description="So many items at most")]

REFUSED: Final = 1008  # RFC 6455 §7.4.1: against our rules

Item = TypeVar("Item", bound=msgspec.Struct)


class Done(msgspec.Struct):
    """That it was done, where there is nothing else to say."""

    status: str = "ok"


def as_fields(item: msgspec.Struct) -> dict[str, Any]:
    """The fields of a row, its instants as text: for the struct that answers."""
    fields = msgspec.structs.asdict(item)
    return {name: as_time(v) if isinstance(v, datetime) else v for name, v in fields.items()}


def cut_page(items: Sequence[Item], limit: int) -> tuple[Sequence[Item], str | None]:
    """A page, of items that one more was asked of, and the id behind which the next one begins."""
    page = items[:limit]
    return page, str(getattr(page[-1], "id")) if len(items) > limit else None  # noqa: B009


def error_headers(error: AvalonError) -> list[tuple[bytes, bytes]]:
    """What an answer says in headers: when to try again (RFC 9110 §10.2.3), how to sign in (§11.6.1)."""
    if isinstance(error, TooManyRequests | Unavailable):
        return [(b"retry-after", b"%d" % max(1, ceil(error.retry_after_s)))]
    return [(b"www-authenticate", b"Bearer")] if type(error) is Unauthorized else []


async def send_error(send: Send, error: AvalonError) -> None:
    """The answer for an error where no handler was reached."""
    body = msgspec.json.encode({"status": "error", "code": error.code, "message": error.message})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        *error_headers(error),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def refuse_socket(scope: Scope, send: Send, error: AvalonError) -> None:
    """An HTTP answer in place of a handshake, where the server can (ASGI: websocket.http.response)."""

    async def send_in_place(message: Any) -> None:
        await send(cast("Any", {**message, "type": f"websocket.{message['type']}"}))

    if "websocket.http.response" in (scope.get("extensions") or {}):
        await send_error(send_in_place, error)
    else:
        await send({"type": "websocket.close", "code": REFUSED, "reason": ""})
