"""`/api/grouping`: what another grouping would do, and the rules. Admins apply it; it can be undone."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, delete, get, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from avalon import issues
from avalon.auth.key_fields import check_service
from avalon.errors import BadInput
from avalon.events import uuid7
from avalon.grouping import VERSION, Rule, RuleKind
from avalon.issues import Done
from avalon.regrouping import Applied, Change, Preview, RuleItem, delete_rule, list_rules, show_merge
from avalon.regrouping.reading import DAYS
from avalon.routes.dependencies import principal, requires, services

AnyRequest = Request[Any, Any, Any]


class RuleBody(msgspec.Struct, forbid_unknown_fields=True):
    """`ignore_frame`: frames with this function, module (or file), or both, never decide.

    `variable`: this word of messages varies. `*` stands for anything, in a word for anything within it.
    """

    kind: RuleKind
    function: str = ""
    module: str = ""
    pattern: str = ""


class RegroupBody(msgspec.Struct, forbid_unknown_fields=True):
    """One of: a new rule; the grouping's version, for what an older one has grouped; issues that are one.

    `service` is the one that it is for, else it is for all; `days` is how far back reports are looked at.
    """

    rule: RuleBody | UnsetType = UNSET
    version: int | UnsetType = UNSET
    merge: list[UUID] | UnsetType = UNSET
    service: str | None = None
    days: int = DAYS


class Rules(msgspec.Struct):
    """All rules, oldest first, and the version of the grouping that they are added to."""

    items: list[RuleItem]
    version: int
    next: str | None = None


@post("/api/grouping/preview", status_code=200, guards=[requires("member")], tags=["grouping"])
async def preview(request: AnyRequest, data: JSONBody[RegroupBody]) -> Preview:
    """What a change of the grouping would bring together, and what it would split."""
    change, found = _change(data), services(request)
    if isinstance(change, list):
        return await show_merge(found.database, change)
    return await found.regrouping.preview(change)


@post("/api/grouping/rules", guards=[requires("admin")], tags=["grouping"])
async def apply(request: AnyRequest, data: JSONBody[RegroupBody]) -> Applied:
    """Do what the preview says. `POST /api/undo/{action}` takes it back."""
    change, found, actor = _change(data), services(request), principal(request).actor
    if isinstance(change, list):
        done = await issues.merge(found.database, change[0], change, actor)
        return Applied(action=done.action, rule=None, issues=done.changed)
    return await found.regrouping.apply(change, actor)


@get("/api/grouping/rules", guards=[requires("viewer")], tags=["grouping"])
async def read_rules(request: AnyRequest) -> Rules:
    """The rules that reports are grouped by."""
    return Rules(await list_rules(services(request).database), VERSION)


@delete("/api/grouping/rules/{rule:uuid}", status_code=200, guards=[requires("admin")], tags=["grouping"])
async def end_rule(request: AnyRequest, rule: FromPath[UUID]) -> Done:
    """End a rule: from now on reports are grouped without it. What it has brought together stays."""
    return await delete_rule(services(request).database, rule, principal(request).actor)


def _change(body: RegroupBody) -> Change | list[UUID]:
    """The change, or the issues that are to be one; raises BadInput."""
    given = [name for name in ("rule", "version", "merge") if getattr(body, name) is not UNSET]
    if len(given) != 1:
        raise BadInput("give one of rule, version, merge")
    if body.merge is not UNSET:
        ids = list(dict.fromkeys(body.merge))
        if not 2 <= len(ids) <= issues.MAX_ISSUES:
            raise BadInput(f"2 to {issues.MAX_ISSUES} issues", field="merge")
        return ids
    service = None if body.service is None else check_service(body.service)
    if body.rule is not UNSET:
        rule = Rule(id=uuid7(), **msgspec.structs.asdict(body.rule))
        return Change(rule=rule, service=service, days=body.days)
    version = VERSION if body.version is UNSET else body.version
    return Change(version=version, service=service, days=body.days)


handlers: Final = [preview, apply, read_rules, end_rule]
