"""Issues to read: `/api/issues`, one issue, its reports, its tags, and those that look like it."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from avalon.errors import BadInput, NotFound
from avalon.read_models import cursors, issues
from avalon.read_models.errors import ErrorPage
from avalon.read_models.issue_lists import SORTS, Wanted
from avalon.read_models.issue_page import read_page
from avalon.read_models.issues import Group, IssueItem, IssuePage, Similar, Tags
from avalon.routes.answers import MAX_PAGE, Limit, cut_page
from avalon.routes.dependencies import principal, requires, services
from avalon.routes.parameters import read_text, read_time, refuse_strays
from avalon.source_maps.reading import read_by_maps

Q = Annotated[str | None, QueryParameter(description="The search language: is:unresolved level:error …")]
Sort = Annotated[str | None, QueryParameter(description=f"One of {', '.join(SORTS)}")]


class GroupPage(msgspec.Struct):
    """`next` is the cursor of the page behind this one."""

    items: list[Group]
    next: str | None


@get("/api/issues", guards=[requires("viewer")])
async def list_issues(
    request: Request[Any, Any, Any],
    q: Q = None,
    sort: Sort = None,
    service: FromQuery[str | None] = None,
    environment: FromQuery[str | None] = None,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> IssuePage:
    """Issues that a query finds, the greatest of `sort` first. A query that can't be read is a 400."""
    refuse_strays(request, "say it in q, as level:error or is:resolved")
    sort = sort or SORTS[0]
    if sort not in SORTS:
        raise BadInput(f"one of {', '.join(SORTS)}", field="sort")
    wanted = Wanted(
        q=q,
        sort=sort,
        service=read_text(service, "service"),
        environment=read_text(environment, "environment"),
        since=read_time(since, "since"),
        until=read_time(until, "until"),
    )
    user = principal(request).user_id
    return await issues.list_issues(
        services(request).database, wanted, user=user, cursor=cursor or None, limit=limit
    )


@get("/api/issues/{id:str}", guards=[requires("viewer")])
async def find_issue(request: Request[Any, Any, Any], id: FromPath[str]) -> IssueItem | Response[str]:
    """One issue; as a page in Markdown with `.md` behind the id. One that was merged says to where."""
    database = services(request).database
    name, _, ending = id.partition(".")
    try:
        issue = UUID(name)
    except ValueError:
        raise NotFound("there is no such issue") from None
    if ending == "":
        return await issues.find_issue(database, issue)
    if ending != "md":
        raise NotFound("there is no such page")
    found = services(request)
    page = await read_page(database, issue, lambda report: read_by_maps(found.source_maps, report))
    return Response(page, media_type="text/markdown")


@get("/api/issues/{id:uuid}/events", guards=[requires("viewer")])
async def list_issue_events(
    request: Request[Any, Any, Any],
    id: FromPath[UUID],
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ErrorPage:
    """The reports of an issue, newest first."""
    after = cursors.decode(cursor) if cursor else None
    return await issues.list_events(services(request).database, id, after=after, limit=limit)


@get("/api/issues/{id:uuid}/groups", guards=[requires("viewer")])
async def list_issue_groups(
    request: Request[Any, Any, Any],
    id: FromPath[UUID],
    cursor: FromQuery[UUID | None] = None,
    limit: Limit = MAX_PAGE,
) -> GroupPage:
    """The groups that make up an issue, as `POST /api/issues/{id}/unmerge` takes them."""
    found = await issues.list_groups(services(request).database, id, after=cursor, limit=limit + 1)
    page, following = cut_page(found, limit)
    return GroupPage(list(page), following)


@get("/api/issues/{id:uuid}/tags", guards=[requires("viewer")])
async def read_issue_tags(request: Request[Any, Any, Any], id: FromPath[UUID]) -> Tags:
    """The tags of an issue: their most frequent values, with counts and shares."""
    return await issues.read_tags(services(request).database, id)


@get("/api/issues/{id:uuid}/similar", guards=[requires("viewer")])
async def find_similar_issues(request: Request[Any, Any, Any], id: FromPath[UUID]) -> Similar:
    """Issues of the same service that share parts of their grouping with this one, the most alike first."""
    return await issues.find_similar(services(request).database, id)


handlers: Final = [
    list_issues,
    find_issue,
    list_issue_events,
    list_issue_groups,
    read_issue_tags,
    find_similar_issues,
]
