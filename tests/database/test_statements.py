"""Every statement of sql/queries is prepared against the migrated schema: a type check for SQL."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest

from avalon import statements

_PLACEHOLDER = re.compile(r"%\((\w+)\)[sb]")
_HEADER = re.compile(r"((?:^--.*\n)*)", re.MULTILINE)

ALL = [(module, name) for module in statements.modules() for name in statements.load(module).texts]


def numbered(text: str) -> str:
    """The statement with $1, $2 … for its named placeholders, as PREPARE wants them."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return _PLACEHOLDER.sub(number, text).replace("%%", "%")


@pytest.mark.parametrize(("module", "name"), ALL, ids=[f"{module}.{name}" for module, name in ALL])
async def test_it_prepares(owner_of_session: psycopg.Connection[Any], module: str, name: str) -> None:
    text = statements.load(module).texts[name]
    owner_of_session.execute(f"PREPARE checked AS {numbered(text)}".encode())
    owner_of_session.execute("DEALLOCATE checked")


@pytest.mark.parametrize("module", statements.modules())
def test_each_says_what_it_does_and_what_it_takes(module: str) -> None:
    for name, text in statements.load(module).texts.items():
        header = _HEADER.match(text)
        assert header and header[1], f"{module}.{name} has no sentence over it"
        for parameter in _PLACEHOLDER.findall(text):
            assert re.search(rf"\b{parameter}\b", header[1]), f"{module}.{name} does not explain {parameter}"


def test_a_wrong_statement_is_found(owner_of_session: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.UndefinedColumn):
        owner_of_session.execute(b"PREPARE wrong AS SELECT colour FROM log.event")


@pytest.fixture(scope="module")
def owner_of_session(cluster: str, template: str) -> Any:
    """One connection to the migrated template for all of these."""
    with psycopg.connect(cluster, dbname=template, autocommit=True) as connection:
        yield connection
