"""The small parts of a Sentry event: who was hit, what went before, what sent it, what it belongs to."""

from __future__ import annotations

from typing import Any, Final

from avalon.protocols.sentry.values import Object, as_text, entries_of
from avalon.reports import Sdk

_USER_FIELDS: Final = ("id", "username", "email", "ip_address")
_AUTO: Final = "{{auto}}"


def read_user(value: Any) -> Object:
    """The user. Whoever receives the event knows better than `{{auto}}` which address it came from."""
    if type(value) is not dict:
        id = as_text(value)
        return {"id": id} if id else {}
    user = {name: part for name, part in value.items() if part is not None and part != _AUTO}
    for name in _USER_FIELDS:
        if name in user and type(user[name]) is not str:
            text = as_text(user.pop(name))
            if text:
                user[name] = text
    return user


def unread_user(value: Any) -> Any:
    """What `read_user` leaves out of what a client says: an id that is an object, a list of users."""
    if type(value) is dict:
        return {
            name: value[name]
            for name in _USER_FIELDS
            if value.get(name) and type(value[name]) in (dict, list)
        }
    return value if type(value) is list else None


def read_breadcrumbs(value: Any) -> list[Object]:
    """The breadcrumbs, oldest first; one that is a text is its message."""
    crumbs = [{"message": crumb} if type(crumb) is str else crumb for crumb in entries_of(value)]
    return [crumb for crumb in crumbs if type(crumb) is dict]


def read_sdk(value: Any) -> Sdk | None:
    """Name and version of the SDK, or None where it says neither."""
    if type(value) is dict:
        sdk = Sdk(name=as_text(value.get("name")), version=as_text(value.get("version")))
    else:
        sdk = Sdk(name=as_text(value))
    return sdk if sdk.name or sdk.version else None


def read_fingerprint(event: Object) -> list[str]:
    """The client's own fingerprint, taken out of the event; old SDKs sent a `checksum` instead."""
    value = event.pop("fingerprint", None)
    checksum = as_text(event.pop("checksum", None))
    parts = value if type(value) is list else [value]
    texts = [text for part in parts if (text := as_text(part))]
    return texts or ([checksum] if checksum else [])
