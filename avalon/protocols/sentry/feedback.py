"""What the users of a program say of it, in the three shapes that Sentry's SDKs and forms have for it.

A `feedback` item is an event with the words in a context; a `user_report` item and the old route's JSON name
an event, and so does the crash report dialog's form. Where no such event is known, the feedback becomes an
event itself (`Sent.submission`), so that it is seen as an issue.
https://develop.sentry.dev/sdk/data-model/envelope-items/ (User Feedback, User Report)
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID

import msgspec

from avalon.errors import BadInput
from avalon.feedback import Feedback
from avalon.protocols.sentry.event import decode_event
from avalon.protocols.sentry.parts import read_user
from avalon.protocols.sentry.values import Object, as_object, as_text, pairs_of
from avalon.protocols.submission import NO_TERMS, Submission, Terms, read_id
from avalon.reports import MAX_TEXT, Cleaner
from avalon.reports.untrusted import kind_of, parse_json

TYPE: Final = "User feedback"
# Sentry's own bound on the words (sentry-javascript 10, relay).
MAX_WORDS: Final = 4_096
_MAX_DEPTH: Final = 100

_encode = msgspec.json.Encoder().encode


class Sent(msgspec.Struct, frozen=True):
    """Feedback, and the event that came with it: an empty one where none did."""

    feedback: Feedback
    event: Object

    def submission(self, service: str, terms: Terms = NO_TERMS) -> Submission:
        """The feedback as a report of its own, which is the same each time."""
        said = self.feedback
        id = said.id or said.id_of(service)
        about = {"associated_event_id": said.report.hex} if said.report else {}
        event = self.event | {
            "event_id": id.hex,
            "level": "info",
            "exception": {"values": [{"type": TYPE, "value": said.text}]},
            "user": self._user(),
            "tags": dict(pairs_of(self.event.get("tags"))) | {"feedback": "true"},
            "contexts": as_object(self.event.get("contexts")) | {"feedback": about},
        }
        return decode_event(_encode(event), terms)

    def _user(self) -> Object:
        """Who the program says it was, and then who they say they are."""
        said = {"username": self.feedback.name, "email": self.feedback.email}
        return read_user(self.event.get("user")) | {name: text for name, text in said.items() if text}


def decode_feedback(body: bytes) -> Sent:
    """A `feedback` item; raises BadInput where nothing is said in it."""
    event = _object(body)
    context = as_object(as_object(event.get("contexts")).get("feedback"))
    feedback = _clean(
        context.get("message"),
        context.get("name"),
        context.get("contact_email"),
        report=context.get("associated_event_id"),
        id=event.get("event_id"),
    )
    if url := as_text(context.get("url")):
        event.setdefault("request", {"url": url})
    # The words stand in the report's message; nothing else of the event is about them.
    for name in ("message", "logentry", "type"):
        event.pop(name, None)
    return Sent(feedback, event)


def decode_user_report(body: bytes) -> Sent:
    """A `user_report` item or the old route's body; raises BadInput where nothing is said in it."""
    return _sent(_object(body))


def decode_form(body: bytes, event_id: str) -> Sent:
    """What the crash report dialog sends; raises BadInput where nothing is said in it."""
    fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=100)
    return _sent({name: values[0] for name, values in fields.items()} | {"event_id": event_id})


def _sent(said: Object) -> Sent:
    feedback = _clean(said.get("comments"), said.get("name"), said.get("email"), report=said.get("event_id"))
    return Sent(feedback, {})


def _clean(words: Any, name: Any, email: Any, *, report: Any, id: Any = None) -> Feedback:
    cleaner = Cleaner()
    text = cleaner.text(as_text(words).strip(), MAX_WORDS, "comments")
    if not text:
        raise BadInput("nothing is said in it", field="comments")
    return Feedback(
        text=text,
        name=cleaner.text(as_text(name).strip(), MAX_TEXT["user"], "name"),
        email=cleaner.text(as_text(email).strip(), MAX_TEXT["user"], "email"),
        report=_id(report),
        id=_id(id),
    )


def _id(value: Any) -> UUID | None:
    return read_id(as_text(value))


def _object(body: bytes) -> Object:
    value = parse_json(body, _MAX_DEPTH)
    if type(value) is not dict:
        raise BadInput(f"expected a JSON object, got {kind_of(value)}")
    return value
