"""The table of kinds: what each kind of sink is reached by, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from avalon.environment import mail_address
from avalon.errors import BadInput
from avalon.settings import Settings
from avalon.sinks import Address, Sink, Target
from avalon.sinks.address import CheckUrl, check_discord_url, check_public_url, check_slack_url
from avalon.sinks.discord import DiscordSink
from avalon.sinks.http import HttpClient
from avalon.sinks.mail import MailSink
from avalon.sinks.mattermost import MattermostSink
from avalon.sinks.slack import SlackSink
from avalon.sinks.webhook import WebhookSink, check_secret, new_secret

MAX_RECIPIENTS = 50


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind. Without `check_url` it has no URL but recipients."""

    label: str
    make: Callable[[Target, HttpClient, Settings], Sink]
    check_url: CheckUrl | None = None
    is_signed: bool = False


KINDS: Final[Mapping[str, Kind]] = {
    "discord": Kind(label="Discord", make=lambda t, c, _: DiscordSink(t, c), check_url=check_discord_url),
    "slack": Kind(label="Slack", make=lambda t, c, _: SlackSink(t, c), check_url=check_slack_url),
    "mattermost": Kind(
        label="Mattermost", make=lambda t, c, _: MattermostSink(t, c), check_url=check_public_url
    ),
    "webhook": Kind(
        label="Webhook", make=lambda t, c, _: WebhookSink(t, c), check_url=check_public_url, is_signed=True
    ),
    "email": Kind(label="E-mail", make=lambda t, _, s: MailSink(t, s)),
}


def find_kind(name: str) -> Kind:
    """Raises BadInput."""
    if name not in KINDS:
        raise BadInput(f"give one of {', '.join(KINDS)}", field="kind")
    return KINDS[name]


def new_address(kind: Kind, given: Address, settings: Settings) -> Address:
    """The address of a new sink, with a secret where it needs one. Raises BadInput."""
    check_address(kind, given, settings)
    if kind.check_url is not None and given.url is None:
        raise BadInput("give the webhook's address", field="url")
    if kind.check_url is None and given.recipients is None:
        raise BadInput("give a list of e-mail addresses", field="to")
    if kind.is_signed and given.secret is None:
        return msgspec.structs.replace(given, secret=new_secret())
    return given


def check_address(kind: Kind, given: Address, settings: Settings) -> None:
    """Raises BadInput where something of it can't be, or is not for this kind."""
    if given.url is not None:
        if kind.check_url is None:
            raise BadInput(f"{kind.label} has recipients (`to`), not a URL", field="url")
        kind.check_url(given.url, settings.webhook_allowed_hosts, "url")
    if given.secret is not None:
        if not kind.is_signed:
            raise BadInput(f"{kind.label} has no secret but its address", field="secret")
        check_secret(given.secret)
    if given.recipients is not None:
        if kind.check_url is not None:
            raise BadInput(f"{kind.label} has a URL, not recipients", field="to")
        _check_recipients(given.recipients, settings)


def _check_recipients(recipients: list[str], settings: Settings) -> None:
    if not settings.smtp_url or not settings.smtp_from:
        raise BadInput("SMTP_URL and SMTP_FROM must be set where the service is started", field="to")
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise BadInput(f"give 1 to {MAX_RECIPIENTS} e-mail addresses", field="to")
    for recipient in recipients:
        try:
            mail_address(recipient)
        except ValueError:
            raise BadInput("give plain e-mail addresses such as ops@example.org", field="to") from None
