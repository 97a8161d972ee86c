"""What an erasure leaves of the evidence: every proof still holds, and nothing of the person."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consent.ledger import parse_leaf
from consent.merkle import leaf_hash
from consent.policy import parse_policy
from consent.proof import parse_proof, verify_proof
from party_node.evidence.verifier import app
from tests.support.commands import Terminal, terminal_at, use
from tests.support.evidence import unpacked
from tests.support.tile_folder import files_in

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
PERSON = "person0@example.com"
WHO = ("--email", PERSON, "--purpose", "joint-audience", "--recipient", "paper")


@pytest.fixture
def terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """Somebody has agreed (entry 1) and was used once."""
    with terminal_at(tmp_path / "nodes", monkeypatch, capsys) as made:
        made.accord("consent", "give", *WHO, "--separate")
        use(made, "a" * 32)
        yield made


def erase(terminal: Terminal) -> None:
    made = terminal.answer(
        "request", "open", "--type", "erase", "--channel", "letter", "--email", PERSON
    )
    terminal.accord("request", "verify", made["request"], "--method", "passport shown")
    terminal.accord("request", "erase", made["request"])


def publish(terminal: Terminal) -> None:
    """Let the witnesses see the ledger as it stands."""
    terminal.node.services.witnessing.publish(terminal.node.services.ledger.head()[0])


def test_old_and_new_proofs_of_an_erased_entry_hold(terminal: Terminal, tmp_path: Path) -> None:
    old, new, leaf = tmp_path / "old", tmp_path / "new", tmp_path / "leaf"
    terminal.accord("ledger", "prove", 1, "--out", old, "--leaf", leaf)
    before = leaf.read_bytes()
    erase(terminal)
    publish(terminal)
    terminal.accord("ledger", "prove", 1, "--out", new, "--leaf", leaf)
    assert leaf.read_bytes() == before
    policy = parse_policy(terminal.answer("ledger", "policy", "show")["text"])
    sizes = [
        verify_proof(parse_proof(path.read_text()), leaf_hash(before), policy).size
        for path in (old, new)
    ]
    assert sizes[0] < sizes[1]


def test_an_erased_entry_is_told_from_a_damaged_one(terminal: Terminal) -> None:
    erase(terminal)
    out = terminal.accord("ledger", "entry", 1)
    assert "\nerased under request " in out
    assert "salt" not in out
    assert terminal.answer("ledger", "fsck")["sound"]
    terminal.accord("ledger", "verify")


def test_a_folder_of_tiles_is_continued_past_an_erasure(terminal: Terminal, tmp_path: Path) -> None:
    folder, kept = tmp_path / "tiles", tmp_path / "kept"
    publish(terminal)
    terminal.accord("ledger", "tiles", folder, "--with-entries")
    kept.write_bytes((folder / "checkpoint").read_bytes())
    erase(terminal)
    publish(terminal)
    terminal.accord("ledger", "tiles", folder, "--with-entries")
    done = CliRunner().invoke(app, [str(folder), "--since", str(kept)])
    assert (done.exit_code, "PASSED since" in done.stdout) == (0, True), done.output


def test_nothing_of_an_erased_person_is_in_what_is_exported(
    terminal: Terminal, tmp_path: Path
) -> None:
    entry = terminal.node.services.ledger.entry(1)
    assert entry.salt is not None
    assert entry.record is not None
    subject = str(entry.record.to_payload()["subject_id"])
    erase(terminal)
    bundle, folder = tmp_path / "evidence.zip", tmp_path / "tiles"
    terminal.accord("ledger", "export", bundle)
    terminal.accord("ledger", "tiles", folder, "--with-entries")
    exported = unpacked(bundle.read_bytes()) | files_in(folder)
    assert any(parse_leaf(entry.leaf).entry_id.encode() in data for data in exported.values())
    needles = (entry.salt, entry.salt.hex().encode(), subject.encode(), PERSON.encode())
    for name, data in exported.items():
        assert not any(needle in data for needle in needles), name


def test_a_replay_has_the_same_answer_about_everybody_else(terminal: Terminal) -> None:
    index = next(e.index for e in terminal.node.services.ledger.entries() if e.type == "use-record")
    before = terminal.answer("ledger", "replay", index)
    erase(terminal)
    after = terminal.answer("ledger", "replay", index)
    assert (before["outcome"], after["outcome"]) == ("same", "pruned")
    assert (before["asked"], before["allowed"]) == (3, 1)
    assert (after["asked"], after["allowed"], after["denied"]) == (2, 0, before["denied"])
