"""The commands about signals: in, confirmed over, out, and reading a string without a node."""

import io
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from party_node.local_client import LocalClient
from tests.support.running_node import AUDIENCE, Node, running_pair
from tests.support.signals import NOT_OPTED_OUT, tc_text, us_text

with warnings.catch_warnings():
    # typer 0.20 uses names that click 8.5 has moved
    warnings.simplefilter("ignore", DeprecationWarning)
    from party_node.cli import main as cli

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

WHO = ["--email", "person0@example.com"]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """A node that the command finds by its home folder."""
    with capture_logs(), running_pair(tmp_path) as made:
        here = made.shop
        transport = here.stranger._transport
        client = LocalClient("http://shop.test", here.running.token, transport)
        monkeypatch.setattr(LocalClient, "of", lambda home: client)
        yield here


def accord(node: Node, *words: str) -> int:
    return cli.run([*words, "--home", str(node.services.home.path)])


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def advance(node: Node) -> None:
    node.running.services.clock_ms.advance(seconds=5)  # type: ignore[attr-defined]


def test_rule_5_from_the_command_line(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    scope = [*WHO, "--purpose", AUDIENCE, "--recipient", "paper"]
    assert accord(node, "consent", "give", *scope) == 0
    advance(node)
    capsys.readouterr()
    taken = ["consent", "signal", *WHO, "--gpc", "1", "--source", "site"]
    assert accord(node, *taken, "--jurisdiction", "US-CA", "--event-id", "visit-1") == 0
    out = capsys.readouterr().out
    assert out.startswith("gpc: conflict, entry ")
    assert f"contradicts what stood for {AUDIENCE}: the person may be asked" in out
    assert accord(node, "consent", "explain", *scope, "--operation", "activate") == 3
    advance(node)
    assert accord(node, "consent", "confirm", *scope, "--event-id", "answer") == 0
    assert "recorded as entries" in capsys.readouterr().out
    assert accord(node, "consent", "explain", *scope, "--operation", "activate") == 0
    capsys.readouterr()
    advance(node)
    assert accord(node, *taken, "--event-id", "visit-2", "--json") == 0
    (found,) = answer(capsys)["signals"]
    assert (found["conclusion"], found["repeated"]) == ("confirmed-over", False)


def test_what_was_said_before_is_known(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["consent", "signal", *WHO, "--gpp", us_text(NOT_OPTED_OUT | {"SaleOptOut": 1})]
    assert accord(node, *words) == accord(node, *words) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("gpp: applied")
    assert second == f"{first} (known already)"
    assert accord(node, "consent", "signal", *WHO, "--gpc", "0") == 0
    assert capsys.readouterr().out == "gpc: nothing-said\n"


def test_what_is_permitted_comes_out_as_strings(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    assert accord(node, "consent", "give", *WHO, "--purpose", AUDIENCE) == 0
    capsys.readouterr()
    words = ["consent", "signal-out", *WHO, "--jurisdiction", "US-CA"]
    assert accord(node, *words) == 0
    out = capsys.readouterr().out
    assert out.startswith("GPP DB")
    assert "TCF" not in out
    issuer = ["--cmp-id", "31", "--vendor-list", "120", "--language", "EN", "--country", "DE"]
    assert accord(node, *words, *issuer, "--json") == 0
    found = answer(capsys)
    for text in (found["gpp"], found["tcf"]):
        assert cli.run(["signal", "decode", text, "--json"]) == 0
        assert answer(capsys)["signal"] in ("gpp", "tcf")
    assert found["purposes"][AUDIENCE] == "permitted"


def test_a_string_is_read_without_a_node(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.run(["signal", "decode", us_text(gpc=True)]) == 0
    out = capsys.readouterr().out
    for line in ("name: usnat", "SaleOptOut: 2", "Gpc: True"):
        assert f"  {line}\n" in out
    assert "withdrawn" in out
    assert cli.run(["signal", "decode", tc_text(), "--json"]) == 0
    found = answer(capsys)
    assert (found["valid"], found["purposes_consent"], found["vendor_consents"]) == (
        True, "1, 3-4, 7", "7",
    )  # fmt: skip
    assert found["meanings"] == []
    monkeypatch.setattr("sys.stdin", io.StringIO("1\n"))
    assert cli.run(["signal", "decode", "-", "--json"]) == 0
    assert answer(capsys)["set"] is True


@pytest.mark.parametrize("text", ["", "x", "CAAA", "D", "1YNN", "\x1b[31mred"])
def test_what_is_no_signal_is_said_without_repeating_it(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert cli.run(["signal", "decode", text]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("accord: error: ")
    assert "red" not in first.replace("required", "")
    assert second.startswith("accord: hint: docs/spec/signals.md")


@pytest.mark.parametrize(
    "words",
    [
        ["consent", "signal", *WHO],
        ["consent", "signal", "--gpc", "1"],
        ["consent", "signal", *WHO, "--phone", "+442079460001", "--gpc", "1"],
        ["consent", "confirm", *WHO],
        ["signal", "decode"],
    ],
)
def test_usage_errors(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert cli.run(words) == 2
    assert capsys.readouterr().err.startswith("accord: error: ")
