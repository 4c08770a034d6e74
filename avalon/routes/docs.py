"""What the API is, for programs and for people: `/api/openapi.json` and `/api/docs`."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Litestar, Request, Response, get

from avalon.routes.docs_page import render
from avalon.routes.openapi import build_document, openapi_config

__all__ = ["handlers", "openapi_config"]


@get("/api/openapi.json", sync_to_thread=False)
def read_document(request: Request[Any, Any, Any]) -> Response[bytes]:
    """This document."""
    return Response(_document(request.app)[0], media_type="application/json")


@get("/api/docs", sync_to_thread=False)
def read_page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """This document as a page."""
    return Response(_document(request.app)[1], media_type="text/html")


def _document(app: Litestar) -> tuple[bytes, bytes]:
    """The document and its page, made once."""
    if "document" not in app.state:
        document = build_document(app)
        app.state["document"] = msgspec.json.encode(document), render(document).encode()
    made: tuple[bytes, bytes] = app.state["document"]
    return made


handlers: Final = [read_document, read_page]
