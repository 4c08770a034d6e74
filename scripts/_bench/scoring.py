"""How well groups fit bugs: both are lists of names, one entry per event, in the same order.

Two events are truly the same if one fix cures both. Too coarse costs precision, too fine costs recall.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence


def score(bugs: Sequence[str], issues: Sequence[str]) -> dict[str, float]:
    """Over pairs of events, over events (B-cubed), and what people see: issues per bug, issues that mix."""
    both, bug_sizes, issue_sizes = Counter(zip(bugs, issues, strict=True)), Counter(bugs), Counter(issues)
    hits = _pairs(both.values())
    precision = hits / max(1, _pairs(issue_sizes.values()))
    recall = hits / max(1, _pairs(bug_sizes.values()))
    b3_precision = sum(n * n / issue_sizes[issue] for (_, issue), n in both.items()) / len(bugs)
    b3_recall = sum(n * n / bug_sizes[bug] for (bug, _), n in both.items()) / len(bugs)
    issues_of, bugs_in = defaultdict(set), defaultdict(set)
    for bug, issue in both:
        issues_of[bug].add(issue)
        bugs_in[issue].add(bug)
    repeated = [len(found) for bug, found in issues_of.items() if bug_sizes[bug] > 1]
    return {
        "events": len(bugs),
        "bugs": len(bug_sizes),
        "issues": len(issue_sizes),
        "precision": precision,
        "recall": recall,
        "pair F1": _f1(precision, recall),
        "B3 F1": _f1(b3_precision, b3_recall),
        "issues per bug": sum(repeated) / max(1, len(repeated)),
        "mixed %": 100 * sum(len(found) > 1 for found in bugs_in.values()) / len(bugs_in),
    }


def _pairs(sizes: Iterable[int]) -> int:
    return sum(n * (n - 1) // 2 for n in sizes)


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / max(1e-9, precision + recall)
