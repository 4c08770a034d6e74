"""What the service and the worker say to each other: MessagePack, each message behind its length."""

from __future__ import annotations

import struct
from typing import Final

import msgspec

LENGTH: Final = struct.Struct(">I")
# Larger than what storage takes as one file, for the two of a question.
MAX_MESSAGE_BYTES: Final = 160 * 1024 * 1024
CONTEXT_LINES: Final = 5
MAX_LINE: Final = 1_024
MAX_NAME: Final = 512


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where do these places (line and column, from 1) come from? The files, as zstd, only where asked for."""

    name: bytes
    places: list[tuple[int, int]]
    script: bytes | None = None
    map: bytes | None = None


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a place of a script was written. `function` is the one around it, `name` what stands there."""

    file: str = ""
    line: int = 0
    column: int = 0
    function: str = ""
    name: str = ""
    context_line: str | None = None
    pre_context: list[str] = []
    post_context: list[str] = []

    @property
    def size(self) -> int:
        """About as many bytes."""
        lines = (*self.pre_context, self.context_line or "", *self.post_context)
        return 200 + len(self.file) + len(self.function) + sum(map(len, lines))


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The origins, in the order of the places; or what is missing: the files, or what could read them."""

    origins: list[Origin | None] = []
    needs_files: bool = False
    is_unreadable: bool = False
