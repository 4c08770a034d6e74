"""Which networks are public, and that a sink's URL leads nowhere else, whatever its name says later."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

import httpx
import pytest

from avalon.errors import BadInput, TransportError
from avalon.sinks.address import check_public_url, check_slack_url
from avalon.sinks.http import Answer, HttpClient, retry_after_s
from avalon.sinks.network import is_public, resolve
from tests.sinks.certificate import certificate_file, server_context
from tests.sinks.fake_http import FakeHooks, Said

PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "2002:5db8:d822::1"]
NOT_PUBLIC = {
    "loopback": ["127.0.0.1", "127.9.9.9", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "192.168.0.1", "fd00::1", "fec0::1"],
    "link-local": ["169.254.169.254", "fe80::1", "fe80::1%eth0"],
    "CGNAT": ["100.64.0.1", "100.127.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "this network, broadcast, reserved": ["0.0.0.0", "0.1.2.3", "255.255.255.255", "240.0.0.1", "::"],
    "special": ["192.0.0.9", "192.0.2.1", "198.18.0.1", "192.88.99.1", "2001:db8::1", "100::1", "3fff::1"],
    "mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"],
    "6to4": ["2002:7f00:1::1", "2002:a9fe:a9fe::", "2002:0a00:1::1"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::5db8:d822"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_it_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [one for network in NOT_PUBLIC.values() for one in network])
def test_it_is_not_public(address: str) -> None:
    assert not is_public(address)


def test_pythons_own_answer_would_not_do() -> None:
    through = [a for network in NOT_PUBLIC.values() for a in network if ipaddress.ip_address(a).is_global]
    assert {"64:ff9b::7f00:1", "192.88.99.1"} <= set(through)


GOOD = "https://hooks.example.org/a?b=c"
ALLOWED = frozenset({"chat.internal:8065"})


@pytest.mark.parametrize(
    "url",
    [
        GOOD,
        "https://93.184.216.34/",
        "https://[2606:2800:220:1::1]:8443/x",
        "http://chat.internal:8065/hooks/x",
    ],
)
def test_a_public_url_may_be_called(url: str) -> None:
    check_public_url(url, ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        "",
        GOOD.replace("https", "http"),
        GOOD.replace("https", "ftp"),
        GOOD + "#x",
        GOOD + "\r\nX: y",
        GOOD + "a" * 2000,
        "https://user@hooks.example.org/",
        "https://hooks.example.org:99999/",
        "https://localhost/",
        "https://db/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "http://chat.internal:8066/",
        "https://chat.internal/",
        "https://localhost./",
        "https://a.localhost/",
        "https://printer.local/",
        "https://nas.home.arpa/",
        "https://hooks.example.org./",
        "https://127.0.0.1./",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0X7F000001/",
        "https://0177.0.0.1/",
        "https://93.184.216.0x22/",
        "https://127.0.0.1:443@hooks.example.org/",
        "https://hooks.example.org\\@127.0.0.1/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1%25eth0]/",
        "https://１２７.0.0.1/",
        "https://①②⑦.0.0.1/",
        "https://hooks。example。org/",
        "https://höoks.example.org/",
        "file:///etc/passwd",
    ],
)
def test_any_other_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_public_url(url, ALLOWED)
    assert refused.value.field == "url" and (not url or url not in str(refused.value))


@pytest.mark.parametrize("url", ["http://10.0.0.5:8080/hook", "https://10.0.0.5/hook", "https://db/hook"])
def test_who_refuses_a_private_host_says_how_to_allow_it(url: str) -> None:
    with pytest.raises(BadInput, match="AVALON_WEBHOOK_ALLOWED_HOSTS"):
        check_public_url(url, ALLOWED)


def test_slack_is_only_slack() -> None:
    check_slack_url("https://hooks.slack.com/services/T0/B0/abc", ALLOWED)
    for url in (
        "https://hooks.slack.com.evil.example/services/T0/B0/abc",
        "https://slack.com/services/T0/B0/abc",
        "https://hooks.slack.com/api/auth.test",
        "https://hooks.slack.com/services/T0/B0/abc/../../../x",
        "https://hooks.slack.com/services/T0/B0/abc?x=1",
        GOOD,
    ):
        with pytest.raises(BadInput):
            check_slack_url(url, ALLOWED)


class Names:
    """A resolver that gives each answer once, and the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.asked: list[tuple[str, int]] = []
        self._answers = list(answers)

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def connections(calls: list[httpx.Request]) -> list[str]:
    return [call.url.host for call in calls]


async def call(names: Names, url: str = GOOD, *, dead: tuple[str, ...] = ()) -> list[httpx.Request]:
    """What would go out to the network for one message."""
    calls: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        if request.url.host in dead:
            raise httpx.ConnectError("dead")
        return httpx.Response(200, stream=httpx.ByteStream(b"ok"))

    transport = httpx.MockTransport(answer)
    async with HttpClient(
        frozenset(), resolve=names, client=httpx.AsyncClient(transport=transport)
    ) as client:
        await client.post_json(url, b"{}")
    return calls


