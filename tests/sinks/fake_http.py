"""Receivers of webhooks on loopback: Slack's and Mattermost's limits and answers, or anybody's.

`async with FakeHooks(refusals) as hooks` listens on a free port; `refusals` says what is wrong with a body,
and `refuse` how that is answered. `answer_with` prepares the next answers, one each.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import uvicorn

from tests.sinks.fake_discord import ListeningServer


class Said(NamedTuple):
    """An answer."""

    status: int
    body: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012


class Got(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    from_port: int

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class FakeHooks:
    """The server and its ledger."""

    def __init__(
        self,
        refusals: Callable[[bytes], list[str]] = lambda _: [],
        *,
        refuse: Callable[[list[str]], Said] = lambda found: Said(400, "\n".join(found)),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.accepted: list[Got] = []
        self.requests: list[Got] = []
        self.errors: list[list[str]] = []  # what was wrong with each body that was refused
        self._refusals, self._refuse, self._tls = refusals, refuse, tls
        self._prepared: deque[Said] = deque()

    async def __aenter__(self) -> FakeHooks:
        config = uvicorn.Config(
            self._app, host="127.0.0.1", port=0, interface="asgi3", lifespan="off", log_config=None
        )
        config.load()
        config.ssl = self._tls
        self._server = ListeningServer(config)
        self._task = asyncio.create_task(self._server.serve())
        await self._server.listens.wait()
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        await self._task

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/hooks/secret-token-1") -> str:
        return f"http://{self.host}{path}"

    def answer_with(self, *prepared: Said) -> None:
        self._prepared.extend(prepared)

    def _decide(self, got: Got) -> Said:
        self.requests.append(got)
        if self._prepared:
            return self._prepared.popleft()
        errors = self._refusals(got.body)
        if errors:
            self.errors.append(errors)
            return self._refuse(errors)
        self.accepted.append(got)
        return Said(200, "ok")

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        said = self._decide(Got(scope["path"], headers, body, scope["client"][1]))
        sent = [(name.lower().encode(), value.encode()) for name, value in said.headers.items()]
        await send({"type": "http.response.start", "status": said.status, "headers": sent})
        await send({"type": "http.response.body", "body": said.body.encode()})
