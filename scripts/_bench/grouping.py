"""Scores the grouping on labelled crashes, as they came and as they would come from elsewhere; and its cost.

`scripts/bench grouping --data DIR`: a folder with `events.jsonl` (Sentry's protocol) and `labels.csv`, by
default the one beside this checkout; payloads in `../sentry_events` beside it only have to group.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from grouping_messages import score_messages
from parts import show
from scoring import score
from stack_samples import SAMPLES

from avalon.grouping import frames, group_report
from avalon.grouping.stacks import parse_stack
from avalon.protocols.sentry import decode_event
from avalon.reports import Report

_BESIDE: Final = Path(__file__).parents[3] / "shared" / "data" / "grouping"
_ROUNDS: Final = 20
_TEXTS: Final = 300
_Event = dict[str, Any]


def main(*arguments: str) -> None:
    parser = argparse.ArgumentParser("scripts/bench grouping")
    parser.add_argument("--data", type=Path, default=_BESIDE)
    data = parser.parse_args(arguments).data
    if (data / "events.jsonl").exists():
        _score_crashes(data)
    else:
        print(f"no events.jsonl in {data}: only messages and costs are measured")
    show("grouping: messages without a stack", [one._asdict() for one in score_messages()])
    # No two are the same, so that none is known from before.
    rows = [
        _cost(f"{name} as text", [Report(message="failed", stack=stack + "\n" * n) for n in range(_TEXTS)])
        for name, stack in SAMPLES.items()
    ]
    parsed = Report(message="failed", exceptions=parse_stack(SAMPLES["Java"]))
    show("grouping: µs a report, stacks of 30 frames", [_cost("frames", [parsed]), *rows])


def _score_crashes(data: Path) -> None:
    labels = list(csv.DictReader((data / "labels.csv").open()))
    lines = map(json.loads, (data / "events.jsonl").open())
    events = {event["event_id"].replace("-", ""): event for event in lines}
    ordered = [events[label["event_id"].replace("-", "")] for label in labels]
    projects, bugs = [label["project"] for label in labels], [label["bug"] for label in labels]
    variants: dict[str, Callable[[int, _Event], _Event]] = {
        "as they are": lambda _, event: event,
        "lines shifted": _with_shifted_lines,
        "top renamed": _with_renamed_top,
    }
    rows, keys = [], {}
    for name, change in variants.items():
        changed = [change(index, event) for index, event in enumerate(ordered)]
        keys[name] = [
            f"{project} {_report(event).grouping.key_parts}"  # type: ignore[union-attr]
            for project, event in zip(projects, changed, strict=True)
        ]
        rows.append({"variant": name, **score(bugs, keys[name])})
    show("grouping: labelled crashes", rows)
    show("grouping: by project", _by_project(projects, bugs, keys["as they are"]))
    reports = [_report(event) for event in ordered]
    payloads = [path.read_bytes() for path in sorted(data.parent.glob("sentry_events/*/*.json"))]
    others = [decode_event(payload).report for payload in payloads]
    show(
        "grouping: µs a report", [_cost("crashes", reports), *([_cost("payloads", others)] if others else [])]
    )


def _report(event: _Event) -> Report:
    return decode_event(json.dumps(event).encode()).report


def _by_project(projects: Sequence[str], bugs: Sequence[str], keys: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"project": project, **score([bugs[i] for i in own], [keys[i] for i in own])}
        for project in sorted(set(projects))
        if (own := [i for i, other in enumerate(projects) if other == project])
    ]


def _changed_frames(event: _Event, change: Callable[[dict[str, Any]], None]) -> _Event:
    copy: _Event = json.loads(json.dumps(event))
    for exception in copy["exception"]["values"]:
        for frame in (exception.get("stacktrace") or {}).get("frames") or []:
            change(frame)
    return copy


def _with_shifted_lines(index: int, event: _Event) -> _Event:
    """Each event comes from a version of its own, with some lines more above."""

    def shift(frame: dict[str, Any]) -> None:
        if frame.get("lineno"):
            frame["lineno"] += 1 + index % 7

    return _changed_frames(event, shift)


def _with_renamed_top(index: int, event: _Event) -> _Event:
    """Every second event comes from another checkout, where the top package has another name, too."""

    def rename(frame: dict[str, Any]) -> None:
        if frame.get("in_app") is not False:
            frame["module"] = re.sub(r"^\w+\.(?=\w+\.\w+\.)", "renamed.", frame.get("module") or "")
            if "/" in (path := frame.get("abs_path") or ""):
                frame["abs_path"] = "/srv/renamed/" + path.lstrip("/")

    return _changed_frames(event, rename) if index % 2 else event


def _cost(name: str, reports: Sequence[Report]) -> dict[str, Any]:
    """Of `group_report` alone; `first` is with no place known yet, as after a start."""
    first, again = [], []
    for report in reports:
        frames.forget_places()
        first.append(_microseconds(report))
    for _ in range(max(_ROUNDS, 400 // len(reports))):
        again += [_microseconds(report) for report in reports]
    again.sort()
    first.sort()
    return {
        "reports": name,
        "median": again[len(again) // 2],
        "p99": again[len(again) * 99 // 100],
        "first median": first[len(first) // 2],
        "first p99": first[len(first) * 99 // 100],
    }


def _microseconds(report: Report) -> float:
    started = time.process_time_ns()
    group_report(report)
    return (time.process_time_ns() - started) / 1000
