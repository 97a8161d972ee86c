"""Which URLs and addresses a webhook may have: every way inwards is closed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from party_node.webhooks.addresses import MAX_URL_CHARS, AddressRules, networks_of, target_of
from party_node.webhooks.errors import WebhookUrlRefused

PUBLIC = ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "2002:5db8:d822::1"]
INWARDS = {
    "loopback": "127.0.0.1",
    "another loopback": "127.8.9.10",
    "this host": "0.0.0.0",
    "private 10": "10.1.2.3",
    "private 172": "172.16.0.1",
    "private 192": "192.168.1.1",
    "shared by providers": "100.64.0.1",
    "cloud metadata": "169.254.169.254",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "documentation": "192.0.2.1",
    "benchmarks": "198.18.0.1",
    "loopback 6": "::1",
    "nothing 6": "::",
    "link-local 6": "fe80::1",
    "link-local 6 with a zone": "fe80::1%eth0",
    "unique local 6": "fd00::1",
    "metadata 6": "fd00:ec2::254",
    "site-local 6": "fec0::1",
    "multicast 6": "ff02::1",
    "mapped private": "::ffff:10.0.0.1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped metadata": "::ffff:169.254.169.254",
    "compatible loopback": "::127.0.0.1",
    "6to4 of a private one": "2002:0a00:0001::1",
    "teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "NAT64 of a private one": "64:ff9b::a00:1",
    "NAT64 for local use": "64:ff9b:1::a00:1",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called(address: str) -> None:
    AddressRules().require(target_of("https://example.com/", loopback=False), [address])


@pytest.mark.parametrize("address", INWARDS.values(), ids=INWARDS.keys())
def test_an_address_inside_is_refused(address: str) -> None:
    target = target_of("https://hook.example.com/", loopback=False)
    with pytest.raises(WebhookUrlRefused) as caught:
        AddressRules().require(target, [address])
    assert address not in str(caught.value)


@pytest.mark.parametrize("inside", ["10.0.0.1", "::ffff:10.0.0.1"])
def test_one_address_inside_refuses_all(inside: str) -> None:
    target = target_of("https://hook.example.com/", loopback=False)
    for found in ([PUBLIC[0], inside], [inside, PUBLIC[0]], []):
        with pytest.raises(WebhookUrlRefused):
            AddressRules().require(target, found)


def test_a_network_that_the_operator_allows_is_called_and_no_other() -> None:
    rules = AddressRules(networks_of("10.20.0.0/16, fd00:1::/32"))
    target = target_of("https://hook.example.com/", loopback=False)
    rules.require(target, ["10.20.3.4", "fd00:1::5", "::ffff:10.20.3.4"])
    for refused in ("10.21.0.1", "169.254.169.254", "127.0.0.1", "fd00:2::1"):
        with pytest.raises(WebhookUrlRefused):
            rules.require(target, [refused])


def test_http_is_for_loopback_only_and_only_when_told() -> None:
    with pytest.raises(WebhookUrlRefused):
        target_of("http://127.0.0.1:9000/", loopback=False)
    rules = AddressRules(networks_of("10.0.0.0/8"))
    target = target_of("http://localhost:9000/", loopback=True)
    rules.require(target, ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
    for outside in (PUBLIC[0], "10.0.0.1", "169.254.169.254"):
        with pytest.raises(WebhookUrlRefused):
            rules.require(target, [outside])
        with pytest.raises(WebhookUrlRefused):
            rules.require(target, ["127.0.0.1", outside])


def test_the_loopback_flag_opens_nothing_but_loopback() -> None:
    target = target_of("https://localhost/", loopback=True)
    AddressRules().require(target, ["127.0.0.1"])
    with pytest.raises(WebhookUrlRefused):
        AddressRules().require(target, ["10.0.0.1"])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://",
        "https:///path",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com@10.0.0.1/",
        "https://example.com/#part",
        "https://example.com/#",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:x/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: 10.0.0.1",
        "https://example.com\\@10.0.0.1/",
        "https://bücher.example/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[nonsense]/",
        "https://-example.com/",
        "https://example.com./",
        "https://example.com/" + "a" * MAX_URL_CHARS,
    ],
)
def test_what_is_no_url_of_a_webhook(url: str) -> None:
    with pytest.raises(WebhookUrlRefused):
        target_of(url, loopback=True)


def test_a_url_is_taken_apart() -> None:
    target = target_of("HTTPS://Hooks.Example.com/a/b?c=d&e", loopback=False)
    assert (target.secure, target.host, target.port) == (True, "hooks.example.com", 443)
    assert (target.path, target.authority) == ("/a/b?c=d&e", "hooks.example.com")
    assert target_of("https://example.com", loopback=False).path == "/"
    assert target_of("https://example.com:8443", loopback=False).authority == "example.com:8443"
    six = target_of("http://[::1]:80/x", loopback=True)
    assert (six.host, six.authority) == ("::1", "[::1]")


def test_a_message_repeats_nothing_of_the_url() -> None:
    for url in ("https://u:hunter2@x.example/", "http://hunter2.example/", "hunter2://x"):
        with pytest.raises(WebhookUrlRefused) as caught:
            target_of(url, loopback=False)
        assert "hunter2" not in str(caught.value) + caught.value.hint


@given(st.text(max_size=60))
def test_any_text_is_taken_apart_or_refused(text: str) -> None:
    for url in (text, "https://" + text):
        try:
            target = target_of(url, loopback=False)
        except WebhookUrlRefused:
            continue
        assert 1 <= target.port <= 65535
        assert target.path.startswith("/")
        assert not set(target.host + target.path) & set(" \r\n\t@\\") or "@" not in target.authority


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "example.com", "10.0.0.0/8;::/0"])
def test_networks_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError):
        networks_of(text)


def test_networks_are_read() -> None:
    assert [str(n) for n in networks_of(" 10.0.0.0/8,, fd00::/8 ")] == ["10.0.0.0/8", "fd00::/8"]
    assert networks_of("") == ()
