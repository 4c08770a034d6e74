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
from avalon.protocols.sentry.event import read_event
from avalon.protocols.sentry.parts import read_user
from avalon.protocols.sentry.values import Object, as_object, as_text, pairs_of
from avalon.protocols.submission import Submission, Terms, clean_text, read_id
from avalon.reports import MAX_TEXT
from avalon.reports.untrusted import kind_of, parse_json

TYPE: Final = "User feedback"
# Sentry's own bound on the words (sentry-javascript 10, relay).
MAX_WORDS: Final = 4_096
MAX_FIELDS: Final = 100
_MAX_DEPTH: Final = 100


class Sent(msgspec.Struct, frozen=True):
    """Feedback, and the event that came with it: an empty one where none did."""

    feedback: Feedback
    event: Object

    def submission(self, service: str, terms: Terms) -> Submission:
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
        return read_event(event, None, terms)

    def _user(self) -> Object:
        """Who the program says it was, and then who they say they are."""
        said = {"username": self.feedback.name, "email": self.feedback.email}
        return read_user(self.event.get("user")) | {name: text for name, text in said.items() if text}


def decode_feedback(body: bytes, terms: Terms) -> Sent:
    """A `feedback` item; raises BadInput where nothing is said in it."""
    event = _object(body)
    context = as_object(as_object(event.get("contexts")).get("feedback"))
    feedback = _clean(
        context.get("message"),
        context.get("name"),
        context.get("contact_email"),
        report=context.get("associated_event_id"),
        id=event.get("event_id"),
        terms=terms,
    )
    if url := as_text(context.get("url")):
        event.setdefault("request", {"url": url})
    # The words stand in the report's message; nothing else of the event is about them.
    for name in ("message", "logentry", "type"):
        event.pop(name, None)
    return Sent(feedback, event)


def decode_user_report(body: bytes, terms: Terms) -> Sent:
    """A `user_report` item or the old route's body; raises BadInput where nothing is said in it."""
    return _sent(_object(body), terms)


def decode_form(body: bytes, event_id: str, terms: Terms) -> Sent:
    """What the crash report dialog sends; raises BadInput where nothing is said in it."""
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=MAX_FIELDS)
    except ValueError:
        raise BadInput(f"a form of at most {MAX_FIELDS} fields") from None
    return _sent({name: values[0] for name, values in fields.items()} | {"event_id": event_id}, terms)


def _sent(said: Object, terms: Terms) -> Sent:
    about = said.get("event_id")
    feedback = _clean(said.get("comments"), said.get("name"), said.get("email"), report=about, terms=terms)
    return Sent(feedback, {})


def _clean(words: Any, name: Any, email: Any, *, report: Any, id: Any = None, terms: Terms) -> Feedback:
    text = clean_text(as_text(words).strip(), MAX_WORDS, terms, field="comments")
    if not text:
        raise BadInput("nothing is said in it", field="comments")
    about, own = _id(report), _id(id)
    return Feedback(
        text=text,
        name=clean_text(as_text(name).strip(), MAX_TEXT["user"], terms, field="name"),
        email=clean_text(as_text(email).strip(), MAX_TEXT["user"], terms, field="email"),
        report=about,
        # The event may come yet, and is not to be taken for a retry of this.
        id=own if own != about else None,
    )


def _id(value: Any) -> UUID | None:
    return read_id(as_text(value))


def _object(body: bytes) -> Object:
    value = parse_json(body, _MAX_DEPTH)
    if type(value) is not dict:
        raise BadInput(f"expected a JSON object, got {kind_of(value)}")
    return value
