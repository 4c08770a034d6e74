"""From the 201 to the socket: reports at a fixed rate, sockets that want everything, one clock."""

from __future__ import annotations

import asyncio
import time

import httpx
import msgspec
import websockets
from parts import postgres, service, show

RATE = 500
SOCKETS = 50
SECONDS = 20
SENDERS = 16


class _Item(msgspec.Struct):
    id: str = ""


class _Frame(msgspec.Struct):
    type: str
    items: list[_Item] = []


_decode = msgspec.json.Decoder(_Frame).decode


class _Ledger:
    """When each report was acknowledged, and when each socket saw it."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, float] = {}
        self.seen: list[dict[str, float]] = [{} for _ in range(SOCKETS)]


def main() -> None:
    with postgres() as (owner_url, service_url), service(owner_url, service_url) as avalon:
        ledger = asyncio.run(_measure(avalon))
    lags = sorted(
        (at - ledger.acknowledged[id_]) * 1000
        for seen in ledger.seen
        for id_, at in seen.items()
        if id_ in ledger.acknowledged
    )
    expected = len(ledger.acknowledged) * SOCKETS
    show(
        "live",
        [
            {
                "reports/s": len(ledger.acknowledged) / SECONDS,
                "sockets": SOCKETS,
                "p50 ms": lags[len(lags) // 2],
                "p99 ms": lags[int(len(lags) * 0.99)],
                "max ms": lags[-1],
                "missed": expected - len(lags),
            }
        ],
    )


async def _measure(avalon: object) -> _Ledger:
    ledger = _Ledger()
    url, key = avalon.url, avalon.key  # type: ignore[attr-defined]
    async with httpx.AsyncClient(base_url=url, headers={"X-API-Key": key}) as client:
        credentials = {"username": avalon.username, "password": avalon.password}  # type: ignore[attr-defined]
        token = (await client.post("/api/auth/login", json=credentials)).raise_for_status().json()["token"]
        ready = asyncio.Barrier(SOCKETS + 1)
        watchers = [asyncio.create_task(_watch(url, token, seen, ready)) for seen in ledger.seen]
        await ready.wait()
        await _send_all(client, ledger)
        await _settle(ledger)
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
    return ledger


async def _settle(ledger: _Ledger) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if all(len(seen) >= len(ledger.acknowledged) for seen in ledger.seen):
            return
        await asyncio.sleep(0.1)


async def _watch(url: str, token: str, seen: dict[str, float], ready: asyncio.Barrier) -> None:
    address = url.replace("http", "ws", 1) + "/ws"
    headers = {"Authorization": f"Bearer {token}"}
    async with websockets.connect(address, additional_headers=headers, compression=None) as socket:
        await socket.recv()
        await socket.send('{"type": "subscribe"}')
        await socket.send('{"type": "ping"}')
        while _decode(await socket.recv()).type != "pong":
            pass
        await ready.wait()
        async for text in socket:
            now = time.perf_counter()
            for item in _decode(text).items:
                seen[item.id] = now


async def _send_all(client: httpx.AsyncClient, ledger: _Ledger) -> None:
    begun = time.perf_counter()
    numbers = iter(range(RATE * SECONDS))

    async def send() -> None:
        for number in numbers:
            await asyncio.sleep(max(0.0, begun + number / RATE - time.perf_counter()))
            body = {"error": {"message": f"order {number} failed", "stack": "at f (a.js:1:2)\n" * 40}}
            answer = await client.post("/report", json=body)
            ledger.acknowledged[answer.raise_for_status().json()["id"]] = time.perf_counter()

    await asyncio.gather(*(send() for _ in range(SENDERS)))
