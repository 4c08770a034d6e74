"""The canonical report, its bounds and its scrubbing.

A protocol reads a body (`untrusted`), translates it to a `Report` and passes it through `bound_and_scrub`.
What comes out is safe to store in jsonb, to list and to broadcast.
"""

from avalon.reports.bounding import bound_and_scrub, clean_report
from avalon.reports.canonical import ExceptionInfo, Frame, Grouping, Report, Sdk, encode_report
from avalon.reports.cleaning import Cleaner
from avalon.reports.limits import MAX_ENTRIES, MAX_TEXT

__all__ = [
    "MAX_ENTRIES",
    "MAX_TEXT",
    "Cleaner",
    "ExceptionInfo",
    "Frame",
    "Grouping",
    "Report",
    "Sdk",
    "bound_and_scrub",
    "clean_report",
    "encode_report",
]
