"""One call to the other side of a sink, guarded: what a sink's URL can't be made to do.

The name is resolved once, each address is looked at, and the connection goes to one of those very addresses,
with the name in SNI and in Host: a name that leads elsewhere a moment later changes nothing (DNS rebinding).
No redirect is followed, nothing is taken from the environment, at most 64 KB of an answer are read, and all
of it ends within five seconds. No error repeats the URL or the answer: both may hold secrets.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from types import TracebackType
from urllib.parse import SplitResult

import httpx
import msgspec

from avalon.errors import BadInput, TransportError
from avalon.sinks.address import ALLOW_IT, CheckUrl, check_public_url, is_allowed, port_of, split
from avalon.sinks.network import Resolve, is_public, resolve

TIMEOUT_S = 5.0
# So that an address that swallows packets leaves time for the next one.
CONNECT_TIMEOUT_S = 2.0
MAX_ADDRESSES = 4
MAX_ANSWER_BYTES = 65_536
# Where a 429 does not say how long; and the longest wait that is believed.
DEFAULT_RETRY_AFTER_S = 5.0
MAX_RETRY_AFTER_S = 86_400.0

# They would log the URL of every request, and the URL is a secret.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Answer(msgspec.Struct, frozen=True):
    """What the other side said; the body is empty where it was longer than what is read."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_yes(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace").strip()


class HttpClient:
    """What all sinks of a process call with; `async with`, or `aclose` at the end."""

    def __init__(
        self,
        allowed_hosts: frozenset[str],
        *,
        resolve: Resolve = resolve,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._allowed_hosts = allowed_hosts
        self._resolve = resolve
        self._client = client or httpx.AsyncClient(
            timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            follow_redirects=False,
            trust_env=False,
            # A kept connection is found again by its address, whatever name its certificate was for.
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={"User-Agent": "Avalon"},
        )

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def post_json(
        self,
        url: str,
        body: bytes,
        *,
        check: CheckUrl = check_public_url,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Posts a body; what was answered, whatever it was. Raises TransportError."""
        content_type = {"Content-Type": "application/json"}
        return await self.call(
            "POST", url, check=check, body=body, headers=content_type | dict(headers or {})
        )

    async def call(
        self, method: str, url: str, *, check: CheckUrl, body: bytes = b"", headers: Mapping[str, str]
    ) -> Answer:
        """As `post_json`, for any method."""
        try:
            check(url, self._allowed_hosts, "url")
        except BadInput as error:
            raise TransportError(f"this address may not be called: {error.message}", permanent=True) from None
        parts = split(url)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                addresses = await self._addresses(parts)
                return await self._try_each(addresses, parts, method, body, headers)
        except TimeoutError:
            raise TransportError(f"no answer within {TIMEOUT_S:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            # Its text may quote the URL.
            raise TransportError(f"the connection failed ({type(error).__name__})") from None

    async def _addresses(self, parts: SplitResult) -> list[str]:
        """Where the URL's host is. Raises TransportError, for now: what a name leads to changes."""
        try:
            found = await self._resolve(parts.hostname or "", port_of(parts))
        except (OSError, UnicodeError):
            raise TransportError("the name of this host can't be resolved") from None
        if not is_allowed(parts, self._allowed_hosts) and not all(is_public(address) for address in found):
            raise TransportError(
                f"this host's name leads to an address that is not public; only such are called, {ALLOW_IT}"
            )
        return found[:MAX_ADDRESSES]

    async def _try_each(
        self, addresses: list[str], parts: SplitResult, method: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """The answer from the first address that takes the connection."""
        failed: httpx.TransportError = httpx.ConnectError("no address")
        for address in addresses:
            try:
                return await self._exchange(address, parts, method, body, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = error
        raise failed

    async def _exchange(
        self, address: str, parts: SplitResult, method: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        url = httpx.URL(scheme=parts.scheme, host=address, port=port_of(parts), raw_path=path.encode("ascii"))
        # Not compressed, so that what is read is what was sent: 64 KB can inflate to 64 MB.
        given = {"Host": parts.netloc, "Accept-Encoding": "identity", **headers}
        named = {"sni_hostname": parts.hostname}
        async with self._client.stream(
            method, url, content=body, headers=given, extensions=named
        ) as response:
            read = bytearray()
            async for chunk in response.aiter_raw(8192):
                read += chunk
                if len(read) > MAX_ANSWER_BYTES:
                    return Answer(response.status_code, response.headers, b"")
        return Answer(response.status_code, response.headers, bytes(read))


def retry_after_s(answer: Answer, *also: float | None) -> float:
    """The longest of what the Retry-After header (RFC 9110 §10.2.3) and `also` ask for."""
    asked = [*also, seconds(answer, "Retry-After"), _until(answer.headers.get("Retry-After", ""))]
    believed = [s for s in asked if s is not None and math.isfinite(s) and s >= 0]
    return min(max(believed, default=DEFAULT_RETRY_AFTER_S), MAX_RETRY_AFTER_S)


def seconds(answer: Answer, header: str) -> float | None:
    try:
        return float(answer.headers[header])
    except (KeyError, ValueError):
        return None


def _until(date: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
