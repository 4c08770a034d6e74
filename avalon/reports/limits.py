"""How much of a report is kept: the table of bounds.

A request's body is at most 1 MB when inflated, so these are about single fields that would make a report
hard to read, to list or to index, not about the sum.
"""

from __future__ import annotations

from typing import Final

# Characters of each text.
MAX_TEXT: Final = {
    "message": 8_192,
    "stack": 262_144,
    "path": 2_048,
    "method": 32,
    "type": 256,  # of an exception, and the names of its module and of a frame's
    "function": 512,
    "file": 1_024,
    "line": 1_024,  # of source code
    "platform": 64,
    "debug_id": 64,
    "server_name": 256,
    "transaction": 512,
    "sdk": 128,
    "fingerprint": 256,
    "tag": 200,
    "user": 512,
    "environment": 64,
    "release": 200,
    "free": 8_192,  # any text in metadata, contexts and request
    "local": 1_024,  # any text in a frame's variables and in breadcrumbs
}

# Entries of each list or object. Exceptions and frames keep their first and their last half, breadcrumbs the
# last, all others the first.
MAX_ENTRIES: Final = {
    "exceptions": 50,
    "frames": 256,
    "context": 10,  # lines of source code before and after a frame's own
    "breadcrumbs": 100,
    "tags": 100,
    "fingerprint": 16,
    "source_maps": 100,
    "free": 1_000,  # any list or object in free-form content
    "truncated": 50,
}

# Characters of a key in free-form content.
MAX_KEY: Final = 200
# Levels of lists and objects inside each other, in a whole body and in what is stored.
MAX_DEPTH: Final = 32
# JSON bytes of each of metadata, contexts, request and user; entries that do not fit any more are left out.
MAX_FREE_FORM_BYTES: Final = 131_072
