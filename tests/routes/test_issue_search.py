"""What a query finds of an issue beyond the language: its type, what its exception said, tags."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from avalon import deletions
from avalon.database import Database
from avalon.event_store import Stored
from avalon.protocols.avalon import decode_report
from avalon.protocols.submission import to_event
from avalon.subscriptions.compose import compose
from avalon.subscriptions.state import Single
from tests.database.test_issue_folds import replace
from tests.history import a_report, report
from tests.routes.reads_help import App

Owner = psycopg.AsyncConnection[Any]

STACK = """Traceback (most recent call last):
  File "/app/shop/web.py", line 38, in show
    order = load_order(row)
  File "/app/shop/orders.py", line 17, in load_order
    return parse(row)
  File "/app/shop/parsing.py", line 8, in parse
    return int(text)
shop.errors.QuantityError: invalid quantity of wheelbarrows

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/shop/web.py", line 40, in show
    raise ValueError("no such order") from error
ValueError: no such order
"""


@pytest.fixture
def client(database: Database) -> httpx.AsyncClient:
    return App(database).client()


async def from_text(database: Database, stack: str = STACK, **error: str) -> Stored:
    """A report as `/report` takes it: a message and a stack as text, which names the type."""
    body = {"error": {"message": "could not show the page", "stack": stack} | error}
    event = to_event(decode_report(json.dumps(body).encode()), "api", "system")
    (stored,) = await report(database, event)
    return stored


async def found(client: httpx.AsyncClient, q: str, path: str = "/api/issues") -> list[dict[str, Any]]:
    answer = await client.get(path, params={"q": q})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_an_issue_has_the_type_that_its_stack_as_text_says(
    client: httpx.AsyncClient, database: Database
) -> None:
    stored = await from_text(database)
    for path in ("/api/issues", "/api/errors"):
        (item,) = await found(client, "type:QuantityError", path)
        assert item["type"] == "QuantityError"
        assert await found(client, "type:ValueError", path) == []
    (item,) = await found(client, "")
    page = await client.get(f"/api/issues/{item['id']}.md")
    assert page.text.startswith("# `QuantityError: could not show the page`")
    assert (await client.get(f"/api/errors/{stored.id}")).json()["type"] == "QuantityError"
    row = (
        await database.fetch_dicts(
            "SELECT recorded_at FROM log.event WHERE position = %(p)s", {"p": stored.position}
        )
    )[0]
    single = Single(**row, position=stored.position, issue=UUID(item["id"]), queued=0)
    assert getattr(await compose(database, single, None), "type", None) == "QuantityError"


async def test_an_issue_is_found_by_what_its_exception_said(
    client: httpx.AsyncClient, database: Database, owner: Owner
) -> None:
    stored = await from_text(database)
    for q in ("wheelbarrows", '"invalid quantity"', "quantity error", "show the page"):
        assert len(await found(client, q)) == 1, q
    assert await found(client, "no such order") == []
    await deletions.delete_report(database, stored.id, "user:x")
    cursor = await owner.execute("SELECT count(*) FROM projection.issue_group WHERE value IS NOT NULL")
    assert await cursor.fetchone() == (0,)


async def test_without_its_own_column_what_the_exception_said_would_not_be_found(
    client: httpx.AsyncClient, database: Database, owner: Owner
) -> None:
    await replace(owner, "log.fold_issue", "title, value, culprit)", "title, culprit)")
    await from_text(database)
    assert await found(client, "wheelbarrows") == []


async def test_a_tag_whose_reports_are_all_gone_finds_nothing(
    client: httpx.AsyncClient, database: Database, owner: Owner
) -> None:
    await report(database, a_report(1, environment="prod", release="1.4.2", data={"tags": {"os": "linux"}}))
    queries = ("env:prod", "env:p*", "release:1.4.*", "tag.os:linux", "has:tag.os", "has:release")
    for q in queries:
        assert len(await found(client, q)) == 1, q
    await owner.execute("UPDATE projection.group_tag SET reports = 0")
    for q in queries:
        assert await found(client, q) == [], q
        assert len(await found(client, f"-{q}")) == 1, q
    (item,) = await found(client, "")
    assert item["environments"] == item["releases"] == []


# What is found in a single report, and what is not.
SAID = {
    **dict.fromkeys(
        (
            *("user", "getUserById", "get_user_by_id", '"get user by id"', "byId", "getuser", "USER"),
            *("gateway", "payment", '"payment gateway"', "paymentGateway", "gate", '"gate*"'),
            *(
                "api",
                "/api/orders",
                "orders/17",
                "17",
                "größe",
                "Größe",
                "http server",
                "HTTPServer",
                "server",
            ),
            *("could find", '"could not find"', '"Could Not"', "50%", "QuantityError", "quantity", "barrows"),
            *("shop.parsing", "parse_quantity", "-teapot"),
        ),
        True,
    ),
    **dict.fromkeys(
        (
            *(
                '"gate"',
                '"find could"',
                "erver",
                '"use"',
                '"user get"',
                "teapot",
                "-user",
                '"gate way"',
                "paymentgateway",
                "0%",
            ),
            *("function", "filename", "lineno"),
        ),
        False,
    ),
}


async def test_single_reports_are_found_by_the_parts_of_what_they_say(
    client: httpx.AsyncClient, database: Database
) -> None:
    data = {
        "stack": "Error\n    at getUserById (app.js:1:2)\n    at payment_gateway.retry (b.js:3)\n",
        "exceptions": [
            {
                "type": "QuantityError",
                "value": "too many barrows",
                "frames": [{"function": "parse_quantity", "filename": "shop/parsing.py", "lineno": 8}],
            }
        ],
    }
    message = "HTTPServer could not find /api/orders/17 of größe, 50% done"
    await report(database, a_report(1, message=message, data=data))
    for q, is_found in SAID.items():
        assert len(await found(client, q, "/api/errors")) == is_found, q
