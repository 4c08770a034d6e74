"""What all records of a scope say in the same way: the resource that sent them, and the scope itself."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from avalon.protocols.otlp.values import Attributes, take_text
from avalon.reports import Sdk

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/telemetry/; others are names already.
_PLATFORMS: Final = {"nodejs": "node", "webjs": "javascript", "dotnet": "csharp"}


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a report that its resource and its scope give; they are shared, so copied before use."""

    environment: str = ""
    release: str = ""
    server_name: str = ""
    platform: str = ""
    sdk: Sdk | None = None
    tags: dict[str, str] = {}
    contexts: dict[str, Any] = {}


def read_resource(attributes: Attributes) -> Origin:
    """The origin for a resource's attributes; what is left over of them is the context `resource`."""
    language = take_text(attributes, "telemetry.sdk.language")
    sdk = Sdk(
        name=take_text(attributes, "telemetry.sdk.name"),
        version=take_text(attributes, "telemetry.sdk.version"),
    )
    service = take_text(attributes, "service.name")
    return Origin(
        environment=take_text(attributes, "deployment.environment.name", "deployment.environment"),
        release=take_text(attributes, "service.version"),
        server_name=take_text(attributes, "host.name"),
        platform=_PLATFORMS.get(language, language),
        sdk=sdk if sdk.name or sdk.version else None,
        tags={"service.name": service} if service else {},
        contexts={"resource": attributes} if attributes else {},
    )


def with_scope(origin: Origin, name: str, version: str, attributes: Attributes) -> Origin:
    """The same with a scope in it. A resource may have many, so what it says itself is not copied."""
    scope = {**attributes, "version": version} if version else attributes
    return msgspec.structs.replace(
        origin,
        tags=origin.tags | ({"logger": name} if name else {}),
        contexts=origin.contexts | ({"scope": scope} if scope else {}),
    )
