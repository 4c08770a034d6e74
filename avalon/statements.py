"""Loads `sql/queries/*.sql`, where every statement stands under its name.

A statement opens with `-- name: find_key`, then says in one sentence what it does, then lists its parameters.
`load("auth")` gives an object whose attributes are the statements of that file.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import LiteralString

_HERE = Path(__file__).parent
SQL = _HERE / "sql" if (_HERE / "sql").is_dir() else _HERE.parent / "sql"
STATIC = _HERE / "static" if (_HERE / "static").is_dir() else _HERE.parent / "static"

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


class Statements:
    """The statements of one file, as attributes."""

    def __init__(self, module: str) -> None:
        self.module = module
        path = SQL / "queries" / f"{module}.sql"
        self.texts = split(path.read_text())

    def __getattr__(self, name: str) -> LiteralString:
        try:
            return self.texts[name]
        except KeyError:
            raise AttributeError(f"no statement {name} in sql/queries/{self.module}.sql") from None


def split(text: LiteralString) -> dict[str, LiteralString]:
    """The statements of a file's text by their names."""
    parts = _NAME.split(text)
    return {name: body.strip().rstrip(";") for name, body in zip(parts[1::2], parts[2::2], strict=True)}


@cache
def load(module: str) -> Statements:
    """The statements of `sql/queries/<module>.sql`."""
    return Statements(module)


def modules() -> list[str]:
    """The names of all files of statements, for the test that prepares every one."""
    return sorted(path.stem for path in (SQL / "queries").glob("*.sql"))
