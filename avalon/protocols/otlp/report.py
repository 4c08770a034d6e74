"""A record as a submission: what its attributes are called in OpenTelemetry, and where we keep it.

The names are those of the semantic conventions, the stable ones first and then what SDKs sent before
(https://opentelemetry.io/docs/specs/semconv/). What is left over of the attributes stands in `metadata`.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec

from avalon.protocols.otlp.records import Record
from avalon.protocols.otlp.values import Attributes, take_text
from avalon.protocols.sentry.values import as_text
from avalon.protocols.submission import NO_MESSAGE, Submission, Terms, free_name, read_time, submit
from avalon.reports import MAX_TEXT, ExceptionInfo, Privacy, Report, cleaner_for

_USER: Final = {
    "id": ("user.id", "enduser.id"),
    "username": ("user.name",),
    "email": ("user.email",),
}
_encode = msgspec.json.Encoder().encode


def translate(record: Record, id: UUID, terms: Terms) -> Submission:
    """The submission for a record. One without any time gets an id of its own instead of `id`."""
    report = _report(record, terms.privacy)
    origin = record.origin
    return submit(
        report,
        _source(report, origin.environment, origin.release),
        level=record.level or "error",
        id=id if record.time else None,
        environment=origin.environment,
        release=origin.release,
        occurred_at=read_time(record.time) if record.time else None,
        terms=terms,
    )


def _source(report: Report, environment: str, release: str) -> bytes | None:
    """All texts as JSON: one look over it is cheaper than a look at each for each kind of secret."""
    try:
        return _encode((report, environment, release))
    except UnicodeEncodeError:
        return None


def _report(record: Record, privacy: Privacy | None) -> Report:
    attributes, origin = record.attributes, record.origin
    exception, stack = _exception(attributes)
    body = _body(record.body, privacy)
    said = exception.value if exception else ""
    route = as_text(attributes.get("http.route"))
    url = take_text(attributes, "url.full", "http.url")
    path = take_text(attributes, "url.path", "http.target").partition("?")[0] or _path(url) or route
    method = take_text(attributes, "http.request.method", "http.method")
    user = {name: text for name, names in _USER.items() if (text := take_text(attributes, *names))}
    message = _first(said, body, exception.type if exception else "", record.event_name, record.span)
    if type(record.body) in (dict, list) or (body.strip() and body != message):
        attributes[free_name(attributes, "body")] = record.body
    return Report(
        message=message,
        exceptions=[exception] if exception else [],
        stack=stack,
        path=path,
        method=method,
        request={"url": url} if url else {},
        metadata=attributes,
        tags=dict(origin.tags),
        user=user,
        contexts=origin.contexts | _trace(record),
        sdk=origin.sdk,
        platform=origin.platform,
        server_name=origin.server_name,
        transaction=record.span or route,
    )


def _first(*texts: str) -> str:
    """The first of these that says something."""
    return next((text for text in texts if text and not text.isspace()), NO_MESSAGE)


def _body(body: Any, privacy: Privacy | None) -> str:
    """The body for people; of a list or an object its JSON, without what is secret by its name."""
    if type(body) is not list and type(body) is not dict:
        return as_text(body)
    return _encode(cleaner_for(None, privacy).tree(body, MAX_TEXT["free"], "body")).decode()


def _exception(attributes: Attributes) -> tuple[ExceptionInfo | None, str]:
    """The exception and its printed stack, taken out of the attributes.

    `exception.escaped` counts only where it is true: SDKs say false also of what they see no more of.
    """
    type_ = take_text(attributes, "exception.type")
    value = take_text(attributes, "exception.message")
    stack = take_text(attributes, "exception.stacktrace")
    escaped = take_text(attributes, "exception.escaped").lower() == "true"
    if not (type_ or value):
        return None, stack
    return ExceptionInfo(type=type_, value=value, handled=False if escaped else None), stack


def _path(url: str) -> str:
    """The path of an absolute address, without its query."""
    _, is_absolute, rest = url.partition("?")[0].partition("#")[0].partition("://")
    return "/" + rest.partition("/")[2] if is_absolute else ""


def _trace(record: Record) -> dict[str, Any]:
    trace = {
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "parent_span_id": record.parent_span_id,
    }
    trace = {name: id for name, id in trace.items() if id}
    return {"trace": trace} if trace else {}
