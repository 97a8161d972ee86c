"""`accord ledger append`: statements as engineers write them, a file of them at a time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from party_node.cli import ledger_entries
from tests.support.commands import ERROR, USAGE, Terminal, terminal_at

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
ANN = ("--email", "ann@example.com", "--purpose", "joint-audience")
APPEND = ("ledger", "append")


@pytest.fixture
def terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """Ann has agreed: entry 1."""
    with terminal_at(tmp_path / "nodes", monkeypatch, capsys) as made:
        made.accord("consent", "give", *ANN)
        yield made


def statement(terminal: Terminal, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return what docs/operate/ledger.md shows, about Ann."""
    record = terminal.node.services.ledger.entry(1).record
    assert record is not None
    return {
        "schema": "accord/consent-event/1", "subject_id": record.to_payload()["subject_id"],
        "state": "withdrawn", "purpose": "joint-audience", "purpose_version": 1,
        "recipient": "publisher", "channel": "*", "event_type": "expressed",
        "event_time": "2026-11-26T13:00:00.000Z", "source_id": "helpdesk",
        "source_event_id": f"call-{number}", "source_trust": 5, "jurisdiction": "DE",
        "method": "phone", "relation": "subject", "evidence": [], "listed": [],
        "separate": False, "written": False,
    } | changes  # fmt: skip


def lines(*statements: object) -> str:
    return "".join(f"{s if isinstance(s, str) else json.dumps(s)}\n" for s in statements)


def size(terminal: Terminal) -> int:
    return terminal.node.services.ledger.head()[0]


def test_each_line_has_a_fate_and_an_entry(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "said.jsonl"
    path.write_text(lines(statement(terminal), "", statement(terminal, 2)))
    out = terminal.accord(*APPEND, path)
    assert out.splitlines()[:3] == ["accepted: 2", "repeated: 0", "conflict: 0"]
    rows = [line.split() for line in out.splitlines()[3:]]
    # Lines are counted as an editor counts them.
    assert rows == [["line", "fate", "entry"], ["1", "accepted", "2"], ["3", "accepted", "3"]]
    assert terminal.answer(*APPEND, path) == {
        "entries": [
            {"line": 1, "index": 2, "fate": "repeated"},
            {"line": 3, "index": 3, "fate": "repeated"},
        ]
    }
    assert size(terminal) == 4


def test_it_reads_stdin_and_appends_what_was_said_byte_for_byte(terminal: Terminal) -> None:
    said = statement(terminal)
    terminal.accord(*APPEND, "-", stdin=lines(said))
    payload = terminal.answer("ledger", "entry", "2")["payload"]
    assert {k: v for k, v in payload.items() if k not in ("subject_seq", "previous")} == said
    assert payload["subject_seq"] == 2


def test_another_under_the_same_id_is_a_conflict_and_ends_with_1(terminal: Terminal) -> None:
    terminal.accord(*APPEND, "-", stdin=lines(statement(terminal)))
    other = lines(statement(terminal, state="given"), statement(terminal, 2))
    out = terminal.accord(*APPEND, "-", stdin=other, code=ERROR)
    assert out.splitlines()[:3] == ["accepted: 1", "repeated: 0", "conflict: 1"]
    found = terminal.answer(*APPEND, "-", stdin=other, code=ERROR)
    assert [f["fate"] for f in found["entries"]] == ["conflict", "repeated"]


BAD: dict[str, object] = {
    "no JSON": "{",
    "a list": "[1]",
    "a number": "17",
    "a field twice": '{"a": 1, "a": 2}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("bad", BAD)
def test_a_line_that_cannot_be_read_appends_nothing_and_is_named(
    terminal: Terminal, bad: str
) -> None:
    before = size(terminal)
    stdin = lines(statement(terminal), "", BAD[bad], statement(terminal, 2))
    error, _ = terminal.complains(*APPEND, "-", stdin=stdin, code=USAGE)
    assert "line 3 " in error
    assert size(terminal) == before


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another kind": ({"schema": "accord/use-record/1"}, "schema"),
    "what the ledger sets": ({"subject_seq": 7}, "subject_seq is set by the ledger"),
    "the node's own source": ({"source_id": "accord:expiry"}, "accord:"),
    "a wrong value": ({"state": "granted"}, ""),
    "another rank": ({"source_trust": 9}, "source_trust"),
    "an unknown purpose": ({"purpose": "world-peace"}, "not in the vocabulary"),
    "an unknown person": ({"subject_id": "f" * 32}, "a person whom this node does not know"),
}


@pytest.mark.parametrize("bad", REFUSED)
def test_a_line_that_the_node_refuses_appends_nothing_and_is_named(
    terminal: Terminal, bad: str
) -> None:
    changes, said = REFUSED[bad]
    before = size(terminal)
    stdin = lines(statement(terminal), "", statement(terminal, 2, **changes))
    error, hint = terminal.complains(*APPEND, "-", stdin=stdin)
    assert error.startswith("line 3: ")
    assert said in error
    assert "none of lines 1 to 3 was appended" in error
    assert hint
    assert size(terminal) == before


def test_two_unknown_persons_are_both_named(terminal: Terminal) -> None:
    nobody = [statement(terminal, n, subject_id=f"{n}" * 32) for n in (1, 2)]
    error, _ = terminal.complains(*APPEND, "-", stdin=lines("", *nobody))
    assert error.startswith("line 2, 3: a person whom this node does not know")


def test_in_a_long_file_the_line_is_named_and_what_was_appended_before_is_said(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request takes so many lines: all of one are appended, or none."""
    monkeypatch.setattr(ledger_entries, "_MOST_LINES", 2)
    said = [statement(terminal, n) for n in range(5)]
    stdin = lines(*said[:3], "", statement(terminal, 4, state="granted"), said[4])
    error, _ = terminal.complains(*APPEND, "-", stdin=stdin)
    assert error.startswith("line 5: ")
    assert "none of lines 3 to 5 was appended" in error
    assert "those before them are" in error
    assert size(terminal) == 4
    # Mended and repeated, nothing stands there twice.
    found = terminal.answer(*APPEND, "-", stdin=lines(*said))
    assert [f["fate"] for f in found["entries"]] == ["repeated"] * 2 + ["accepted"] * 3


def test_a_file_that_cannot_be_read_is_wrong_usage(terminal: Terminal, tmp_path: Path) -> None:
    error, _ = terminal.complains(*APPEND, tmp_path / "none.jsonl", code=USAGE)
    assert "none.jsonl" in error
    odd = tmp_path / "odd.jsonl"
    odd.write_bytes(b"\xff\xfe")
    terminal.complains(*APPEND, odd, code=USAGE)
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n\n")
    assert terminal.accord(*APPEND, empty).splitlines()[-1] == "no statements"
