"""`/api/rules`: what of which issues a sink is told of. Everybody sees them; admins change them."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from avalon.errors import BadInput
from avalon.read_models.rules import (
    Decision,
    RuleItem,
    RulePage,
    find_rule,
    list_decisions,
    list_rules,
)
from avalon.routes.answers import MAX_PAGE, Done, Limit
from avalon.routes.dependencies import principal, requires, services
from avalon.routes.sinks import Before
from avalon.rules import Definition, When, commands
from avalon.subscriptions.preview import MAX_DAYS, Preview, preview
from avalon.subscriptions.questions import rule_of
from avalon.subscriptions.state import Limits
from avalon.subscriptions.why import Verdict, explain

AnyRequest = Request[Any, Any, Any]
DEFAULT_DAYS: Final = 7


class NewRuleBody(Definition, frozen=True, forbid_unknown_fields=True, kw_only=True):
    sink: UUID
    name: str


class RuleChangeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Only what is there is changed; null takes a filter away. A rule stays with its sink."""

    name: str | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    when: When | UnsetType = UNSET
    threshold: int | UnsetType | None = UNSET
    window_s: int | UnsetType | None = UNSET
    services: list[str] | UnsetType = UNSET
    environments: list[str] | UnsetType = UNSET
    level: str | UnsetType | None = UNSET
    release: str | UnsetType | None = UNSET
    tags: dict[str, list[str]] | UnsetType = UNSET
    q: str | UnsetType | None = UNSET
    pace_s: int | UnsetType = UNSET


class PreviewBody(Definition, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule that need not be saved, and over how many days."""

    days: Annotated[int, msgspec.Meta(ge=1, le=MAX_DAYS)] = DEFAULT_DAYS


class DecisionPage(msgspec.Struct):
    """`next` is the cursor of the page behind this one; `now`, where an issue is asked for: what the rule
    would do about its latest report."""

    items: list[Decision]
    next: str | None
    now: Verdict | None = None


@get("/api/rules", tags=["rules"])
async def list_all(
    request: AnyRequest,
    sink: FromQuery[UUID | None] = None,
    cursor: FromQuery[UUID | None] = None,
    limit: Limit = MAX_PAGE,
) -> RulePage:
    """Alert rules, of one sink or of all."""
    return await list_rules(services(request).database, sink=sink, after=cursor, limit=limit)


@post("/api/rules", guards=[requires("admin")], tags=["rules"])
async def create_rule(request: AnyRequest, data: JSONBody[NewRuleBody]) -> RuleItem:
    """Make a rule; it looks at what is reported from now on."""
    database = services(request).database
    rule = await commands.create_rule(
        database,
        sink=data.sink,
        name=data.name,
        definition=_definition(data),
        actor=principal(request).actor,
    )
    return await find_rule(database, rule)


@get("/api/rules/{rule:uuid}", tags=["rules"])
async def read_rule(request: AnyRequest, rule: FromPath[UUID]) -> RuleItem:
    """One rule."""
    return await find_rule(services(request).database, rule)


@patch("/api/rules/{rule:uuid}", guards=[requires("admin")], tags=["rules"])
async def change_rule(request: AnyRequest, rule: FromPath[UUID], data: JSONBody[RuleChangeBody]) -> RuleItem:
    """Change what a rule asks for, rename it, switch it off or on."""
    database = services(request).database
    given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
    if not given:
        raise BadInput(f"give at least one of {', '.join(RuleChangeBody.__struct_fields__)}")
    await commands.change_rule(
        database,
        rule,
        actor=principal(request).actor,
        name=given.pop("name", None),
        is_active=given.pop("is_active", None),
        changes=given,
    )
    return await find_rule(database, rule)


@delete("/api/rules/{rule:uuid}", status_code=200, guards=[requires("admin")], tags=["rules"])
async def delete_rule(request: AnyRequest, rule: FromPath[UUID]) -> Done:
    """Delete a rule."""
    await commands.delete_rule(services(request).database, rule, actor=principal(request).actor)
    return Done()


@post("/api/rules/preview", status_code=200, guards=[requires("admin")], tags=["rules"])
async def preview_rule(request: AnyRequest, data: JSONBody[PreviewBody]) -> Preview:
    """What a rule alone would have sent over the last days."""
    database = services(request).database
    return await preview(database, _definition(data), days=data.days, limits=Limits())


@get("/api/rules/{rule:uuid}/decisions", tags=["rules"])
async def read_decisions(
    request: AnyRequest,
    rule: FromPath[UUID],
    issue: FromQuery[UUID | None] = None,
    cursor: Before = None,
    limit: Limit = MAX_PAGE,
) -> DecisionPage:
    """What became of a rule's alerts, newest first; of an issue also whether it would be told of now."""
    database = services(request).database
    item = await find_rule(database, rule)
    page, following = await list_decisions(database, item, issue=issue, before=cursor, limit=limit)
    found = DecisionPage(page, following)
    if issue is not None:
        known = await rule_of(database, rule)
        found.now = await explain(database, known, item.sink, issue, is_active=item.is_active)
    return found


def _definition(data: NewRuleBody | PreviewBody) -> Definition:
    return Definition(**{name: getattr(data, name) for name in Definition.__struct_fields__})


handlers: Final = [
    list_all,
    create_rule,
    read_rule,
    change_rule,
    delete_rule,
    preview_rule,
    read_decisions,
]
