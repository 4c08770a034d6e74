"""`python -m avalon`, and the console command `avalon`."""

from __future__ import annotations

import sys

from avalon.cli import main

if __name__ == "__main__":
    sys.exit(main())
