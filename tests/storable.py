"""What Postgres's jsonb stores, and every reader can print again."""

from __future__ import annotations

import json
import math
from typing import Any

MAX_STORED_DEPTH = 40


def assert_storable(encoded: bytes) -> None:
    """Fails unless it is JSON in UTF-8 without NUL or surrogates, with jsonb's numbers, and not too deep."""
    value = json.loads(encoded.decode(), parse_constant=_refuse)
    _walk(value, 0)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def _walk(value: Any, depth: int) -> None:
    assert depth <= MAX_STORED_DEPTH
    if isinstance(value, str):
        assert "\0" not in value
        value.encode()
    elif isinstance(value, dict):
        for key, inner in value.items():
            _walk(key, depth)
            _walk(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _walk(inner, depth + 1)
    elif isinstance(value, float):
        assert math.isfinite(value)
        assert value == 0 or 1e-16 < abs(value) < 1e22
    elif isinstance(value, int):
        assert -(2**63) <= value < 2**63
