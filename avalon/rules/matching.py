"""Whether a report, or a fact about an issue, is what a rule asks for; where it is not, why, in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

import msgspec

from avalon.events import LEVELS, REPORTED
from avalon.rules.definition import Definition

# The facts that make a rule of this sort speak; the others look at reports.
FACTS = {
    "opened": ("issue.opened",),
    "regressed": ("issue.regressed", "issue.unmuted"),
}
_DONE = {"issue.opened": "opened", "issue.regressed": "regressed", "issue.unmuted": "was heard again"}
_ASKED = {"opened": "opens", "regressed": "regresses"}


class Rule(Definition, frozen=True, kw_only=True):
    """A rule at work. Without an id: the levels of its sink."""

    id: UUID | None = None
    name: str = ""
    levels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.level is not None:
            msgspec.structs.force_setattr(self, "levels", LEVELS[LEVELS.index(self.level) :])

    @property
    def key(self) -> str:
        """How the saved state of its sink names it."""
        return str(self.id) if self.id else ""

    @property
    def window_minutes(self) -> int:
        return (self.window_s or 0) // 60


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What rules look at: a report, or a fact about an issue with the columns of its report.

    `tags` None: they have not been read.
    """

    what: str
    service: str
    level: str
    environment: str
    release: str
    tags: Mapping[str, str] | None = None


def of_levels(levels: Collection[str], pace_s: int) -> list[Rule]:
    """The rule that a sink's own levels are, if it has any."""
    return [Rule(when="reported", levels=tuple(levels), pace_s=pace_s)] if levels else []


def facts_of(rule: Rule) -> tuple[str, ...]:
    """The types of the facts that the rule looks at; none where it looks at reports."""
    return FACTS.get(rule.when, ())


def fits(rule: Rule, what: str) -> bool:
    """Whether a rule looks at events of this type at all."""
    return what in FACTS.get(rule.when, (REPORTED,))


def mismatch(rule: Rule, seen: Seen) -> str | None:
    """Why the rule does not want what was seen; None: it does. `q` and thresholds are not asked here."""
    if not fits(rule, seen.what):
        done = _DONE.get(seen.what, "has another report")
        return f"the issue {done}; the rule wants one that {_ASKED.get(rule.when, 'has a new report')}"
    return unlike(rule, seen)


def unlike(rule: Rule, seen: Seen) -> str | None:
    """Why the filters of the rule leave out what was seen, of whatever type it is; None: they don't."""
    for name, value, wanted in (
        ("service", seen.service, rule.services),
        ("environment", seen.environment, rule.environments),
        ("level", seen.level, rule.levels),
    ):
        if wanted and value not in wanted:
            asked = f"{rule.level} or worse" if name == "level" and rule.level else " or ".join(wanted)
            return f"{name} is {value or 'not given'}; the rule wants {asked}"
    if rule.release is not None and not like(seen.release, rule.release):
        return f"release is {seen.release or 'not given'}; the rule wants {rule.release}"
    for key, values in rule.tags.items():
        value = (seen.tags or {}).get(key, "")
        if value not in values:
            return f"tag {key} is {value or 'not given'}; the rule wants {' or '.join(values)}"
    return None


def like(text: str, pattern: str) -> bool:
    """Whether the text is the pattern, whose stars are any texts. In one pass, whatever the pattern is."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    last = rest.pop()
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in rest:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
