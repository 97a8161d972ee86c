"""`accord ledger replay`: a decision comes out the same, the same but for the erased, or not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from party_node.tables import DecisionRow
from tests.support.commands import ERROR, Terminal, terminal_at, use

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
REPLAY = ("ledger", "replay")
WHO = ("--email", "person0@example.com", "--purpose", "joint-audience", "--recipient", "paper")


@pytest.fixture
def terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """One of three customers has agreed."""
    with terminal_at(tmp_path / "nodes", monkeypatch, capsys) as made:
        made.accord("consent", "give", *WHO, "--separate")
        yield made


def test_the_same_whatever_was_said_since(terminal: Terminal) -> None:
    index = use(terminal, "a" * 32)
    terminal.accord("consent", "withdraw", *WHO)
    out = terminal.accord(*REPLAY, index)
    assert out.splitlines()[0] == "the same answer: 1 of 3 people allowed"
    assert [line.split() for line in out.splitlines()[2:]] == [["no-evidence", "2"]]
    assert terminal.answer(*REPLAY, index) == {
        "index": index, "outcome": "same", "differences": [], "asked": 3, "allowed": 1,
        "denied": {"no-evidence": 2},
    }  # fmt: skip


def test_pruned_once_somebody_was_erased(terminal: Terminal) -> None:
    index = use(terminal, "a" * 32)
    parts = terminal.node.services
    dense = parts.identity.find("email", "person1@example.com")
    assert dense is not None
    parts.aftermath.erasing.erase(dense, "request-17")
    out = terminal.accord(*REPLAY, index)
    assert out.startswith("the same answer: 1 of 2 people allowed\n")
    assert "without those who were erased since" in out
    assert terminal.answer(*REPLAY, index)["outcome"] == "pruned"


def test_different_ends_with_1_and_says_in_what(terminal: Terminal) -> None:
    index = use(terminal, "a" * 32)
    with terminal.node.services.db.writing() as session:
        session.execute(delete(DecisionRow))
    out = terminal.accord(*REPLAY, index, code=ERROR)
    first, *differences = out.splitlines()
    assert first == f"entry {index} is NOT what the ledger comes to:"
    assert differences == ["  the sets of this decision are not kept here: it cannot be made again"]
    found = terminal.answer(*REPLAY, index, code=ERROR)
    assert (found["outcome"], len(found["differences"])) == ("different", 1)


def test_another_entry_is_no_decision(terminal: Terminal) -> None:
    error, hint = terminal.complains(*REPLAY, 1)
    assert error == "entry 1 is of another kind"
    assert hint.startswith("`accord audit` lists the use records")
