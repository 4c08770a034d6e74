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


def read_origin(resource: Attributes, name: str, version: str, scope: Attributes) -> Origin:
    """The origin for a resource's attributes, and a scope's name, version and attributes.

    What is left over of the attributes stands in the contexts `resource` and `scope`.
    """
    resource = dict(resource)
    language = take_text(resource, "telemetry.sdk.language")
    sdk = Sdk(
        name=take_text(resource, "telemetry.sdk.name"), version=take_text(resource, "telemetry.sdk.version")
    )
    origin = Origin(
        environment=take_text(resource, "deployment.environment.name", "deployment.environment"),
        release=take_text(resource, "service.version"),
        server_name=take_text(resource, "host.name"),
        platform=_PLATFORMS.get(language, language),
        sdk=sdk if sdk.name or sdk.version else None,
        tags=_tags(take_text(resource, "service.name"), name),
    )
    if version:
        scope = {**scope, "version": version}
    contexts = {"resource": resource, "scope": scope}
    return msgspec.structs.replace(origin, contexts={name: part for name, part in contexts.items() if part})


def _tags(service: str, logger: str) -> dict[str, str]:
    return {name: text for name, text in (("service.name", service), ("logger", logger)) if text}
