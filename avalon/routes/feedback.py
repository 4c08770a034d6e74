"""The ways in of user feedback outside of envelopes: Sentry's old route, and the crash report dialog's form.

The page that shows the dialog is the SDK's own affair; its script is not served here.
"""

from __future__ import annotations

from typing import Final, cast

from litestar import asgi
from litestar.types import HTTPScope, Receive, Scope, Send

from avalon.protocols.sentry.feedback import Sent, decode_form, decode_user_report
from avalon.routes.ingest_answers import Answer, encode, respond, terms_of
from avalon.routes.ingest_feedback import store_feedback
from avalon.routes.ingest_request import Request
from avalon.routes.sentry_request import key_of, key_of_dsn, refuse

MAX_BODY_BYTES: Final = 100_000


async def _user_feedback(request: Request) -> Answer:
    key = await request.authenticate(key_of(request))
    terms = await terms_of(request.services, key)
    sent = decode_user_report(await request.body(MAX_BODY_BYTES), terms)
    (id,) = await store_feedback(request.services, key, [sent], terms)
    return Answer(200, encode({"id": id.hex} | _echo(sent)))


async def _error_page(request: Request) -> Answer:
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


@asgi("/api/0/projects/avalon/1/user-feedback", copy_scope=False, opt={"exclude_from_auth": True})
async def user_feedback(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes what a user says of an event."""
    await respond(cast("HTTPScope", scope), receive, send, _user_feedback, refuse)


@asgi("/api/embed/error-page", copy_scope=False, opt={"exclude_from_auth": True})
async def error_page(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes what a user says of an event in the crash report dialog."""
    await respond(cast("HTTPScope", scope), receive, send, _error_page, refuse)


handlers: Final = [user_feedback, error_page]
