"""What counts as a change."""

from __future__ import annotations

import pytest

from avalon.read_models.changes import kind_of, surprise_of

EQUAL = (1.0, 1.0)


@pytest.mark.parametrize(
    ("earlier", "later", "is_new", "kind"),
    [
        (0, 1, True, "new"),
        (5, 0, False, "gone"),
        (10, 40, False, "louder"),
        (40, 10, False, "quieter"),
        (2, 4, False, None),
        (1000, 1040, False, None),
        (10_000, 11_000, False, None),
        (0, 3, False, None),
        (0, 20, False, "louder"),
    ],
)
def test_a_change_is_what_chance_does_not_explain(
    earlier: int, later: int, is_new: bool, kind: str | None
) -> None:
    assert kind_of(earlier, later, is_new, surprise_of(earlier, later, EQUAL), EQUAL) == kind


def test_a_release_that_reported_longer_may_have_more_reports() -> None:
    exposures = (3600.0, 36_000.0)
    assert kind_of(20, 200, False, surprise_of(20, 200, exposures), exposures) is None
    assert kind_of(20, 20, False, surprise_of(20, 20, exposures), exposures) == "quieter"
