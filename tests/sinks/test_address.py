"""Which addresses a sink may call."""

from __future__ import annotations

import pytest

from avalon.errors import BadInput
from avalon.read_models.sinks import mask_url
from avalon.sinks.address import check_discord_url

GOOD = "https://discord.com/api/webhooks/123456789/abc_DEF-123"
ALLOWED = frozenset({"127.0.0.1:8065", "[::1]:8065", "chat.internal:80"})


@pytest.mark.parametrize(
    "url",
    [
        GOOD,
        "https://discord.com:443/api/v10/webhooks/1/a",
        "https://canary.discord.com/api/webhooks/1/a?thread_id=42",
        "https://discordapp.com/api/webhooks/1/a",
        "http://127.0.0.1:8065/hooks/x",
        "http://[::1]:8065/hooks/x",
        "http://chat.internal/hooks/x",
        "https://127.0.0.1:8065/api/webhooks/1/a",
    ],
)
def test_it_may_be_called(url: str) -> None:
    check_discord_url(url, ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "discord.com",
        GOOD.replace("https", "http"),
        GOOD.replace("https", "ftp"),
        GOOD.replace("discord.com", "discord.com:8443"),
        GOOD.replace("discord.com", "discord.com:99999"),
        GOOD.replace("discord.com", "evil.example"),
        GOOD.replace("discord.com", "discord.com.evil.example"),
        GOOD.replace("discord.com", "evil.example\\@discord.com"),
        GOOD.replace("discord.com", "user:password@discord.com"),
        GOOD.replace("discord.com", "discord.com@evil.example"),
        GOOD.replace("discord.com", "dıscord.com"),
        GOOD + "/../../users/@me",
        GOOD + "#fragment",
        GOOD + "?wait=true&x=1",
        GOOD + "\n",
        "https://discord.com/api/webhooks/１２/a",
        "https://discord.com/login",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost:5432/",
        "http://127.0.0.1:8066/hooks/x",
        "http://user@127.0.0.1:8065/hooks/x",
        "http://127.0.0.1:8065@evil.example/",
        "http://[::1/hooks",
        "file:///etc/passwd",
        "gopher://127.0.0.1:8065/",
    ],
)
def test_it_may_not_be_called(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_discord_url(url, ALLOWED, field="discord_webhook_url")
    assert refused.value.field == "discord_webhook_url"
    assert "abc_DEF-123" not in str(refused.value)


def test_a_masked_url_holds_nothing_that_could_be_used() -> None:
    assert mask_url(GOOD) == "https://discord.com/api/webhooks/123456789/********"
    assert mask_url("http://u:p@127.0.0.1:8065/hooks/secret?token=x") == "http://127.0.0.1:8065/********"
