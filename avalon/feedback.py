"""What the users of a program say of its errors: comments on the issues of the reports that they saw.

Feedback may overtake its report by a moment, so a report that is not there is waited for, a little; whoever
is told that there is none makes a report of the feedback itself. The same feedback twice is one comment.
It counts against its key's rate, and an issue has room for so many: keys in web pages are everybody's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET

from avalon import event_store
from avalon.auth import ApiKey
from avalon.database import Database, RawJson
from avalon.errors import NotFound, TooManyRequests
from avalon.events import IssueCommented
from avalon.statements import load

sql = load("feedback")

MAX_PER_ISSUE: Final = 1_000
# A browser sends an error and what is said of it side by side.
PAUSES_S: Final = (0.1, 0.2, 0.4, 0.8)
# So many wait at once, and so many of one key; the others take what there is.
MAX_WAITING: Final = 50
MAX_WAITING_OF_KEY: Final = 20
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_NAMESPACE: Final = UUID("6f9d9f0c-6a53-5b0e-9d43-5d6f0b6f4f3a")

_encode = msgspec.json.Encoder().encode


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says, cleaned. `report` is what it is about, `id` its own name, where it has one."""

    text: str
    name: str = ""
    email: str = ""
    report: UUID | None = None
    id: UUID | None = None

    def id_of(self, service: str) -> UUID:
        """The same for the same feedback to the same service."""
        return uuid5(_NAMESPACE, f"{service}\n{self.id or (self.report, self.text)}")


class _Place(msgspec.Struct, frozen=True):
    position: int
    recorded_at: datetime


class Feedbacks:
    """Makes comments of feedback."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: Counter[UUID] = Counter()

    @property
    def waiting(self) -> int:
        """How many wait for their report now."""
        return self._waiting.total()

    async def comment(self, key: ApiKey, feedback: Feedback) -> bool:
        """Whether it is a comment now; not where its issue has all that it may have.

        Raises NotFound where it is about no report, or none that can be seen; TooManyRequests, Unavailable.
        """
        if feedback.report is None:
            raise NotFound("this feedback is about no report")
        await self._check_rate(key)
        found = await self._find(key, feedback.report)
        if found is None:
            raise NotFound(f"there is no report {feedback.report}")
        comment = feedback.id_of(key.service)
        params = msgspec.structs.asdict(found) | {
            "service": key.service,
            "comment": comment,
            "actor": key.actor,
            "data": RawJson(_encode(_fact(feedback, comment))),
            "most": MAX_PER_ISSUE,
        }
        outcome = await self._database.fetch_value(sql.add, params)
        if outcome == "gone":
            raise NotFound(f"there is no report {feedback.report} any more")
        return bool(outcome != "full")

    async def _check_rate(self, key: ApiKey) -> None:
        """As of reports: what others append between this look and our append is not seen."""
        if key.rate_per_minute is None:
            return
        rows: list[dict[str, Any]] = await self._database.fetch_dicts(
            event_store.sql.rates, {"keys": [key.id]}
        )
        if (rows[0]["reports"] or 0) >= key.rate_per_minute:
            message = f"over this key's rate of {key.rate_per_minute} a minute"
            raise TooManyRequests(message, retry_after_s=rows[0]["left_s"])

    async def _find(self, key: ApiKey, report: UUID) -> _Place | None:
        """Where the report stands, waited for if need be."""
        params = {"service": key.service, "report": report, "since": EARLIEST}
        found = await self._database.fetch_one(sql.find, params, row=_Place)
        if found is not None or self.waiting >= MAX_WAITING or self._waiting[key.id] >= MAX_WAITING_OF_KEY:
            return found
        # What comes now is of today; to look through half a year of days takes 20 ms each time.
        params["since"] = datetime.now(UTC) - timedelta(days=1)
        self._waiting[key.id] += 1
        try:
            for pause_s in PAUSES_S:
                await asyncio.sleep(pause_s)
                found = await self._database.fetch_one(sql.find, params, row=_Place)
                if found is not None:
                    break
        finally:
            self._waiting[key.id] -= 1
            if not self._waiting[key.id]:
                del self._waiting[key.id]
        return found


def _fact(feedback: Feedback, comment: UUID) -> IssueCommented:
    return IssueCommented(
        comment=comment,
        action=comment,
        text=feedback.text,
        name=feedback.name or UNSET,
        email=feedback.email or UNSET,
        report=feedback.report or UNSET,
    )
