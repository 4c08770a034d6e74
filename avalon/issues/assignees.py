"""Who is meant when people name somebody to assign an issue to."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from avalon.database import Database
from avalon.errors import BadInput
from avalon.statements import load

sql = load("issue_commands")

MAX_NAME: Final = 500


async def find_assignee(database: Database, named: str, me: UUID) -> UUID:
    """The user of an id or of a name; `me` is who "me" is. Raises BadInput for a name that nobody has.

    Whether there is a user of an id is asked when the issue is assigned.
    """
    if named.lower() == "me":
        return me
    try:
        return UUID(named)
    except ValueError:
        is_name = 0 < len(named) <= MAX_NAME and "\0" not in named
    found: UUID | None = await database.fetch_value(sql.user, {"username": named}) if is_name else None
    if found is None:
        raise BadInput('there is no such user; give a name or an id, "me", or null', field="assignee")
    return found
