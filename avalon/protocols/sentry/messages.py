"""What a Sentry event says: its log message, with the template that it was made from, or a policy's report.

Most SDKs send the formatted text; where one is missing, it is made of the template and its parameters, in
the styles of printf (`%s`, `%(name)s`, `%1$s`) or of braces (`{}`, `{0}`, `{name}`).
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from avalon.protocols.sentry.values import Object, as_object, as_text
from avalon.reports import MAX_TEXT, Privacy, cleaner_for
from avalon.reports.scrubbing import FILTERED

_LONGEST: Final = MAX_TEXT["message"]
_PRINTF: Final = re.compile(
    r"%(?:\((?P<name>[^()]{1,100})\)|(?P<place>\d{1,3})\$)?[-+#0 ]{0,3}\d{0,4}(?:\.\d{1,4})?[hlL]{0,2}"
    r"(?P<conversion>[diouxXeEfFgGcrsapv@%])"
)
_BRACES: Final = re.compile(r"\{@?(?:(?P<place>\d{1,3})|(?P<name>\w{1,100}))?(?:[!:,][^{}]{0,50})?\}")
_PLACEHOLDER: Final = re.compile(f"{_PRINTF.pattern}|".replace("?P<", "?P<_") + _BRACES.pattern)
_WORD: Final = re.compile(r"[^\W\d_]{2}")

_POLICIES: Final = {"expectct": "Expect-CT", "expectstaple": "Expect-Staple", "hpkp": "Public-Key-Pins"}


class Message(NamedTuple):
    """A log message. `template` is "" where it tells nothing more than the text, or nothing at all."""

    text: str = ""
    template: str = ""
    params: Any = None
    is_composed: bool = False  # here, of strings that stand apart in the source


def read_message(event: Object, privacy: Privacy | None = None) -> Message:
    """The event's log message; takes it out of the event. `message` stays where `logentry` says another."""
    message = _read_entry(event.pop("logentry", None), privacy)
    other = event.get("message")
    if not message.text:
        message = _read_entry(event.pop("message", None), privacy)
    elif other is None or as_text(other) in (message.text, message.template):
        event.pop("message", None)
    return message


def _read_entry(entry: Any, privacy: Privacy | None) -> Message:
    if type(entry) is not dict:
        return Message(_said(as_text(entry)))
    template = _said(as_text(entry.get("message")))
    formatted = _said(as_text(entry.get("formatted")))
    params = entry.get("params")
    is_composed = False
    if template and params and not formatted:
        composed = _compose(template, _without_secrets(params, privacy))
        is_composed = composed != template
        formatted = composed
    text = formatted or template
    tells_more = (
        template != text and len(template) <= _LONGEST and _WORD.search(_PLACEHOLDER.sub("", template))
    )
    return Message(text, template if tells_more else "", params, is_composed)


def _said(text: str) -> str:
    return "" if text.isspace() else text


def _without_secrets(params: Any, privacy: Privacy | None) -> Any:
    """The parameters as they may be said without their names."""
    if type(params) is not dict:
        return params
    is_secret = cleaner_for(None, privacy).is_secret
    return {name: FILTERED if is_secret(name) else value for name, value in params.items()}


def _compose(template: str, params: Any) -> str:
    if len(template) > _LONGEST:
        return template
    return _fill(_PRINTF, template, params) or _fill(_BRACES, template, params) or template


def _fill(style: re.Pattern[str], template: str, params: Any) -> str:
    """The template with its parameters, as long as it may get, or "" where none of them has a place."""
    pieces: list[str] = []
    length = done = used = 0
    is_filled = False
    for match in style.finditer(template):
        if length > 2 * _LONGEST:
            break
        if match[0] == "%%":
            piece = "%"
        else:
            found = match["name"] or (int(match["place"]) if match["place"] else None)
            piece = _param(params, found, used, first=1 if style is _PRINTF else 0)
            used += found is None
            is_filled = is_filled or bool(piece)
        pieces += (template[done : match.start()], piece or match[0])
        length += len(pieces[-2]) + len(pieces[-1])
        done = match.end()
    return "".join((*pieces, template[done:])) if is_filled else ""


def _param(params: Any, found: str | int | None, used: int, *, first: int) -> str:
    """A parameter as text; "" for one that is missing, or that has keys, which alone would tell a secret."""
    if type(params) is dict:
        value = params.get(str(found)) if found is not None else None
    elif type(params) is list and not isinstance(found, str):
        index = used if found is None else found - first
        value = params[index] if 0 <= index < len(params) else None
    else:
        value = None
    return as_text(value)


def read_policy_report(event: Object) -> str:
    """What a browser says about a broken policy, in one line, or ""; all of it stays in the event."""
    csp = as_object(event.get("csp"))
    if csp:
        directive = as_text(csp.get("effective_directive")) or as_text(csp.get("violated_directive"))
        blocked = as_text(csp.get("blocked_uri")) or "inline"
        return f"CSP {directive.partition(' ')[0]} blocked {_origin(blocked)}"
    for name, policy in _POLICIES.items():
        if host := as_text(as_object(event.get(name)).get("hostname")):
            return f"{policy} failed for {host}"
    return ""


def _origin(uri: str) -> str:
    return "/".join(uri.split("/", 3)[:3]) if "://" in uri else uri
