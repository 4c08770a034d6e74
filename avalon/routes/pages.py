"""The dashboard's page and its files.

The page has real addresses, so that a reload works: each gives the same `index.html`. A name with dots in
front or `..`, another type, or a symbolic link on the way: not there. A file is read once, and again when it
has changed; browsers ask every time whether theirs is the latest (ETag, RFC 9110 §13.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.params import FromPath

from avalon.errors import NotFound
from avalon.statements import STATIC

PAGES: Final = (
    *("/", "/login", "/errors", "/errors/{id:str}", "/issues", "/issues/{id:str}", "/services"),
    *("/settings", "/settings/{page:str}"),
)
# Litestar adds the charset to texts.
CONTENT_TYPES: Final = {
    "css": "text/css",
    "html": "text/html",
    "ico": "image/x-icon",
    "js": "text/javascript",
    "json": "application/json",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
_NAME: Final = re.compile(r"(?:[a-zA-Z0-9_@][\w@.-]*/){0,4}[a-zA-Z0-9_@][\w@.-]*\.(\w+)", re.ASCII)

_OWN_PAGES: Final = {"cache-control": "no-cache"}
# A page that isolates itself takes a script only where it says that it may (HTML, COEP), and one with a
# checksum or `crossorigin` in its tag asks by CORS. An hour: what changes here changes little there.
_ANY_PAGE: Final = {
    "cache-control": "public, max-age=3600",
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
}

MAX_NAME: Final = 200
GET_OR_HEAD: Final = [HttpMethod.GET, HttpMethod.HEAD]


class File(msgspec.Struct, frozen=True):
    """A file as it was read, with what tells whether it is still the same."""

    body: bytes
    content_type: str
    etag: str
    stamp: tuple[int, int]


class Files:
    """The files under one folder, by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, File] = {}

    def find(self, name: str) -> File:
        """Raises NotFound for anything that is not a plain file of ours."""
        named = _NAME.fullmatch(name) if len(name) <= MAX_NAME else None
        content_type = CONTENT_TYPES.get(named[1]) if named else None
        path = self._folder / name
        if content_type is None or not _is_plain(self._folder, path):
            raise NotFound("there is no such file")
        stat = path.stat()
        stamp = (stat.st_mtime_ns, stat.st_size)
        known = self._known.get(name)
        if known is None or known.stamp != stamp:
            body = path.read_bytes()
            known = File(body, content_type, f'"{sha256(body).hexdigest()[:20]}"', stamp)
            self._known[name] = known
        return known


def _is_plain(folder: Path, path: Path) -> bool:
    """Whether this is a file that stands in the folder itself, and not behind a link."""
    way = [path, *path.relative_to(folder).parents][:-1]
    return path.is_file() and not any((folder / step).is_symlink() for step in way)


_files: Final = Files(STATIC)


def _answer(
    request: Request[Any, Any, Any], file: File, extra: Mapping[str, str] = _OWN_PAGES
) -> Response[bytes]:
    headers = {"etag": file.etag, **extra}
    asked = request.headers.get("if-none-match", "")
    if asked.strip() == "*" or file.etag in [tag.strip().removeprefix("W/") for tag in asked.split(",")]:
        return Response(b"", status_code=304, headers=headers, media_type=file.content_type)
    return Response(file.body, headers=headers, media_type=file.content_type)


@route(list(PAGES), http_method=GET_OR_HEAD, status_code=200, sync_to_thread=False)
def page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The dashboard."""
    return _answer(request, _files.find("index.html"))


@route("/static/{name:path}", http_method=GET_OR_HEAD, status_code=200, sync_to_thread=False)
def file(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """A file of the dashboard."""
    return _answer(request, _files.find(name.removeprefix("/")))


@route("/avalon.js", http_method=GET_OR_HEAD, status_code=200, sync_to_thread=False)
def reporter(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The script by which other pages report their errors."""
    return _answer(request, _files.find("avalon.js"), _ANY_PAGE)


handlers: Final = [page, file, reporter]
