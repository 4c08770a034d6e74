"""The canonical report, its bounds and its scrubbing.

A protocol reads a body (`untrusted`), translates it to a `Report` and passes it through `bound_and_scrub`.
What comes out is safe to store in jsonb, to list and to broadcast.
"""

from avalon.reports.bounding import bound_and_scrub, clean_report
from avalon.reports.canonical import ExceptionInfo, Frame, Grouping, Report, Sdk, encode_report
from avalon.reports.cleaning import Cleaner
from avalon.reports.limits import MAX_ENTRIES, MAX_TEXT
from avalon.reports.privacy import MAX_FIELD_NAME, Privacy, cleaner_for

__all__ = [
    "MAX_ENTRIES",
    "MAX_FIELD_NAME",
    "MAX_TEXT",
    "Cleaner",
    "ExceptionInfo",
    "Frame",
    "Grouping",
    "Privacy",
    "Report",
    "Sdk",
    "bound_and_scrub",
    "clean_report",
    "cleaner_for",
    "encode_report",
]
