"""The bare ASGI echo that ingest is held against: takes a body in, decodes it, answers.

As a program it says its port and serves, under the flags of our own server, until it is ended.
"""

import socket
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from avalon.cli.server import flags
from avalon.settings import load_settings

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


def main() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(512)
        print(taken.getsockname()[1], flush=True)
        chosen = flags(load_settings({}, Path("no.env"))) | {"lifespan": "off"}
        uvicorn.Server(uvicorn.Config(app, **chosen)).run(sockets=[taken])


if __name__ == "__main__":
    main()
