"""The OpenAPI document as one page for people: plain HTML, made here, with a style sheet of our own.

It works without the internet and under our Content-Security-Policy: no script, no style inside. Everything in
it is escaped, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import Any

Fields = dict[str, Any]


def render(document: Fields) -> str:
    """The page."""
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}: API</title>",
            '<link rel="stylesheet" href="/static/docs.css"></head><body>',
            f"<header><h1>{title}</h1><p>{_prose(info.get('description', ''))}</p>",
            '<p><a href="/api/openapi.json">openapi.json</a></p></header>',
            *_contents(document),
            *_operations(document),
            *_schemas(document["components"]["schemas"]),
            "</body></html>",
        ]
    )


def _by_tag(document: Fields) -> list[tuple[str, list[tuple[str, str, Fields]]]]:
    """The operations of each tag; HEAD goes without saying."""
    found = [
        (operation["tags"][0], path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "head"
    ]
    found.sort(key=lambda one: one[0])
    groups = groupby(found, key=lambda one: one[0])
    return [(tag, [(method, path, operation) for _, path, method, operation in of]) for tag, of in groups]


def _contents(document: Fields) -> Iterator[str]:
    yield "<nav><ul>"
    for tag, _ in _by_tag(document):
        yield f'<li><a href="#{escape(tag)}">{escape(tag)}</a></li>'
    yield '<li><a href="#schemas">schemas</a></li></ul></nav>'


def _operations(document: Fields) -> Iterator[str]:
    for tag, operations in _by_tag(document):
        yield f'<section id="{escape(tag)}"><h2>{escape(tag)}</h2>'
        for method, path, operation in operations:
            yield from _operation(method, path, operation)
        yield "</section>"


def _operation(method: str, path: str, operation: Fields) -> Iterator[str]:
    verb = f'<b class="{escape(method)}">{escape(method.upper())}</b>'
    yield f"<article><h3>{verb} <code>{escape(path)}</code></h3>"
    yield f"<p>{_prose(operation.get('description', ''))}</p>"
    needed = " or ".join(name for scheme in operation["security"] for name in scheme)
    yield f"<p>Needs: {escape(needed) or 'nothing'}</p>"
    if parameters := operation.get("parameters"):
        yield from _parameters(parameters)
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Body, <code>{escape(kind)}</code>: {_type(content.get('schema', {}))}</p>"
    for status, answer in operation["responses"].items():
        kinds = [_type(content.get("schema", {})) for content in answer.get("content", {}).values()]
        yield f"<p>Answer <code>{escape(status)}</code>: {' or '.join(kinds) or 'no body'}</p>"
    yield "</article>"


def _parameters(parameters: list[Fields]) -> Iterator[str]:
    yield "<table><thead><tr><th>parameter</th><th>in</th><th>type</th><th></th></tr></thead><tbody>"
    for one in parameters:
        name = escape(one["name"]) + (" *" if one.get("required") else "")
        said = _prose(one.get("description", ""))
        cells = [f"<code>{name}</code>", escape(one["in"]), _type(one["schema"]), said]
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    yield "</tbody></table>"


def _schemas(schemas: Fields) -> Iterator[str]:
    yield '<section id="schemas"><h2>schemas</h2>'
    for name, schema in sorted(schemas.items()):
        yield f'<article id="schema-{escape(name)}"><h3>{escape(name)}</h3>'
        yield f"<p>{_prose(schema.get('description', ''))}</p><table><tbody>"
        for field, of in schema.get("properties", {}).items():
            mark = " *" if field in schema.get("required", ()) else ""
            said = _prose(of.get("description", ""))
            yield f"<tr><td><code>{escape(field)}{mark}</code></td><td>{_type(of)}</td><td>{said}</td></tr>"
        yield "</tbody></table></article>"
    yield "</section>"


def _type(schema: Fields) -> str:
    """A schema in a few words, with links to those that it refers to."""
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return " or ".join(_type(one) for one in schema[word])
    if "enum" in schema:
        return escape(" | ".join(str(value) for value in schema["enum"]))
    if "const" in schema:
        return escape(str(schema["const"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    named = schema.get("type", "anything")
    plain = " or ".join(named) if isinstance(named, list) else named
    return escape(f"{plain} ({schema['format']})" if "format" in schema else plain)


def _prose(text: str) -> str:
    """Text with `code` in it."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
