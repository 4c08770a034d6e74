"""The bare ASGI echo that ingest is held against: takes a body in, decodes it, answers."""

from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"15")]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    _decode(body)
    await send({"type": "http.response.start", "status": 201, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b'{"status":"ok"}'})
