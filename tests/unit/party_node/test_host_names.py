"""Which Host headers name the node."""

import pytest

from party_node.host_names import hosts_of, is_ours

NAMES = hosts_of("accord.brand.example, Node-1") | {"127.0.0.1"}


@pytest.mark.parametrize(
    "header",
    [
        "127.0.0.1", "127.0.0.1:8400", "localhost:8400", "LOCALHOST", "[::1]:8400", "10.2.3.4:80",
        "accord.brand.example", "Accord.Brand.Example:443", "node-1",
    ],
)  # fmt: skip
def test_addresses_and_known_names_are_ours(header: str) -> None:
    assert is_ours(header, NAMES)


@pytest.mark.parametrize(
    "header",
    [
        "", "evil.example", "evil.example:8400", "localhost.evil.example", "accord.brand.example.",
        "127.0.0.1.evil.example", "x@localhost", "localhost/x", "localhost:99999", "localhost:x",
        "[::1", "evil.example#localhost", "2130706433",
    ],
)  # fmt: skip
def test_a_rebound_or_broken_name_is_not(header: str) -> None:
    assert not is_ours(header, NAMES)


@pytest.mark.parametrize("text", ["https://a.example", "a.example:443", "a b", "*.example", "-a"])
def test_a_setting_that_is_no_list_of_names_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names of hosts"):
        hosts_of(text)
