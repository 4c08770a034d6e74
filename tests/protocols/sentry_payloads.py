"""The translations of the payloads in `../shared/data/sentry_events`: a line each, without what they say.

    python -m tests.protocols.sentry_payloads            writes the lines anew, shows what changed
    python -m tests.protocols.sentry_payloads FOLDER     writes each translation whole, as JSON

A hash tells only that something changed. To see what, write them whole before and after: `diff -r` the two.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from avalon.protocols.sentry import decode_event
from avalon.protocols.submission import Submission
from avalon.reports import encode_report

SNAPSHOT = Path(__file__).with_suffix(".txt")
FOLDER = Path(__file__).parents[3] / "shared" / "data" / "sentry_events"


def read_payloads() -> dict[str, bytes]:
    """The bodies by name, as `bugsink/130`."""
    paths = sorted(FOLDER.glob("*/*.json"))
    return {path.relative_to(FOLDER).with_suffix("").as_posix(): path.read_bytes() for path in paths}


def translation_of(submission: Submission) -> dict[str, Any]:
    """All that is stored of a submission, but how it was grouped, which has tests and versions of its own."""
    report = msgspec.structs.replace(submission.report, grouping=None)
    return {
        "level": submission.level,
        "id": None if submission.id is None else str(submission.id),
        "environment": submission.environment,
        "release": submission.release,
        "occurred_at": None if submission.occurred_at is None else submission.occurred_at.isoformat(),
        **json.loads(encode_report(report)),
    }


def snapshot_of(name: str, body: bytes) -> str:
    """The payload's line: what kind of event it is, how much it has of what, and a hash of all of it."""
    submission = decode_event(body)
    report = submission.report
    counts = {
        "exceptions": len(report.exceptions),
        "frames": sum(len(one.frames) for one in report.exceptions),
        "crumbs": len(report.breadcrumbs),
        "tags": len(report.tags),
        "metadata": len(report.metadata),
        "contexts": len(report.contexts),
        "request": len(report.request),
        "cut": len(report.truncated),
    }
    assert report.grouping is not None
    whole = json.dumps(translation_of(submission), sort_keys=True).encode()
    words = (
        *(name, report.platform, submission.level, report.type or "-"),
        *(f"{what}={count}" for what, count in counts.items() if count),
        *(report.grouping.culprit or "-", hashlib.sha256(whole).hexdigest()[:16]),
    )
    return " | ".join(words)


def snapshot() -> list[str]:
    """The lines of all payloads, as they are now."""
    return [snapshot_of(name, body) for name, body in read_payloads().items()]


def _write_whole(folder: Path) -> None:
    for name, body in read_payloads().items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(translation_of(decode_event(body)), indent=1, ensure_ascii=False) + "\n")


def _write_lines() -> None:
    before = SNAPSHOT.read_text().splitlines() if SNAPSHOT.exists() else []
    after = snapshot()
    SNAPSHOT.write_text("\n".join(after) + "\n")
    print("\n".join(difflib.unified_diff(before, after, "before", "after", n=0, lineterm="")) or "no change")


if __name__ == "__main__":
    _write_whole(Path(sys.argv[1])) if len(sys.argv) > 1 else _write_lines()
