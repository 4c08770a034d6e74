"""What a sink would have been told: matches of the past under the same decisions, on a clock that jumps.

Every message is taken at once. `rehearse` is what the follower does with one sink and a patient other side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from avalon.events import AlertSuppressed
from avalon.subscriptions import pacing
from avalon.subscriptions.state import Item, Limits, Match, State


class Happened(msgspec.Struct, frozen=True):
    """A message, or what was held back, and when."""

    at: float
    what: Item | AlertSuppressed


def rehearse(matches: Iterable[tuple[float, Match]], until: float, limits: Limits) -> Iterator[Happened]:
    """What becomes of matches, each at its time, the earlier first, up to `until`."""
    state = State()
    for at, together in groupby(matches, key=lambda pair: pair[0]):
        yield from _advance(state, at, limits)
        for _, match in together:
            pacing.take(state, match, at, limits)
        yield from _act(state, at, limits)
    yield from _advance(state, until, limits)


def _advance(state: State, until: float, limits: Limits) -> Iterator[Happened]:
    while (due := pacing.next_at(state, limits)) is not None and due <= until:
        yield from _act(state, due, limits)


def _act(state: State, now: float, limits: Limits) -> Iterator[Happened]:
    for fact in pacing.seal(state, now, limits):
        if isinstance(fact, AlertSuppressed):
            yield Happened(now, fact)
    while state.outbox and pacing.may_send_at(state, limits) <= now:
        pacing.begin(state, now)
        yield Happened(now, pacing.end(state, now))
