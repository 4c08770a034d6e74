"""The grouping of reports that come in, by their frames as they were written.

So one mistake is one issue, whatever names each build of a bundle has drawn for its functions. What is stored
stays as it was reported, and where nothing is found in time it is grouped by that.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from avalon.grouping import RuleSet, group_report
from avalon.reports import Privacy, Report, clean_report, cleaner_for
from avalon.source_maps.resolver import Resolver

# For all reports of a request: nobody's program waits longer because of its source maps.
MAX_WAIT_S: Final = 2.0


async def group_by_maps(
    resolver: Resolver,
    service: str,
    release: str | None,
    report: Report,
    *,
    rules: RuleSet | None,
    privacy: Privacy | None,
) -> Report:
    """The report with the grouping of its resolved frames; the same one where none was found."""
    resolution = await resolver.resolve(service, release, report)
    if resolution is None or not resolution.resolved:
        return report
    found = replace(report, exceptions=resolution.exceptions)
    if privacy is not None:
        # Of a key that keeps more out of what is stored: a line of source may be part of the grouping.
        found = clean_report(found, cleaner_for(None, privacy))
    return replace(report, grouping=replace(group_report(found, rules), is_resolved=True))
