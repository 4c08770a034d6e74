"""What becomes of what was sent: events, browsers' reports and crashes are taken, all else is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import msgspec

from avalon.errors import BadInput
from avalon.protocols.sentry.attachments import Attachment, crash_of
from avalon.protocols.sentry.client_report import Discarded, read_client_report
from avalon.protocols.sentry.envelope import EnvelopeParser
from avalon.protocols.sentry.event import parse_event, read_event
from avalon.protocols.sentry.feedback import Sent, decode_feedback, decode_user_report
from avalon.protocols.sentry.items import BROKEN, NOT_SUPPORTED, TAKEN, TOO_MANY, Item
from avalon.protocols.sentry.security import read_security
from avalon.protocols.sentry.values import Object, as_text
from avalon.protocols.submission import Submission, Terms, read_id

# An SDK sends one event in an envelope; they all go into one append.
MAX_EVENTS = 100
# Each is waited for while its event is not there.
MAX_FEEDBACK = 10
MAX_CLIENT_REPORTS = 10


class Taken(msgspec.Struct):
    """What goes to the log, what an SDK says that it dropped, and what became of all items, by type."""

    submissions: list[Submission] = []
    feedback: list[Sent] = []
    discarded: list[Discarded] = []
    items: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)

    def count(self, type_: str, outcome: str) -> None:
        self.items[type_, outcome] += 1


def take_envelope(found: EnvelopeParser, terms: Terms) -> Taken:
    """Reads an envelope's items, each by its type. Raises nothing: what can't be read is counted."""
    taken = Taken()
    for item in found.items:
        if item.type in ("event", "raw_security"):
            _take_events(taken, item, found.attachments, terms)
        else:
            _take_other(taken, item, terms)
    if not taken.submissions:
        _take_crash(taken, found.attachments, terms)
    taken.items += found.dropped
    id = read_id(as_text(found.header.get("event_id"))) if found.header else None
    if id is not None:
        _name_first(taken.submissions, id)
    return taken


def _take_events(taken: Taken, item: Item, attachments: Sequence[Attachment], terms: Terms) -> None:
    if len(taken.submissions) >= MAX_EVENTS:
        taken.count(item.type, TOO_MANY)
        return
    try:
        if item.type == "event":
            found = [take_event(item.payload, attachments, terms)]
        else:
            page = {name: as_text(item.header.get(f"sentry_{name}")) for name in ("release", "environment")}
            found = [*take_security(item.payload, page, terms)]
    except BadInput:
        taken.count(item.type, BROKEN)
        return
    submissions = [submission for submission in found if submission is not None]
    taken.submissions += submissions
    taken.count(item.type, TAKEN if submissions else NOT_SUPPORTED)


def _take_other(taken: Taken, item: Item, terms: Terms) -> None:
    """Feedback, or a client report."""
    is_report = item.type == "client_report"
    if taken.items[item.type, TAKEN] >= (MAX_CLIENT_REPORTS if is_report else MAX_FEEDBACK):
        taken.count(item.type, TOO_MANY)
        return
    try:
        if is_report:
            taken.discarded += read_client_report(item.payload)
        elif item.type == "feedback":
            taken.feedback.append(decode_feedback(item.payload, terms))
        else:
            taken.feedback.append(decode_user_report(item.payload, terms))
    except BadInput:
        taken.count(item.type, BROKEN)
    else:
        taken.count(item.type, TAKEN)


def take_event(body: bytes, attachments: Sequence[Attachment], terms: Terms) -> Submission | None:
    """The report of an event and of the files beside it; None for a transaction, as old SDKs sent them."""
    event, source = parse_event(body)
    if event.get("type") == "transaction":
        return None
    if not attachments:
        return read_event(event, source, terms)
    # A field that we don't know becomes metadata.
    event["attachments"] = [attachment.told() for attachment in attachments]
    return read_event(event, None, terms)


def take_security(body: bytes, page: Object, terms: Terms) -> list[Submission]:
    """What a browser reports; `page`: the release and the environment of the page's program."""
    return [read_event(event | page, None, terms) for event in read_security(body)]


def _take_crash(taken: Taken, attachments: Sequence[Attachment], terms: Terms) -> None:
    """A minidump that came with no event is one."""
    for dump in attachments:
        if dump.is_minidump:
            event = crash_of(dump) | {"attachments": [attachment.told() for attachment in attachments]}
            taken.submissions.append(read_event(event, None, terms))
            return


def _name_first(submissions: list[Submission], id: UUID) -> None:
    """The envelope's id is that of an event that has none."""
    if submissions and submissions[0].id is None:
        submissions[0] = msgspec.structs.replace(submissions[0], id=id)
