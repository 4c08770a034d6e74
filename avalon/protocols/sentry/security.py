"""What browsers report of a page's own policies, as events.

In the forms of report-uri (one object: CSP Level 2, Expect-CT, Expect-Staple, HPKP of RFC 7469 §3) and of the
Reporting API (a list, https://www.w3.org/TR/reporting-1/). The hyphens and capitals of their names become
underscores, as in Sentry's events.
"""

from __future__ import annotations

import re
from typing import Any, Final

from avalon.errors import BadInput
from avalon.protocols.sentry.values import Object, as_object, as_text
from avalon.reports.untrusted import kind_of, parse_json

MAX_REPORTS: Final = 100
# The name of its object, and the field of the event that it becomes.
_OBJECTS: Final = {
    "csp-report": "csp",
    "expect-ct-report": "expectct",
    "expect-staple-report": "expectstaple",
}
# CSP Level 3 §5.3 names in another way what Level 2 had already.
_RENAMED: Final = {
    "blocked_url": "blocked_uri",
    "document_url": "document_uri",
    "sample": "script_sample",
}
_WORD_BEGINS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def read_security(body: bytes) -> list[Object]:
    """The events of a body, at most MAX_REPORTS. Raises BadInput where it is no report that we know."""
    value = parse_json(body)
    reports = value if type(value) is list else [value]
    events = [event for event in map(_read, reports[:MAX_REPORTS]) if event]
    if not events:
        raise BadInput(f"expected a report of a browser, got {kind_of(value)} without one")
    return events


def _read(report: Any) -> Object | None:
    if type(report) is not dict:
        return None
    if type(report.get("body")) is dict and as_text(report.get("type")):
        return _of_reporting_api(as_text(report["type"]), report["body"], report)
    for name, field in _OBJECTS.items():
        if type(report.get(name)) is dict:
            return _event(field, _underscored(report[name]))
    if "known-pins" in report and "hostname" in report:
        return _event("hpkp", _underscored(report))
    return None


def _of_reporting_api(type_: str, body: Object, report: Object) -> Object:
    if type_ in ("csp-violation", "csp"):
        csp = _underscored(body)
        csp.setdefault("document_uri", as_text(report.get("url")))
        event = _event("csp", csp)
    else:
        said = as_text(body.get("message")) or as_text(body.get("type")) or as_text(body.get("reason"))
        event = {
            "message": f"{type_}: {said}" if said else type_,
            "logger": type_,
            "level": "warning",
            "request": {"url": as_text(report.get("url"))},
            "extra": body,
        }
    if agent := as_text(report.get("user_agent")):
        event["request"].setdefault("headers", {})["User-Agent"] = agent
    return event


def _event(field: str, report: Object) -> Object:
    """The event of a report, with the page that it is about as its request."""
    url = as_text(report.get("document_uri")) or as_text(report.get("hostname"))
    headers = {"Referer": as_text(report.get("referrer"))} if report.get("referrer") else {}
    return {
        field: report,
        "logger": field,
        "request": {"url": url, "headers": headers},
        "tags": _tags(report) if field == "csp" else {"hostname": as_text(report.get("hostname"))},
    }


def _tags(csp: Object) -> Object:
    directive = as_text(csp.get("effective_directive")) or as_text(csp.get("violated_directive"))
    return {
        "effective-directive": directive.partition(" ")[0],
        # Without its query, which may be about a person.
        "blocked-uri": re.split(r"[?#]", as_text(csp.get("blocked_uri")))[0],
    }


def _underscored(report: Object) -> Object:
    names = {name: _WORD_BEGINS.sub("_", name).replace("-", "_").lower() for name in report}
    return {_RENAMED.get(names[name], names[name]): value for name, value in as_object(report).items()}
