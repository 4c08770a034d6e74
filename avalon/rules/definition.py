"""What a rule asks for, as people write it and as the log keeps it."""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

from avalon.errors import BadInput
from avalon.events import LEVELS
from avalon.search import ISSUES, Match, parse

# regressed: also an issue whose mute has ended. Both were quiet because somebody said so, and are not any
# more: who waits for the one waits for the other, and the message says which it is.
When = Literal["opened", "regressed", "events", "users", "reported"]
WHENS: Final[tuple[When, ...]] = get_args(When)

MINUTE_S: Final = 60
DAY_S: Final = 86_400
MAX_NAME: Final = 100
MAX_EVENTS: Final = 1_000_000
# Users are counted in the reports of the window: more than this would be a long read for every report.
MAX_USERS: Final = 1_000
MAX_VALUES: Final = 50
MAX_TEXT: Final = 200


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A rule without its name. Empty lists, an empty object and null filter nothing.

    `threshold` and `window_s` (whole minutes, at most a day) belong to `events` and `users`: the issue's
    reports of these environments and levels are counted, by the time at which they occurred. `level`: at
    least; `release`: with `*` for any text; `tags`: each of these keys with one of its values; `q`: a search
    over issues, as they are when it is asked. `pace_s`: at most one message per issue in so long.
    """

    when: When
    threshold: int | None = None
    window_s: int | None = None
    services: list[str] = []
    environments: list[str] = []
    level: str | None = None
    release: str | None = None
    tags: dict[str, list[str]] = {}
    q: str | None = None
    pace_s: int = 3_600


def check_name(name: str) -> str:
    """The name with single blanks. Raises BadInput."""
    stripped = " ".join(name.split())
    if not 1 <= len(stripped) <= MAX_NAME or not stripped.isprintable():
        raise BadInput(f"give 1 to {MAX_NAME} printable characters", field="name")
    return stripped


def check(rule: Definition) -> None:
    """Raises BadInput where something of it can't be."""
    if rule.when not in WHENS:
        raise BadInput(f"give one of {', '.join(WHENS)}", field="when")
    if rule.when in ("events", "users"):
        _check_number(rule.threshold, 1, MAX_USERS if rule.when == "users" else MAX_EVENTS, "threshold")
        _check_number(rule.window_s, MINUTE_S, DAY_S, "window_s")
        if rule.window_s is not None and rule.window_s % MINUTE_S:
            raise BadInput("give whole minutes, in seconds", field="window_s")
    elif rule.threshold is not None or rule.window_s is not None:
        raise BadInput("only rules of events and users have a threshold and a window", field="threshold")
    _check_number(rule.pace_s, MINUTE_S, DAY_S, "pace_s")
    if rule.level is not None and rule.level not in LEVELS:
        raise BadInput(f"give one of {', '.join(LEVELS)}", field="level")
    _check_texts(rule.services, "services")
    _check_texts(rule.environments, "environments")
    _check_texts([] if rule.release is None else [rule.release], "release")
    _check_texts(list(rule.tags), "tags")
    for key, values in rule.tags.items():
        if not values:
            raise BadInput(f"give at least one value of {key}", field="tags")
        _check_texts(values, "tags")
    if rule.q is not None:
        _check_query(rule.q)


def _check_number(number: int | None, least: int, most: int, field: str) -> None:
    if number is None or not least <= number <= most:
        raise BadInput(f"give a number from {least} to {most}", field=field)


def _check_texts(texts: list[str], field: str) -> None:
    if len(texts) > MAX_VALUES or not all(1 <= len(text) <= MAX_TEXT for text in texts):
        raise BadInput(f"give at most {MAX_VALUES} texts of 1 to {MAX_TEXT} characters", field=field)
    if any("\0" in text or any("\ud800" <= char <= "\udfff" for char in text) for text in texts):
        raise BadInput("a character that no text can hold", field=field)


def _check_query(q: str) -> None:
    """Raises BadQuery; BadInput for `assigned:me`, because nobody asks here."""
    for term in parse(q, ISSUES):
        values = term.values if isinstance(term, Match) and term.key == "assigned" else ()
        if any((value.literal or "").lower() == "me" for value in values):
            raise BadInput("a rule is nobody: give a user's name instead of `me`", field="q")
