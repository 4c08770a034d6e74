"""A Discord on loopback: its limits, its answers, and a ledger of what it took.

`async with FakeDiscord() as discord` listens on a free port; `discord.webhook()` is an address for a sink
and `discord.host` belongs into AVALON_WEBHOOK_ALLOWED_HOSTS. `answer_with` prepares the next answers,
`always` one for all that follow. Rates are Discord's (5 in 2 s, 30 in 60 s) by the given clock.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
import uvicorn

from tests.sinks.discord_rules import refusals

DISCORD_RATES = ((5, 2.0), (30, 60.0))
HANG = -1
DROP = -2  # takes the message and dies before it answers


class ListeningServer(uvicorn.Server):
    """Says when it listens, and leaves the signals to the test runner."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Accepted(NamedTuple):
    """One message that Discord took."""

    at: float
    webhook: str
    message_id: str
    payload: dict[str, Any]

    @property
    def embed(self) -> dict[str, Any]:
        found: dict[str, Any] = self.payload["embeds"][0]
        return found

    @property
    def fields(self) -> dict[str, str]:
        return {field["name"]: field["value"] for field in self.embed.get("fields", [])}

    @property
    def is_digest(self) -> bool:
        return "Reports" in self.fields

    @property
    def reports(self) -> int:
        """How many reports this message speaks of."""
        return int(self.fields.get("Reports", 1))


class Prepared(NamedTuple):
    """An answer that was prepared. `by_header`: where a 429 says how long."""

    status: int
    code: int = 0
    retry_after_s: float = 0.0
    by_header: bool = False


class FakeDiscord:
    """The server and its ledger."""

    def __init__(
        self,
        *,
        rates: tuple[tuple[int, float], ...] = DISCORD_RATES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.accepted: list[Accepted] = []
        self.answers: list[tuple[float, int]] = []  # of every request, in order
        self.errors: list[list[str]] = []  # what was wrong with each body that got a 400
        self.always: Prepared | None = None
        self._rates = rates
        self._clock = clock
        self._prepared: deque[Prepared] = deque()
        self._times: dict[str, list[float]] = defaultdict(list)
        self._ids = itertools.count(1_400_000_000_000_000_000)
        self._arrived = asyncio.Condition()
        self._released = asyncio.Event()

    async def __aenter__(self) -> FakeDiscord:
        config = uvicorn.Config(
            self._app,
            host="127.0.0.1",
            port=0,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        self._server = ListeningServer(config)
        self._task = asyncio.create_task(self._server.serve())
        await self._server.listens.wait()
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._released.set()
        self._server.should_exit = self._server.force_exit = True
        await self._task

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def webhook(self, number: int = 1) -> str:
        return f"http://{self.host}/api/webhooks/{number}/secret-token-{number}"

    def answer_with(self, *prepared: Prepared) -> None:
        """The answers to the next requests, one each; after them Discord is itself again."""
        self._prepared.extend(prepared)

    async def wait_for(self, condition: Callable[[FakeDiscord], bool], timeout_s: float = 10.0) -> None:
        """Returns when the condition holds; looks again after every request."""
        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(lambda: condition(self))

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        answer = self._decide(scope, body)
        async with self._arrived:
            self.answers.append((self._clock(), answer.status))
            self._arrived.notify_all()
        if answer.status in (HANG, DROP):
            await self._released.wait()
            return
        await _respond(send, answer)

    def _decide(self, scope: Any, body: bytes) -> _Answer:
        """Discord's own order: known webhook, rate, then the body."""
        webhook = scope["path"]
        prepared = self._prepared.popleft() if self._prepared else self.always
        if prepared is not None and prepared.status == DROP:
            self._take(webhook, body)
            return _Answer(DROP)
        if prepared is not None and prepared.status != 200:
            return _prepared_answer(prepared)
        wait_s = self._over_rate(webhook)
        if wait_s:
            return _too_many(wait_s, by_header=False)
        errors = refusals(body)
        if errors:
            self.errors.append(errors)
            return _Answer(400, {"message": "Invalid Form Body", "code": 50035, "errors": errors})
        message = self._take(webhook, body)
        if b"wait=true" not in scope["query_string"]:
            return _Answer(204)
        return _Answer(200, {"id": message.message_id, "type": 0, "content": ""}, self._budget(webhook))

    def _take(self, webhook: str, body: bytes) -> Accepted:
        message = Accepted(self._clock(), webhook, str(next(self._ids)), msgspec.json.decode(body))
        self.accepted.append(message)
        self._times[webhook].append(message.at)
        return message

    def _over_rate(self, webhook: str) -> float:
        """How long until this webhook may be used again; 0 where it may now."""
        now = self._clock()
        waits = [0.0]
        for limit, window_s in self._rates:
            recent = [at for at in self._times[webhook] if at > now - window_s]
            if len(recent) >= limit:
                waits.append(recent[-limit] + window_s - now)
        return max(waits)

    def _budget(self, webhook: str) -> dict[str, str]:
        """The headers of the first rate; the second one Discord does not tell (discord-api-docs #367)."""
        if not self._rates:
            return {}
        (limit, window_s), now = self._rates[0], self._clock()
        recent = [at for at in self._times[webhook] if at > now - window_s]
        reset_after = recent[0] + window_s - now
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(limit - len(recent)),
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": "b",
        }


class _Answer(NamedTuple):
    status: int
    body: dict[str, Any] | None = None
    headers: dict[str, str] = {}  # noqa: RUF012


def _prepared_answer(prepared: Prepared) -> _Answer:
    if prepared.status == 429:
        return _too_many(prepared.retry_after_s, prepared.by_header)
    return _Answer(prepared.status, {"message": "prepared", "code": prepared.code})


def _too_many(wait_s: float, by_header: bool) -> _Answer:
    if by_header:
        return _Answer(429, {"message": "rate limited"}, {"Retry-After": str(wait_s)})
    body = {"message": "You are being rate limited.", "retry_after": wait_s, "global": False}
    return _Answer(429, body, {"X-RateLimit-Scope": "user"})


async def _respond(send: Any, answer: _Answer) -> None:
    headers = [(b"content-type", b"application/json")]
    headers += [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = msgspec.json.encode(answer.body) if answer.body is not None else b""
    await send({"type": "http.response.body", "body": body})


def footers(discord: FakeDiscord) -> Counter[str]:
    """How often each message came; a footer has the positions that the message tells of."""
    return Counter(message.embed["footer"]["text"] for message in discord.accepted)
