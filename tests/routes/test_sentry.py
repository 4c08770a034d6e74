"""The ways in of Sentry's SDKs over real sockets: what is answered, and what then stands in the log."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import brotli
import httpx
import msgspec
import pytest
from backports import zstd

from avalon.errors import BadInput, Unavailable
from avalon.protocols.sentry.envelope import EnvelopeParser
from avalon.protocols.sentry.items import PASSED_OVER
from avalon.routes import sentry
from avalon.routes.sentry_request import refuse
from avalon.telemetry import SENTRY_ITEMS
from tests.conftest import Server, Urls, running, settings_for


def an_event(**fields: Any) -> dict[str, Any]:
    return {
        "event_id": uuid4().hex,
        "platform": "python",
        "exception": {"values": [{"type": "ValueError", "value": "boom"}]},
    } | fields


def an_item(type_: str, payload: Any, **header: Any) -> bytes:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    head = {"type": type_, "length": len(content)} | header
    return json.dumps(head).encode() + b"\n" + content + b"\n"


def an_envelope(*items: bytes, **header: Any) -> bytes:
    return b"\n".join([json.dumps(header).encode(), b"".join(items)])


async def post(
    server: Server, content: bytes, path: str = "/api/1/envelope/", **headers: str
) -> httpx.Response:
    auth = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={server.key}"}
    async with server.client() as client:
        return await client.post(path, content=content, headers=auth | headers)


async def stored(server: Server) -> list[dict[str, Any]]:
    return await server.services.database.fetch_dicts(
        "SELECT * FROM log.event WHERE type = 'error.reported' ORDER BY position"
    )


@pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no slash"])
async def test_an_event_in_an_envelope_is_stored_under_its_id(server: Server, slash: str) -> None:
    event = an_event(environment="prod")
    answer = await post(server, an_envelope(an_item("event", event)), f"/api/1/envelope{slash}")
    assert (answer.status_code, answer.json()) == (200, {"id": event["event_id"]})
    (row,) = await stored(server)
    assert row["id"].hex == event["event_id"]
    assert (row["service"], row["environment"]) == (server.service, "prod")
    assert row["data"]["message"] == "boom"


@pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no slash"])
async def test_the_store_route_takes_a_bare_event(server: Server, slash: str) -> None:
    event = an_event()
    answer = await post(server, json.dumps(event).encode(), f"/api/1/store{slash}")
    assert (answer.status_code, answer.json()) == (200, {"id": event["event_id"]})
    assert [row["id"].hex for row in await stored(server)] == [event["event_id"]]


async def ids(server: Server) -> list[str]:
    return [row["id"].hex for row in await stored(server)]


def in_header(key: str) -> dict[str, Any]:
    return {"headers": {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client=x/1, sentry_key={key}"}}


AUTH: dict[str, Callable[[str], dict[str, Any]]] = {
    "X-Sentry-Auth": in_header,
    "X-Sentry-Auth with a secret": lambda key: {
        "headers": {"X-Sentry-Auth": f"Sentry sentry_key={key},sentry_secret=old,sentry_version=4"}
    },
    "Authorization": lambda key: {"headers": {"Authorization": f"Sentry sentry_key={key}, sentry_version=7"}},
    "Authorization with a DSN": lambda key: {"headers": {"Authorization": f"DSN http://{key}@host:4000/1"}},
    "X-API-Key": lambda key: {"headers": {"X-API-Key": key}},
    "the address": lambda key: {"params": {"sentry_key": key, "sentry_version": "7"}},
}


async def test_the_key_is_found_in_each_place(server: Server) -> None:
    async with server.client() as client:
        for place, auth in AUTH.items():
            event = an_event()
            body = an_envelope(an_item("event", event))
            answer = await client.post("/api/1/envelope/", content=body, **auth(server.key))
            assert (answer.status_code, answer.json()) == (200, {"id": event["event_id"]}), place
            refused = await client.post("/api/1/envelope/", content=body, **auth(server.key[:-1] + "_"))
            assert (refused.status_code, refused.json()["code"]) == (401, "key_unknown"), place
            assert refused.headers["x-sentry-error"] == refused.json()["message"]


@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_the_key_may_stand_in_the_envelope_alone(server: Server, coding: str) -> None:
    event = an_event()
    body = an_envelope(an_item("event", event), dsn=f"http://{server.key}:secret@host:4000/1")
    async with server.client() as client:
        sent, headers = (gzip.compress(body), {"Content-Encoding": coding}) if coding else (body, {})
        answer = await client.post("/api/1/envelope/", content=sent, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"id": event["event_id"]})
        for dsn in ("", "nonsense", "http://[", f"http://{server.key[:-1]}_@host/1", 5):
            refused = await client.post("/api/1/envelope/", content=an_envelope(dsn=dsn))
            assert refused.status_code == 401


async def test_for_a_key_in_the_envelope_eight_kilobytes_are_read(server: Server) -> None:
    """The header never ends, and more is promised: only who reads no further can answer."""
    host, port = server.url.removeprefix("http://").split(":")
    for size, is_answered in ((sentry.MAX_UNKNOWN_BYTES, True), (100, False)):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST /api/1/envelope/ HTTP/1.1\r\nHost: {host}\r\n".encode())
        writer.write(b"Content-Length: 1000000\r\n\r\n{" + b" " * size)
        if is_answered:
            assert b" 401 " in await asyncio.wait_for(reader.readuntil(b"}"), 5)
        else:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.readuntil(b"}"), 0.2)
        writer.close()


async def test_for_a_key_in_a_packed_envelope_no_more_than_that_is_unpacked(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked = 0
    feed = EnvelopeParser.feed

    def counted(parser: EnvelopeParser, data: bytes) -> None:
        nonlocal unpacked
        unpacked += len(data)
        feed(parser, data)

    monkeypatch.setattr(EnvelopeParser, "feed", counted)
    body, headers = gzip.compress(b"{" + b" " * 1_000_000), {"Content-Encoding": "gzip"}
    async with server.client() as client:
        answer = await client.post("/api/1/envelope/", content=body, headers=headers)
    assert (answer.status_code, unpacked) == (401, sentry.MAX_UNKNOWN_BYTES)


async def test_without_a_valid_key_no_body_is_read(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    for path in ("envelope", "store", "security", "minidump"):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST /api/1/{path}/?sentry_key=avl_x HTTP/1.1\r\nHost: {host}\r\n".encode())
        writer.write(b"Content-Length: 1000000\r\n\r\n")
        assert b" 401 " in await asyncio.wait_for(reader.readuntil(b"}"), 5)
        writer.close()


@pytest.mark.parametrize(
    ("coding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress), ("zstd", zstd.compress)],
    ids=["gzip", "deflate", "br", "zstd"],
)
@pytest.mark.parametrize("is_chunked", [False, True], ids=["whole", "chunked"])
async def test_codings_and_chunks_are_taken_off(
    server: Server, coding: str, encode: Callable[[bytes], bytes], is_chunked: bool
) -> None:
    event = an_event(extra={"text": uuid4().hex * 10_000})
    body = encode(an_envelope(an_item("event", event)))

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    content: Any = chunks() if is_chunked else body
    answer = await post(server, content, **{"Content-Encoding": coding})
    assert (answer.status_code, answer.json()) == (200, {"id": event["event_id"]})
    assert await ids(server) == [event["event_id"]]


async def test_an_event_without_an_id_has_its_envelopes(server: Server) -> None:
    event = an_event()
    event_id = event.pop("event_id")
    second = an_event()
    body = an_envelope(an_item("event", event), an_item("event", second), event_id=event_id)
    assert (await post(server, body)).json() == {"id": event_id}
    assert await ids(server) == [event_id, second["event_id"]]
    answer = await post(server, an_envelope(an_item("event", event)))
    assert UUID(answer.json()["id"]).hex == (await ids(server))[-1]


async def test_an_event_that_is_sent_again_is_stored_once(server: Server) -> None:
    event = an_event()
    body = an_envelope(an_item("event", event))
    answers = await asyncio.gather(*(post(server, body) for _ in range(6)))
    assert {answer.content for answer in answers} == {
        json.dumps({"id": event["event_id"]}, separators=(",", ":")).encode()
    }
    assert await ids(server) == [event["event_id"]]


def counted(type_: str, outcome: str) -> float:
    return SENTRY_ITEMS.labels(type_, outcome)._value.get()


async def test_other_items_are_dropped_and_counted_and_disturb_nobody(server: Server) -> None:
    before = {type_: counted(type_, "dropped") for type_ in PASSED_OVER}
    sent = []
    for type_ in sorted(PASSED_OVER):
        event = an_event()
        sent.append(event["event_id"])
        items = an_item(type_, {"any": "thing"}), an_item("event", event), an_item(type_, b"\x00\xff")
        assert (await post(server, an_envelope(*items))).json() == {"id": event["event_id"]}
        alone = await post(server, an_envelope(an_item(type_, {}), event_id=event["event_id"]))
        assert (alone.status_code, alone.json()) == (200, {"id": event["event_id"]})
        assert (await post(server, an_envelope(an_item(type_, {})))).json() == {}
    assert await ids(server) == sent
    assert {type_: counted(type_, "dropped") for type_ in PASSED_OVER} == {
        t: n + 4 for t, n in before.items()
    }


async def test_types_that_nobody_knows_are_counted_as_one(server: Server) -> None:
    before = counted("other", "dropped")
    assert (await post(server, an_envelope(an_item(uuid4().hex, {}), an_item("", {})))).status_code == 200
    assert counted("other", "dropped") == before + 2


async def test_a_broken_item_spoils_no_neighbour(server: Server) -> None:
    event = an_event()
    good = an_item("event", event)
    body = an_envelope(
        an_item("event", b"{broken"), an_item("event", b"[]"), b"nonsense\n", good, b'{"type":"ev'
    )
    assert (await post(server, body)).json() == {"id": event["event_id"]}
    assert await ids(server) == [event["event_id"]]
    assert (await post(server, an_envelope(an_item("event", b"{broken")))).status_code == 200
    refused = await post(server, b"nonsense\n" + good)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_input")


async def test_an_event_beside_a_file_of_fifteen_megabytes_is_stored(server: Server) -> None:
    content = uuid4().bytes * 1_000_000
    event = an_event()
    file = an_item("attachment", content, filename="log.txt", content_type="text/plain")
    for body in (an_envelope(an_item("event", event), file), an_envelope(file, an_item("event", an_event()))):
        assert (await post(server, body)).status_code == 200
    rows = await stored(server)
    assert rows[0]["id"].hex == event["event_id"]
    told = {"name": "log.txt", "size": 16_000_000, "content_type": "text/plain"}
    for row in rows:
        assert row["data"]["metadata"]["attachments"] == [told | {"sha256": sha256(content).hexdigest()}]


async def test_past_its_limit_an_envelope_is_too_large(server: Server) -> None:
    for body, headers in (
        (bytes(sentry.MAX_BODY_BYTES + 1), {}),
        (gzip.compress(an_envelope(bytes(sentry.MAX_INFLATED_BYTES)), 1), {"Content-Encoding": "gzip"}),
        (an_envelope(an_item("event", an_event(extra="x" * 1_100_000))), {}),
    ):
        answer = await post(server, body, **headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert await ids(server) == []


async def test_past_its_limit_a_body_of_unknown_length_is_too_large(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield an_envelope(an_item("event", an_event()))
        yield b" " * 1000

    monkeypatch.setattr(sentry, "MAX_BODY_BYTES", 1000)
    content: Any = chunks()
    answer = await post(server, content)
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert await ids(server) == []


async def test_what_old_clients_send_to_the_store_route_is_unpacked(server: Server) -> None:
    sent = []
    for pack in (
        lambda body: base64.b64encode(zlib.compress(body)),
        lambda body: base64.b64encode(body),
        zlib.compress,
        gzip.compress,
    ):
        event = an_event()
        sent.append(event["event_id"])
        body = pack(json.dumps(event).encode())
        answer = await post(server, body, "/api/1/store/", **{"Content-Type": "application/octet-stream"})
        assert (answer.status_code, answer.json()) == (200, {"id": event["event_id"]})
    event = an_event()
    body = an_envelope(an_item("event", event))
    await post(server, body, "/api/1/store/", **{"Content-Type": "application/x-sentry-envelope"})
    assert await ids(server) == [*sent, event["event_id"]]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"nonsense", b"!!!!", b"eJw=", b"\x78\x9cxx", b"\x1f\x8b"]
)
async def test_a_store_body_that_is_none_is_refused(server: Server, body: bytes) -> None:
    answer = await post(server, body, "/api/1/store/")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_input")


async def test_a_transaction_of_an_old_client_is_no_error(server: Server) -> None:
    answer = await post(server, json.dumps(an_event(type="transaction")).encode(), "/api/1/store/")
    assert (answer.status_code, answer.json()) == (200, {})
    assert await ids(server) == []


async def with_key(admin: httpx.AsyncClient, **fields: Any) -> str:
    made = await admin.post("/api/keys", json={"name": "shop", "service": "shop"} | fields)
    key: str = made.raise_for_status().json()["key"]
    return key


async def test_over_the_rate_an_sdk_is_told_to_be_silent(server: Server, admin: httpx.AsyncClient) -> None:
    auth = {"X-Sentry-Auth": f"Sentry sentry_key={await with_key(admin, rate_per_minute=2)}"}
    answers = [await post(server, an_envelope(an_item("event", an_event())), **auth) for _ in range(5)]
    # A minute of the log may end meanwhile.
    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    headers = next(answer.headers for answer in answers if answer.status_code == 429)
    assert headers["x-sentry-rate-limits"] == f"{headers['retry-after']}::key"
    assert 1 <= int(headers["retry-after"]) <= 60
    assert "rate" in headers["x-sentry-error"]


async def test_of_an_envelope_that_is_only_stored_in_part_it_is_said(
    server: Server, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = {"X-Sentry-Auth": f"Sentry sentry_key={await with_key(admin, rate_per_minute=2)}"}
    events = [an_event() for _ in range(3)]
    body = an_envelope(*(an_item("event", event) for event in events))
    answer = await post(server, body, **auth)
    assert (answer.status_code, answer.headers["x-sentry-rate-limits"][-5:]) == (429, "::key")
    assert await ids(server) == [event["event_id"] for event in events[:2]]

    submit_many = server.services.ingest.submit_many

    async def without_the_last(events: Any, key: Any) -> list[Any]:
        return [*await submit_many(events[:-1], key), Unavailable("Postgres is away")]

    with monkeypatch.context() as patch:
        patch.setattr(server.services.ingest, "submit_many", without_the_last)
        assert (await post(server, body)).status_code == 503
    assert (await post(server, body)).json() == {"id": events[0]["event_id"]}


async def test_while_nothing_can_be_stored_an_sdk_is_told_to_come_back(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.services.ingest, "_refusal", "Postgres is away; send it again")
    answer = await post(server, an_envelope(an_item("event", an_event())))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "x-sentry-rate-limits" not in answer.headers


async def test_a_browser_may_send_and_read_what_is_answered(client: httpx.AsyncClient) -> None:
    page = {"Origin": "https://shop.example"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-sentry-auth"}
    for path in ("envelope", "store", "security", "minidump"):
        preflight = await client.options(f"/api/7/{path}/", headers=page | asks)
        refused = await client.post(f"/api/7/{path}/", headers=page)
        assert (preflight.status_code, refused.status_code) == (204, 401)
        for name in ("x-sentry-auth", "content-type", "content-encoding", "sentry-trace", "baggage"):
            assert name in preflight.headers["access-control-allow-headers"]
        for answer in (preflight, refused):
            assert answer.headers["access-control-allow-origin"] == "*"
            exposed = answer.headers["access-control-expose-headers"]
            assert exposed == "retry-after, x-sentry-error, x-sentry-rate-limits"


async def test_where_origins_are_named_a_page_of_another_reads_nothing(urls: Urls, tmp_path: Path) -> None:
    settings = settings_for(urls, tmp_path)
    named = msgspec.structs.replace(settings, cors_origins=("https://shop.example",))
    async with running(named) as server:
        for origin, is_named in (("https://shop.example", True), ("https://evil.example", False)):
            headers = (await post(server, an_envelope(), Origin=origin)).headers
            assert headers.get("access-control-allow-origin") == (origin if is_named else None)
            assert ("access-control-expose-headers" in headers) == is_named
            assert headers["vary"] == "origin"


def test_what_a_header_says_of_an_error_is_one_short_line() -> None:
    request: Any = None
    answer = refuse(request, BadInput("é\r\n" * 500))
    assert dict(answer.headers)[b"x-sentry-error"] == b"?" * 67


async def test_a_key_is_bound_to_its_origins_wherever_it_stands(
    server: Server, admin: httpx.AsyncClient
) -> None:
    key = await with_key(admin, allowed_origins=["https://shop.example"])
    body = an_envelope(an_item("event", an_event()), dsn=f"http://{key}@host/1")
    async with server.client() as client:
        for params in ({}, {"sentry_key": key}):
            for origin, status in (("https://shop.example", 200), ("https://evil.example", 403)):
                answer = await client.post(
                    "/api/1/envelope/", params=params, content=body, headers={"Origin": origin}
                )
                assert answer.status_code == status


CSP = {
    "document-uri": "https://shop.example/cart",
    "referrer": "https://shop.example/",
    "violated-directive": "img-src 'self'",
    "effective-directive": "img-src",
    "blocked-uri": "https://evil.example/a.png?user=5",
}
BROWSER_REPORTS = {
    "csp": ({"csp-report": CSP}, "CSP img-src blocked https://evil.example", "https://shop.example/cart"),
    "reporting API": (
        [
            {
                "type": "csp-violation",
                "url": "https://shop.example/cart",
                "user_agent": "Browser/1",
                "body": {"effectiveDirective": "img-src", "blockedURL": "https://evil.example/a.png"},
            }
        ],
        "CSP img-src blocked https://evil.example",
        "https://shop.example/cart",
    ),
    "deprecation": (
        [{"type": "deprecation", "url": "https://shop.example/", "body": {"message": "unload is old"}}],
        "deprecation: unload is old",
        "https://shop.example/",
    ),
    "expect-ct": (
        {"expect-ct-report": {"hostname": "shop.example", "port": 443}},
        "Expect-CT failed for shop.example",
        "shop.example",
    ),
    "expect-staple": (
        {"expect-staple-report": {"hostname": "shop.example"}},
        "Expect-Staple failed for shop.example",
        "shop.example",
    ),
    "hpkp": (
        {"hostname": "shop.example", "known-pins": ["pin-sha256=x"]},
        "Public-Key-Pins failed for shop.example",
        "shop.example",
    ),
}


@pytest.mark.parametrize("kind", BROWSER_REPORTS)
async def test_what_browsers_report_becomes_an_event(server: Server, kind: str) -> None:
    report, message, url = BROWSER_REPORTS[kind]
    content = json.dumps(report).encode()
    query = f"sentry_key={server.key}&sentry_environment=prod&sentry_release=1.2"
    async with server.client() as client:
        answer = await client.post(f"/api/1/security/?{query}", content=content)
    assert (answer.status_code, answer.content) == (200, b"")
    page = {"sentry_environment": "prod", "sentry_release": "1.2"}
    await post(server, an_envelope(an_item("raw_security", content, **page)))
    rows = await stored(server)
    assert len(rows) == 2
    for row in rows:
        assert (row["environment"], row["release"], row["data"]["message"]) == ("prod", "1.2", message)
        assert url in json.dumps(row["data"])


async def test_a_browsers_report_that_is_none_is_refused(server: Server) -> None:
    for body in (b"", b"{}", b"[]", b"x", b"[1]", b'{"csp-report":1}', b'[{"type":"x"}]'):
        answer = await post(server, body, "/api/1/security/")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_input"), body


async def test_of_a_list_of_browsers_reports_a_hundred_are_stored(server: Server) -> None:
    report, _, _ = BROWSER_REPORTS["csp"]
    assert (await post(server, json.dumps([report] * 101).encode(), "/api/1/security/")).status_code == 200
    assert len(await stored(server)) == 100


DUMP = b"MDMP" + bytes(3_000_000)
DUMP_TOLD = {
    "name": "crash.dmp",
    "size": len(DUMP),
    "content_type": "application/octet-stream",
    "type": "event.minidump",
    "sha256": sha256(DUMP).hexdigest(),
    "format": "minidump",
    "note": "only this reference is kept: the file itself is neither stored nor symbolicated",
}


A_FIELD_TOO_LARGE = (
    b'--x\r\nContent-Disposition: form-data; name="log"\r\n\r\n' + b"x" * 1_100_000 + b"\r\n--x--\r\n"
)


async def upload(server: Server, data: dict[str, str], **files: Any) -> httpx.Response:
    async with server.client() as client:
        dump = ("crash.dmp", DUMP, "application/octet-stream")
        return await client.post(
            f"/api/1/minidump/?sentry_key={server.key}",
            data=data,
            files={"upload_file_minidump": dump} | files,
        )


async def test_of_a_minidump_a_reference_is_kept(server: Server) -> None:
    answer = await upload(server, {})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    (row,) = await stored(server)
    assert (str(row["id"]), row["level"]) == (answer.text, "fatal")
    assert row["data"]["message"] == "Crash with the minidump crash.dmp"
    assert row["data"]["metadata"]["attachments"] == [DUMP_TOLD]


@pytest.mark.parametrize(
    ("fields", "files"),
    [
        ({"sentry": '{"release":"1.2","tags":{"a":"b"}}', "guid": "x"}, {}),
        ({"sentry__1": '{"release":"1.2","tags', "sentry__2": '":{"a":"b"}}', "guid": "x"}, {}),
        ({"sentry[release]": "1.2", "sentry[tags][a]": "b", "guid": "x"}, {}),
        (
            {"guid": "x"},
            {"__sentry-event": ("e", msgspec.msgpack.encode({"release": "1.2", "tags": {"a": "b"}}))},
        ),
    ],
    ids=["JSON", "JSON in pieces", "paths", "MessagePack"],
)
async def test_what_a_minidumps_form_says_is_in_its_report(
    server: Server, fields: dict[str, str], files: dict[str, Any]
) -> None:
    assert (await upload(server, fields, **files)).status_code == 200
    (row,) = await stored(server)
    assert (row["level"], row["release"], row["data"]["tags"]) == ("fatal", "1.2", {"a": "b"})
    assert row["data"]["metadata"]["guid"] == "x"


async def test_a_bare_minidump_is_taken_and_a_form_without_one_refused(server: Server) -> None:
    answer = await post(server, DUMP, "/api/1/minidump/", **{"Content-Type": "application/octet-stream"})
    assert answer.status_code == 200
    for content_type, body, status in (
        ("multipart/form-data; boundary=x", b"--x--\r\n", 400),
        ("multipart/form-data; boundary=x", b"nonsense", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense", 400),
        ("multipart/form-data", b"", 415),
        ("text/plain", DUMP, 415),
        ("application/octet-stream", b"", 400),
        ("multipart/form-data; boundary=x", A_FIELD_TOO_LARGE, 413),
    ):
        refused = await post(server, body, "/api/1/minidump/", **{"Content-Type": content_type})
        assert refused.status_code == status, (content_type, body[:20])
    assert len(await stored(server)) == 1


async def test_a_minidump_in_an_envelope_is_named_in_its_event_or_makes_one(server: Server) -> None:
    file = an_item(
        "attachment",
        DUMP,
        filename="crash.dmp",
        attachment_type="event.minidump",
        content_type="application/octet-stream",
    )
    event = an_event()
    await post(server, an_envelope(an_item("event", event), file))
    alone = uuid4().hex
    assert (await post(server, an_envelope(file, event_id=alone))).json() == {"id": alone}
    rows = await stored(server)
    assert [row["id"].hex for row in rows] == [event["event_id"], alone]
    assert [row["data"]["metadata"]["attachments"] for row in rows] == [[DUMP_TOLD], [DUMP_TOLD]]
    assert rows[1]["level"] == "fatal"
