"""Frames of minified scripts as they were written: at reading, and in the grouping."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from avalon.regrouping import reading as regrouping
from avalon.reports import Report
from avalon.routes import ingest_answers
from avalon.source_maps import reading
from avalon.source_maps.lookup import Lookup
from avalon.source_maps.places import urls_of
from avalon.source_maps.storage import sql
from tests.conftest import Server
from tests.source_maps.bundles import (
    MESSAGE,
    ONE,
    TWO,
    Uploader,
    bundle,
    event,
    frames,
    functions,
    read,
    report,
    upload_key,
    zipped,
)

WRITTEN = ["checkOut", "Checkout.submit", "totalOf", "priceOf"]


async def uploader(admin: httpx.AsyncClient, server: Server) -> Uploader:
    return Uploader(admin, await upload_key(admin, server.service))


async def test_an_upload_that_comes_late_still_helps_reading(
    server: Server, admin: httpx.AsyncClient
) -> None:
    sent = await report(server, event(ONE))
    before = await read(admin, sent)
    assert functions(before) == ["c", "r.submit", "n", "o"]
    assert {frame["source_map"] for frame in frames(before)} == {
        f"nothing was uploaded to the service {server.service} for the debug id {ONE.debug_id}"
    }
    done = await (await uploader(admin, server)).upload(bundle(ONE))
    assert (done.status_code, done.json()["state"]) == (200, "ok"), done.text
    after = await read(admin, sent)
    assert functions(after) == WRITTEN
    innermost = frames(after)[-1]
    assert innermost["resolved"] is True
    assert (innermost["filename"], innermost["lineno"], innermost["colno"]) == ("src/cart.ts", 12, 22)
    assert innermost["context_line"] == "  return item.price!.cents;"
    assert innermost["pre_context"][-1] == "function priceOf(item: Item): number {"
    assert innermost["in_app"] is True
    assert innermost["raw"] == {
        "function": "o",
        "filename": ONE.address,
        "abs_path": ONE.address,
        "lineno": 3,
        "colno": 90,
        "in_app": True,
    }


async def test_one_mistake_in_two_builds_is_one_issue(server: Server, admin: httpx.AsyncClient) -> None:
    await (await uploader(admin, server)).upload(bundle(ONE, TWO))
    one, two = [await read(admin, await report(server, event(build))) for build in (ONE, TWO)]
    assert one["issue"]["id"] == two["issue"]["id"]
    issue = (await admin.get(f"/api/issues/{one['issue']['id']}")).json()
    assert issue["culprit"] == "src.cart.priceOf"
    page = (await admin.get(f"/api/issues/{one['issue']['id']}.md")).text
    assert "at priceOf (src/cart.ts:12)" in page


async def test_without_maps_the_same_two_are_two(server: Server, admin: httpx.AsyncClient) -> None:
    """The control."""
    one, two = [await read(admin, await report(server, event(build))) for build in (ONE, TWO)]
    assert one["issue"]["id"] != two["issue"]["id"]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("~/static/app.min.js", "https://shop.example/static/app.min.js"),
        ("~/static/app.min.js", "https://shop.example/static/app.min.js?v=3#top"),
        ("https://shop.example/static/app.min.js", "https://shop.example/static/app.min.js"),
        ("~/app.min.js", "https://shop.example/deep/static/app.min.js"),
        ("~/static/app.min.js", "http://[ip]:8080/static/app.min.js"),
        ("~/static/app.min.js", "https://ann:[Filtered]@shop.example/static/app.min.js"),
        ("~/dist/app.min.js", "/srv/shop/dist/app.min.js"),
        ("~/dist/app.min.js", "app:///dist/app.min.js"),
        ("~/dist/app.min.js", "file:///srv/shop/dist/app.min.js"),
    ],
)
def test_an_address_finds_what_was_uploaded_for_it(url: str, address: str) -> None:
    assert url in urls_of(address)


def test_an_address_finds_nothing_of_somebody_else() -> None:
    assert "~/index.js" not in urls_of("/srv/shop/node_modules/express/index.js")
    assert "~/b/app.js" not in urls_of("https://shop.example/a/app.js")
    assert urls_of("https://[broken") == []


async def test_without_debug_ids_release_distribution_and_address_find_it(
    server: Server, admin: httpx.AsyncClient
) -> None:
    upload = bundle(ONE, with_debug_id=False)
    await (await uploader(admin, server)).upload(upload, version="1.0", dist="7")

    async def innermost(**fields: str) -> dict[str, Any]:
        sent = await report(server, event(ONE, with_debug_id=False, **fields))
        return frames(await read(admin, sent))[-1]

    assert (await innermost(release="1.0", dist="7"))["function"] == "priceOf"
    why = f"nothing was uploaded to the service {server.service} for this address, release 1.0"
    assert (await innermost(release="1.0"))["source_map"] == why
    assert "distribution 8" in (await innermost(release="1.0", dist="8"))["source_map"]
    assert "release 2.0" in (await innermost(release="2.0", dist="7"))["source_map"]
    assert "neither a debug id" in (await innermost(dist="7"))["source_map"]


async def test_a_stack_that_came_as_text_is_read_and_grouped_too(
    server: Server, admin: httpx.AsyncClient
) -> None:
    await (await uploader(admin, server)).upload(bundle(ONE, TWO), version="1.0")
    issues = set()
    for build in (ONE, TWO):
        calls = [f"    at {name} ({build.address}:3:{column})" for name, column in reversed(build.calls)]
        stack = "\n".join([f"TypeError: {MESSAGE}", *calls])
        stored = await server.report(MESSAGE, error={"stack": stack, "type": "TypeError"}, release="1.0")
        found = (await admin.get(f"/api/errors/{stored['id']}")).json()
        assert functions(found) == WRITTEN
        assert found["stack"] == stack
        issues.add(found["issue"]["id"])
    assert len(issues) == 1


async def test_what_is_stored_stays_as_it_was_reported(server: Server, admin: httpx.AsyncClient) -> None:
    await (await uploader(admin, server)).upload(bundle(ONE))
    sent = await report(server, event(ONE))
    (row,) = await server.services.database.fetch_dicts(
        "SELECT data FROM log.event WHERE type = 'error.reported' AND id = %(id)s", {"id": sent["event_id"]}
    )
    (error,) = row["data"]["exceptions"]
    assert [frame["function"] for frame in error["frames"]] == ["c", "r.submit", "n", "o"]
    assert row["data"]["source_maps"] == {ONE.address: ONE.debug_id}
    assert row["data"]["grouping"]["is_resolved"] is True
    assert "src.cart.priceOf" in row["data"]["grouping"]["key_parts"]


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_regrouping_leaves_reports_where_their_source_maps_have_put_them(
    server: Server, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, is_guarded: bool
) -> None:
    """Their keys can't be made again from what is stored. The control is not told that they were resolved."""
    await (await uploader(admin, server)).upload(bundle(ONE, TWO))
    for build in (ONE, TWO):
        await report(server, event(build))
    if not is_guarded:
        decode = regrouping.decode_report

        def forgetful(data: bytes) -> Report:
            found = decode(data)
            return replace(found, grouping=replace(found.grouping, is_resolved=False))

        monkeypatch.setattr(regrouping, "decode_report", forgetful)
    preview = (await admin.post("/api/grouping/preview", json={"version": 1, "days": 1})).json()
    assert preview["reports"] == 2
    assert (preview["merges"], preview["splits"]) == (0, 0 if is_guarded else 1)


