"""What Discord's answers mean, and that the webhook's address stays a secret."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from avalon.errors import MessageRefused, TransportError
from avalon.sinks import Receipt
from avalon.sinks.discord import DiscordSink
from avalon.sinks.http import HttpClient
from tests.sinks.fake_discord import DROP, HANG, FakeDiscord, Prepared
from tests.sinks.messages import a_target, an_alert


@pytest.fixture
async def discord() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as server:
        yield server


@pytest.fixture
async def client(discord: FakeDiscord) -> AsyncIterator[HttpClient]:
    async with HttpClient(frozenset({discord.host})) as client:
        yield client


@pytest.fixture
def sink(discord: FakeDiscord, client: HttpClient) -> DiscordSink:
    return DiscordSink(a_target("discord", discord.webhook()), client)


async def test_a_message_is_stored_before_send_returns(sink: DiscordSink, discord: FakeDiscord) -> None:
    receipt = await sink.send(an_alert())
    assert receipt == Receipt(message_id=discord.accepted[0].message_id, pause_s=0.0)
    assert discord.accepted[0].reports == 1


async def test_the_last_message_of_a_bucket_asks_for_a_pause(sink: DiscordSink, discord: FakeDiscord) -> None:
    receipts = [await sink.send(an_alert()) for _ in range(5)]
    assert [r.pause_s > 0 for r in receipts] == [False] * 4 + [True]
    with pytest.raises(TransportError) as over:
        await sink.send(an_alert())
    assert over.value.answer == 429
    assert over.value.retry_after_s is not None and 0 < over.value.retry_after_s <= 2


@pytest.mark.parametrize("by_header", [True, False])
async def test_a_429_says_how_long(sink: DiscordSink, discord: FakeDiscord, by_header: bool) -> None:
    discord.answer_with(Prepared(429, retry_after_s=30.5, by_header=by_header))
    with pytest.raises(TransportError) as over:
        await sink.send(an_alert())
    assert (over.value.retry_after_s, over.value.permanent) == (30.5, False)


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        (Prepared(404, 10015), True),
        (Prepared(404), True),
        (Prepared(401, 50027), True),
        (Prepared(400, 10015), True),
        (Prepared(403, 50013), True),
        (Prepared(403), False),
        (Prepared(500), False),
        (Prepared(503), False),
        (Prepared(302), False),
    ],
)
async def test_an_answer_is_for_good_or_for_now(
    sink: DiscordSink, discord: FakeDiscord, answer: Prepared, permanent: bool
) -> None:
    discord.answer_with(answer)
    with pytest.raises(TransportError) as failed:
        await sink.send(an_alert())
    assert failed.value.permanent is permanent
    assert failed.value.answer == answer.status
    assert not isinstance(failed.value, MessageRefused)


async def test_a_400_is_about_this_message_alone(sink: DiscordSink, discord: FakeDiscord) -> None:
    discord.answer_with(Prepared(400, 50035))
    with pytest.raises(MessageRefused) as refused:
        await sink.send(an_alert())
    assert not refused.value.permanent
    await sink.send(an_alert())


@pytest.mark.parametrize("silence", [HANG, DROP])
async def test_a_silent_discord_is_left_after_a_while(
    sink: DiscordSink, discord: FakeDiscord, silence: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avalon.sinks.http.TIMEOUT_S", 0.2)
    discord.answer_with(Prepared(silence))
    with pytest.raises(TransportError) as failed:
        await sink.send(an_alert())
    assert not failed.value.permanent and failed.value.retry_after_s is None


async def test_nobody_listens() -> None:
    async with FakeDiscord() as gone:
        url, host = gone.webhook(), gone.host
    async with HttpClient(frozenset({host})) as client:
        with pytest.raises(TransportError) as failed:
            await DiscordSink(a_target("discord", url), client).send(an_alert())
    assert not failed.value.permanent
    assert "secret-token" not in failed.value.message


async def test_an_address_that_is_not_allowed_is_never_called(discord: FakeDiscord) -> None:
    async with HttpClient(frozenset()) as client:
        with pytest.raises(TransportError) as refused:
            await DiscordSink(a_target("discord", discord.webhook()), client).send(an_alert())
    assert refused.value.permanent
    assert discord.answers == []


async def test_the_address_is_not_logged(
    sink: DiscordSink, discord: FakeDiscord, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await sink.send(an_alert())
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]
    assert not [line for line in ours if "secret-token" in line]


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        try:
            while sent < 100_000_000:
                writer.write(b"x" * 65_536)
                await writer.drain()
                sent += 65_536
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, HttpClient(frozenset({host})) as client:
        receipt = await DiscordSink(a_target("discord", f"http://{host}/x"), client).send(an_alert())
    assert receipt.message_id is None
    assert sent < 20_000_000
