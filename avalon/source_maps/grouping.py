"""The grouping of reports that come in, by their frames as they were written.

So one mistake is one issue, whatever names each build of a bundle has drawn for its functions. What is stored
stays as it was reported, and where nothing is found in time it is grouped by that.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from avalon.grouping import RuleSet, group_report
from avalon.reports import Report
from avalon.source_maps.resolver import Resolver

# For all reports of a request: nobody's program waits longer because of its source maps.
MAX_WAIT_S: Final = 2.0


async def group_by_maps(
    resolver: Resolver, service: str, release: str | None, report: Report, rules: RuleSet | None
) -> Report:
    """The report with the grouping of its resolved frames; the same one where none was found."""
    resolution = await resolver.resolve(service, release, report)
    if resolution is None or not resolution.resolved:
        return report
    grouping = group_report(replace(report, exceptions=resolution.exceptions), rules)
    return replace(report, grouping=replace(grouping, is_resolved=True))
