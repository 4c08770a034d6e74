"""What a program put on the wire, read without our own code, and how a report must look beside it."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import brotli

FILTERED = "[Filtered]"
# A package among the modules, whose name looks like a secret's.
ALWAYS = {"pyjwt"}


class Sent(NamedTuple):
    """One request of an SDK: its headers, its items by type, and what it was answered."""

    headers: dict[str, str]
    items: list[tuple[str, Any]]
    status: int
    answer_headers: dict[str, str]

    def of(self, type: str) -> list[Any]:
        return [payload for item, payload in self.items if item == type]


def read_wire(folder: Path) -> list[Sent]:
    """All requests, in order."""
    lines = (folder / "wire.jsonl").read_text().splitlines()
    return [_read(json.loads(line)) for line in lines]


def _read(said: dict[str, Any]) -> Sent:
    encoding = said["headers"].get("Content-Encoding")
    decode = {"gzip": gzip.decompress, "br": brotli.decompress}[encoding]
    _, _, rest = decode(base64.b64decode(said["body"])).partition(b"\n")
    items = []
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        header = json.loads(line)
        length = header.get("length", rest.find(b"\n"))
        items.append((header["type"], json.loads(rest[:length])))
        rest = rest[length + 1 :]
    return Sent(said["headers"], items, said["status"], said["answer_headers"])


def assert_same(event: dict[str, Any], report: dict[str, Any]) -> set[str]:
    """What the API gives back is what was on the wire; the names of what was filtered here and not before."""
    get = event.get
    assert report["id"].replace("-", "") == event["event_id"]
    assert report["occurred_at"][:23] == event["timestamp"][:23]
    for name in ("level", "release", "environment", "server_name", "transaction", "platform"):
        assert (report[name] or "") == (get(name) or ""), name
    assert report["sdk"] == {name: event["sdk"][name] for name in ("name", "version")}
    same = _Same()
    chain, stored = _chain(event), report["exceptions"]
    if any(raw["mechanism"].get("is_exception_group") for raw in _raws(event)):
        # The order of a group's members is our own.
        chain, stored = (
            sorted(one, key=lambda each: (each["type"], each["value"])) for one in (chain, stored)
        )
    same.check(chain, stored, "exceptions")
    same.check(get("breadcrumbs", {}).get("values", []), report["breadcrumbs"], "breadcrumbs")
    same.check(_tags(event), report["tags"], "tags")
    same.check(_texts(get("user", {})), report["user"], "user")
    same.check(get("fingerprint", []), report["fingerprint"], "fingerprint")
    same.within(get("contexts", {}), report["contexts"], "contexts")
    same.within(get("extra", {}), report["metadata"], "metadata")
    same.within(get("modules", {}), report["metadata"].get("modules", {}), "modules")
    request = dict(get("request", {}))
    assert (report["method"] or "") == request.pop("method", "")
    assert request.get("url", "").endswith(report["path"] or "")
    same.check(_request(request), report["request"], "request")
    said = get("logentry", {}).get("formatted") or get("message")
    assert said is None or said in (report["message"], report["metadata"].get("logentry"))
    return same.missing


def _chain(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The exceptions as the SDK said them, or the stack of its thread, in our order and names."""
    threads = event.get("threads", {}).get("values", [])
    return [_exception(raw) for raw in _raws(event)[::-1] or threads]


def _raws(event: dict[str, Any]) -> list[dict[str, Any]]:
    return list(event.get("exception", {}).get("values", []))


def _exception(raw: dict[str, Any]) -> dict[str, Any]:
    frames = (raw.get("stacktrace") or {}).get("frames", [])
    known = {
        "type": raw.get("type"),
        "value": raw.get("value"),
        "module": raw.get("module"),
        "handled": raw.get("mechanism", {}).get("handled"),
        "frames": [_said(frame) for frame in frames],
    }
    return _said(known)


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def _tags(event: dict[str, Any]) -> dict[str, str]:
    tags = event.get("tags", {})
    return _texts({**tags, **{name: event[name] for name in ("logger", "dist") if event.get(name)}})


def _texts(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if type(value) is int else value for name, value in fields.items()}


def _request(fields: dict[str, Any]) -> dict[str, Any]:
    if query := fields.get("query_string"):
        fields = {**fields, "query_string": dict(part.split("=") for part in query.split("&"))}
    return _said(fields)


def _is_filtered(sent: Any, stored: Any) -> bool:
    """Whether a value is missing, or parts of a text are."""
    if stored == FILTERED:
        return True
    if type(sent) is not str or type(stored) is not str or FILTERED not in stored:
        return False
    return re.fullmatch(".+".join(map(re.escape, stored.split(FILTERED))), sent, re.DOTALL) is not None


class _Same:
    """Compares, and remembers the names whose values were filtered here and not by the SDK.

    Not those of variables: they are many, and of the framework.
    """

    def __init__(self) -> None:
        self.missing: set[str] = set()

    def within(self, sent: dict[str, Any], stored: dict[str, Any], place: str) -> None:
        assert sent.keys() <= stored.keys(), place
        for name, value in sent.items():
            self.check(value, stored[name], f"{place}.{name}")

    def check(self, sent: Any, stored: Any, place: str) -> None:
        if sent != stored and _is_filtered(sent, stored):
            if ".vars." not in place:
                self.missing.add(place.rpartition(".")[2].lower())
        elif isinstance(sent, dict) and isinstance(stored, dict):
            assert sent.keys() == stored.keys(), place
            self.within(sent, stored, place)
        elif isinstance(sent, list) and isinstance(stored, list):
            assert len(sent) == len(stored), place
            for index, (one, other) in enumerate(zip(sent, stored, strict=True)):
                self.check(one, other, f"{place}.{index}")
        else:
            assert sent == stored, place
