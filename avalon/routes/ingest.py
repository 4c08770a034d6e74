"""`POST /report` and `POST /report/batch`: the hot path, as bare ASGI handlers.

The order of checks is the order of their cost: key, rate and queue before a byte of the body is read, then
the bounded body, the bounded inflate, the decoder. The 201 goes out after the commit and not before.
"""

from __future__ import annotations

import asyncio
from typing import Any

from avalon.errors import AvalonError, BadInput, TooManyRequests, Unavailable
from avalon.protocols.avalon import MAX_BATCH_BYTES, MAX_REPORT_BYTES, decode_batch, decode_report
from avalon.protocols.submission import Submission
from avalon.routes.ingest_answers import Answer, encode, store, terms_of, way_in
from avalon.routes.ingest_request import Request


async def _report(request: Request) -> Answer:
    """Stores one report."""
    key = await request.authenticate()
    terms = await terms_of(request.services, key)
    submission = decode_report(await request.body(MAX_REPORT_BYTES), terms)
    (stored,) = await store(request.services, key, [submission])
    if isinstance(stored, AvalonError):
        raise stored
    url = request.url(stored.id)
    return Answer(201, encode({"status": "ok", "id": stored.id, "position": stored.position, "url": url}))


async def _batch(request: Request) -> Answer:
    """Stores up to a thousand reports in one append."""
    key = await request.authenticate()
    terms = await terms_of(request.services, key)
    body = await request.body(MAX_BATCH_BYTES)
    # A thousand reports take longer than others should wait for the loop.
    decoded = await asyncio.to_thread(decode_batch, body, request.content_type, terms)
    if not decoded:
        raise BadInput("a batch holds at least one report")
    good = [(index, item) for index, item in enumerate(decoded) if isinstance(item, Submission)]
    answers = await store(request.services, key, [item for _, item in good])
    outcome = dict(enumerate(decoded)) | {
        index: answer for (index, _), answer in zip(good, answers, strict=True)
    }
    return _batch_answer(outcome)


def _batch_answer(outcome: dict[int, Any]) -> Answer:
    """What became of each; an error, a 503 or a 429 only where nothing at all was stored."""
    refused = {index: answer for index, answer in outcome.items() if isinstance(answer, AvalonError)}
    positions = [answer.position for index, answer in outcome.items() if index not in refused]
    first = next((e for e in refused.values() if isinstance(e, Unavailable | TooManyRequests)), None)
    if not positions and first is not None:
        raise first
    rejected = [
        {"index": index, "code": e.code, "message": e.message} for index, e in sorted(refused.items())
    ]
    position = max(positions, default=None)
    answer = {"accepted": len(positions), "rejected": rejected, "position": position}
    if positions:
        return Answer(201, encode({"status": "ok"} | answer))
    message = f"no report of this batch can be stored; of the first: {rejected[0]['message']}"
    return Answer(400, encode({"status": "error", "code": BadInput.code, "message": message} | answer))


handlers = [way_in("/report", _report), way_in("/report/batch", _batch)]
