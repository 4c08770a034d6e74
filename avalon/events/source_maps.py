"""The `data` of facts about source maps."""

from __future__ import annotations

from avalon.events.rows import Fact


class SourceMapsUploaded(Fact):
    """Stream: the upload. Some names and how many scripts there are, and the bytes that it added."""

    TYPE = "source_maps.uploaded"
    release: str | None
    dist: str | None
    scripts: int
    names: list[str]
    bytes: int


class SourceMapsDeleted(Fact):
    """Stream: the upload. `reason`: asked (by somebody), unused (for too long), room (none is left)."""

    TYPE = "source_maps.deleted"
    release: str | None
    dist: str | None
    scripts: int
    reason: str
