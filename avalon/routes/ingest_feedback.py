"""Stores what the users of a program say: a comment where the report is known, else a report of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from avalon.auth import ApiKey
from avalon.errors import NotFound
from avalon.protocols.sentry.feedback import Sent
from avalon.routes.dependencies import Services
from avalon.routes.ingest_answers import store, terms_of

# Of one request: each may wait for its report.
MAX_FEEDBACK: Final = 10


async def store_feedback(services: Services, key: ApiKey, sent: Sequence[Sent]) -> list[UUID]:
    """The ids of the feedback; what is too much is counted as dropped.

    Raises what was said of the first that could not be stored; sent again, the others are not doubled.
    """
    if not sent:
        return []
    _drop(services, key, "too_many_items", len(sent) - MAX_FEEDBACK)
    kept = sent[:MAX_FEEDBACK]
    outcomes = await asyncio.gather(*(_comment(services, key, one) for one in kept), return_exceptions=True)
    alone = [one for one, outcome in zip(kept, outcomes, strict=True) if isinstance(outcome, NotFound)]
    terms = await terms_of(services, key)
    answers = await store(services, key, [one.submission(key.service, terms) for one in alone])
    for answer in (*outcomes, *answers):
        if isinstance(answer, BaseException) and not isinstance(answer, NotFound):
            raise answer
    return [one.feedback.id or one.feedback.id_of(key.service) for one in kept]


async def _comment(services: Services, key: ApiKey, sent: Sent) -> None:
    if not await services.feedback.comment(key, sent.feedback):
        _drop(services, key, "too_many_comments", 1)


def _drop(services: Services, key: ApiKey, reason: str, quantity: int) -> None:
    services.drops.add(key, by="avalon", reason=reason, category="feedback", quantity=quantity)
