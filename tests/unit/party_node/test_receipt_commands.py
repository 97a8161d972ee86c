"""`accord consent receipt` at a node in this process, and `accord-verify` on what it wrote."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consent.receipt import parse_receipt
from party_node.errors import QuorumMissed
from party_node.evidence.verifier import app
from tests.support.commands import NOT_READY, USAGE, Terminal, terminal_at

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
ANN = ("--email", "ann@example.com")
GIVE = ("consent", "give", *ANN, "--purpose")
WITHDRAW = ("consent", "withdraw", *ANN, "--purpose")
RECEIPT = ("consent", "receipt", *ANN)


@pytest.fixture
def terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """Ann has agreed to two things, and taken one back."""
    with terminal_at(tmp_path / "nodes", monkeypatch, capsys) as made:
        made.accord(*GIVE, "joint-audience", "--recipient", "paper")
        made.accord(*GIVE, "audience-measurement")
        made.accord(*WITHDRAW, "audience-measurement")
        yield made


def test_each_goes_into_a_file_and_the_files_verify(terminal: Terminal, tmp_path: Path) -> None:
    out, policy = tmp_path / "receipts", tmp_path / "policy.txt"
    assert terminal.accord(*RECEIPT, "--out", out, "--by", "ann") == ""
    assert terminal.err.splitlines() == [
        f"{out}/1.receipt.json: given for joint-audience, paper",
        f"{out}/3.receipt.json: withdrawn for audience-measurement, self",
    ]
    files = sorted(path.name for path in out.iterdir())
    assert files == ["1.receipt.json", "3.receipt.json", "receipt-key.jwk"]
    # They are for the person alone.
    assert out.stat().st_mode & 0o077 == 0
    assert {path.stat().st_mode & 0o077 for path in out.glob("*.receipt.json")} == {0}
    policy.write_text(terminal.answer("ledger", "policy", "show")["text"])
    trusted = ["--key", str(out / "receipt-key.jwk"), "--policy", str(policy)]
    for name, said in (("1", "given for joint-audience"), ("3", "withdrawn for audience")):
        done = CliRunner().invoke(app, ["receipt", str(out / f"{name}.receipt.json"), *trusted])
        assert (done.exit_code, said in done.stdout) == (0, True), done.output
    noted = terminal.answer("ledger", "entry", "4")["payload"]
    assert (noted["action"], noted["by"]) == ("receipts-issued", "person:ann")


def test_all_of_them_or_those_about_one_purpose(terminal: Terminal, tmp_path: Path) -> None:
    found = terminal.answer(*RECEIPT, "--all")
    assert [one["index"] for one in found["receipts"]] == [1, 2, 3]
    found = terminal.answer(*RECEIPT, "--purpose", "joint-audience")
    assert [one["index"] for one in found["receipts"]] == [1]
    assert terminal.accord(*RECEIPT, "--purpose", "lookalike", "--out", tmp_path / "none") == ""
    assert "the person has said nothing that a receipt could be about" in terminal.err


def test_without_a_folder_they_go_to_stdout_one_a_line(terminal: Terminal) -> None:
    lines = terminal.accord(*RECEIPT).splitlines()
    assert [set(json.loads(line)) for line in lines] == [{"proof", "receipt"}] * 2
    assert all(parse_receipt(line.encode()).encode().decode() == line for line in lines)


def test_what_the_witnesses_have_not_seen_is_named_and_ends_with_75(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.node.services.witnessing.publish(4)
    terminal.accord(*GIVE, "audience-measurement")

    def missed(_size: int) -> None:
        raise QuorumMissed

    monkeypatch.setattr(terminal.node.services.witnessing, "publish", missed)
    out = tmp_path / "receipts"
    terminal.accord(*RECEIPT, "--out", out, code=NOT_READY)
    assert "not published yet, so without a receipt: entry 4" in terminal.err
    assert (out / "1.receipt.json").exists()
    assert not (out / "4.receipt.json").exists()
    assert terminal.answer(*RECEIPT, code=NOT_READY)["waiting"] == [4]


def test_wrong_usage_and_strangers(terminal: Terminal, tmp_path: Path) -> None:
    terminal.accord("consent", "receipt", code=USAGE)
    terminal.accord(*RECEIPT, "--phone", "+442071234567", code=USAGE)
    error, _ = terminal.complains("consent", "receipt", "--email", "bob@example.com")
    assert error == "nobody with this identifier is known here"
    blocked = tmp_path / "file"
    blocked.write_text("mine")
    terminal.accord(*RECEIPT, "--out", blocked, code=USAGE)
    assert blocked.read_text() == "mine"
