"""The canonical report: the one shape that every way in translates to, and what `error.reported` stores.

Empty fields are left out of the JSON. What the service reads has a field of its own; everything else that a
client sends stays free-form, bounded and scrubbed like the rest.
"""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


class Frame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One call of a stack; the innermost comes last."""

    function: str = ""
    module: str = ""
    filename: str = ""
    abs_path: str = ""
    lineno: int | None = None
    colno: int | None = None
    in_app: bool | None = None
    context_line: str | None = None
    pre_context: list[str] = []
    post_context: list[str] = []
    vars: dict[str, Any] = {}


class ExceptionInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One exception of a chain; the one that was raised first, the innermost, comes last."""

    type: str = ""
    value: str = ""
    module: str = ""
    handled: bool | None = None
    frames: list[Frame] = []


class Sdk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What sent the report."""

    name: str = ""
    version: str = ""


class Grouping(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Why the report is in its group: the version of the rules, and the parts of its key.

    `type` and `culprit` are for people: the type of the exception that decides, and where it was raised.
    `value` is what that exception says where the report's message does not say it, for the search.
    `hashes` are of the type, the masked message and up to three places, innermost first ("" of an
    empty one): similar reports share some. `rules` are the ids of the grouping rules that took part.
    `is_resolved`: the frames had been resolved with source maps, which the stored ones are not.
    """

    version: int
    key_parts: list[str]
    type: str = ""
    value: str = ""
    culprit: str = ""
    hashes: list[str] = []
    rules: list[str] = []
    is_resolved: bool = False


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The canonical report. `truncated` names each field that was cut, with its original length.

    `source_maps` are the debug ids of the scripts that frames name, by their path.
    `message_template` is the message before its parameters were put in, where a client says it.
    """

    message: str
    message_template: str = ""
    exceptions: list[ExceptionInfo] = []
    stack: str = ""
    path: str = ""
    method: str = ""
    request: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    tags: dict[str, str] = {}
    user: dict[str, Any] = {}
    breadcrumbs: list[dict[str, Any]] = []
    contexts: dict[str, Any] = {}
    sdk: Sdk | None = None
    platform: str = ""
    server_name: str = ""
    transaction: str = ""
    fingerprint: list[str] = []
    source_maps: dict[str, str] = {}
    grouping: Grouping | None = None
    truncated: dict[str, int] = {}

    @property
    def type(self) -> str:
        """The type of the innermost exception, or "" where the client named none."""
        return self.exceptions[-1].type if self.exceptions else ""

    @property
    def deciding_type(self) -> str:
        """The type that its issue has by this report: of the exception that the grouping went by."""
        return (self.grouping.type if self.grouping else "") or self.type


def encode_report(report: Report) -> bytes:
    """The report as compact JSON; Postgres's jsonb takes it whenever the report was bounded and scrubbed."""
    return _encode(report)
