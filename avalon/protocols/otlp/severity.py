"""Severities of log records (https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber)."""

from __future__ import annotations

from typing import Final

from avalon.protocols.submission import read_level

_LOWEST: Final = ((21, "fatal"), (17, "error"), (13, "warning"), (9, "info"), (1, "debug"))
# Words of systems whose logs are collected as they are: syslog, java.util.logging, containers.
_WORDS: Final = {
    **{"err": "error", "severe": "error", "trace": "debug", "notice": "info", "information": "info"},
    **{"alert": "fatal", "crit": "fatal", "emerg": "fatal", "emergency": "fatal", "panic": "fatal"},
}
_ALARMING: Final = frozenset(("warning", "error", "fatal", "critical"))


def level_of(number: int, text: str) -> str:
    """Our level for a severity; the text counts where there is no number. "" where neither says anything."""
    for lowest, level in _LOWEST:
        if number >= lowest:
            return level
    return read_level(text[:20]) or _WORDS.get(text[:20].strip().lower(), "")


def is_alarming(level: str) -> bool:
    """Whether a log record of this level becomes a report, whatever it says."""
    return level in _ALARMING
