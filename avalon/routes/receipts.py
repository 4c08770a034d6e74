"""What became of a report: `/api/receipts/{position}`."""

from __future__ import annotations

from typing import Annotated, Any, Final

from litestar import Request, get
from litestar.params import PathParameter

from avalon.read_models.receipts import Receipt
from avalon.read_models.receipts import find_receipt as read_receipt
from avalon.routes.dependencies import requires, services


@get("/api/receipts/{position:int}", guards=[requires("viewer")])
async def find_receipt(
    request: Request[Any, Any, Any], position: Annotated[int, PathParameter(ge=1, le=2**63 - 1)]
) -> Receipt:
    """The report's issue, the sinks that looked at it, and what they said."""
    return await read_receipt(services(request).database, position)


handlers: Final = [find_receipt]
