"""Everything that can go wrong on purpose, as one tree.

    AvalonError
    ├── BadInput               400  a field can't be read
    │   ├── BadQuery           400  a search query can't be read; carries the column
    │   ├── PayloadTooLarge    413  over a size limit, before or after inflating
    │   └── UnsupportedMedia   415  an encoding or a content type that is not understood
    ├── Unauthorized           401  no credentials, or none that count
    │   └── KeyRefused         401  the API key is unknown, inactive or expired
    ├── Forbidden              403  known, but not allowed
    ├── NotFound               404
    ├── Conflict               409  somebody was faster, or it exists already
    ├── Gone                   410  older than what is kept
    ├── TooManyRequests        429  over a rate; carries retry_after_s
    ├── Unavailable            503  queue full or Postgres away; carries retry_after_s
    ├── SettingsError               a setting that can't work; the service does not start
    ├── SchemaError                 the database's schema is not one that this release can work with
    ├── LeaseLost                   a sink is another replica's by now
    └── TransportError              a sink's other side failed, for now or for good
        └── MessageRefused          it will never take this one message; the next one it may

The class docstring is the message where none is given. Routes map them to answers, the listener retries,
sinks classify them; nobody else catches them.
"""

from __future__ import annotations


class AvalonError(Exception):
    """Something went wrong."""

    status = 500
    code = "internal_error"

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        if code is not None:
            self.code = code
        super().__init__(self.message)


class BadInput(AvalonError):
    """The request can't be read."""

    status = 400
    code = "bad_input"

    def __init__(
        self, message: str | None = None, *, field: str | None = None, code: str | None = None
    ) -> None:
        self.field = field
        super().__init__(f"{field}: {message}" if field and message else message, code=code)


class BadQuery(BadInput):
    """The search query can't be read. `column` counts from 1."""

    code = "bad_query"

    def __init__(self, message: str = "the query can't be read", *, column: int = 1) -> None:
        self.column = column
        super().__init__(f"column {column}: {message}", field="q")


class PayloadTooLarge(BadInput):
    """The body is larger than what is taken."""

    status = 413
    code = "payload_too_large"


class UnsupportedMedia(BadInput):
    """This content type or encoding is not understood."""

    status = 415
    code = "unsupported_media"


class Unauthorized(AvalonError):
    """Sign in first."""

    status = 401
    code = "unauthorized"


class KeyRefused(Unauthorized):
    """The API key is missing, unknown, inactive or expired."""

    code = "key_unknown"


class Forbidden(AvalonError):
    """Your role does not allow this."""

    status = 403
    code = "forbidden"


class NotFound(AvalonError):
    """There is no such thing."""

    status = 404
    code = "not_found"


class Conflict(AvalonError):
    """Somebody was faster, or it exists already.

    `position` is that of the decision that stands now, where somebody's was faster.
    """

    status = 409
    code = "conflict"

    def __init__(
        self, message: str | None = None, *, position: int | None = None, code: str | None = None
    ) -> None:
        self.position = position
        super().__init__(message, code=code)


class Gone(AvalonError):
    """This is older than what is kept; start again from the lists."""

    status = 410
    code = "gone"


class _RetryLater(AvalonError):
    """Try again later."""

    def __init__(
        self, message: str | None = None, *, retry_after_s: float = 1.0, code: str | None = None
    ) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message, code=code)


class TooManyRequests(_RetryLater):
    """Over the rate; try again later."""

    status = 429
    code = "rate_limited"


class Unavailable(_RetryLater):
    """The service can't store anything at the moment; try again later."""

    status = 503
    code = "unavailable"


class SettingsError(AvalonError):
    """A setting can't work."""

    code = "settings"


class SchemaError(AvalonError):
    """The database's schema does not fit this release."""

    code = "schema"


class LeaseLost(AvalonError):
    """Another replica follows this sink now."""

    code = "lease_lost"


class TransportError(AvalonError):
    """The other side of a sink failed.

    `permanent` means that trying again can't help (a deleted webhook); otherwise `retry_after_s`
    says how long the other side wants to be left alone, if it said so. `answer` is its HTTP status.
    """

    status = 502
    code = "transport"

    def __init__(
        self,
        message: str | None = None,
        *,
        permanent: bool = False,
        retry_after_s: float | None = None,
        answer: int | None = None,
    ) -> None:
        self.permanent = permanent
        self.retry_after_s = retry_after_s
        self.answer = answer
        super().__init__(message)


class MessageRefused(TransportError):
    """The other side will never take this one message."""

    code = "message_refused"


def refusal(sqlstate: str | None, message: str | None, detail: str | None) -> AvalonError | None:
    """What a routine of ours means by the SQLSTATE that it raised; None for everybody else's."""
    match sqlstate:
        case "AV400":
            return BadInput(message)
        case "AV403":
            return Forbidden(message)
        case "AV404":
            return NotFound(message)
        case "AV409":
            return Conflict(message, position=int(detail) if detail else None)
    return None
