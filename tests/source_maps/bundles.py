"""Two real builds of one small shop, and uploads of them as Sentry's tools send them.

`data/` was made once: esbuild 0.28 (`--bundle --minify --sourcemap`) of three TypeScript files, then
`sentry-cli sourcemaps inject` 3.8. The places are those of Node 22's stacks.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from hashlib import sha1
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

from tests.conftest import Server

DATA = Path(__file__).parent / "data"
MESSAGE = "Cannot read properties of undefined (reading 'cents')"
API = "/api/0/organizations/any"


class Build(NamedTuple):
    """A build, and the frames of its failure: minified name and column, outermost first."""

    script: Path
    debug_id: str
    calls: tuple[tuple[str, int], ...]

    @property
    def map(self) -> Path:
        return self.script.with_name(f"{self.script.name}.map")

    @property
    def url(self) -> str:
        return f"~/static/{self.script.name}"

    @property
    def address(self) -> str:
        return f"https://shop.example/static/{self.script.name}"


ONE = Build(
    DATA / "one" / "app.min.js",
    "ddba660d-424b-5ee8-a665-dc50a67bfeb1",
    (("c", 215), ("r.submit", 167), ("n", 47), ("o", 90)),
)
TWO = Build(
    DATA / "two" / "checkout.min.js",
    "339925ba-c69c-513f-9091-006a9e89c417",
    (("c", 289), ("r.submit", 241), ("n", 47), ("o", 90)),
)


def event(build: Build, *, with_debug_id: bool = True, **fields: Any) -> dict[str, Any]:
    """What a browser's SDK sends of the failure."""
    frames = [
        {
            "function": function,
            "filename": build.address,
            "abs_path": build.address,
            "lineno": 3,
            "colno": column,
            "in_app": True,
        }
        for function, column in build.calls
    ]
    error = {"type": "TypeError", "value": MESSAGE, "stacktrace": {"frames": frames}}
    image = {"type": "sourcemap", "code_file": build.address, "debug_id": build.debug_id}
    images = {"debug_meta": {"images": [image]}} if with_debug_id else {}
    return {
        "event_id": uuid4().hex,
        "platform": "javascript",
        "exception": {"values": [error]},
        **images,
        **fields,
    }


def bundle(*builds: Build, with_debug_id: bool = True, **fields: Any) -> bytes:
    """An upload as sentry-cli 3.8 makes it."""
    files: dict[str, Any] = {}
    contents = {}
    for build in builds:
        id_ = {"debug-id": build.debug_id} if with_debug_id else {}
        for path, kind, headers in (
            (build.script, "minified_source", {**id_, "sourcemap": build.map.name}),
            (build.map, "source_map", id_),
        ):
            name = f"files/_/_/static/{path.name}"
            files[name] = {"type": kind, "url": f"~/static/{path.name}", "headers": headers}
            contents[name] = path.read_bytes()
    return zipped({"files": files, **fields}, contents)


def zipped(manifest: Any, contents: dict[str, bytes]) -> bytes:
    """Entries and a manifest, behind the eight bytes that Sentry's format begins with."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        said = manifest if type(manifest) is bytes else json.dumps(manifest)
        archive.writestr(zipfile.ZipInfo("manifest.json"), said)
    return b"SYSB\x02\0\0\0" + file.getvalue()


async def upload_key(admin: httpx.AsyncClient, service: str) -> str:
    """A new key for uploads."""
    body = {"name": "ci", "service": service, "scope": "source_maps"}
    answer = await admin.post("/api/keys", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


class Uploader:
    """Uploads as sentry-cli does: it asks, sends what is missing, asks again."""

    def __init__(self, client: httpx.AsyncClient, key: str) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {key}"}

    async def assemble(self, content: bytes, *, chunk: int = 1 << 20, **fields: Any) -> httpx.Response:
        body = {
            "checksum": sha1(content).hexdigest(),
            "chunks": [sha1(piece).hexdigest() for piece in _pieces(content, chunk)],
            "projects": ["any"],
            **fields,
        }
        return await self.client.post(f"{API}/artifactbundle/assemble/", json=body, headers=self.headers)

    async def send(self, *pieces: bytes, names: list[str] | None = None) -> httpx.Response:
        names = names or [sha1(piece).hexdigest() for piece in pieces]
        files = [
            ("file_gzip", (name, gzip.compress(piece))) for name, piece in zip(names, pieces, strict=True)
        ]
        return await self.client.post(f"{API}/chunk-upload/", files=files, headers=self.headers)

    async def upload(self, content: bytes, **fields: Any) -> httpx.Response:
        """The last answer: to the question whether it is stored, or to what was refused before."""
        answer = await self.assemble(content, **fields)
        if answer.status_code != 200 or answer.json()["state"] == "ok":
            return answer
        assert answer.json()["missingChunks"]
        pieces = _pieces(content, 1 << 20)
        for at in range(0, len(pieces), 8):
            sent = await self.send(*pieces[at : at + 8])
            if sent.status_code != 200:
                return sent
        return await self.assemble(content, **fields)


def _pieces(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


async def report(server: Server, event: dict[str, Any], key: str = "") -> dict[str, Any]:
    """Sends an event as an SDK does, and gives it back as the API shows it."""
    headers = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={key or server.key}"}
    async with server.client(headers=headers) as client:
        answer = await client.post("/api/1/store/", json=event)
        assert answer.status_code == 200, answer.text
    return event


async def read(admin: httpx.AsyncClient, event: dict[str, Any]) -> dict[str, Any]:
    """The report of an event, as people get it."""
    answer = await admin.get(f"/api/errors/{event['event_id']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def frames(report: dict[str, Any]) -> list[dict[str, Any]]:
    return list(report["exceptions"][-1]["frames"])


def functions(report: dict[str, Any]) -> list[str]:
    return [frame["function"] for frame in frames(report)]


async def log_of(admin: httpx.AsyncClient) -> list[dict[str, Any]]:
    """What the log says of uploads."""
    params = {"types": "source_maps.uploaded,source_maps.deleted"}
    items: list[dict[str, Any]] = (await admin.get("/api/log", params=params)).json()["items"]
    return items
