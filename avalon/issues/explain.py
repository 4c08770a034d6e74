"""Facts about an issue in words: what was done, by whom, and why a policy did it. Pure.

Names of people are given, because the log holds ids alone. Types that are not in the table are said by their
names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from avalon.events import Event

# actor or user id -> name
Names = Mapping[str, str]
_Explain = Callable[[Event, Names], str]

# What a state holds besides what was decided of the issue.
_BESIDES: Final = ("assignee", "stands", "regressed_at")
_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def explain(event: Event, names: Names) -> str:
    """Why this fact is in an issue's history; `names` gives the names of `user:<id>` actors."""
    said = _WORDS.get(event.type)
    return said(event, names) if said else event.type.replace(".", " ").replace("_", " ")


def _opened(event: Event, names: Names) -> str:
    return "opened by the first report of a new error" + _of_release(event.release)


def _regressed(event: Event, names: Names) -> str:
    was = event.data.get("was") or {}
    who = f"release {event.release}" if event.release else "a report without a release"
    since = _since(was.get("resolved_at"), event.occurred_at)
    release = was.get("resolved_in")
    if release is None and was.get("current_release"):
        release = was["current_release"]
        if was.get("substatus") == "in_next_release":
            release = f"the release after {release}"
    return f"regressed: {who} reported it{since} it was resolved{f' in {release}' if release else ''}"


def _resolved(event: Event, names: Names) -> str:
    data = event.data
    where = ""
    if data.get("in_next_release"):
        current = data.get("current_release")
        where = f" in the release after {current}" if current else " in the next release"
    elif data.get("in_release"):
        where = f" in release {data['in_release']}"
    return f"resolved{where}{_by(event, names)}"


def _muted(event: Event, names: Names) -> str:
    data = event.data
    ends = []
    if data.get("until"):
        ends.append(f"until {_minute(data['until'])}")
    ends += [f"for {_count(data[noun], noun[:-1])} more" for noun in ("events", "users") if data.get(noun)]
    return f"muted {', or '.join(ends)}{_by(event, names)}"


def _unmuted(event: Event, names: Names) -> str:
    reason = {
        "until": "its time was over",
        "events": "as many events as it was muted for have come",
        "users": "as many users as it was muted for have met it",
    }
    return f"unmuted: {reason.get(str(event.data.get('reason')), event.data.get('reason'))}"


def _assigned(event: Event, names: Names) -> str:
    return _to(event.data.get("assignee"), names) + _by(event, names)


def _commented(event: Event, names: Names) -> str:
    if event.actor.startswith("key:"):
        return f"feedback of a user of the program, about report {event.data.get('report')}"
    return ("a deleted comment brought back" if "undoes" in event.data else "commented") + _by(event, names)


def _moved(event: Event, names: Names) -> str:
    groups = _count(len(event.data["groups"]), "group")
    source = event.data["from"]
    said = {
        "merge": f"issue {source} merged into {event.stream}; {groups} moved",
        "unmerge": f"{groups} split off from issue {source} into {event.stream}",
        "regroup": f"{groups} moved from issue {source} to {event.stream} by a change of the grouping",
        "undo": f"undone: {groups} moved back from issue {source} to {event.stream}",
    }
    return said.get(event.data["kind"], f"{groups} moved from issue {source} to {event.stream}") + _by(
        event, names
    )


def _bound(event: Event, names: Names) -> str:
    groups = _count(len(event.data["groups"]), "group")
    return f"{groups} of reports to come bound to it by a change of the grouping{_by(event, names)}"


def _undone(event: Event, names: Names) -> str:
    """What is as before by the undo: whose the issue is, what was decided of it, or both."""
    state, was = event.data["state"], event.data.get("was", {})
    again = []
    if state.get("assignee") != was.get("assignee"):
        again.append(_to(state.get("assignee"), names))
    if not again or any(state.get(name) != was.get(name) for name in state if name not in _BESIDES):
        substatus = state["substatus"].replace("_", " ")
        detail = f" ({substatus})" if substatus not in ("", state["status"]) else ""
        again.insert(0, f"{state['status']}{detail}")
    return f"a decision was undone{_by(event, names)}: {' and '.join(again)} again"


def _overflowed(event: Event, names: Names) -> str:
    groups = _count(len(event.data.get("groups", [])), "new error")
    return f"{groups} went here: beyond the cap on new issues of a key in an hour"


def _to(assignee: str | None, names: Names) -> str:
    return f"assigned to {_name(f'user:{assignee}', names)}" if assignee else "assigned to nobody"


def _plain(said: str) -> _Explain:
    return lambda event, names: said + _by(event, names)


def _by(event: Event, names: Names) -> str:
    return f" by {_name(event.actor, names)}" if event.actor.startswith("user:") else ""


def _name(actor: str, names: Names) -> str:
    return names.get(actor) or "somebody whose account is gone"


def _of_release(release: str | None) -> str:
    return f", of release {release}" if release else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _since(text: str | None, at: datetime) -> str:
    """` 3 minutes after`, in the largest unit that fits."""
    if not text:
        return " after"
    seconds = int((at - datetime.fromisoformat(text)).total_seconds())
    for size, unit in _UNITS:
        if seconds >= size:
            return f" {_count(seconds // size, unit)} after"
    return " right after"


def _minute(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M UTC")


_WORDS: Final[dict[str, _Explain]] = {
    "issue.opened": _opened,
    "issue.regressed": _regressed,
    "issue.resolved": _resolved,
    "issue.reopened": _plain("reopened"),
    "issue.ignored": _plain("ignored"),
    "issue.muted": _muted,
    "issue.unmuted": _unmuted,
    "issue.assigned": _assigned,
    "issue.commented": _commented,
    "issue.comment_deleted": _plain("a comment deleted"),
    "issue.groups_moved": _moved,
    "issue.groups_bound": _bound,
    "issue.groups_unbound": _plain("undone: groups of reports to come bound to it"),
    "issue.deleted": _plain("deleted"),
    "issue.restored": _plain("restored: its deletion was undone"),
    "issue.undone": _undone,
    "issue.overflowed": _overflowed,
    "error.deleted": _plain("one of its reports deleted"),
}
