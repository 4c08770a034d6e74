"""What is told at once, what is held back, and when: pure decisions over one sink's `State`.

The first match of an issue is told at once and starts the *pace* of its rules. What matches within it is held
back and counted; when a pace is over, all that is due by then or soon, of every issue, becomes one *digest*
with exact counts, and the paces of its issues begin again. Past ten issues in a minute the others are held
back for a minute, too. A threshold is news when it is passed, and again when the issue had fallen below it or
the pace is over. Of issues that are muted, ignored or resolved nobody is told; what matches is counted.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from avalon.events import LEVELS, AlertFailed, AlertSuppressed, Fact, SinkSwitchedOff
from avalon.rules import Rule
from avalon.subscriptions.state import Bundle, Item, Limits, Match, Pace, Single, State, Window

MINUTE_S = 60.0


def take(state: State, match: Match, now: float, limits: Limits) -> None:
    """Decides about one match: into the outbox, held back and counted, or nothing new."""
    windows = state.silent if match.silent else state.issues
    window = windows.get(match.issue)
    rules = [rule for rule in match.rules if _is_news(window, rule, match, now)]
    if not rules:
        return
    if window is None:
        window = windows[match.issue] = Window(since=now, service=match.service, level=match.level)
    free = [rule for rule in rules if _is_free(window, rule, now)]
    for rule in free:
        window.paces[rule.key] = Pace(ends=now + rule.pace_s, length=rule.pace_s)
    for rule in rules:
        if rule.key in match.passed:
            window.paces[rule.key].minute = match.passed[rule.key].minute
    if match.silent:
        _hold(window, match, rules, match.count, match.silent, now + limits.silent_s)
    elif free and _may_tell(state, now, limits):
        state.told.append(now)
        state.outbox.append(_single(match, rules, now))
        if match.count > 1:
            _hold(window, match, rules, match.count - 1, "storm", _over(window, rules))
    elif free:
        _hold(window, match, rules, match.count, "pace", now + limits.window_s)
    else:
        _hold(window, match, rules, match.count, "storm", _over(window, rules))


def _is_news(window: Window | None, rule: Rule, match: Match, now: float) -> bool:
    """Whether a rule has anything to say; one with a threshold says a thing once."""
    passed = match.passed.get(rule.key)
    if passed is None or window is None or rule.key not in window.paces:
        return True
    if window.paces[rule.key].minute >= passed.minute:
        return False
    return not passed.stood_before or _is_free(window, rule, now)


def _is_free(window: Window, rule: Rule, now: float) -> bool:
    """Whether the rule's pace lets it tell of the issue; what it holds back goes first."""
    pace = window.paces.get(rule.key)
    return pace is None or (pace.ends <= now and rule.key not in window.held)


def _over(window: Window, rules: list[Rule]) -> float:
    return min(window.paces[rule.key].ends for rule in rules)


def _single(match: Match, rules: list[Rule], now: float) -> Single:
    words = [match.passed[rule.key].words for rule in rules if rule.key in match.passed]
    return Single(
        position=match.position,
        recorded_at=match.recorded_at,
        issue=match.issue,
        queued=now,
        what=match.what,
        report=match.report,
        rules=[rule.id for rule in rules if rule.id],
        words="; ".join(filter(None, [match.words, *words])),
    )


def _hold(window: Window, match: Match, rules: list[Rule], count: int, reason: str, due: float) -> None:
    window.due = min(window.due, due) if window.count else due
    window.reason = window.reason if window.count and not match.silent else reason
    window.count += count
    window.first = window.first or match.position
    window.last = match.position
    window.latest = match.report
    window.level = max(window.level, match.level, key=LEVELS.index)
    window.held = sorted({*window.held, *(rule.key for rule in rules)})


def _may_tell(state: State, now: float, limits: Limits) -> bool:
    state.told = [at for at in state.told if at > now - limits.window_s]
    waiting = sum(isinstance(item, Single) for item in state.outbox)
    return max(len(state.told), waiting) < limits.issues_at_once


def is_full(state: State, limits: Limits) -> bool:
    """Whether no more reports may be taken until a digest is out: the log keeps them meanwhile."""
    return max(len(state.issues), len(state.silent)) >= limits.issues_tracked


def seal(state: State, now: float, limits: Limits) -> list[Fact]:
    """Makes the digest that is due, if one is; the facts that say what was held back."""
    facts = _seal_silent(state, now, limits)
    state.issues = {issue: w for issue, w in state.issues.items() if w.count or _last_end(w) > now}
    full = len(state.issues) >= limits.issues_tracked
    is_due = full or any(window.count and window.due <= now for window in state.issues.values())
    if not is_due or any(isinstance(item, Bundle) for item in state.outbox):
        return facts
    # What would be due in the next minute goes along: one message instead of two.
    soon = now + limits.window_s
    held = {issue: w for issue, w in state.issues.items() if w.count and (full or w.due <= soon)}
    state.issues |= {issue: _again(window, now) for issue, window in held.items()}
    if full:
        state.issues = _remembered(state, soon, limits)
    if held:
        told = {issue: msgspec.structs.replace(window, paces={}) for issue, window in held.items()}
        state.outbox.append(Bundle(windows=told, queued=now))
    return facts + [_suppressed(issue, window, window.reason) for issue, window in held.items()]


def _seal_silent(state: State, now: float, limits: Limits) -> list[Fact]:
    is_full = len(state.silent) >= limits.issues_tracked
    over = {issue: window for issue, window in state.silent.items() if is_full or window.due <= now}
    for issue in over:
        del state.silent[issue]
    return [_suppressed(issue, window, window.reason) for issue, window in over.items()]


def _last_end(window: Window) -> float:
    return max((pace.ends for pace in window.paces.values()), default=0.0)


def _again(window: Window, now: float) -> Window:
    """The window after its digest, which was a message too."""
    paces = {
        key: Pace(ends=now + pace.length, length=pace.length, minute=pace.minute)
        if key in window.held
        else pace
        for key, pace in window.paces.items()
    }
    return Window(since=now, service=window.service, level=window.level, paces=paces)


def _remembered(state: State, soon: float, limits: Limits) -> dict[UUID, Window]:
    """What is kept where there are too many issues: half as many, those with the longest paces."""
    longest = sorted(state.issues.items(), key=lambda pair: -_last_end(pair[1]))
    return dict(pair for pair in longest[: limits.issues_tracked // 2] if _last_end(pair[1]) > soon)


def next_at(state: State, limits: Limits) -> float | None:
    """When there is something to do although nothing new is reported; None: never."""
    if state.outbox:
        return may_send_at(state, limits)
    held = [*state.issues.values(), *state.silent.values()]
    return min((window.due for window in held if window.count), default=None)


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
    facts += [_suppressed(issue, window, window.reason) for issue, window in state.silent.items()]
    if switched_off:
        facts.append(SinkSwitchedOff(reason=reason))
    state.issues, state.silent, state.outbox, state.failures, state.error = {}, {}, [], 0, ""
    return facts


def failed(item: Item, reason: str, *, permanent: bool) -> AlertFailed:
    """The fact that a message was given up."""
    first, last = item.span
    return AlertFailed(
        reason=reason,
        permanent=permanent,
        reports=sum(item.counts.values()),
        first_position=first,
        last_position=last,
        issues={str(issue): count for issue, count in item.counts.items()},
        rules=item.rules,
    )


def _suppressed(issue: UUID, window: Window, reason: str) -> AlertSuppressed:
    return AlertSuppressed(
        reason=reason,
        issue=issue,
        count=window.count,
        first_position=window.first,
        last_position=window.last,
        rules=window.rules,
    )
