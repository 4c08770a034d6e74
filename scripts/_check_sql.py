"""Lints sql/: Postgres's own parser reads every file, keywords stand in capitals, parameters are described.

Whether names and types exist is not looked at here: a test prepares every statement on a migrated database.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pglast
from pglast.parser import ParseError, parse_plpgsql_json, scan

SQL = Path(__file__).parent.parent / "sql"

# Verbs that the grammar does not reserve. Other unreserved words (name, type, position) serve us as names.
VERBS = {"INSERT", "UPDATE", "DELETE", "BEGIN", "SET", "VALUES", "BY", "OVER", "PARTITION", "EXISTS"}
# Reserved, but values and calls, which we write small.
SMALL = {"true", "false"}
MAX_WIDTH = 140

PARAMETER = re.compile(r"%\((\w+)\)s")
STATEMENT = re.compile(r"^-- name: *(\w*)(.*)$", re.MULTILINE)


def main() -> int:
    problems = [f"{path.relative_to(SQL.parent)}{problem}" for path in files() for problem in check(path)]
    print(*problems, sep="\n")
    return 1 if problems else 0


def files() -> list[Path]:
    return sorted(SQL.rglob("*.sql"))


def check(path: Path) -> Iterator[str]:
    text = path.read_text()
    yield from check_lines(text)
    if path.parent.name == "queries":
        yield from check_statements(text)
        text = as_plain_sql(text)
    text = re.sub(r':"(\w+)"', r'"\1"', text)  # psql's variables
    yield from check_syntax(text)


def check_lines(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if "\t" in line or line != line.rstrip():
            yield f":{number}: a tab, or blanks at the end of the line"
        if len(line) > MAX_WIDTH:
            yield f":{number}: {len(line)} characters, at most {MAX_WIDTH} fit"


def check_statements(text: str) -> Iterator[str]:
    """Each statement opens with its name, one sentence, and its parameters with their types."""
    parts = STATEMENT.split(text)
    if not parts[1:]:
        yield ": no `-- name:` in it"
    for name, rest, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        head = re.match(r"\n((?:--.*\n)*)", body)
        said = head[1].splitlines() if head else []
        if not name or rest or not said or not re.match(r"-- [A-Z`].*", said[0]):
            yield f": {name or '?'}: wants `-- name: a_name` and under it what it does, as a sentence"
        for parameter in sorted(set(PARAMETER.findall(body))):
            if not re.search(rf"\b{parameter}\b", " ".join(said[1:])):
                yield f": {name}: the parameter `{parameter}` is not described (`-- {parameter}: type`)"


def as_plain_sql(text: str) -> str:
    """psycopg's placeholders as Postgres's, and a `;` between the statements; no line moves."""
    numbers: dict[str, int] = {}
    text = PARAMETER.sub(lambda found: f"${numbers.setdefault(found[1], len(numbers) + 1)}", text)
    return re.sub(r"\n(?=-- name:)", "\n;", text.replace("%%", "%")).replace(";-- name:", ";--")


def check_syntax(text: str) -> Iterator[str]:
    try:
        statements = pglast.parse_sql(text)
        yield from check_keywords(text, 0)
        for statement in statements:
            if type(statement.stmt).__name__ == "CreateFunctionStmt":
                yield from check_function(text, statement)
    except ParseError as error:
        place = re.search(r", at index (\d+)$", str(error))
        yield f":{line_of(text, int(place[1]) if place else 0)}: {error}"


def check_function(text: str, statement: pglast.ast.RawStmt) -> Iterator[str]:
    offset = statement.stmt_location
    source = text[offset : offset + statement.stmt_len if statement.stmt_len else None]
    if re.search(r"LANGUAGE\s+plpgsql", source):
        try:
            parse_plpgsql_json(source)
        except ParseError as error:
            yield f":{line_of(text, offset)}: in the function that starts here: {error}"
    for body in re.finditer(r"(\$\w*\$)(.*)\1", source, re.DOTALL):
        yield from check_keywords(text, offset + body.start(2), offset + body.end(2))


def check_keywords(text: str, start: int, end: int | None = None) -> Iterator[str]:
    part = text[start:end]
    for token in scan(part):
        word = part[token.start : token.end + 1]
        keyword = token.kind == "RESERVED_KEYWORD" or word.upper() in VERBS
        if keyword and word != word.upper() and word.isalpha() and word not in SMALL:
            yield f":{line_of(text, start + token.start)}: keyword `{word}` wants capitals"


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


if __name__ == "__main__":
    sys.exit(main())
