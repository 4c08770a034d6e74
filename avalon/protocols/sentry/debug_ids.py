"""What an event says of source maps: the debug ids of the scripts that its frames name.

SDKs list them as images of `debug_meta`, with the path as it stands in the frames. Images of native code are
of use only to who has their debug files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from avalon.protocols.sentry.values import as_object, as_text, objects_of
from avalon.reports import ExceptionInfo


def read_debug_ids(debug_meta: Any, exceptions: Sequence[ExceptionInfo]) -> dict[str, str]:
    """Debug ids by path, of the paths that frames have."""
    images = objects_of(as_object(debug_meta).get("images"))
    found = {as_text(image.get("code_file")): _debug_id(image) for image in images}
    if not any(found.values()):
        return {}
    paths = {frame.abs_path or frame.filename for one in exceptions for frame in one.frames}
    return {path: id_ for path, id_ in found.items() if id_ and path in paths}


def _debug_id(image: dict[str, Any]) -> str:
    return as_text(image.get("debug_id")) if image.get("type") == "sourcemap" else ""
