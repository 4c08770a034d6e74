"""The keys of the language, for issues and for single reports: what each may be given, and what it means."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from avalon.events import LEVELS

# choice: one of a few words. text: anything, with stars. exact: anything, without. The rest as they say.
Kind = Literal["choice", "text", "exact", "time", "number", "tag", "has"]


class Key(msgspec.Struct, frozen=True):
    """A key. `choices` are all that it takes, `example` and `meaning` are for people."""

    name: str
    kind: Kind
    example: str
    meaning: str
    choices: tuple[str, ...] = ()


Keys = dict[str, Key]

STATES: Final = (
    *("unresolved", "resolved", "ignored", "muted"),
    *("new", "ongoing", "regressed", "assigned", "unassigned"),
)
# What `has` can be asked for, besides tags.
HAVABLE: Final = ("environment", "release", "user")
ALIASES: Final = {"env": "environment"}
LEVEL_ALIASES: Final = {"warn": "warning"}

_IS = Key("is", "choice", "is:unresolved", "Its state: " + ", ".join(STATES), STATES)
_LEVEL = Key("level", "choice", "level:[error, fatal]", "Its level: " + ", ".join(LEVELS), tuple(LEVELS))
_SERVICE = Key("service", "text", "service:api", "The service that reported it")
_ENVIRONMENT = Key("environment", "text", "env:prod", "Seen in this environment; `env` for short")
_RELEASE = Key("release", "text", "release:1.4.*", "Seen in this release")
_USER = Key("user", "exact", "user:42", "Met by this user: the id, else the e-mail, the name or the address")
_TAG = Key("tag", "tag", "tag.browser:firefox", "Seen with this value of a tag")
_HAS = Key(
    "has", "has", "has:tag.browser", "Seen with this tag at all; also `environment`, `release`, `user`"
)
_TYPE = Key("type", "text", "type:*Error", "The type of the exception")
_ASSIGNED = Key("assigned", "exact", "assigned:me", "Whose it is: `me`, a user's name or id, or `nobody`")
_FIRST = Key("first", "time", "first:>2026-11-01", "When it was first seen")
_LAST = Key("last", "time", "last:<1h", "When it was last seen")
_EVENTS = Key("events", "number", "events:>100", "How many reports it has")
_USERS = Key("users", "number", "users:>=10", "How many users met it")

_BOTH: Final = (_LEVEL, _SERVICE, _ENVIRONMENT, _RELEASE, _USER, _TAG, _HAS, _TYPE)

ISSUES: Final[Keys] = {key.name: key for key in (_IS, *_BOTH, _ASSIGNED, _FIRST, _LAST, _EVENTS, _USERS)}
REPORTS: Final[Keys] = {key.name: key for key in _BOTH}
