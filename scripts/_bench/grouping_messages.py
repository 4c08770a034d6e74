"""Scores the message masks on `messages.tsv`: lines of invented systems, each with its template.

Pairs of one system's lines are what is counted: truly the same if the template is. `exact` is the share of
lines whose group holds their whole template and nothing else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from avalon.grouping.masks import mask

_MESSAGES: Final = Path(__file__).with_name("messages.tsv")


class Score(NamedTuple):
    """How a system's lines were grouped; each figure from 0 to 1."""

    system: str
    lines: int
    precision: float
    recall: float
    f1: float
    exact: float


def score_messages(key: Callable[[str], str] = mask, file: Path = _MESSAGES) -> list[Score]:
    """A score for each system, and `average` (of the systems, not of the lines) last."""
    systems: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for line in file.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            system, template, message = line.split("\t")
            systems[system].append((template, key(message)))
    scores = [_score(system, rows) for system, rows in systems.items()]
    means = [sum(score[i] for score in scores) / len(scores) for i in range(2, 6)]
    return [*scores, Score("average", sum(score.lines for score in scores), *means)]


def _score(system: str, rows: Sequence[tuple[str, str]]) -> Score:
    both, truth, found = Counter(rows), Counter(t for t, _ in rows), Counter(k for _, k in rows)
    hits = _pairs(both.values())
    # One who makes no pair makes no wrong one.
    precision = hits / _pairs(found.values()) if _pairs(found.values()) else 1.0
    recall = hits / _pairs(truth.values()) if _pairs(truth.values()) else 1.0
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    exact = sum(n for (t, k), n in both.items() if n == truth[t] == found[k])
    return Score(system, len(rows), precision, recall, f1, exact / len(rows))


def _pairs(sizes: Iterable[int]) -> int:
    return sum(n * (n - 1) // 2 for n in sizes)


def main() -> None:
    print(f"{'system':16} lines  precision  recall  pair F1  exact")
    for score in score_messages():
        print("{:16} {:5}  {:9.2f}  {:6.2f}  {:7.2f}  {:5.2f}".format(*score))


if __name__ == "__main__":
    main()
