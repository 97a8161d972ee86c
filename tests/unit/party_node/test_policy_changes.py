"""A change of the trust policy is in the ledger before it is in force, whenever the node dies."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from consent.checkpoint import Cosigner
from consent.milestones import OperatorAction
from consent.note import parse_vkey
from party_node.errors import PolicyUnusable
from party_node.ledger import policy_changes, trust_policy
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.policy_changes import ACTION, AT_START, ENTRY, NEXT, PolicyChanges
from party_node.ledger.trust_policy import FILE, TrustPolicy, check, first
from tests.support.node import NodeStorage, open_storage

HUB = Cosigner("hub.example/witness", b"\x02" * 32).verifier
URL = "https://hub.example"


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeStorage]:
    made = open_storage(tmp_path)
    yield made
    made.db.close()


@pytest.fixture
def ledger(node: NodeStorage) -> ConsentLedger:
    return node.open_ledger()


@pytest.fixture
def begin(ledger: ConsentLedger) -> TrustPolicy:
    return first(parse_vkey(ledger.vkey), HUB, URL)


@pytest.fixture
def other(ledger: ConsentLedger, begin: TrustPolicy) -> TrustPolicy:
    return check(begin.text + "# another\n", parse_vkey(ledger.vkey), HUB)


def said(ledger: ConsentLedger) -> list[tuple[str, str]]:
    records = [entry.record for entry in ledger.entries()]
    return [
        (record.by, record.detail or "")
        for record in records
        if isinstance(record, OperatorAction) and record.action == ACTION
    ]


def start(node: NodeStorage, ledger: ConsentLedger) -> str:
    """Do what a node does at its start; return the text of the policy in force."""
    changes, log = PolicyChanges(ledger, node.home.path), parse_vkey(ledger.vkey)
    changes.finish()
    trust = trust_policy.load(node.home.path, log, HUB, URL)
    changes.compare(trust, first(log, HUB, URL))
    return trust.text


def test_a_change_is_an_entry_with_the_hash_and_who(
    node: NodeStorage, ledger: ConsentLedger, other: TrustPolicy
) -> None:
    PolicyChanges(ledger, node.home.path).put_in_force(other, "operator:ops", "1 witnesses")
    digest = hashlib.sha256(other.text.encode()).hexdigest()
    assert said(ledger) == [("operator:ops", f"sha256 {digest}; 1 witnesses")]
    assert (node.home.path / FILE).read_text() == other.text
    assert not (node.home.path / NEXT).exists()
    assert start(node, ledger) == other.text
    assert len(said(ledger)) == 1, "a start that finds what the entry says writes none"


def test_who_dies_before_the_entry_has_changed_nothing(
    node: NodeStorage,
    ledger: ConsentLedger,
    begin: TrustPolicy,
    other: TrustPolicy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: object) -> int:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(policy_changes, "note_action", die)
        with pytest.raises(Killed):
            PolicyChanges(ledger, node.home.path).put_in_force(other, "administrator", "x")
    assert (node.home.path / NEXT).exists()
    assert start(node, ledger) == begin.text
    assert not said(ledger)
    assert not (node.home.path / NEXT).exists()


def test_who_dies_after_the_entry_finds_the_policy_in_force(
    node: NodeStorage,
    ledger: ConsentLedger,
    other: TrustPolicy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(trust_policy, "store_text", die)
        with pytest.raises(Killed):
            PolicyChanges(ledger, node.home.path).put_in_force(other, "administrator", "x")
    assert not (node.home.path / FILE).exists()
    assert start(node, ledger) == other.text
    assert len(said(ledger)) == 1
    assert start(node, ledger) == other.text


def test_a_policy_that_was_changed_by_hand_is_found_at_the_start(
    node: NodeStorage, ledger: ConsentLedger, begin: TrustPolicy, other: TrustPolicy
) -> None:
    assert start(node, ledger) == begin.text
    assert not said(ledger), "the first policy is the enrolment's"
    (node.home.path / FILE).write_text(other.text)
    for _ in range(2):
        assert start(node, ledger) == other.text
        assert [by for by, _ in said(ledger)] == [AT_START]
    (node.home.path / FILE).unlink()
    assert start(node, ledger) == begin.text
    assert [by for by, _ in said(ledger)] == [AT_START] * 2


def test_a_record_beside_that_no_entry_bears_out_is_not_believed(
    node: NodeStorage, ledger: ConsentLedger, other: TrustPolicy
) -> None:
    (node.home.path / FILE).write_text(other.text)
    digest = hashlib.sha256(other.text.encode()).hexdigest()
    (node.home.path / ENTRY).write_text(f'{{"entry": 0, "sha256": "{digest}"}}')
    assert start(node, ledger) == other.text
    assert [by for by, _ in said(ledger)] == [AT_START]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"size": 1}'])
def test_a_damaged_file_says_so(node: NodeStorage, ledger: ConsentLedger, text: str) -> None:
    (node.home.path / NEXT).write_text(text)
    with pytest.raises(PolicyUnusable, match="cannot be read"):
        start(node, ledger)