async def test_a_worker_that_hangs_does_not_hold_reports_up(
    server: Server, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await uploader(admin, server)).upload(bundle(ONE))
    never = asyncio.Event()

    async def hang(*_: Any) -> None:
        await never.wait()

    monkeypatch.setattr(Lookup, "find", hang)
    monkeypatch.setattr(ingest_answers, "MAX_WAIT_S", 0.01)
    monkeypatch.setattr(reading, "MAX_WAIT_S", 0.01)
    assert functions(await read(admin, await report(server, event(ONE)))) == ["c", "r.submit", "n", "o"]


async def test_a_map_that_kills_its_reader_spoils_only_its_own_frames(
    server: Server, admin: httpx.AsyncClient
) -> None:
    files = {
        "s": {"type": "minified_source", "url": ONE.url, "headers": {"debug-id": ONE.debug_id}},
        "m": {"type": "source_map", "url": f"{ONE.url}.map", "headers": {"debug-id": ONE.debug_id}},
    }
    hostile = zipped({"files": files}, {"s": b"(" * 100_000, "m": ONE.map.read_bytes()})
    ours = await uploader(admin, server)
    assert (await ours.upload(hostile)).json()["state"] == "ok"
    await ours.upload(bundle(TWO))
    bad = await read(admin, await report(server, event(ONE)))
    assert frames(bad)[-1]["source_map"] == "the uploaded source map can't be read"
    assert functions(await read(admin, await report(server, event(TWO)))) == WRITTEN


