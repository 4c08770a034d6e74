"""Errors as answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import httpx
import msgspec
import psycopg
import pytest
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from avalon import errors
from avalon.routes.problems import as_avalon_error
from tests.routes.reads_help import App

Kind = Literal["flat", "round"]


class Part(msgspec.Struct, forbid_unknown_fields=True):
    kind: Kind


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """What `/api/body` takes."""

    name: str
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    inner: dict[str, list[int]] = {}
    kind: Kind | None = None
    parts: list[Part] = []


@post("/api/body")
async def take_body(data: JSONBody[Body]) -> Body:
    return data


@get("/api/query")
async def take_query(count: Annotated[int, QueryParameter(ge=1)]) -> int:
    return count


@get("/api/fail/{name:str}")
async def fail(name: FromPath[str]) -> None:
    raise FAILURES[name]


FAILURES: dict[str, Exception] = {
    "unique": psycopg.errors.UniqueViolation("duplicate key value: hunter2"),
    "data": psycopg.errors.NumericValueOutOfRange("hunter2"),
    "syntax": psycopg.errors.SyntaxError("hunter2"),
    "rate": errors.TooManyRequests(retry_after_s=61.2),
    "away": errors.Unavailable(),
    "schema": errors.SchemaError("hunter2"),
    "conflict": errors.Conflict("somebody was faster"),
    "recursion": RecursionError("hunter2"),
    "validation": msgspec.ValidationError("Expected `int`, got `str` - at `$.count`"),
}


@pytest.fixture
def client() -> httpx.AsyncClient:
    return App(None, take_body, take_query, fail).client()


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    assert set(body) == {"status", "code", "message"}
    assert body["status"] == "error"
    assert answer.headers["content-type"].startswith("application/json")
    return answer.status_code, body["code"], body["message"]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("unique", 500, "internal_error"),
        ("data", 400, "bad_input"),
        ("syntax", 500, "internal_error"),
        ("rate", 429, "rate_limited"),
        ("away", 503, "unavailable"),
        ("schema", 500, "internal_error"),
        ("conflict", 409, "conflict"),
        ("recursion", 500, "internal_error"),
        ("validation", 400, "bad_input"),
    ],
)
async def test_an_exception_has_its_status_and_never_its_words(
    client: httpx.AsyncClient, name: str, status: int, code: str
) -> None:
    answer = await client.get(f"/api/fail/{name}")
    assert problem(answer)[:2] == (status, code)
    assert "hunter2" not in answer.text


async def test_it_says_when_to_try_again(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/fail/rate")).headers["retry-after"] == "62"
    assert (await client.get("/api/fail/away")).headers["retry-after"] == "1"


async def test_an_unknown_address(client: httpx.AsyncClient) -> None:
    assert problem(await client.get("/api/nothing"))[:2] == (404, "not_found")


async def test_another_method(client: httpx.AsyncClient) -> None:
    answer = await client.put("/api/body", json={})
    assert problem(answer)[:2] == (405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"name": 1}', "name"),
        (b'{"name": "x", "count": 0}', "count"),
        (b'{"name": "x", "inner": {"a": ["b"]}}', "inner"),
        (b'{"name": "x", "other": 1}', "other: no such field; there are: name, count, inner, kind, parts"),
        (b'{"name": "x", "parts": [{"color": 1}]}', "parts[0].color: no such field; there are: kind"),
        (b'{"name": "x", "parts": [{"kind": "round"}, {"kind": "x"}]}', "parts[1].kind: one of flat, round"),
        (b'{"name": "x", "parts": [{}]}', "parts[0].kind: required"),
        (b'{"name": "x", "kind": "deep"}', "kind: one of flat, round"),
        (b'{"name": "x", "kind": ["flat"]}', "kind: Expected"),
        (b"{}", "name: required"),
        (b"[]", "body"),
        (b"", "body"),
        (b"{", "body"),
        (b"\xff\xfe", "body"),
        (b'{"name": "\xed\xa0\x80"}', "body"),
        (b'{"name": "\\ud800"}', "surrogate"),
        (b'{"name": 1, "inner": {"a": [1]}}', "name"),
        (b'{"name": "x", "inner": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body"),
        (b'{"name": "x", "count": 1e400}', "body"),
        (b'{"name": "x", "count": NaN}', "body"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_bad_body_is_the_clients_fault(client: httpx.AsyncClient, body: bytes, said: str) -> None:
    answer = await client.post("/api/body", content=body, headers={"Content-Type": "application/json"})
    status, code, message = problem(answer)
    assert (status, code) == (400, "bad_input")
    assert said in message
    assert "/api/body" not in message


@pytest.mark.parametrize("query", ["", "count=x", "count=0", "count=1&count=0", "count=%00"])
async def test_a_bad_query_names_its_field(client: httpx.AsyncClient, query: str) -> None:
    status, _, message = problem(await client.get(f"/api/query?{query}"))
    assert status == 400
    assert message.startswith("count: ")


def test_every_error_of_the_tree_has_an_answer() -> None:
    def tree(kind: type[errors.AvalonError]) -> list[type[errors.AvalonError]]:
        return [kind, *(k for sub in kind.__subclasses__() for k in tree(sub))]

    for kind in tree(errors.AvalonError):
        if kind.__module__ == "avalon.errors" and not kind.__name__.startswith("_"):
            known: Any = as_avalon_error(kind())
            assert known.status == kind.status
            assert known.code == ("internal_error" if kind.status == 500 else kind.code)
