"""The way in of source maps, as `sentry-cli` and Sentry's bundler plugins go it, with an API key for them.

A client asks for the terms, says which pieces its upload has, sends those that are missing, and asks again
until it is stored. Organization and project in the address mean nothing here: the service is the key's.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from litestar import Request, get, post, put
from litestar.connection import ASGIConnection
from litestar.datastructures import UploadFile
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody

from avalon.auth import ApiKey
from avalon.errors import BadInput, PayloadTooLarge
from avalon.inflate import inflate
from avalon.read_models.rows import as_time
from avalon.routes.dependencies import services
from avalon.routes.peer import header
from avalon.source_maps.chunks import CHUNK_BYTES, CHUNKS_PER_REQUEST, Wanted

AnyRequest = Request[Any, Any, Any]
Connection = ASGIConnection[Any, Any, Any, Any]

# The pieces, and what stands around them.
MAX_BODY_BYTES: Final = CHUNKS_PER_REQUEST * CHUNK_BYTES + 65_536
# Whoever is slower keeps others from uploading meanwhile.
BODY_TIMEOUT_S = 120.0
SCOPE: Final = "source_maps"
_SECURITY: Final[list[dict[str, list[str]]]] = [{"apiKey": []}, {"apiKeyAsBearer": []}]


async def requires_upload_key(connection: Connection, handler: BaseRouteHandler) -> None:
    """A guard, before the body is read. Raises KeyRefused, and Forbidden for a key of another scope."""
    scheme, _, token = header(connection.scope, b"authorization").partition(" ")
    text = header(connection.scope, b"x-api-key") or (token.strip() if scheme.lower() == "bearer" else "")
    key = await services(connection).auth.find_key(text)
    key.require(SCOPE)
    connection.scope.setdefault("state", {})["upload_key"] = key


def _key(request: AnyRequest) -> ApiKey:
    found: ApiKey = request.scope["state"]["upload_key"]
    return found


class UploadTerms(msgspec.Struct, rename="camel"):
    """How uploads are to come in, as Sentry's tools understand it."""

    url: str
    max_file_size: int
    chunk_size: int = CHUNK_BYTES
    chunks_per_request: int = CHUNKS_PER_REQUEST
    max_request_size: int = CHUNKS_PER_REQUEST * CHUNK_BYTES
    concurrency: int = 1
    hash_algorithm: str = "sha1"
    compression: tuple[str, ...] = ("gzip",)
    # Without the first, sentry-cli 2 takes an older way, of a request for each file.
    accept: tuple[str, ...] = ("release_files", "artifact_bundles", "artifact_bundles_v2")


class UploadState(msgspec.Struct, rename="camel"):
    """`not_found` while pieces are missing, `ok` once the upload is stored."""

    state: str
    missing_chunks: list[str]
    detail: str | None = None


@get(
    "/api/0/organizations/{org:str}/chunk-upload",
    guards=[requires_upload_key],
    security=_SECURITY,
    tags=["source-maps"],
)
async def read_terms(request: AnyRequest, org: FromPath[str]) -> UploadTerms:
    """How source maps are to be uploaded."""
    chunks = services(request).chunks
    return UploadTerms(f"/api/0/organizations/{org}/chunk-upload/", chunks.max_upload_bytes)


@post(
    "/api/0/organizations/{org:str}/chunk-upload",
    guards=[requires_upload_key],
    security=_SECURITY,
    tags=["source-maps"],
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
)
async def put_chunks(request: AnyRequest, org: FromPath[str]) -> None:
    """Keeps pieces of an upload: a form of files, `file` or `file_gzip`, each named by its SHA-1."""
    key = _key(request)
    chunks = services(request).chunks
    async with chunks.reading:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                form = await request.form()
        except TimeoutError:
            raise BadInput(f"the pieces did not arrive within {BODY_TIMEOUT_S:.0f} seconds") from None
        files = [(name, part) for name, part in form.multi_items() if isinstance(part, UploadFile)]
        if not files or len(files) > CHUNKS_PER_REQUEST:
            raise BadInput(f"send a form of 1 to {CHUNKS_PER_REQUEST} files")
        pieces = [(part.filename, await _content(name, part)) for name, part in files]
        await chunks.put(key.service, pieces)


@post(
    "/api/0/organizations/{org:str}/artifactbundle/assemble",
    guards=[requires_upload_key],
    security=_SECURITY,
    tags=["source-maps"],
    status_code=200,
)
async def assemble(request: AnyRequest, org: FromPath[str], data: JSONBody[Wanted]) -> UploadState:
    """Stores an upload whose pieces are there, or says which are missing."""
    key = _key(request)
    found = services(request)
    missing = await found.chunks.assemble(key.service, key.actor, data)
    found.source_maps.scripts.forget_service(key.service)
    return UploadState("not_found" if missing else "ok", missing)


async def _content(name: str, part: UploadFile) -> bytes:
    content = await part.read()
    if name == "file_gzip":
        return await asyncio.to_thread(inflate, content, "gzip", CHUNK_BYTES)
    if len(content) > CHUNK_BYTES:
        raise PayloadTooLarge(f"a piece is at most {CHUNK_BYTES} bytes")
    return content


class Release(msgspec.Struct, rename="camel"):
    """A release, as far as Sentry's tools want to know."""

    version: str
    date_created: str
    date_released: str | None = None
    new_groups: int = 0


class NewRelease(msgspec.Struct):
    version: str


@post(
    ["/api/0/projects/{org:str}/{project:str}/releases", "/api/0/organizations/{org:str}/releases"],
    guards=[requires_upload_key],
    security=_SECURITY,
    tags=["source-maps"],
)
async def announce_release(data: JSONBody[NewRelease]) -> Release:
    """Answers what bundler plugins expect. A release is known by its first report; nothing is stored here."""
    return Release(data.version, as_time(datetime.now(UTC)))


@put(
    [
        "/api/0/projects/{org:str}/{project:str}/releases/{version:str}",
        "/api/0/organizations/{org:str}/releases/{version:str}",
    ],
    guards=[requires_upload_key],
    security=_SECURITY,
    tags=["source-maps"],
)
async def finish_release(version: FromPath[str]) -> Release:
    """Answers what bundler plugins expect, and stores nothing."""
    now = as_time(datetime.now(UTC))
    return Release(version, now, now)


handlers: Final = [read_terms, put_chunks, assemble, announce_release, finish_release]
