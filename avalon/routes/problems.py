"""Every error as an answer of the one shape: {"status": "error", "code", "message"}, with its right status.

What went wrong inside is never said outside: an error that nobody foresaw is a 500 without words, and a line
in the log with its type and its place. `exception_handlers` is what Litestar gets; the outermost layer asks
for the same around Litestar.
"""

from __future__ import annotations

import re
import traceback
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import litestar
import msgspec
import psycopg
from litestar.connection import Request
from litestar.exceptions import (
    HTTPException,
    InternalServerException,
    SerializationException,
    ValidationException,
)
from litestar.response import Response
from litestar.types import ExceptionHandlersMap

from avalon.errors import AvalonError, BadInput, NotFound, PayloadTooLarge
from avalon.routes.answers import error_headers
from avalon.routes.body_hints import hinted
from avalon.telemetry import Action, log

_PACKAGE: Final = Path(__file__).parent.parent
_LITESTAR: Final = Path(litestar.__file__).parent
_MISSING: Final = re.compile(r"Missing required \w+ parameter '(\w+)'")
# What msgspec says of a body that ends too early, and of an escape like \\ud800 with no other half.
_CUT: Final = ("Input data was truncated",)
_BODY_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Problem(msgspec.Struct):
    """The body of every answer that is an error."""

    status: str
    code: str
    message: str


class _MethodNotAllowed(AvalonError):
    """This address does not take this method."""

    status = 405
    code = "method_not_allowed"


class _Internal(AvalonError):
    """Something went wrong in here; it has been noted."""


def as_avalon_error(error: Exception, body: Any = None) -> AvalonError:
    """What the client may know of an error; what it may not is logged here. `body`: what was to be read."""
    if isinstance(error, AvalonError) and error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
        return error
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _from_litestar(error, body)
    if isinstance(error, psycopg.DataError):
        return BadInput("a value that can't be stored or looked for")
    if isinstance(error, msgspec.ValidationError):
        return BadInput(str(error))
    if isinstance(error, InternalServerException) and _was_reading_the_body(error):
        return BadInput("it did not arrive whole", field="body")  # the client hung up: nobody reads this
    if isinstance(error, _BODY_ERRORS) and _was_reading_the_body(error):
        return BadInput("not JSON in UTF-8, or nested too deeply", field="body")
    log_unhandled(error)
    return _Internal()


def _from_litestar(error: HTTPException, body: Any) -> AvalonError:
    if isinstance(error, ValidationException):
        return BadInput(_broken_rules(error, body))
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return NotFound("there is no such address")
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return _MethodNotAllowed()
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return PayloadTooLarge()
    is_body = isinstance(error.__context__, SerializationException)
    said = f"{error.detail}, or half of a surrogate pair" if error.detail in _CUT else error.detail
    answer = BadInput(said, field="body" if is_body else None)
    answer.status = error.status_code
    return answer


def _broken_rules(error: ValidationException, body: Any) -> str:
    """Which fields are wrong and why; Litestar's own sentence names the method and the whole address."""
    if missing := _MISSING.match(error.detail):
        return f"{missing[1]}: required"
    rules: list[Any] = error.extra if isinstance(error.extra, list) else []
    said = [_broken_rule(rule, body) for rule in rules if isinstance(rule, dict)]
    return "; ".join(said) or error.detail.partition(" for ")[0]


def _broken_rule(rule: dict[str, Any], body: Any) -> str:
    """Litestar calls the body `data`, after its argument, and an absent one by that name alone."""
    key, said = rule.get("key") or "", str(rule.get("message"))
    key = "" if key == "data" else key
    if said == "'data'":
        said = "required"
    elif body is not None and rule.get("source") in (None, "body"):
        key, said = hinted(body, key, said)
    return f"{key or 'body'}: {said}"


def _was_reading_the_body(error: Exception) -> bool:
    """Whether Litestar was decoding what the client sent, and not our own code at work."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(frames[-1].filename).is_relative_to(_LITESTAR)


def log_unhandled(error: Exception, **fields: Any) -> None:
    """One line with the error's type and the places in our code that it came through; never its words."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    places = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in [*ours[-3:], *frames[-1:]]]
    log(Action.UNHANDLED, level="error", error=type(error).__qualname__, places=places, **fields)


def _answer(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    known = as_avalon_error(error, _body(request))
    headers = {name.decode(): value.decode() for name, value in error_headers(known)}
    if isinstance(error, HTTPException) and error.headers:
        headers |= error.headers
    return Response(
        Problem("error", known.code, known.message),
        status_code=known.status,
        headers=headers,
        media_type="application/json",
    )


def _body(request: Request[Any, Any, Any]) -> Any:
    """The type of the body that this address takes; None where there is no such address, or it takes none."""
    handler: Any = request.scope.get("route_handler")
    return handler.parsed_data_field.annotation if handler and handler.parsed_data_field else None


exception_handlers: Final[ExceptionHandlersMap] = {HTTPException: _answer, Exception: _answer}