async def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    names = Names(["93.184.216.34"], ["127.0.0.1"])  # what a name answers who rebinds it
    (request,) = await call(names)
    assert names.asked == [("hooks.example.org", 443)]
    assert request.url.host == "93.184.216.34" and request.url.raw_path == b"/a?b=c"
    assert request.headers["Host"] == "hooks.example.org"
    assert request.extensions["sni_hostname"] == "hooks.example.org"
    with pytest.raises(TransportError, match=r"not public.*AVALON_WEBHOOK_ALLOWED_HOSTS") as refused:
        await call(names)
    assert not refused.value.permanent


async def test_who_looks_and_then_calls_by_name_is_led_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with the look alone, the name's second answer is where the message goes."""
    names = Names(["93.184.216.34"], ["127.0.0.1"])
    to_address = HttpClient._exchange

    async def by_name(self: HttpClient, address: str, parts: SplitResult, *rest: Any) -> Answer:
        (address,) = await names(str(parts.hostname), 443)
        return await to_address(self, address, parts, *rest)

    monkeypatch.setattr(HttpClient, "_exchange", by_name)
    assert connections(await call(names)) == ["127.0.0.1"]


@pytest.mark.parametrize(
    "addresses", [["93.184.216.34", "10.0.0.1"], ["::1"], ["64:ff9b::7f00:1", "93.184.216.34"]]
)
async def test_one_address_that_is_not_public_is_enough_to_refuse(addresses: list[str]) -> None:
    with pytest.raises(TransportError, match="not public"):
        await call(Names(addresses))


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f.0.0.1", "2130706433", "0177.0.0.1", "0x7f000001", "１２７.0.0.1"]
)
async def test_an_address_in_disguise_is_looked_at_as_what_it_leads_to(host: str) -> None:
    try:
        found = await resolve(host, 443)
    except OSError:
        return  # this system does not take it for an address
    assert not any(is_public(address) for address in found)


async def test_a_dead_address_leaves_the_next_one() -> None:
    calls = await call(Names(["2606:2800:220:1::1", "93.184.216.34"]), dead=("2606:2800:220:1::1",))
    assert connections(calls) == ["2606:2800:220:1::1", "93.184.216.34"]
    with pytest.raises(TransportError, match="ConnectError"):
        await call(Names(["93.184.216.34"]), dead=("93.184.216.34",))


async def test_a_name_that_leads_nowhere_may_lead_somewhere_later() -> None:
    async def fail(host: str, port: int) -> list[str]:
        raise OSError("no such name: hooks.example.org")

    async with HttpClient(frozenset(), resolve=fail) as client:
        with pytest.raises(TransportError, match="can't be resolved") as failed:
            await client.post_json(GOOD, b"{}")
    assert not failed.value.permanent and "hooks.example.org" not in failed.value.message


@pytest.mark.parametrize(("name", "is_taken"), [("hooks.example.org", True), ("other.example.org", False)])
async def test_the_certificate_must_be_the_names_although_the_address_is_called(
    tmp_path: Path, name: str, is_taken: bool
) -> None:
    asked: list[str | None] = []
    context = server_context(tmp_path)
    context.sni_callback = lambda sock, name, context: asked.append(name)
    trusting = httpx.AsyncClient(verify=ssl.create_default_context(cafile=certificate_file(tmp_path)))
    async with FakeHooks(tls=context) as hooks:
        url, allowed = f"https://{name}:{hooks.port}/x", frozenset({f"{name}:{hooks.port}"})
        async with HttpClient(allowed, resolve=Names(["127.0.0.1"]), client=trusting) as client:
            if is_taken:
                assert (await client.post_json(url, b"{}")).status == 200
                assert hooks.accepted[0].headers["host"] == f"{name}:{hooks.port}"
            else:
                with pytest.raises(TransportError, match="ConnectError"):
                    await client.post_json(url, b"{}")
                assert hooks.requests == []
    assert asked == [name]


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with FakeHooks() as hooks, HttpClient(frozenset({hooks.host})) as client:
        hooks.answer_with(Said(307, headers={"Location": hooks.url("/inside")}))
        assert (await client.post_json(hooks.url("/hook"), b"{}")).status == 307
        assert [request.path for request in hooks.requests] == ["/hook"]


async def test_no_connection_is_kept_for_another_name() -> None:
    """Kept ones are found by their address, and two names may share one."""
    async with FakeHooks() as hooks, HttpClient(frozenset({hooks.host})) as client:
        for _ in range(2):
            await client.post_json(hooks.url(), b"{}")
    assert len({request.from_port for request in hooks.requests}) == 2


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("30", 30), ("1e9", 86_400), ("nan", 5), ("-1", 5), ("soon", 5), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_the_wait_that_is_asked_for_is_bounded(header: str, wait_s: float) -> None:
    assert retry_after_s(Answer(429, {"Retry-After": header}, b"")) == wait_s


def test_the_port_of_a_url_is_part_of_what_is_allowed() -> None:
    with pytest.raises(BadInput):
        check_public_url("http://chat.internal/hooks/x", ALLOWED)
