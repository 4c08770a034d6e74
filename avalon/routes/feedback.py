"""The ways in of user feedback outside of envelopes: Sentry's old route, and the crash report dialog's form.

The page that shows the dialog is the SDK's own affair; its script is not served here.
"""

from __future__ import annotations

from typing import Final

from avalon.protocols.sentry.feedback import Sent, decode_form, decode_user_report
from avalon.routes.ingest_answers import Answer, encode, terms_of, way_in
from avalon.routes.ingest_feedback import store_feedback
from avalon.routes.ingest_request import Request
from avalon.routes.sentry_request import key_of, key_of_dsn, refuse

MAX_BODY_BYTES: Final = 100_000


async def _user_feedback(request: Request) -> Answer:
    """Takes what a user says of an event."""
    key = await request.authenticate(key_of(request))
    terms = await terms_of(request.services, key)
    sent = decode_user_report(await request.body(MAX_BODY_BYTES), terms)
    (id,) = await store_feedback(request.services, key, [sent], terms)
    return Answer(200, encode({"id": id.hex} | _echo(sent)))


async def _error_page(request: Request) -> Answer:
    """Takes what a user says of an event in the crash report dialog."""
    key = await request.authenticate(key_of_dsn(request.parameter("dsn")) or key_of(request))
    terms = await terms_of(request.services, key)
    sent = decode_form(await request.body(MAX_BODY_BYTES), request.parameter("eventId"), terms)
    await store_feedback(request.services, key, [sent], terms)
    return Answer(200, b"{}")


def _echo(sent: Sent) -> dict[str, str | None]:
    """What Sentry answers with: the report as it was taken."""
    said = sent.feedback
    event = said.report.hex if said.report else None
    return {"eventID": event, "name": said.name, "email": said.email, "comments": said.text}


handlers: Final = [
    way_in("/api/0/projects/avalon/1/user-feedback", _user_feedback, refuse),
    way_in("/api/embed/error-page", _error_page, refuse),
]
