"""Sends an upload in pieces: those that the service has not yet (`avalon.routes.source_map_uploads`)."""

from __future__ import annotations

import gzip
import time
from hashlib import sha1
from typing import Any, Final

import httpx
import msgspec

from avalon.cli.client import Refused, Target, ask
from avalon.cli.console import QUIET_S, say
from avalon.errors import Unavailable

PATH: Final = "/api/0/organizations/avalon"
# To put a large upload together takes the service a while.
TIMEOUT_S: Final = 120.0


class _Terms(msgspec.Struct, rename="camel"):
    chunk_size: int
    chunks_per_request: int
    max_file_size: int


class _State(msgspec.Struct, rename="camel"):
    state: str
    missing_chunks: list[str] = []


def upload(target: Target, content: bytes, *, release: str | None, dist: str | None) -> None:
    """Returns once it is stored; raises Refused or Unavailable."""
    headers = {"Authorization": f"Bearer {target.key}", "User-Agent": "avalon-cli"}
    with httpx.Client(timeout=TIMEOUT_S, headers=headers) as client:
        terms = _decode(ask(client, target, "GET", f"{PATH}/chunk-upload/"), _Terms)
        if len(content) > terms.max_file_size:
            raise Refused(
                f"the upload is larger than {terms.max_file_size:,} bytes: give fewer files at once"
            )
        size = terms.chunk_size
        parts = [content[at : at + size] for at in range(0, len(content), size)]
        names = [_sha1(part) for part in parts]
        pieces = dict(zip(names, parts, strict=True))
        wanted = {
            "checksum": _sha1(content),
            "chunks": names,
            "projects": ["avalon"],
            "version": release,
            "dist": dist,
        }
        missing = _assemble(client, target, wanted)
        begun = time.monotonic()
        for at in range(0, len(missing), terms.chunks_per_request):
            some = missing[at : at + terms.chunks_per_request]
            files = [("file_gzip", (name, gzip.compress(pieces[name]))) for name in some]
            ask(client, target, "POST", f"{PATH}/chunk-upload/", files=files)
            if time.monotonic() - begun > QUIET_S:
                say(f"{at + len(some)} of {len(missing)} pieces sent")
        if missing and _assemble(client, target, wanted):
            raise Unavailable("the service has lost pieces of the upload; try again")


def _assemble(client: httpx.Client, target: Target, wanted: dict[str, Any]) -> list[str]:
    answer = ask(client, target, "POST", f"{PATH}/artifactbundle/assemble/", json=wanted)
    missing: list[str] = _decode(answer, _State).missing_chunks
    return missing


def _sha1(content: bytes) -> str:
    return sha1(content, usedforsecurity=False).hexdigest()


def _decode(answer: httpx.Response, type_: Any) -> Any:
    try:
        return msgspec.json.decode(answer.content, type=type_)
    except msgspec.MsgspecError:
        raise Refused("whatever answers there is not Avalon; look at the address") from None
