"""`GET /api/stream`: the same events for curl."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from avalon import event_store
from tests.conftest import Urls, plain_client
from tests.live.rig import ADMIN, DEADLINE_S, Follower, Site, a_report, replica, site, until


class Events:
    """Reads server-sent events as a browser does (HTML §9.2.6)."""

    def __init__(self, response: httpx.Response) -> None:
        self.last_id = ""
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, Any]:
        """The next event that would be dispatched."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(DEADLINE_S):
            async for line in self._lines:
                if line:
                    name, _, text = line.partition(":")
                    fields[name] = text.removeprefix(" ")
                    continue
                self.last_id = fields.get("id", self.last_id)
                if "data" in fields:
                    return {"event": fields.get("event"), "data": json.loads(fields["data"])}
                fields = {}
        raise EOFError

    async def take(self, count: int) -> list[dict[str, Any]]:
        """So many errors."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            event = await self.next()
            if event["event"] == "error:new":
                found.append(event["data"])
        return found


@asynccontextmanager
async def streaming(here: Site, query: str = "", **headers: str) -> AsyncIterator[Events]:
    given = {"Authorization": f"Bearer {ADMIN}", **{k.replace("_", "-"): v for k, v in headers.items()}}
    async with plain_client(timeout=DEADLINE_S, trust_env=False) as client:
        url = f"http://127.0.0.1:{here.port}/api/stream{query}"
        async with client.stream("GET", url, headers=given) as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"].startswith("text/event-stream")
            yield Events(response)


async def test_it_resumes_by_last_event_id(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here:
        first = await event_store.append(one.database, [a_report() for _ in range(3)])
        async with streaming(here, "?after=0") as events:
            seen = await events.take(3)
        second = await event_store.append(one.database, [a_report() for _ in range(3)])
        async with streaming(here, "?after=0", Last_Event_ID=events.last_id) as events:
            seen += await events.take(3)
            third = await event_store.append(one.database, [a_report()])
            seen += await events.take(1)
        assert [item["position"] for item in seen] == [s.position for s in [*first, *second, *third]]
        await until(lambda: not one.hub._readers)


async def test_filters_choose(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here:
        reports = [a_report("api"), a_report("web", 2), a_report("web", 2, level="fatal")]
        await event_store.append(one.database, reports)
        async with streaming(here, "?after=0&service=web&level=fatal") as events:
            (item,) = await events.take(1)
        assert item["id"] == str(reports[2].id)


@pytest.mark.parametrize("query", ["?after=-1", "?after=x", "?level=loud", "?issue=1"])
async def test_a_bad_query_is_refused(urls: Urls, query: str) -> None:
    async with (
        replica(urls.service) as one,
        site(one.hub) as here,
        plain_client(trust_env=False) as client,
    ):
        url = f"http://127.0.0.1:{here.port}/api/stream{query}"
        answer = await client.get(url, headers={"Authorization": f"Bearer {ADMIN}"})
        assert answer.status_code == 400
        assert not one.hub._readers


async def test_without_a_session_there_is_no_stream(urls: Urls) -> None:
    async with (
        replica(urls.service) as one,
        site(one.hub) as here,
        plain_client(trust_env=False) as client,
    ):
        assert (await client.get(f"http://127.0.0.1:{here.port}/api/stream")).status_code == 401


async def test_a_position_that_is_not_kept_is_said_and_the_stream_goes_on(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here:
        await event_store.append(one.database, [a_report()])
        async with streaming(here, "?after=10000") as events:
            assert (await events.next())["event"] == "gone"
            assert 0 < int(events.last_id) <= one.hub.position
            (reader,) = one.hub._readers
            await until(lambda: reader.state.value == "live")
            await event_store.append(one.database, [a_report()])
            assert len(await events.take(1)) == 1


async def test_a_slow_stream_goes_on_behind_what_it_missed(
    urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avalon.reader.MAX_QUEUED_ITEMS", 5)
    async with replica(urls.service) as one, site(one.hub) as here:
        follower = await Follower(one.hub).subscribe().start().acknowledged()
        async with streaming(here) as events:
            await until(lambda: sum(r.state.value == "live" for r in one.hub._readers) == 2)
            await event_store.append(one.database, [a_report() for _ in range(20)])
            seen = [await events.next()]
            assert seen[0]["event"] == "lagged"
            assert seen[0]["data"]["skipped"] == 21
            assert len(await events.take(20)) == 20
        await follower.stop()


async def test_a_shutdown_ends_it(urls: Urls) -> None:
    async with replica(urls.service) as one, site(one.hub) as here, streaming(here) as events:
        one.hub.stop()
        with pytest.raises(EOFError):
            await events.next()
