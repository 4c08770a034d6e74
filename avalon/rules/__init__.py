"""Alert rules: what a rule asks for, and whether a report or a fact is it.

A rule says *when* (an issue opens, regresses, passes a number of events or users in a window; any report),
of which reports (service, environment, level at least, release, tags, and a search over the issue), to which
sink, and its *pace*: at most one message per issue in so many seconds, the rest goes into the digest. The
levels of a sink are a rule too, without a name of its own (`of_levels`), so that there is one path of
decisions. Everything here is pure; `avalon.subscriptions` follows the log for it.
"""

from avalon.rules.definition import WHENS, Definition, When, check, check_name
from avalon.rules.matching import Rule, Seen, facts_of, fits, mismatch, of_levels, unlike

__all__ = [
    "WHENS",
    "Definition",
    "Rule",
    "Seen",
    "When",
    "check",
    "check_name",
    "facts_of",
    "fits",
    "mismatch",
    "of_levels",
    "unlike",
]
