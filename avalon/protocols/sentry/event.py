"""One Sentry event as a submission.

Odd content never fails an event: what can't be read is left out or kept in `metadata`, beside `extra` and
the fields that we don't know. What only Sentry's own server uses is dropped.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from avalon.errors import BadInput
from avalon.grouping import deciding_exception
from avalon.protocols.sentry.debug_ids import read_debug_ids
from avalon.protocols.sentry.exceptions import read_exceptions
from avalon.protocols.sentry.messages import Message, read_message, read_policy_report
from avalon.protocols.sentry.parts import read_breadcrumbs, read_fingerprint, read_sdk, read_user, unread_user
from avalon.protocols.sentry.request import read_request
from avalon.protocols.sentry.values import Object, as_text, pairs_of
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
from avalon.reports.untrusted import kind_of, parse_json

# SDKs send what applications hold, and some of that is deep; the report keeps MAX_DEPTH levels of it.
_MAX_DEPTH: Final = 100
_OLD_NAMES: Final = "sentry.interfaces."
_RENAMED: Final = {"message": "logentry", "http": "request"}
# Of Sentry's own server, of other kinds of events, or of use only with debug files.
_DROPPED: Final = (
    *("_meta", "_metrics", "breakdowns", "key_id", "measurements", "project", "received"),
    *("spans", "start_timestamp", "transaction_info", "type", "version"),
)
# Relay's words and Python's numbers, beside our own (relay-base-schema, `Level::from_str`).
_LEVELS: Final = {
    **{"log": "info", "sample": "debug", "trace": "debug", "notice": "info"},
    **{"10": "debug", "20": "info", "30": "warning", "40": "error", "50": "fatal"},
}


def decode_event(body: bytes, terms: Terms = NO_TERMS) -> Submission:
    """The report of an event's JSON, cleaned and grouped.

    Raises BadInput where it is no JSON object.
    """
    event, source = parse_event(body)
    return read_event(event, source, terms)


def parse_event(body: bytes) -> tuple[Object, bytes]:
    """An event, and the JSON that its strings were decoded from. Raises BadInput where it is no object."""
    event, source = _parse(body)
    if type(event) is not dict:
        raise BadInput(f"expected an event as a JSON object, got {kind_of(event)}")
    return event, source


def read_event(event: Object, source: bytes | None, terms: Terms = NO_TERMS) -> Submission:
    """The report of an event; `source` as `submit` takes it."""
    if source is None or b"sentry.interfaces." in source:
        _use_new_names(event)
    return _translate(event, source, terms)


def _parse(body: bytes) -> tuple[Any, bytes]:
    """The event, and the JSON that it was read from: what is not UTF-8, as after a crash, is replaced."""
    try:
        return parse_json(body, _MAX_DEPTH), body
    except BadInput:
        repaired = body.decode("utf-8", "replace").encode()
        if repaired == body:
            raise
        return parse_json(repaired, _MAX_DEPTH), repaired


def _use_new_names(event: Object) -> None:
    for old in [name for name in event if name.startswith(_OLD_NAMES)]:
        name = old.rpartition(".")[2].lower()
        event.setdefault(_RENAMED.get(name, name), event.pop(old))


def _translate(event: Object, source: bytes | None, terms: Terms) -> Submission:
    """Takes the known fields out of the event; what is left over is unknown."""
    for name in _DROPPED:
        event.pop(name, None)
    metadata = _metadata(event)
    tags = _tags(event, metadata)
    level = _level(event.pop("level", None), tags)
    id = _id(event, metadata)
    occurred_at = _time(event, metadata)
    environment = _text(event, "environment", metadata) or tags.get("environment", "")
    release = _text(event, "release", metadata) or tags.get("release") or tags.get("sentry:release", "")
    report, is_source = _report(event, read_message(event, terms.privacy), metadata, tags)
    for name, value in event.items():
        if value is not None:
            metadata[free_name(metadata, name)] = value
    return submit(
        report,
        source if is_source else None,
        level=level,
        id=id,
        environment=environment,
        release=release,
        occurred_at=occurred_at,
        terms=terms,
    )


def _report(event: Object, entry: Message, metadata: Object, tags: dict[str, str]) -> tuple[Report, bool]:
    """The report, and whether all its strings were decoded from the event's JSON."""
    take = event.pop
    exceptions, stack = read_exceptions(event)
    transaction = _text(event, "transaction", metadata) or _text(event, "culprit", metadata)
    decides = deciding_exception(exceptions) if exceptions else ExceptionInfo()
    message = (decides.value if not decides.value.isspace() else "") or entry.text
    template = entry.template if message is entry.text else ""
    if entry.text and message is not entry.text:
        metadata[free_name(metadata, "logentry")] = entry.text
    if entry.params:
        metadata[free_name(metadata, "params")] = entry.params
    message = message or decides.type or read_policy_report(event) or transaction or NO_MESSAGE
    request = read_request(take("request", None))
    user = take("user", None)
    if unread := unread_user(user):
        metadata[free_name(metadata, "user")] = unread
    report = Report(
        message=message,
        message_template=template,
        exceptions=exceptions,
        stack=stack,
        path=request.path,
        method=request.method,
        request=request.fields,
        metadata=metadata,
        tags=tags,
        user=read_user(user),
        breadcrumbs=read_breadcrumbs(take("breadcrumbs", None)),
        contexts=_contexts(event, metadata),
        sdk=read_sdk(take("sdk", None)),
        platform=_text(event, "platform", metadata),
        server_name=_text(event, "server_name", metadata),
        transaction=transaction,
        fingerprint=read_fingerprint(event),
        source_maps=read_debug_ids(take("debug_meta", None), exceptions),
    )
    return report, not (entry.is_composed or request.is_unpacked)