@pytest.mark.parametrize("remembers", [True, False])
async def test_a_service_without_maps_pays_nothing_for_them(
    server: Server, monkeypatch: pytest.MonkeyPatch, remembers: bool
) -> None:
    """The control forgets: then Postgres is asked each time."""
    asked: list[str] = []
    database = server.services.database
    fetch = database.fetch_value

    async def fetch_value(query: Any, params: Any = None) -> Any:
        asked.append(query)
        return await fetch(query, params)

    monkeypatch.setattr(database, "fetch_value", fetch_value)
    for _ in range(5):
        if not remembers:
            server.services.source_maps.scripts.forget_all()
        await report(server, event(ONE))
    assert asked.count(sql.has_bundle) == (1 if remembers else 5)


async def test_sources_are_scrubbed_like_all_that_is_shown(server: Server, admin: httpx.AsyncClient) -> None:
    said = {"version": 3, "sources": ["a.ts"], "names": [], "mappings": "AAAA"}
    secret = {**said, "sourcesContent": ["login('4111 1111 1111 1111') \0\n"]}
    files = {"m": {"type": "source_map", "url": f"{ONE.url}.map", "headers": {"debug-id": ONE.debug_id}}}
    content = zipped({"files": files}, {"m": json.dumps(secret).encode()})
    await (await uploader(admin, server)).upload(content)
    sent = event(ONE)
    for frame in sent["exception"]["values"][0]["stacktrace"]["frames"]:
        frame["lineno"] = 1
    frame = frames(await read(admin, await report(server, sent)))[-1]
    assert frame["filename"] == "a.ts"
    assert "4111" not in frame["context_line"] and "\0" not in frame["context_line"]


@pytest.mark.parametrize("drops", [True, False])
async def test_a_keys_rules_hold_for_the_lines_that_group_its_reports(
    server: Server, admin: httpx.AsyncClient, drops: bool
) -> None:
    """A line of source is part of the grouping where the error itself says nothing."""
    said = {"version": 3, "sources": ["a.ts"], "names": [], "mappings": "AAAA"}
    source = {**said, "sourcesContent": ["check('10.11.12.13')"]}
    files = {"m": {"type": "source_map", "url": f"{ONE.url}.map", "headers": {"debug-id": ONE.debug_id}}}
    await (await uploader(admin, server)).upload(zipped({"files": files}, {"m": json.dumps(source).encode()}))
    body = {"name": "web", "service": server.service, "drop_ip_addresses": drops}
    key = (await admin.post("/api/keys", json=body)).json()["key"]
    sent = event(ONE)
    (error,) = sent["exception"]["values"]
    error |= {"type": "Error", "value": ""}
    for frame in error["stacktrace"]["frames"]:
        frame["lineno"] = 1
    await report(server, sent, key)
    (row,) = await server.services.database.fetch_dicts(
        "SELECT data FROM log.event WHERE type = 'error.reported' AND id = %(id)s", {"id": sent["event_id"]}
    )
    parts = " ".join(row["data"]["grouping"]["key_parts"])
    assert "check(" in parts
    assert ("10.11.12.13" in parts) is not drops
