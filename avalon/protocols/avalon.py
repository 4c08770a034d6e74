"""Avalon's own protocol: the bodies of `/report` and `/report/batch`.

What is missing or null is left out. A known field of another type is BadInput that names it, but for numbers
and booleans where a text is wanted: they are taken as text. Unknown fields, of the report and of its `error`,
are kept in `metadata` under their names. A time that can't be right is kept there, and the log's is used.
"""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

import msgspec

from avalon.errors import BadInput, PayloadTooLarge
from avalon.protocols.submission import (
    NO_MESSAGE,
    NO_TERMS,
    Submission,
    Terms,
    free_name,
    read_id,
    read_level,
    read_time,
    submit,
)
from avalon.reports import ExceptionInfo, Report
from avalon.reports.untrusted import kind_of, parse_json, split_array

MAX_REPORT_BYTES: Final = 1024 * 1024
MAX_BATCH_BYTES: Final = 5 * 1024 * 1024
MAX_BATCH: Final = 1000
_NDJSON: Final = frozenset(
    ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
)

_USER_FIELDS: Final = ("id", "username", "email", "ip_address")

_decode_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


def decode_report(body: bytes, terms: Terms = NO_TERMS) -> Submission:
    """The report of a `/report` body, cleaned and grouped.

    Raises BadInput with the field's name.
    """
    if len(body) > MAX_REPORT_BYTES:
        raise PayloadTooLarge(f"the report is larger than {MAX_REPORT_BYTES} bytes")
    fields = parse_json(body)
    if type(fields) is not dict:
        raise BadInput(f"expected a report as a JSON object, got {kind_of(fields)}")
    return _translate(fields, body, terms)


def _translate(fields: dict[str, Any], source: bytes, terms: Terms) -> Submission:
    """Takes the known fields out of `fields`; what is left over is unknown."""
    take = fields.pop
    error = _object(take("error", None), "error")
    message = _required(error.pop("message", None), "error.message")
    metadata = _object(take("metadata", None), "metadata")
    tags = _tags(take("tags", None))
    level = _level(_text(take("level", None), "level"), tags)
    id = _id(take("id", None))
    environment = _text(take("environment", None), "environment")
    release = _text(take("release", None), "release")
    user = _user(take("user", None))
    fingerprint = _texts(take("fingerprint", None), "fingerprint")
    timestamp = take("timestamp", None)
    occurred_at = None if timestamp is None else _time(timestamp, metadata)
    report = _report(message, error, metadata=metadata, tags=tags, user=user, fingerprint=fingerprint)
    if error:
        _keep(error, metadata)
    if fields:
        _keep(fields, metadata)
    return submit(
        report,
        source,
        level=level,
        id=id,
        environment=environment,
        release=release,
        occurred_at=occurred_at,
        terms=terms,
    )


def _report(message: str, error: dict[str, Any], **fields: Any) -> Report:
    """The report, with the known fields taken out of `error`."""
    take = error.pop
    type_ = _text(take("type", None), "error.type")
    return Report(
        message=message,
        exceptions=[ExceptionInfo(type=type_, value=message)] if type_ else [],
        stack=_text(take("stack", None), "error.stack"),
        path=_text(take("path", None), "error.path"),
        method=_text(take("method", None), "error.method"),
        **fields,
    )


def _wrong(value: object, expected: str, field: str) -> BadInput:
    return BadInput(f"expected {expected}, got {kind_of(value)}", field=field)


def _text(value: Any, field: str) -> str:
    if type(value) is str:
        return value
    if value is None:
        return ""
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int or type(value) is float:
        return str(value)
    raise _wrong(value, "a string", field)


def _required(value: Any, field: str) -> str:
    if value is None:
        raise BadInput("required", field=field)
    text = _text(value, field)
    return text if text and not text.isspace() else NO_MESSAGE


def _object(value: Any, field: str) -> dict[str, Any]:
    if type(value) is dict:
        return value
    if value is None:
        return {}
    raise _wrong(value, "an object", field)


def _texts(value: Any, field: str) -> list[str]:
    if value is None:
        return []
    if type(value) is not list:
        raise _wrong(value, "an array of strings", field)
    return [_text(item, f"{field}[{index}]") for index, item in enumerate(value)]


def _tags(value: Any) -> dict[str, str]:
    tags = _object(value, "tags")
    return {
        key: tag if type(tag) is str else _text(tag, f"tags.{_printable(key)}")
        for key, tag in tags.items()
        if tag is not None
    }


def _user(value: Any) -> dict[str, Any]:
    user = _object(value, "user")
    for key in _USER_FIELDS:
        if key in user and type(user[key]) is not str:
            text = _text(user.pop(key), f"user.{key}")
            if text:
                user[key] = text
    return user


def _level(text: str, tags: dict[str, str]) -> str:
    """One of our levels; a word of the client's own is an error, and stays readable as a tag."""
    if not text:
        return "error"
    level = read_level(text)
    if level is None:
        tags[free_name(tags, "level")] = text
    return level or "error"


def _id(value: Any) -> UUID | None:
    """The client's own id. Nil and max UUID are refused: all reports of one id would be one report."""
    if value is None:
        return None
    if type(value) is not str:
        raise _wrong(value, "a UUID", "id")
    id = read_id(value)
    if id is None:
        raise BadInput("expected a UUID of the report's own, or none", field="id")
    return id


def _time(value: Any, metadata: dict[str, Any]) -> datetime | None:
    if type(value) not in (str, int, float):
        raise _wrong(value, "a string or a number", "timestamp")
    time = read_time(value)
    if time is None:
        metadata[free_name(metadata, "timestamp")] = value
    return time


def _keep(unknown: dict[str, Any], metadata: dict[str, Any]) -> None:
    for name, value in unknown.items():
        metadata[free_name(metadata, name)] = value


def _printable(name: str) -> str:
    """A client's name in a message: what can't be encoded or seen is escaped."""
    return name[:60].encode("unicode_escape").decode()


def decode_batch(body: bytes, content_type: str, terms: Terms = NO_TERMS) -> list[Submission | BadInput]:
    """Each report of a `/report/batch` body, or why it was refused; a bad one does not fail its neighbours.

    Raises what `split_batch` raises.
    """
    return [_decode_or_refuse(report, terms) for report in split_batch(body, content_type)]


def _decode_or_refuse(body: bytes, terms: Terms) -> Submission | BadInput:
    try:
        return decode_report(body, terms)
    except BadInput as error:
        return error


def split_batch(body: bytes, content_type: str) -> list[bytes]:
    """The reports of a batch, unread: the elements of a JSON array, or the lines of NDJSON but blank ones.

    Raises BadInput for a broken array, PayloadTooLarge for more than MAX_BATCH reports.
    """
    if content_type.partition(";")[0].strip().lower() in _NDJSON:
        lines = body.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        reports = [line for line in lines if line and not line.isspace()]
    else:
        reports = _split_array(body)
    if len(reports) > MAX_BATCH:
        raise PayloadTooLarge(f"the batch has more than {MAX_BATCH} reports")
    return reports


def _split_array(body: bytes) -> list[bytes]:
    try:
        return [bytes(element) for element in _decode_elements(body)]
    except (ValueError, RecursionError):
        return list(islice(split_array(body), MAX_BATCH + 1))
