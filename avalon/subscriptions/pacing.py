"""What is told at once, what is held back, and when: pure decisions over one sink's `State`.

The first report of an issue is told at once and opens the issue's *window*. Further ones within it are held
back and counted; when a window ends, all that is held back, of every issue, becomes one *digest* with exact
counts, and the windows of its issues begin again. Past ten issues in a window the others are held back too.
The state is saved with the checkpoint, so that counts and pace survive a crash and a move to another replica.
Times are seconds of Postgres's clock.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from avalon.events import LEVELS, AlertFailed, AlertSuppressed, Event, Fact, SinkSwitchedOff

MINUTE_S = 60.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one sink may be told; tests make it smaller."""

    window_s: float = 60.0
    per_minute: int = 25  # Discord takes 30 in a minute and channel (discord-api-docs #367)
    issues_at_once: int = 10
    issues_tracked: int = 1000  # then a digest is due at once, and until it is out nothing more is read
    give_up_s: float = 86_400.0


class Window(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One issue that was told of lately, and what of it is held back since."""

    since: float
    ends: float
    service: str
    level: str
    reason: str = "storm"
    count: int = 0
    first: int = 0
    last: int = 0
    latest: UUID | None = None


class Single(msgspec.Struct, kw_only=True, tag="report"):
    """A report that is told by itself. Its words stay in the log, where they can be deleted."""

    position: int
    recorded_at: datetime
    issue: UUID
    queued: float

    @property
    def counts(self) -> dict[UUID, int]:
        return {self.issue: 1}

    @property
    def span(self) -> tuple[int, int]:
        return self.position, self.position


class Bundle(msgspec.Struct, kw_only=True, tag="digest"):
    """The windows that a digest tells of, as they were when it was made."""

    windows: dict[UUID, Window]
    queued: float

    @property
    def counts(self) -> dict[UUID, int]:
        return {issue: window.count for issue, window in self.windows.items()}

    @property
    def span(self) -> tuple[int, int]:
        return min(w.first for w in self.windows.values()), max(w.last for w in self.windows.values())


Item = Single | Bundle


class State(msgspec.Struct, kw_only=True, omit_defaults=True):
    """All that a sink's follower remembers. `outbox` is bounded: ten reports and one digest."""

    issues: dict[UUID, Window] = {}
    outbox: list[Item] = []
    told: list[float] = []  # when reports were put into the outbox, in the last window
    sent: list[float] = []  # when messages went out, or may have, in the last minute
    quiet_until: float = 0.0
    failures: int = 0
    error: str = ""


def take(state: State, event: Event, now: float, limits: Limits) -> None:
    """Decides about one report: into the outbox, or held back and counted."""
    issue = event.issue or event.stream
    window = state.issues.get(issue)
    if window is not None and (window.count or window.ends > now):
        _hold(window, event)
        return
    window = Window(
        since=now, ends=now + limits.window_s, service=event.service or "", level=event.level or "error"
    )
    state.issues[issue] = window
    if _may_tell(state, now, limits):
        state.told.append(now)
        state.outbox.append(
            Single(position=event.position, recorded_at=event.recorded_at, issue=issue, queued=now)
        )
    else:
        window.reason = "pace"
        _hold(window, event)


def _hold(window: Window, event: Event) -> None:
    window.count += 1
    window.first = window.first or event.position
    window.last = event.position
    window.latest = event.id
    window.level = max(window.level, event.level or "error", key=LEVELS.index)


def _may_tell(state: State, now: float, limits: Limits) -> bool:
    state.told = [at for at in state.told if at > now - limits.window_s]
    waiting = sum(isinstance(item, Single) for item in state.outbox)
    return max(len(state.told), waiting) < limits.issues_at_once


def is_full(state: State, limits: Limits) -> bool:
    """Whether no more reports may be taken until a digest is out: the log keeps them meanwhile."""
    return len(state.issues) >= limits.issues_tracked


def seal(state: State, now: float, limits: Limits) -> list[Fact]:
    """Makes the digest that is due, if one is; the facts that say what was held back."""
    state.issues = {issue: w for issue, w in state.issues.items() if w.count or w.ends > now}
    held = {issue: window for issue, window in state.issues.items() if window.count}
    full = is_full(state, limits)
    is_due = full or any(window.ends <= now for window in held.values())
    if not is_due or any(isinstance(item, Bundle) for item in state.outbox):
        return []
    if full:
        state.issues = {}
    else:
        state.issues |= {issue: _again(window, now, limits) for issue, window in held.items()}
    if held:
        state.outbox.append(Bundle(windows=held, queued=now))
    return [_suppressed(issue, window, window.reason) for issue, window in held.items()]


def _again(window: Window, now: float, limits: Limits) -> Window:
    return Window(since=now, ends=now + limits.window_s, service=window.service, level=window.level)


def next_at(state: State, limits: Limits) -> float | None:
    """When there is something to do although nothing new is reported; None: never."""
    if state.outbox:
        return may_send_at(state, limits)
    return min((window.ends for window in state.issues.values() if window.count), default=None)


def may_send_at(state: State, limits: Limits) -> float:
    """From when on the next message may go out."""
    if len(state.sent) < limits.per_minute:
        return state.quiet_until
    return max(state.quiet_until, state.sent[-limits.per_minute] + MINUTE_S)


def begin(state: State, now: float) -> None:
    """A message is about to go out. It counts even if nobody ever learns whether it did."""
    state.sent = [at for at in state.sent if at > now - MINUTE_S]
    state.sent.append(now)


def end(state: State, now: float, pause_s: float = 0.0) -> Item:
    """The other side has answered; the first of the outbox is done with."""
    state.sent[-1:] = [now]
    state.quiet_until = now + pause_s
    state.failures, state.error = 0, ""
    return state.outbox.pop(0)


def postpone(state: State, now: float, wait_s: float, error: str) -> None:
    """The other side has failed for now."""
    state.sent[-1:] = [now]
    state.quiet_until = now + wait_s
    state.failures, state.error = state.failures + 1, error


def settle(state: State, reason: str, *, switched_off: bool) -> list[Fact]:
    """The sink is off: what is held back is written off, so that every count ends somewhere.

    `switched_off`: because of `reason`, which is then a fact too.
    """
    facts: list[Fact] = []
    for item in state.outbox:
        facts.append(failed(item, reason, permanent=True))
    for issue, window in state.issues.items():
        if window.count:
            facts.append(_suppressed(issue, window, "switched_off"))
    if switched_off:
        facts.append(SinkSwitchedOff(reason=reason))
    state.issues, state.outbox, state.failures, state.error = {}, [], 0, ""
    return facts


def failed(item: Item, reason: str, *, permanent: bool) -> AlertFailed:
    """The fact that a message was given up."""
    first, last = item.span
    reports = sum(item.counts.values())
    return AlertFailed(
        reason=reason, permanent=permanent, reports=reports, first_position=first, last_position=last
    )


def _suppressed(issue: UUID, window: Window, reason: str) -> AlertSuppressed:
    return AlertSuppressed(
        reason=reason,
        issue=issue,
        count=window.count,
        first_position=window.first,
        last_position=window.last,
    )
