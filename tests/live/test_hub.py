"""The hub: never missed, never twice, whatever breaks; and a control for each guard."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from avalon import event_store, hub
from avalon.event_store import Wanted
from avalon.events import ApiKeyChanged, ErrorDeleted, Event, SinkDeleted, UserChanged, UserRenamed, uuid7
from avalon.hub import Hub
from avalon.reader import MAX_QUEUED_ITEMS, Frame, State
from tests.conftest import Urls
from tests.live.rig import DEADLINE_S, Follower, a_report, replica, until, write_late
from tests.live.test_listener import terminate_listeners


async def _move_about(hubs: list[Hub], seen: list[int], stored: set[int], done: asyncio.Event) -> None:
    """A client whose connection breaks again and again, and which resumes on another replica each time."""
    after = 0
    while not done.is_set():
        follower = Follower(random.choice(hubs)).subscribe(after).start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.random() * 0.15):
                await asyncio.Event().wait()
        after = await follower.stop()
        seen += [item["position"] for item in follower.items()]
    last = Follower(random.choice(hubs)).subscribe(after).start()
    await until(lambda: last.reader.state is State.LIVE and last.hub.position >= max(stored))
    await until(lambda: not last.reader._queue)
    await last.stop()
    seen += [item["position"] for item in last.items()]


async def _race(urls: Urls, hubs: list[Hub]) -> tuple[list[int], list[list[int]]]:
    """Late writers against clients that move about; what was stored, and what each client saw."""
    stored: set[int] = set()
    seen: list[list[int]] = [[] for _ in range(4)]
    done = asyncio.Event()
    clients = [asyncio.create_task(_move_about(hubs, positions, stored, done)) for positions in seen]
    await asyncio.gather(*(write_late(urls.service, 25, stored) for _ in range(4)))
    done.set()
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*clients)
    return sorted(stored), seen


async def test_nothing_is_missed_or_sent_twice_by_clients_that_resume_elsewhere(urls: Urls) -> None:
    async with replica(urls.service) as one, replica(urls.service) as other:
        stored, seen = await _race(urls, [one.hub, other.hub])
    assert stored
    for positions in seen:
        assert positions == stored


async def test_a_hand_over_that_compares_nothing_misses_events(
    urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a reader goes live as soon as its place is known, wherever the hub stands."""

    async def careless(self: Hub, reader: Any) -> None:
        await self._begin(reader)
        reader.go_live()

    monkeypatch.setattr(Hub, "_catch_up", careless)
    async with replica(urls.service) as one, replica(urls.service) as other:
        stored, seen = await _race(urls, [one.hub, other.hub])
    assert any(positions != stored for positions in seen)


async def _join_during_a_read(urls: Urls, monkeypatch: pytest.MonkeyPatch) -> tuple[Follower, int]:
    """Somebody goes live, and a report is committed, after the hub has asked for facts alone."""
    joined: list[Follower] = []
    stored: list[int] = []
    read_after = event_store.read_after

    async def slow(database: Any, cursor: Any, asked: Wanted, **options: Any) -> Any:
        if asked == event_store.FACTS and not joined:
            joined.append(Follower(one.hub).subscribe(after=cursor.position).start())
            await until(lambda: joined[0].reader.state is State.LIVE)
            stored.extend(s.position for s in await event_store.append(database, [a_report()]))
        return await read_after(database, cursor, asked, **options)

    async with replica(urls.service) as one:
        monkeypatch.setattr(event_store, "read_after", slow)
        await until(lambda: stored and one.hub.position >= stored[0])
        await until(lambda: not joined[0].reader._queue)
        await joined[0].stop()
    return joined[0], stored[0]


