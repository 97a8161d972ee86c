"""`accord ledger fsck`: what does not fit, and where; beside a node's work, or of a home alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from party_node.database import Database
from party_node.home_lock import locked
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.tables import PayloadRow
from protocols.collaboration_terms import ledger_origin
from tests.support.commands import DONE, ERROR, NOT_READY, Terminal, cli, terminal_at
from tests.support.node import open_storage

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """Ann has agreed: entry 1."""
    with terminal_at(tmp_path / "nodes", monkeypatch, capsys) as made:
        made.accord("consent", "give", "--email", "ann@example.com", "--purpose", "joint-audience")
        yield made


def test_fsck_finds_nothing_in_a_sound_ledger(terminal: Terminal) -> None:
    out = terminal.accord("ledger", "fsck")
    assert out == "nothing is wrong: 2 entries and all that belongs to them\n"
    assert terminal.answer("ledger", "fsck") == {
        "sound": True, "entries": 2, "findings": [], "total": 0,
    }  # fmt: skip


def test_fsck_says_what_does_not_fit_and_where_and_ends_with_1(terminal: Terminal) -> None:
    with terminal.node.services.db.writing() as session:
        flip_payload(session, 1)
    out = terminal.accord("ledger", "fsck", code=ERROR)
    head, *rows, end = out.splitlines()
    assert head.split() == ["where", "what", "is", "wrong"]
    assert any(row.startswith("payload of entry 1 ") for row in rows)
    assert end.endswith("findings in 2 entries: the ledger is NOT sound")
    found = terminal.answer("ledger", "fsck", code=ERROR)
    assert (found["sound"], found["total"]) == (False, len(rows))
    assert "ann@example.com" not in out + json.dumps(found)
    # It changes nothing: the same again.
    assert terminal.answer("ledger", "fsck", code=ERROR) == found


def test_fsck_offline_opens_a_home_that_nobody_serves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = open_storage(tmp_path)
    origin, seed = ledger_origin("brand"), node.home.ledger_seed
    ledger = ConsentLedger(
        node.db, node.vault, origin, seed, node.clock, node.rng, controller="brand"
    )
    ledger.open()
    ledger.append([node.event("ann@example.com", 1)])
    node.db.close()
    words = ["ledger", "fsck", "--offline", "--home", str(node.home.path)]
    assert cli.run(words) == DONE
    assert capsys.readouterr().out.startswith("nothing is wrong: 2 entries")
    with locked(node.home.path):
        assert cli.run(words) == NOT_READY
        assert "accord: hint: " in capsys.readouterr().err
    db = Database(node.home.database_url)
    with db.writing() as session:
        flip_payload(session, 1)
    db.close()
    assert cli.run([*words, "--json"]) == ERROR
    found = json.loads(capsys.readouterr().out)
    assert "payload of entry 1" in {finding["where"] for finding in found["findings"]}
    (node.home.path / "node.db").unlink()
    assert cli.run(words) == ERROR
    assert "is missing" in capsys.readouterr().err


def flip_payload(session: Session, index: int) -> None:
    row = session.get_one(PayloadRow, index)
    row.ciphertext = bytes([row.ciphertext[0] ^ 1]) + row.ciphertext[1:]
