"""The memory of this very process."""

from __future__ import annotations

import re
from pathlib import Path


def private_bytes() -> int:
    """What it alone holds (Linux: proc(5), smaps_rollup)."""
    text = Path("/proc/self/smaps_rollup").read_text()
    return sum(int(kilobytes) for kilobytes in re.findall(r"Private_\w+:\s+(\d+) kB", text)) * 1024