async def test_who_joins_during_a_read_misses_nothing(urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    follower, stored = await _join_during_a_read(urls, monkeypatch)
    assert [item["position"] for item in follower.items()] == [stored]


async def test_without_reading_again_who_joins_during_a_read_misses_events(
    urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    monkeypatch.setattr(Wanted, "covers", lambda self, other: True)
    follower, _ = await _join_during_a_read(urls, monkeypatch)
    assert follower.positions()  # the fact that an issue was opened
    assert not follower.items()


async def test_a_listener_that_is_killed_again_and_again_costs_nothing(urls: Urls) -> None:
    async with replica(urls.service) as one:
        follower = await Follower(one.hub).subscribe().start().acknowledged()
        stored: set[int] = set()
        writing = asyncio.create_task(write_late(urls.service, 60, stored))
        for _ in range(20):
            await until(lambda: one.listener.state == "listening")
            assert await terminate_listeners(urls)
            await until(lambda: one.listener.state != "listening")
        await writing
        await until(lambda: {item["position"] for item in follower.items()} >= stored)
        assert [item["position"] for item in follower.items()] == sorted(stored)


async def test_a_lost_notification_costs_a_poll(urls: Urls) -> None:
    async with replica(urls.service, listens=False) as one:
        follower = await Follower(one.hub).subscribe().start().acknowledged()
        loop = asyncio.get_running_loop()
        for _ in range(3):
            begun = loop.time()
            await event_store.append(one.database, [a_report()])
            await until(follower.items)
            assert loop.time() - begun <= 1.2
            follower.frames.clear()


async def test_a_slow_reader_is_told_and_resumes(urls: Urls) -> None:
    async with replica(urls.service) as one:
        fast = await Follower(one.hub).subscribe().start().acknowledged()
        slow = await Follower(one.hub).subscribe().start().acknowledged()
        position = await _pause(slow)
        reports = [a_report() for _ in range(300)]
        for begin in range(0, 300, 100):
            stored = await event_store.append(one.database, reports[begin : begin + 100])
            assert len(slow.reader._queue) <= MAX_QUEUED_ITEMS
            await until(lambda last=stored[-1]: one.hub.position >= last.position)  # type: ignore[misc]
        slow.start()
        await until(lambda: slow.frames[-1].type == "lagged")
        lagged = slow.frames[-1]
        assert (lagged.position, lagged.skipped) == (position, 301)  # and the issue that was opened
        await event_store.append(one.database, [a_report()])
        await until(lambda: len(fast.items()) == 301)
        assert slow.frames[-1] is lagged  # nothing until it asks again
        slow.subscribe(after=lagged.position)
        await until(lambda: len(slow.items()) == 301)
        assert slow.positions() == fast.positions()


async def _pause(follower: Follower) -> int:
    """As a client that stops to read; what it has been told up to."""
    assert follower._task
    follower._task.cancel()
    await asyncio.gather(follower._task, return_exceptions=True)
    return follower.reader.position


async def test_large_items_fill_a_queue_before_there_are_many(urls: Urls) -> None:
    async with replica(urls.service) as one:
        slow = await Follower(one.hub).subscribe().start().acknowledged()
        await _pause(slow)
        large = msgspec.Raw(b'{"message":"boom","stack":"%b"}' % (b"x" * 60_000))
        for _ in range(4):
            stored = await event_store.append(one.database, [a_report(data=large) for _ in range(25)])
            await until(lambda last=stored[-1]: one.hub.position >= last.position)  # type: ignore[misc]
            assert slow.reader._queued_bytes < 5_000_000
        assert slow.reader.state is State.LAGGED


async def test_a_large_report_is_cut_for_the_wire(urls: Urls) -> None:
    async with replica(urls.service) as one:
        follower = await Follower(one.hub).subscribe().start().acknowledged()
        data = {"message": "m", "stack": "s" * 200_000, "metadata": {"k": "v" * 100_000}, "path": "/p"}
        await event_store.append(one.database, [a_report(data=msgspec.Raw(msgspec.json.encode(data)))])
        await until(follower.items)
        (item,) = follower.items()
        assert (item["message"], item["path"], item["metadata"]) == ("m", "/p", {})
        assert item["stack"] == "s" * 65_536


async def test_filters_choose_and_an_event_is_sent_once(urls: Urls) -> None:
    async with replica(urls.service) as one:
        followers = [
            Follower(one.hub).subscribe(service="web"),
            Follower(one.hub).subscribe(level="fatal"),
            Follower(one.hub).subscribe(issue=UUID(int=3)),
            Follower(one.hub).subscribe(service="web", level="fatal"),
            Follower(one.hub).subscribe(service="web").subscribe(level="fatal").subscribe(),
        ]
        for follower in followers:
            await follower.start().acknowledged()
        reports = [
            a_report("web", 1, level="fatal"),
            a_report("web", 2),
            a_report("api", 3, level="fatal"),
            a_report("api", 3),
        ]
        stored = [s.position for s in await event_store.append(one.database, reports)]
        await until(lambda: all(f.reader._seen > stored[-1] and not f.reader._queue for f in followers))
        seen = [[stored.index(item["position"]) for item in f.items()] for f in followers]
        assert seen == [[0, 1], [0, 2], [2, 3], [0], [0, 1, 2, 3]]
        assert [len(f.items("issue:opened")) for f in followers] == [2, 2, 1, 1, 3]


async def test_reports_are_read_only_while_somebody_wants_them(urls: Urls) -> None:
    async with replica(urls.service) as one:
        assert one.hub._wanted() == event_store.FACTS
        follower = await Follower(one.hub).subscribe(service="web").start().acknowledged()
        assert one.hub._wanted() == Wanted(services=("web",))
        await follower.stop()
        assert one.hub._wanted() == event_store.FACTS


async def test_facts_reach_the_caches_in_order_and_within_100_ms(urls: Urls) -> None:
    async with replica(urls.service) as one, replica(urls.service) as other:
        told: list[list[Event]] = [[], []]
        one.hub.on_fact(told[0].append)
        other.hub.on_fact(told[1].append)
        loop = asyncio.get_running_loop()
        waits = []
        for number in range(10):
            begun = loop.time()
            fact = ApiKeyChanged(is_active=bool(number % 2)).new(UUID(int=1), "system", service="api")
            await event_store.append(one.database, [fact])
            await until(lambda n=number: all(len(t) == n + 1 for t in told))  # type: ignore[misc]
            waits.append(loop.time() - begun)
        assert sorted(waits)[5] < 0.1
        assert [e.data["is_active"] for e in told[1]] == [bool(n % 2) for n in range(10)]


async def test_a_callback_that_fails_is_told_to_start_over(urls: Urls) -> None:
    async with replica(urls.service) as one:
        resets: list[int] = []

        def fail(_: Event) -> None:
            raise ZeroDivisionError

        one.hub.on_fact(fail)
        one.hub.on_reset(lambda: resets.append(1))
        await event_store.append(one.database, [SinkDeleted().new(uuid7(), "system")])
        await until(lambda: resets)
        assert one.hub.is_fresh()


async def test_without_reads_it_is_not_fresh(urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "FRESH_S", 0.2)
    monkeypatch.setattr(hub, "POLL_S", 0.05)
    async with replica(urls.service) as one:
        assert one.hub.is_fresh()
        for task in one.tasks:
            task.cancel()
        await until(lambda: not one.hub.is_fresh())


async def test_who_gets_nothing_learns_how_far_the_log_went(
    urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "HEARTBEAT_S", 0.05)
    async with replica(urls.service) as one:
        follower = await Follower(one.hub).subscribe(service="none").start().acknowledged()
        (stored,) = await event_store.append(one.database, [a_report()])
        await until(lambda: follower.frames[-1].position >= stored.position)
        assert {(frame.type, frame.items) for frame in follower.frames} == {("events", ())}


async def test_a_pong_before_the_replay_claims_nothing(urls: Urls) -> None:
    async with replica(urls.service) as one:
        stored = await event_store.append(one.database, [a_report() for _ in range(5)])
        await until(lambda: one.hub.position >= stored[-1].position)
        follower = Follower(one.hub).subscribe(after=stored[0].position)
        follower.reader.answer(Frame("pong"))
        assert follower.reader.take() == Frame("pong", stored[0].position)


async def test_roles_see_what_is_theirs(urls: Urls) -> None:
    async with replica(urls.service) as one:
        admin = await Follower(one.hub).subscribe().start().acknowledged()
        viewer = await Follower(one.hub, "viewer").subscribe().start().acknowledged()
        user = viewer.reader.principal.user_id
        (key, *_, report) = [
            await event_store.append(one.database, [event])
            for event in (
                ApiKeyChanged(name="n").new(uuid7(), "system", service="api"),
                UserRenamed().new(uuid7(), "system"),
                SinkDeleted().new(uuid7(), "system"),
                a_report(),
            )
        ]
        await until(lambda: viewer.items() and admin.items())
        assert {p for p in admin.positions()} - set(viewer.positions()) == set(
            range(key[0].position, report[0].position)
        )
        assert {item["type"] for f in viewer.frames for item in map(_body, f.items)} == {
            "error:new",
            "issue:opened",
        }
        await event_store.append(one.database, [UserChanged(role="admin").new(user, "system")])
        await event_store.append(one.database, [SinkDeleted().new(uuid7(), "system")])
        await until(lambda: viewer.items("sink:changed"))


def _body(item: Any) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(item.body)
    return body


async def test_no_item_holds_a_secret(urls: Urls) -> None:
    async with replica(urls.service) as one:
        admin = await Follower(one.hub).subscribe().start().acknowledged()
        created = {"name": "n", "sha256": "ab" * 32, "prefix": "avl_abc"}
        fact = ApiKeyChanged().new(uuid7(), "system", service="api")
        fact = msgspec.structs.replace(
            fact, type="api_key.created", data=msgspec.Raw(msgspec.json.encode(created))
        )
        await event_store.append(one.database, [fact])
        await until(lambda: admin.items("key:changed"))
        (item,) = admin.items("key:changed")
        assert item["id"] == str(fact.stream)
        assert item["change"] == "created"
        assert "ab" * 32 not in str(item)
        assert "avl_" not in str(item)


async def test_a_deleted_report_is_not_replayed(urls: Urls) -> None:
    async with replica(urls.service) as one:
        kept, deleted = a_report(), a_report()
        stored = await event_store.append(one.database, [kept, deleted])
        batch = await event_store.read_after(one.database, event_store.START)
        row = next(e for e in batch.events if e.id == deleted.id)
        fact = ErrorDeleted(
            report=row.id,
            group=row.stream,
            position=row.position,
            occurred_at=row.occurred_at,
            recorded_at=row.recorded_at,
        ).new(row.stream, "system", service=row.service, level=row.level)
        await event_store.append(one.database, [fact])
        follower = Follower(one.hub).subscribe(after=0).start()
        await until(lambda: follower.items("error:deleted"))
        assert [item["id"] for item in follower.items()] == [str(kept.id)]
        assert follower.items("error:deleted")[0]["id"] == str(deleted.id)
        assert follower.positions()[0] == stored[0].position


async def test_a_position_that_is_not_kept_is_gone(urls: Urls) -> None:
    async with replica(urls.service) as one:
        await event_store.append(one.database, [a_report()])
        follower = Follower(one.hub).subscribe(after=10_000).start()
        await until(lambda: follower.frames)
        assert [f.type for f in follower.frames] == ["gone"]
        follower.subscribe()
        await until(lambda: follower.frames[-1].type == "events")
        await event_store.append(one.database, [a_report()])
        await until(follower.items)


async def test_a_new_epoch_is_told_to_everybody(urls: Urls, owner: psycopg.AsyncConnection[Any]) -> None:
    async with replica(urls.service) as one:
        resets: list[int] = []
        told: list[Event] = []
        one.hub.on_reset(lambda: resets.append(1))
        one.hub.on_fact(told.append)
        follower = await Follower(one.hub).subscribe().start().acknowledged()
        await owner.execute(
            "UPDATE projection.epoch SET timeline = timeline + 1"
        )  # as a standby that took over
        assert await terminate_listeners(urls)
        await until(lambda: follower.frames[-1].type == "gone")
        assert told[-1].type == "epoch.started"
        follower.subscribe()
        await until(lambda: follower.frames[-1].type == "events")
        (stored,) = await event_store.append(one.database, [a_report()])
        await until(follower.items)
        assert stored.position > 1_000_000


async def test_a_log_that_was_cut_back_is_told_to_everybody(urls: Urls) -> None:
    """Restored from an old backup: the head is behind the hub, and nothing of it would ever be read."""
    async with replica(urls.service) as one:
        await event_store.append(one.database, [a_report()])
        resets: list[int] = []
        one.hub.on_reset(lambda: resets.append(1))
        follower = await Follower(one.hub).subscribe().start().acknowledged()
        async with await psycopg.AsyncConnection.connect(urls.superuser, autocommit=True) as connection:
            await connection.execute("SET session_replication_role = replica")
            await connection.execute("DELETE FROM log.event")
            await connection.execute("ALTER TABLE log.event ALTER position RESTART")
        await until(lambda: follower.frames[-1].type == "gone")
        assert resets
        follower.subscribe()
        await until(lambda: follower.frames[-1].type == "events")
        await event_store.append(one.database, [a_report()])
        await until(follower.items)
