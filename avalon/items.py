"""What the live stream says of each event: a table from event types to items, as the contract names them.

An item is encoded once, however many sockets get it. Its size is bounded: the feed reads large reports in
brief, and the rest of them is one GET away. No item holds a secret; users, keys and sinks are for admins'
eyes. An event type that is not in the table is not sent.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from avalon.events import REPORTED, Event
from avalon.telemetry import Action, log

_encode = msgspec.json.Encoder().encode


class Item(msgspec.Struct, frozen=True, gc=False):
    """One event on its way to sockets, and what their filters compare."""

    position: int
    type: str
    body: bytes
    service: str | None
    level: str | None
    issue: UUID | None
    is_for_admins: bool


def wire_item(event: Event) -> Item | None:
    """The item of an event, or None where there is none. One that can't be built is logged and left out."""
    kind = _KINDS.get(event.type)
    if kind is None:
        return None
    name, build, is_for_admins = kind
    try:
        body = _encode({"type": name, **build(event), "position": event.position})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        log(Action.UNHANDLED, level="error", error=type(error).__name__, position=event.position)
        return None
    return Item(event.position, name, body, event.service, event.level, _issue(event), is_for_admins)


def _issue(event: Event) -> UUID | None:
    """A report knows its issue; to a fact about an issue it is the stream."""
    if event.type == REPORTED:
        return event.issue
    return event.stream if event.type.startswith(("issue.", "error.")) else None


def _new_error(event: Event) -> dict[str, Any]:
    """The seed's record, and where it stands."""
    data = event.data
    return {
        "id": event.id,
        "service": event.service,
        "level": event.level,
        "message": data.get("message", ""),
        "stack": data.get("stack", ""),
        "path": data.get("path", ""),
        "method": data.get("method", ""),
        "metadata": data.get("metadata", {}),
        "createdAt": _instant(event.occurred_at),
        "issue": event.issue,
        "environment": event.environment,
        "release": event.release,
        "exception_type": _exception_type(data),
    }


def _exception_type(data: dict[str, Any]) -> str | None:
    """As lists of reports tell it: that of the exception that decides, or of the innermost."""
    exceptions = data.get("exceptions") or [{}]
    return (data.get("grouping") or {}).get("type") or exceptions[-1].get("type") or None


def _deleted_error(event: Event) -> dict[str, Any]:
    return {
        "id": event.data["report"],
        "service": event.service,
        "level": event.level,
        "issue": event.stream,
    }


def _erased_service(event: Event) -> dict[str, Any]:
    return {"service": event.service, "before": event.data["before"]}


def _opened_issue(event: Event) -> dict[str, Any]:
    return {
        "id": event.stream,
        "service": event.service,
        "level": event.level,
        "title": event.title or "",
        "environment": event.environment,
        "release": event.release,
        "createdAt": _instant(event.occurred_at),
    }


def _regressed_issue(event: Event) -> dict[str, Any]:
    return {
        "id": event.stream,
        "service": event.service,
        "level": event.level,
        "environment": event.environment,
        "release": event.release,
        "status": "unresolved",
        "createdAt": _instant(event.occurred_at),
    }


def _changed_issue(event: Event) -> dict[str, Any]:
    """What was done with an issue, and the status that it has then, where that is about its status."""
    state = event.data.get("state") or event.data.get("was") or {}
    moved = {"from": event.data["from"]} if event.type == "issue.groups_moved" else {}
    return {
        "id": event.stream,
        "change": event.type.partition(".")[2],
        "service": event.service,
        "status": _STATUSES.get(event.type) or state.get("status"),
        "actor": event.actor,
        "createdAt": _instant(event.occurred_at),
        **moved,
    }


def _change(event: Event) -> dict[str, Any]:
    """That something happened to a key, a user, a sink or a rule: whoever shows it reads it again."""
    return {
        "id": event.stream,
        "change": event.type.partition(".")[2],
        "service": event.service,
        "createdAt": _instant(event.occurred_at),
    }


def _instant(at: datetime) -> str:
    """RFC 3339, UTC, milliseconds. The log's connections speak UTC."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_STATUSES: Final = {
    "issue.resolved": "resolved",
    "issue.reopened": "unresolved",
    "issue.unmuted": "unresolved",
    "issue.ignored": "ignored",
    "issue.muted": "ignored",
}

_Build = Callable[[Event], dict[str, Any]]

# event type: the item's name, its builder, whether it is for admins alone
_KINDS: Final[dict[str, tuple[str, _Build, bool]]] = {
    REPORTED: ("error:new", _new_error, False),
    "error.deleted": ("error:deleted", _deleted_error, False),
    "service.erased": ("service:erased", _erased_service, False),
    "issue.opened": ("issue:opened", _opened_issue, False),
    "issue.regressed": ("issue:regressed", _regressed_issue, False),
    **{
        f"issue.{change}": ("issue:changed", _changed_issue, False)
        for change in (
            *(
                "resolved",
                "reopened",
                "ignored",
                "muted",
                "unmuted",
                "assigned",
                "commented",
                "comment_deleted",
            ),
            *("groups_moved", "deleted", "restored", "undone"),
        )
    },
    **{
        f"{noun}.{change}": (f"{item}:changed", _change, True)
        for noun, item, changes in (
            ("api_key", "key", ("created", "changed", "rotated", "deleted")),
            ("user", "user", ("created", "changed", "renamed", "password_changed", "deleted")),
            ("grouping_rule", "grouping_rule", ("created", "deleted")),
            ("sink", "sink", ("created", "changed", "switched_off", "deleted")),
            ("source_maps", "source_maps", ("uploaded", "deleted")),
            ("rule", "rule", ("created", "changed", "deleted")),
        )
        for change in changes
    },
}
