"""`/api/openapi.json` and `/api/docs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import get
from litestar.routes import ASGIRoute, HTTPRoute, WebSocketRoute

from avalon.app import create_app
from avalon.routes.docs_page import render
from avalon.routes.openapi import build_document
from tests.conftest import Urls, settings_for
from tests.routes.reads_help import App


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return build_document(application(tmp_path_factory.mktemp("docs")))


def application(folder: Path) -> Any:
    """The whole application, put together but not started."""
    nowhere = Urls("postgresql://o@/x", "postgresql://s@/x", "postgresql://p@/x")
    return create_app(settings_for(nowhere, folder))._litestar


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def undocumented(app: Any, document: dict[str, Any]) -> list[str]:
    """Routes of the application that the document does not tell of."""
    missing = []
    for route in app.routes:
        path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path)
        known = set(document["paths"].get(path, {}))
        methods = {m.lower() for m in route.methods} - {"options"} if isinstance(route, HTTPRoute) else set()
        if not known or methods - known:
            missing.append(f"{path} {sorted(methods - known)}")
    return missing


def test_every_route_of_the_application_is_in_it(document: dict[str, Any], tmp_path: Path) -> None:
    app = application(tmp_path)
    kinds = {type(route) for route in app.routes}
    assert kinds >= {HTTPRoute, ASGIRoute, WebSocketRoute}
    assert undocumented(app, document) == []


def test_a_route_that_is_left_out_would_be_noticed(document: dict[str, Any]) -> None:
    @get("/api/forgotten", include_in_schema=False)
    async def forgotten() -> None: ...

    app = App(None, forgotten).litestar
    assert undocumented(app, build_document(app)) == ["/api/forgotten ['get']"]


def test_all_that_it_refers_to_is_there(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert "#/components/schemas/ReportBody" in found
    for reference in found:
        _, _, kind, name = reference.split("/")
        assert name in document["components"][kind], reference
    assert len(found) > 30


def test_every_operation_says_who_may_call_it_and_how_it_fails(document: dict[str, Any]) -> None:
    schemes = set(document["components"]["securitySchemes"])
    ids = []
    for path, item in document["paths"].items():
        for operation in item.values():
            ids.append(operation["operationId"])
            used = {name for one in operation["security"] for name in one}
            assert used <= schemes
            is_open = path in ("/api/auth/login", "/api/docs", "/api/openapi.json")
            assert bool(used) == (not is_open and path.startswith(("/api/", "/report", "/v1/", "/ws"))), path
            answer = operation["responses"]["default"]["content"]["application/json"]["schema"]
            is_otlp = path.startswith("/v1/")
            assert (answer == {"$ref": "#/components/schemas/Problem"}) != is_otlp
            assert operation["description"], path
            assert operation["tags"], path
    assert len(ids) == len(set(ids))


def test_structs_are_its_schemas(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {"ErrorItem", "ErrorDetail", "Stats", "ReportBody", "ReportedError", "Rejected"} <= set(schemas)
    assert schemas["ReportBody"]["required"] == ["error"]
    assert schemas["ReportedError"]["required"] == ["message"]
    take = document["paths"]["/api/errors"]["get"]["parameters"]
    (limit,) = [one for one in take if one["name"] == "limit"]
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"]) == (1, 200)


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture
def client() -> httpx.AsyncClient:
    return App(None).client(None)


async def test_the_page_needs_no_script_no_inline_style_and_no_internet(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(answer.text)
    assert {tag for tag, _ in page.tags} & {"script", "style", "iframe", "img"} == set()
    for tag, attributes in page.tags:
        assert not {name for name in attributes if name == "style" or name.startswith("on")}
        for name in ("href", "src"):
            assert "//" not in (attributes.get(name) or ""), tag
    (sheet,) = [a["href"] for tag, a in page.tags if tag == "link"]
    assert (await client.get(str(sheet))).headers["content-type"].startswith("text/css")


async def test_every_link_of_the_page_leads_somewhere(document: dict[str, Any]) -> None:
    page = Page(render(document))
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = {a["href"] for tag, a in page.tags if tag == "a"}
    assert {link.removeprefix("#") for link in links if link and link.startswith("#")} <= ids
    assert len(links) > 20


def test_what_stands_in_the_document_can_not_become_markup(document: dict[str, Any]) -> None:
    evil = "<script>alert(1)</script>\"'"
    schema = {"description": evil, "properties": {evil: {"type": evil, "enum": [evil]}}}
    operation = {
        "tags": [evil],
        "description": evil,
        "security": [{evil: []}],
        "parameters": [{"name": evil, "in": evil, "schema": {"$ref": evil}, "description": evil}],
        "requestBody": {"content": {evil: {"schema": {"const": evil}}}},
        "responses": {evil: {"content": {}}},
    }
    text = render(
        {
            "info": {"title": evil, "version": evil, "description": evil},
            "paths": {evil: {evil: operation}},
            "components": {"schemas": {evil: schema}},
        }
    )
    assert "<script" not in text
    assert {tag for tag, _ in Page(text).tags} & {"script"} == set()


async def test_the_document_is_json_and_open(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["openapi"].startswith("3.1")
    assert (await client.get("/api/docs")).status_code == 200
    for elsewhere in ("/schema", "/api/docs/openapi.json", "/api/docs/x", "/schema/openapi.json"):
        assert (await client.get(elsewhere)).status_code == 404
