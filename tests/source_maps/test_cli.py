"""`avalon sourcemaps upload`: what it finds in a build, writes into it and says; frames become readable."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from avalon import cli
from avalon.cli.built_scripts import find_scripts, inject
from avalon.cli.sourcemaps import make_bundle
from tests.conftest import Server
from tests.source_maps.bundles import ONE, event, frames, functions, read, report, upload_key

WRITTEN = ["checkOut", "Checkout.submit", "totalOf", "priceOf"]


def build(folder: Path, *, head: str = "") -> Path:
    """The build as esbuild made it, before it was given a debug id; `head` stands in front."""
    script = ONE.script.read_text().split("\n", 2)[2]
    map_ = json.loads(ONE.map.read_text())
    del map_["debugId"]
    map_.pop("debug_id", None)
    assert map_["mappings"].startswith(";;")
    map_["mappings"] = ";" * head.count("\n") + map_["mappings"][2:]
    folder.mkdir(parents=True, exist_ok=True)
    text = head + "\n".join(line for line in script.split("\n") if "debugId" not in line)
    (folder / "app.min.js").write_text(text)
    (folder / "app.min.js.map").write_text(json.dumps(map_))
    return folder


async def run(server: Server, key: str, *arguments: str) -> int:
    given = ["sourcemaps", "upload", "--url", server.url, "--key", key, *arguments]
    return await asyncio.to_thread(cli.main, given)


# What may stand in front of a build, and the line of its code once a debug id is in it.
HEADS = {
    "": 2,
    '"use strict";\n': 3,
    "#!/usr/bin/env node\n": 3,
    '#!/bin/node\n"use strict";"use client";\n': 4,
}


async def test_a_build_without_debug_ids_gets_them_and_its_frames_become_readable(
    server: Server, admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    key = await upload_key(admin, server.service)
    for number, (head, line) in enumerate(HEADS.items()):
        folder = build(tmp_path / str(number), head=head)
        assert await run(server, key, "--inject", str(folder)) == 0
        text = (folder / "app.min.js").read_text()
        for kept in head.split("\n"):
            assert kept in text.partition(";(function")[0]
        (script,) = find_scripts([folder])
        assert script.debug_id is not None
        assert text.rstrip().endswith(f"//# debugId={script.debug_id}")
        assert json.loads((folder / "app.min.js.map").read_text())["debugId"] == str(script.debug_id)
        sent = event(ONE._replace(debug_id=str(script.debug_id)))
        for frame in sent["exception"]["values"][0]["stacktrace"]["frames"]:
            frame["lineno"] = line
        found = await read(admin, await report(server, sent))
        assert functions(found) == WRITTEN, head
        assert frames(found)[-1]["context_line"] == "  return item.price!.cents;"


def test_a_script_behind_a_banner_stays_strict(tmp_path: Path) -> None:
    head = '/*! shop */ // "use nothing"\n/* a\n */\'use client\';\n"use strict";\n'
    (script,) = find_scripts([build(tmp_path, head=head)])
    assert inject(script)
    assert script.text.startswith("'use client';\"use strict\";;(function(){")
    assert head in script.text


def test_a_script_that_is_not_utf_8_is_left_as_it_is(tmp_path: Path) -> None:
    path = build(tmp_path) / "app.min.js"
    content = path.read_bytes() + b'console.log("\xe9t\xe9");'
    path.write_bytes(content)
    (script,) = find_scripts([tmp_path])
    assert (inject(script), script.lacks) == (False, "is not UTF-8")
    assert path.read_bytes() == content


def test_the_same_build_gets_the_same_debug_id_and_no_second_one(tmp_path: Path) -> None:
    ids = []
    for name in ("a", "b"):
        (script,) = find_scripts([build(tmp_path / name)])
        assert inject(script)
        ids.append(script.debug_id)
        (again,) = find_scripts([tmp_path / name])
        assert again.debug_id == script.debug_id
        assert not inject(again)
    assert ids[0] == ids[1]


async def test_with_a_release_and_a_prefix_nothing_is_written_into_the_build(
    server: Server, admin: httpx.AsyncClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = build(tmp_path)
    before = (folder / "app.min.js").read_bytes()
    key = await upload_key(admin, server.service)
    options = ("--release", "1.0", "--dist", "7", "--url-prefix", "~/static", str(folder))
    assert await run(server, key, *options) == 0
    assert "app.min.js: no debug id" in capsys.readouterr().err
    assert (folder / "app.min.js").read_bytes() == before
    (item,) = (await admin.get("/api/source-maps")).json()["items"]
    assert (item["release"], item["dist"], item["names"]) == ("1.0", "7", ["~/static/app.min.js"])
    sent = event(ONE, with_debug_id=False, release="1.0", dist="7")
    for frame in sent["exception"]["values"][0]["stacktrace"]["frames"]:
        frame["lineno"] = 1
    assert functions(await read(admin, await report(server, sent))) == WRITTEN
    assert await run(server, key, *options) == 0
    assert len((await admin.get("/api/source-maps")).json()["items"]) == 1, (
        "the same again is the same upload"
    )


async def test_it_says_what_is_missing(
    server: Server, admin: httpx.AsyncClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = await upload_key(admin, server.service)

    async def said(*arguments: str, with_key: str = key) -> tuple[int, str]:
        code = await run(server, with_key, *arguments)
        return code, capsys.readouterr().err

    code, words = await said(str(tmp_path / "nowhere"))
    assert (code, "there is no " in words) == (2, True)
    (tmp_path / "bare.js").write_text("x()")
    code, words = await said(str(tmp_path))
    assert (code, "bare.js: has no source map" in words, "nothing to upload" in words) == (1, True, True)
    (tmp_path / "bad.js").write_text("x()\n//# sourceMappingURL=data:application/json;base64,AAAA")
    assert "bad.js: has a source map that can't be read" in (await said(str(tmp_path)))[1]
    build(tmp_path)
    code, words = await said(str(tmp_path))
    assert (code, "--inject" in words, "--release" in words) == (1, True, True)
    code, words = await said(str(tmp_path), "--release", "1", with_key=server.key)
    assert (code, "make one whose scope is source_maps (key_scope)" in words) == (1, True)
    assert (await admin.get("/api/source-maps")).json()["items"] == []


def test_maps_are_found_inline_by_reference_and_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    map_: dict[str, Any] = {"version": 3, "sources": ["../a.ts", "../../../etc/hostname"], "mappings": "AAAA"}
    (tmp_path / "a.ts").write_text("source of a")
    for name, text in {
        "inline.js": f"x\n//# sourceMappingURL=data:application/json,{json.dumps(map_)}".replace(" ", ""),
        "named.mjs": "x\n//# sourceMappingURL=other.map",
        "beside.cjs": "x",
        "ignored.txt": "x",
    }.items():
        (tmp_path / "dist").mkdir(exist_ok=True)
        (tmp_path / "dist" / name).write_text(text)
    for name in ("other.map", "beside.cjs.map"):
        (tmp_path / "dist" / name).write_text(json.dumps(map_))
    found = {script.name: script for script in find_scripts([tmp_path / "dist", tmp_path / "dist"])}
    assert list(found) == ["beside.cjs", "inline.js", "named.mjs"]
    assert all(script.map for script in found.values())
    # Sources that the map only names are put into it, but for those that are none of the project's.
    assert found["beside.cjs"].map is not None
    assert found["beside.cjs"].map["sourcesContent"] == ["source of a", None]
    assert make_bundle(list(found.values()), "~/", None, None).startswith(b"PK")
