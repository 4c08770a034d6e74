"""Frames of minified scripts as they were written: at reading, and in the grouping."""

from __future__ import annotations

import httpx

from tests.conftest import Server
from tests.source_maps.bundles import (
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
        f"nothing was uploaded for the debug id {ONE.debug_id}"
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
