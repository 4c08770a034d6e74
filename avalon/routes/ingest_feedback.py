"""Stores what the users of a program say: a comment where the report is known, else a report of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from avalon.auth import ApiKey
from avalon.errors import NotFound
from avalon.protocols.sentry.feedback import Sent
from avalon.protocols.submission import Terms
from avalon.routes.dependencies import Services
from avalon.routes.ingest_answers import store


async def store_feedback(services: Services, key: ApiKey, sent: Sequence[Sent], terms: Terms) -> list[UUID]:
    """The ids of the feedback; what an issue has no room for is counted as dropped.

    Raises what was said of the first that could not be stored; sent again, the others are not doubled.
    """
    if not sent:
        return []
    outcomes = await asyncio.gather(*(_comment(services, key, one) for one in sent), return_exceptions=True)
    alone = [one for one, outcome in zip(sent, outcomes, strict=True) if isinstance(outcome, NotFound)]
    answers = await store(services, key, [one.submission(key.service, terms) for one in alone])
    for answer in (*outcomes, *answers):
        if isinstance(answer, BaseException) and not isinstance(answer, NotFound):
            raise answer
    return [one.feedback.id or one.feedback.id_of(key.service) for one in sent]


async def _comment(services: Services, key: ApiKey, sent: Sent) -> None:
    if not await services.feedback.comment(key, sent.feedback):
        services.drops.add(key, by="avalon", reason="too_many_comments", category="feedback")
