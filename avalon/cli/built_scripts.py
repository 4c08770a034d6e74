"""The scripts of a build with their source maps, as `avalon sourcemaps` finds them, and debug ids for them.

A *debug id* names one build of one script: it stands in the script and in its map, and the script tells it to
the SDK when it runs (TC39's proposal of Debug ID for source maps; `_sentryDebugIds` is where SDKs of Sentry
look). With one, neither a release nor an address has to be right.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote
from uuid import UUID

import msgspec

SUFFIXES: Final = (".js", ".mjs", ".cjs")
MAX_FILE_BYTES: Final = 64 * 1024 * 1024

_REFERENCE: Final = re.compile(r"^\s*//[#@]\s*sourceMappingURL=(\S+)\s*$", re.MULTILINE)
_DEBUG_ID: Final = re.compile(r"^\s*//#\s*debugId=([0-9a-fA-F-]{36})\s*$", re.MULTILINE)
_INLINE: Final = re.compile(r"data:application/json[^,]*?(;base64)?,(.*)", re.DOTALL)
# What must stay in front: an interpreter, and directives such as "use strict".
_HASHBANG: Final = re.compile(r"#![^\n]*\n")
# It must be the first that is no comment.
_DIRECTIVE: Final = re.compile(
    r"""(?>\s+|//[^\n]*\n|/\*.*?\*/)*+("use [\w ]{1,40}"|'use [\w ]{1,40}')\s*;""", re.DOTALL
)
_TELL: Final = (
    ';(function(){{try{{var g=typeof globalThis!=="undefined"?globalThis:typeof self!=="undefined"?self:'
    "window,s=new Error().stack;if(s)(g._sentryDebugIds=g._sentryDebugIds||{{}})[s]={id};}}catch(e){{}}}})();"
)


class BuiltScript(msgspec.Struct):
    """A script with its map, and why there is none where there is none."""

    path: Path
    name: str  # below what was given, with slashes
    text: str
    map_path: Path | None = None
    map: dict[str, Any] | None = None
    debug_id: UUID | None = None
    lacks: str = ""

    @property
    def reference(self) -> str:
        """The name of the map beside the script."""
        return f"{self.name.rpartition('/')[2]}.map"


def find_scripts(paths: Iterable[Path]) -> list[BuiltScript]:
    """Every script at or below these paths, each once, in the order of their names."""
    found = {path.resolve(): (path, name) for path, name in _walk(paths)}
    return [_read(path, name) for path, name in sorted(found.values(), key=lambda one: one[1])]


def _walk(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    for given in paths:
        if given.is_file():
            yield given, given.name
            continue
        for folder, folders, names in os.walk(given):
            folders[:] = sorted(name for name in folders if name not in ("node_modules", ".git"))
            for name in names:
                path = Path(folder) / name
                if path.suffix in SUFFIXES and path.is_file():
                    yield path, path.relative_to(given).as_posix()


def _read(path: Path, name: str) -> BuiltScript:
    if path.stat().st_size > MAX_FILE_BYTES:
        return BuiltScript(path, name, "", lacks="is larger than 64 MB")
    try:
        script = BuiltScript(path, name, path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return BuiltScript(path, name, "", lacks="is not UTF-8")
    script.debug_id = _last_id(script.text)
    references = _REFERENCE.findall(script.text)
    try:
        content = _map_of(script, references[-1] if references else "")
        if content is None:
            script.lacks = "has no source map"
            return script
        script.map = json.loads(content)
    except (ValueError, RecursionError, OSError) as error:
        script.lacks = f"has a source map that can't be read: {error}"
        return script
    if type(script.map) is not dict:
        script.map, script.lacks = None, "has a source map that is no object"
        return script
    script.debug_id = script.debug_id or _as_id(script.map.get("debug_id") or script.map.get("debugId"))
    _add_sources(script)
    return script


def _map_of(script: BuiltScript, reference: str) -> bytes | None:
    """The map's content: in the script itself, where the script says, or beside it."""
    if inline := _INLINE.fullmatch(reference):
        try:
            return base64.b64decode(inline[2]) if inline[1] else unquote(inline[2]).encode()
        except binascii.Error as error:
            raise ValueError(str(error)) from None
    named = [script.path.parent / unquote(reference)] if reference and "://" not in reference else []
    for path in (*named, script.path.with_name(f"{script.path.name}.map")):
        if path.is_file() and path.stat().st_size <= MAX_FILE_BYTES:
            script.map_path = path
            return path.read_bytes()
    return None


def _add_sources(script: BuiltScript) -> None:
    """Puts the sources into a map that only names them, so that their lines can be shown.

    Only files below the working directory: a map that somebody else has made may name any.
    """
    assert script.map is not None
    sources, contents = script.map.get("sources"), script.map.get("sourcesContent") or []
    if script.map_path is None or type(sources) is not list or type(contents) is not list:
        return
    root = script.map_path.parent / str(script.map.get("sourceRoot") or "")
    contents += [None] * (len(sources) - len(contents))
    for index, source in enumerate(sources):
        if contents[index] is None and type(source) is str:
            path = (root / source).resolve()
            if path.is_relative_to(Path.cwd()) and path.is_file() and path.stat().st_size <= MAX_FILE_BYTES:
                contents[index] = path.read_text(encoding="utf-8", errors="replace")
    script.map["sourcesContent"] = contents


def inject(script: BuiltScript) -> bool:
    """Writes a debug id into a script and its map, where they have none; says whether it did.

    The same build gets the same id. What the script says is one line more, which its map knows of.
    """
    if script.debug_id or script.map is None or script.map_path is None:
        return False
    digest = bytearray(sha256(script.text.encode() + script.map_path.read_bytes()).digest()[:16])
    # A UUIDv8 (RFC 9562 §5.8).
    digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80
    script.debug_id = UUID(bytes=bytes(digest))
    hashbang = _HASHBANG.match(script.text)
    head = hashbang[0] if hashbang else ""
    body = script.text[len(head) :]
    tell = _TELL.format(id=json.dumps(str(script.debug_id)))
    script.text = f"{head}{_directives(body)}{tell}\n{body.rstrip()}\n//# debugId={script.debug_id}\n"
    _shift(script.map, 1 if head else 0)
    script.map["debug_id"] = script.map["debugId"] = str(script.debug_id)
    script.path.write_text(script.text, encoding="utf-8")
    script.map_path.write_text(json.dumps(script.map, separators=(",", ":")), encoding="utf-8")
    return True


def _directives(body: str) -> str:
    said, at = [], 0
    while found := _DIRECTIVE.match(body, at):
        said.append(f"{found[1]};")
        at = found.end()
    return "".join(said)


def _shift(map_: dict[str, Any], line: int) -> None:
    """Tells the map of a line more, before the first one or the second."""
    if "sections" in map_:
        for section in map_["sections"]:
            section["offset"]["line"] += 1
    else:
        lines = str(map_.get("mappings") or "").split(";")
        map_["mappings"] = ";".join([*lines[:line], "", *lines[line:]])


def _last_id(text: str) -> UUID | None:
    found = _DEBUG_ID.findall(text)
    return _as_id(found[-1]) if found else None


def _as_id(text: Any) -> UUID | None:
    try:
        return UUID(text) if type(text) is str else None
    except ValueError:
        return None