def _text(event: Object, name: str, metadata: Object) -> str:
    """The field as a text; one that can't be is kept in the metadata."""
    value = event.pop(name, None)
    text = value if type(value) is str else as_text(value)
    if not text and value:
        metadata[free_name(metadata, name)] = value
    return text


def _metadata(event: Object) -> Object:
    extra = event.pop("extra", None)
    if type(extra) is dict:
        return extra
    metadata = dict(pairs_of(extra))
    return metadata if metadata or not extra else {"extra": extra}


def _tags(event: Object, metadata: Object) -> dict[str, str]:
    """The tags, with the logger and the distribution; those that are no texts go to the metadata."""
    tags: dict[str, str] = {}
    unreadable: Object = {}
    for name, value in pairs_of(event.pop("tags", None)):
        if text := value if type(value) is str else as_text(value):
            tags.setdefault(name, text)
        elif value:
            unreadable[name] = value
    for name in ("logger", "dist"):
        text = _text(event, name, metadata)
        if text and tags.get(name) != text:
            tags[free_name(tags, name)] = text
    if unreadable:
        metadata[free_name(metadata, "tags")] = unreadable
    return tags


def _level(value: Any, tags: dict[str, str]) -> str:
    """One of our levels; another word is an error, and stays readable as a tag."""
    text = as_text(value)
    level = read_level(text) or _LEVELS.get(text.strip().lower())
    if text and not level:
        tags[free_name(tags, "level")] = text
    return level or "error"


def _id(event: Object, metadata: Object) -> UUID | None:
    text = _text(event, "event_id", metadata)
    id = read_id(text)
    if text and id is None:
        metadata[free_name(metadata, "event_id")] = text
    return id


def _time(event: Object, metadata: Object) -> datetime | None:
    value = event.pop("timestamp", None)
    time = None if value is None else read_time(value)
    if time is None and value is not None:
        metadata[free_name(metadata, "timestamp")] = value
    return time


def _contexts(event: Object, metadata: Object) -> Object:
    contexts = event.pop("contexts", None)
    if type(contexts) is dict:
        return {name: context for name, context in contexts.items() if context is not None}
    if contexts:
        metadata[free_name(metadata, "contexts")] = contexts
    return {}
