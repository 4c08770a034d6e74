"""Which group a report belongs to. Pure: a report in, a versioned key and its parts out."""

from avalon.grouping.fingerprint import VERSION, group_id, group_report

__all__ = ["VERSION", "group_id", "group_report"]
