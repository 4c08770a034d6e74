"""Sends an upload in pieces: those that the service has not yet (`avalon.routes.source_map_uploads`)."""

from __future__ import annotations

import gzip
import time
from hashlib import sha1
from typing import Any, Final

import httpx
import msgspec

from avalon.cli.client import RETRIED, TRIES, Refused, Target, reason_of, retry_after_s
from avalon.cli.console import QUIET_S, say
from avalon.errors import Unavailable

PATH: Final = "/api/0/organizations/avalon"
# To put a large upload together takes the service a while.
TIMEOUT_S: Final = 120.0
MAX_PAUSE_S: Final = 3.0


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
    with httpx.Client(base_url=target.url, timeout=TIMEOUT_S, headers=headers) as client:
        terms = _decode(_ask(client, "GET", f"{PATH}/chunk-upload/"), _Terms)
        if len(content) > terms.max_file_size:
            raise Refused(
                f"the upload is larger than {terms.max_file_size:,} bytes: give fewer files at once"
            )
        size = terms.chunk_size
        starts = range(0, len(content), size)
        pieces = {
            sha1(p, usedforsecurity=False).hexdigest(): p for p in (content[at : at + size] for at in starts)
        }
        names = [sha1(content[at : at + size], usedforsecurity=False).hexdigest() for at in starts]
        wanted = {
            "checksum": sha1(content, usedforsecurity=False).hexdigest(),
            "chunks": names,
            "projects": ["avalon"],
            "version": release,
            "dist": dist,
        }
        missing = _assemble(client, wanted)
        begun = time.monotonic()
        for at in range(0, len(missing), terms.chunks_per_request):
            some = missing[at : at + terms.chunks_per_request]
            files = [("file_gzip", (name, gzip.compress(pieces[name]))) for name in some]
            _ask(client, "POST", f"{PATH}/chunk-upload/", files=files)
            if time.monotonic() - begun > QUIET_S:
                say(f"{at + len(some)} of {len(missing)} pieces sent")
        if missing and _assemble(client, wanted):
            raise Unavailable("the service has lost pieces of the upload; try again")


def _assemble(client: httpx.Client, wanted: dict[str, Any]) -> list[str]:
    answer = _ask(client, "POST", f"{PATH}/artifactbundle/assemble/", json=wanted)
    missing: list[str] = _decode(answer, _State).missing_chunks
    return missing


def _ask(client: httpx.Client, method: str, path: str, **body: Any) -> httpx.Response:
    """The answer; tried three times where that may help."""
    reason = ""
    for remaining in reversed(range(TRIES)):
        pause_s = 1.0
        try:
            answer = client.request(method, path, **body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
        else:
            if answer.status_code < 300:
                return answer
            reason = reason_of(answer.status_code, answer.content)
            if answer.status_code not in RETRIED:
                raise Refused(f"{client.base_url} says: {reason}")
            pause_s = retry_after_s(answer.headers.get("Retry-After", ""))
        if remaining:
            time.sleep(min(pause_s, MAX_PAUSE_S))
    raise Unavailable(f"{client.base_url} (AVALON_URL or --url) can't be reached or took nothing: {reason}")


def _decode(answer: httpx.Response, type_: Any) -> Any:
    try:
        return msgspec.json.decode(answer.content, type=type_)
    except msgspec.MsgspecError:
        raise Refused("whatever answers there is not Avalon; look at the address") from None
