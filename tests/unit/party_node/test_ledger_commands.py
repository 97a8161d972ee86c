"""`accord ledger status | verify | prove | entry | export | snapshot`, as they are typed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consent.errors import LedgerInconsistent
from consent.ledger import open_payload, parse_leaf
from consent.merkle import leaf_hash
from consent.policy import parse_policy
from consent.proof import parse_proof, verify_proof
from party_node.errors import QuorumMissed
from party_node.evidence.verifier import app
from party_node.tables import EntryRow
from tests.support.commands import (
    NOT_READY,
    USAGE,
    Terminal,
    terminal_at,
    use,
)
from tests.support.evidence import unpacked

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
ANN = ("--email", "ann@example.com", "--purpose", "joint-audience")


@pytest.fixture
def terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """Ann has agreed: entry 1."""
    with terminal_at(tmp_path / "nodes", monkeypatch, capsys) as made:
        made.accord("consent", "give", *ANN)
        yield made


def unseen(terminal: Terminal, patch: pytest.MonkeyPatch) -> None:
    """From now on the witnesses do not answer."""

    def missed(_size: int) -> None:
        raise QuorumMissed

    patch.setattr(terminal.node.services.witnessing, "publish", missed)


def policy_of(terminal: Terminal) -> str:
    return str(terminal.answer("ledger", "policy", "show")["text"])


# -- how it stands -------------------------------------------------------------------------------


def test_status_says_how_long_it_is_and_up_to_where_it_is_published(terminal: Terminal) -> None:
    out = terminal.accord("ledger", "status")
    assert out.splitlines()[0] == "accord/shop/consent: 2 entries"
    assert "no checkpoint is published yet" in out
    terminal.accord("ledger", "prove", "1")
    terminal.accord("consent", "withdraw", *ANN)
    out = terminal.accord("ledger", "status")
    assert out.splitlines()[0] == "accord/shop/consent: 3 entries"
    assert "published up to entry 2 at 2027-01-15 08:00 UTC\n" in out
    assert "cosigned by coordinator\n" in out
    found = terminal.answer("ledger", "status")
    assert (found["size"], found["published"]["size"]) == (3, 2)
    assert found["root"] == terminal.node.services.ledger.head()[1].hex()


def test_verify_says_that_it_is_whole_or_that_it_is_not(terminal: Terminal) -> None:
    terminal.accord("ledger", "prove", "1")
    out = terminal.accord("ledger", "verify")
    assert out.startswith("the ledger is whole: 2 entries, ")
    assert out.endswith("1 of them published\n")
    assert terminal.answer("ledger", "verify")["size"] == 2
    with terminal.node.services.db.writing() as session:
        row = session.get_one(EntryRow, 1)
        row.leaf = row.leaf.replace(b'"v":1', b'"v":2')
    error, hint = terminal.complains("ledger", "verify")
    assert "the leaves do not lead to the root" in error
    assert "backup" in hint


def test_snapshot_logs_the_state_for_fsck(terminal: Terminal) -> None:
    out = terminal.accord("ledger", "snapshot")
    assert out == "logged the state as entry 2; check it with `accord ledger fsck`\n"
    assert terminal.answer("ledger", "entry", "2")["type"] == "state-snapshot"
    index = terminal.answer("ledger", "snapshot")["index"]
    assert index == 3
    assert terminal.answer("ledger", "fsck")["entries"] == 4


# -- one entry -----------------------------------------------------------------------------------


def test_entry_shows_what_was_said_and_that_somebody_looked_is_an_entry(
    terminal: Terminal,
) -> None:
    out = terminal.accord("ledger", "entry", "1", "--by", "dana")
    assert out.startswith("entry 1: consent-event, recorded 2027-01-15 08:00 UTC\n")
    assert '"purpose": "joint-audience"' in out
    looked = terminal.answer("ledger", "entry", "2")["payload"]
    assert (looked["action"], looked["by"], looked["detail"]) == (
        "payload-viewed", "person:dana", "entry 1",
    )  # fmt: skip
    found = terminal.answer("ledger", "entry", "1")
    leaf, salt = found["leaf"].encode(), bytes.fromhex(found["salt"])
    payload = terminal.node.services.ledger.entry(1).record
    assert payload is not None
    assert open_payload(leaf, salt=salt, payload=payload.canonical()) == payload
    assert leaf_hash(leaf).hex() == found["leaf_hash"]


def test_entry_leaf_only_shows_no_payload_and_notes_nothing(terminal: Terminal) -> None:
    out = terminal.accord("ledger", "entry", "1", "--leaf-only")
    assert "leaf: {" in out
    assert "joint-audience" not in out
    found = terminal.answer("ledger", "entry", "1", "--leaf-only")
    assert not {"payload", "salt"} & set(found)
    assert terminal.node.services.ledger.head()[0] == 2


def test_entry_of_an_erased_person_says_under_which_request(terminal: Terminal) -> None:
    parts = terminal.node.services
    dense = parts.identity.find("email", "ann@example.com")
    assert dense is not None
    parts.aftermath.erasing.erase(dense, "request-17")
    out = terminal.accord("ledger", "entry", "1")
    assert "erased under request request-17 (entry 2)\n" in out
    assert "joint-audience" not in out


@pytest.mark.parametrize("verb", ["entry", "prove", "replay"])
def test_an_entry_that_is_not_there(terminal: Terminal, verb: str) -> None:
    error, hint = terminal.complains("ledger", verb, "99")
    assert error == "there is no entry 99 in the ledger"
    assert hint == "`accord ledger status` says how long it is"
    for wrong in ("-1", "one", "1.5"):
        terminal.complains("ledger", verb, "--", wrong, code=USAGE)


# -- proofs --------------------------------------------------------------------------------------


def test_the_proof_that_prove_writes_verifies_by_itself(terminal: Terminal, tmp_path: Path) -> None:
    out, leaf = tmp_path / "1.tlog-proof", tmp_path / "1.leaf"
    said = terminal.accord("ledger", "prove", "1", "--out", out, "--leaf", leaf)
    assert said == f"wrote {out}: entry 1 under the checkpoint of size 2\n"
    policy = parse_policy(policy_of(terminal))
    hashed = leaf_hash(leaf.read_bytes())
    checkpoint = verify_proof(parse_proof(out.read_text()), hashed, policy)
    assert (checkpoint.origin, checkpoint.size) == ("accord/shop/consent", 2)
    assert parse_leaf(leaf.read_bytes()).type == "consent-event"
    with pytest.raises(LedgerInconsistent):
        verify_proof(parse_proof(out.read_text()), leaf_hash(b"another"), policy)
    assert terminal.accord("ledger", "prove", "1") == out.read_text()
    found = terminal.answer("ledger", "prove", "1")
    assert (found["proof"], found["leaf_hash"]) == (out.read_text(), hashed.hex())
    assert out.read_text().startswith("c2sp.org/tlog-proof@v1\nindex 1\n")


def test_what_the_witnesses_have_not_seen_cannot_be_proved_yet(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unseen(terminal, monkeypatch)
    out = tmp_path / "1.tlog-proof"
    error, hint = terminal.complains("ledger", "prove", "1", "--out", out, code=NOT_READY)
    assert error == "entry 1 is under no published checkpoint yet"
    assert hint.startswith("try again when the witnesses answer")
    assert not out.exists()


def test_a_proof_that_cannot_be_written_is_wrong_usage(terminal: Terminal, tmp_path: Path) -> None:
    nowhere = tmp_path / "none" / "1.tlog-proof"
    error, _ = terminal.complains("ledger", "prove", "1", "--out", nowhere, code=USAGE)
    assert str(nowhere) in error


# -- evidence ------------------------------------------------------------------------------------


def test_export_writes_what_accord_verify_checks(terminal: Terminal, tmp_path: Path) -> None:
    use(terminal, "a" * 32)
    out, policy = tmp_path / "evidence.zip", tmp_path / "policy.txt"
    said = terminal.accord("ledger", "export", out)
    size = out.stat().st_size
    assert said == f"wrote {out} ({size:,} bytes); check it with `accord-verify {out}`\n"
    policy.write_text(policy_of(terminal))
    done = CliRunner().invoke(app, [str(out), "--policy", str(policy)])
    assert (done.exit_code, " 0 failed" in done.stdout) == (0, True), done.output
    found = terminal.answer("ledger", "export", out)
    assert found == {"file": str(out), "bytes": out.stat().st_size}
    # People's words are not in it, nor who they are.
    assert not any(b"ann@example.com" in data for data in unpacked(out.read_bytes()).values())


def test_export_of_a_job_that_is_not_there(terminal: Terminal, tmp_path: Path) -> None:
    out = tmp_path / "evidence.zip"
    terminal.complains("ledger", "export", out, "--job", "0" * 32)
    assert not out.exists()
    terminal.complains("ledger", "export", tmp_path / "none" / "e.zip", code=USAGE)
