"""One event as other trackers' APIs give it out, turned back into the event that an SDK had sent.

Sentry and GlitchTip answer with `entries` and names in camel case (`eventID`, `absPath`, `inApp`), Bugsink
with the event itself under `data`, and Sentry's `/json/` with the event and what its server added. An event's
own fingerprint is only in the latter two. What only the other tracker's server or page uses is left out.
"""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID

import msgspec

from avalon.errors import BadInput
from avalon.protocols.sentry.event import decode_event
from avalon.protocols.sentry.values import (
    Object,
    as_object,
    as_text,
    collect,
    entries_of,
    objects_of,
    pairs_of,
)
from avalon.protocols.submission import Submission, Terms, read_id
from avalon.reports.untrusted import kind_of, parse_json

_MAX_DEPTH: Final = 120
# Sentry's API, of frames, threads and exceptions; the names that SDKs use.
_RENAMED: Final = {
    **{"absPath": "abs_path", "lineNo": "lineno", "colNo": "colno", "inApp": "in_app"},
    **{"rawFunction": "raw_function", "instructionAddr": "instruction_addr", "threadId": "thread_id"},
    **{"rawStacktrace": "raw_stacktrace"},
}
# These tags are fields of the event.
_TAGS_OF_FIELDS: Final = ("level", "environment", "release", "dist", "server_name", "transaction", "logger")
# Tags that Sentry's server makes of the user, the request and the mechanism, which the event has anyway.
_MADE_TAGS: Final = frozenset(("user", "url", "handled", "mechanism"))
_OF_THE_SERVER: Final = (
    *("hashes", "grouping_config", "metadata", "title", "location", "errors", "nodestore_insert", "_ref"),
    *("_ref_version", "ingest_path", "scraping_attempts", "symbolicated_in_app", "datetime"),
)


class NoError(Exception):
    """The event is of another kind: a transaction."""


class Exported(msgspec.Struct):
    """An event of an export, and the id that it has wherever it is kept; None where it says none."""

    event: Object
    id: UUID | None

    def decode(self, id: UUID, terms: Terms) -> Submission:
        """The report, under this id. Raises BadInput."""
        event = self.event | {"event_id": id.hex}
        try:
            body = msgspec.json.encode(event)
        except (OverflowError, UnicodeEncodeError):
            # Numbers beyond 64 bits and lone surrogates, which our reader takes.
            body = json.dumps(event).encode()
        return decode_event(body, terms)


def read_exported(body: bytes) -> Exported:
    """The event that a JSON text of an export holds. Raises BadInput, and NoError for a transaction."""
    value = parse_json(body, _MAX_DEPTH)
    if type(value) is not dict:
        raise BadInput(f"expected an event as a JSON object, got {kind_of(value)}")
    if value.get("type") == "transaction" or value.get("event.type") == "transaction":
        raise NoError
    event = _event_of(value)
    if event.get("type") == "transaction":
        raise NoError
    return Exported(event, read_id(as_text(event.get("event_id"))))


def _event_of(value: Object) -> Object:
    if "entries" in value:
        return _of_api(value)
    if "digest_order" in value or "digested_at" in value:
        return _of_bugsink(value)
    if "eventID" in value:
        raise BadInput("only an outline of an event, without its entries: export with ?full=1")
    return _of_server(value)


def _of_bugsink(value: Object) -> Object:
    data = value.get("data")
    if type(data) is str:
        data = parse_json(data.encode("utf-8", "replace"), _MAX_DEPTH)
    if type(data) is not dict:
        raise BadInput("only an outline of an event, without its data: export /api/canonical/0/events/<id>/")
    outer = {"event_id": value.get("event_id"), "timestamp": value.get("timestamp")}
    return {**outer, **_of_server(data)}


def _of_server(value: Object) -> Object:
    event = {name: part for name, part in value.items() if name not in _OF_THE_SERVER}
    if event.get("timestamp") is None:
        event["timestamp"] = value.get("datetime") or value.get("received")
    if event.get("transaction"):
        event.pop("culprit", None)
    return event


def _of_api(value: Object) -> Object:
    get = value.get
    tags = collect((name, tag) for name, tag in pairs_of(get("tags")) if tag is not None)
    release = as_object(get("release")).get("version") or get("release")
    event = {
        "event_id": get("eventID") or get("event_id") or get("id"),
        "timestamp": get("dateCreated") or get("dateReceived"),
        **{name: tags.pop(name, None) for name in _TAGS_OF_FIELDS},
        "tags": {name: tag for name, tag in tags.items() if name not in _MADE_TAGS},
        "extra": get("context"),
        "modules": get("packages"),
        **{name: get(name) for name in ("platform", "user", "contexts", "sdk")},
    }
    if type(release) is str:
        event["release"] = release
    event["dist"] = get("dist") or event["dist"]
    event["transaction"] = event["transaction"] or get("culprit")
    for entry in objects_of(get("entries")):
        _add_entry(event, as_text(entry.get("type")), entry.get("data"))
    if not any(name in event for name in ("logentry", "exception", "csp")) and get("message"):
        event["logentry"] = {"formatted": get("message")}
    return {name: part for name, part in event.items() if part is not None}


def _add_entry(event: Object, type_: str, data: Any) -> None:
    if type_ == "message":
        event["logentry"] = data
    elif type_ == "request":
        event["request"] = _request(as_object(data))
    elif type_ == "exception":
        event["exception"] = {"values": [_with_stack(one) for one in objects_of(data)]}
    elif type_ == "threads":
        event["threads"] = {"values": [_with_stack(one) for one in objects_of(data)]}
    elif type_ == "stacktrace":
        event["stacktrace"] = _stack(data)
    elif type_ == "template":
        event["template"] = _frame(as_object(data))
    elif type_ == "breadcrumbs":
        event["breadcrumbs"] = {"values": [_crumb(crumb) for crumb in entries_of(data)]}
    elif type_ not in ("spans", "debugmeta", "event_id", ""):
        event[type_] = data


def _request(data: Object) -> Object:
    request = {name: part for name, part in data.items() if name not in ("inferredContentType", "query")}
    return {"query_string": data.get("query"), **request}


def _crumb(crumb: Any) -> Any:
    return {n: part for n, part in crumb.items() if n != "event_id"} if type(crumb) is dict else crumb


def _with_stack(value: Object) -> Object:
    renamed = _rename(value)
    for name in ("stacktrace", "raw_stacktrace"):
        if type(renamed.get(name)) is dict:
            renamed[name] = _stack(renamed[name])
    return renamed


def _stack(value: Any) -> Object:
    return {"frames": [_frame(frame) for frame in objects_of(as_object(value).get("frames"))]}


def _frame(frame: Object) -> Object:
    renamed = _rename(frame)
    lines = renamed.pop("context", None)
    number = renamed.get("lineno")
    if type(lines) is list:
        pairs = [line for line in lines if type(line) is list and len(line) == 2 and type(line[0]) is int]
        renamed["pre_context"] = [text for at, text in pairs if type(number) is int and at < number]
        renamed["post_context"] = [text for at, text in pairs if type(number) is int and at > number]
        renamed["context_line"] = next((text for at, text in pairs if at == number), None)
    return renamed


def _rename(value: Object) -> Object:
    return {_RENAMED.get(name, name): part for name, part in value.items() if part is not None}
