"""Merging two records of one person: what either refused stays refused, and nothing is lost."""

import pytest
from pyroaring import BitMap

from consent.reasons import Query
from consent.words import EventState, Operation
from party_node.erasure.erasing import Erasing
from party_node.errors import MergeRefused
from party_node.ledger.fsck import fsck
from party_node.ledger.writer import Submitted
from party_node.merging import Merging
from tests.support.node import open_storage, write_csv

A, B, NUMBER = "anna@old.example", "anna@new.example", "+447700900123"
HOUR = 3_600_000


@pytest.fixture
def node(tmp_path):
    return open_storage(tmp_path)


@pytest.fixture
def ledger(node):
    return node.open_ledger()


@pytest.fixture
def merging(node, ledger):
    return Merging(ledger, node.identity, node.datasets)


def reason(node, ledger, email):
    return node.explain(ledger, "email", email, "joint-audience", "shop", "psi").decision.reason


def merge(node, merging, keep=A, absorb=B):
    kept, absorbed = (node.identity.find("email", e) for e in (keep, absorb))
    return merging.merge(kept, absorbed, "customer proved both addresses", "ann")


def allowed(ledger):
    with ledger.hold() as head:
        question = Query(
            purpose="joint-audience", operation=Operation.PSI, at_ms=head.newest_ms + HOUR,
            recipient="shop",
        )  # fmt: skip
        return head.projection.bulk(question).allowed


def test_rule_4_two_records_that_both_permit_go_on_permitting(node, ledger, merging):
    ledger.append([node.event(A, "a"), node.event(B, "b")])
    merge(node, merging)
    assert node.identity.find("email", A) == node.identity.find("email", B)
    assert reason(node, ledger, A) == reason(node, ledger, B) == "permitted"


def test_rule_4_what_one_record_objected_to_is_forbidden(node, ledger, merging):
    ledger.append([node.event(A, "a", state=EventState.WITHDRAWN)])
    node.clock.advance(HOUR)
    # A later yes of the other record is no answer: nobody knew then that they are one.
    ledger.append([node.event(B, "b")])
    merge(node, merging)
    assert reason(node, ledger, B) == "withdrawn"


def test_rule_4_what_one_record_never_agreed_to_is_not_permitted(node, ledger, merging):
    ledger.append([node.event(A, "a"), node.event(B, "b", purpose="audience-measurement")])
    merge(node, merging)
    assert reason(node, ledger, A) == "sources-disagree"


def test_rule_4_the_person_may_choose_again(node, ledger, merging):
    ledger.append([node.event(A, "a", state=EventState.REFUSED), node.event(B, "b")])
    merge(node, merging)
    node.clock.advance(HOUR)
    ledger.append([node.event(B, "again")])
    assert reason(node, ledger, A) == "permitted"


def test_a_restart_knows_the_merge_and_later_events_of_either_record_count(node, ledger, merging):
    ledger.append([node.event(A, "a"), node.event(B, "b")])
    old_id = node.person(B)
    merge(node, merging)
    again = node.open_ledger()
    node.clock.advance(HOUR)
    withdrawal = node.event(A, "by the old id", state=EventState.WITHDRAWN)
    object.__setattr__(withdrawal, "subject_id", old_id)
    again.append([withdrawal])
    for one in (again, node.open_ledger(), ledger):
        assert reason(node, one, A) == "withdrawn"
        assert not allowed(one)
    assert not fsck(again, node.identity)


def test_what_a_source_sent_before_the_merge_may_come_again_and_is_no_contradiction(
    node, ledger, merging
):
    first = ledger.append([node.event(A, "a"), node.event(B, "b")])
    before = node.event(B, "b")
    merge(node, merging)
    after = node.event(B, "b")
    assert after.subject_id != before.subject_id
    size = ledger.head()[0]
    said = ledger.submit([after, before, node.event(A, "a")])
    assert [(s.status, s.index) for s in said] == [
        (Submitted.REPEATED, first[1]), (Submitted.REPEATED, first[1]),
        (Submitted.REPEATED, first[0]),
    ]  # fmt: skip
    other = node.event(B, "b", state=EventState.WITHDRAWN)
    assert ledger.submit([other])[0].status is Submitted.CONFLICT
    stranger = node.event("carl@x.example", "b")
    assert ledger.submit([stranger])[0].status is Submitted.CONFLICT
    assert ledger.head()[0] == size + 2, "one anomaly for each contradiction"


def test_rows_of_datasets_follow_the_person(node, ledger, merging, tmp_path):
    ledger.append([node.event(A, "a"), node.event(B, "b")])
    path = write_csv(tmp_path / "people.csv", "key,mail", f"K1,{A}", f"K2,{B}")
    node.datasets.register("people", path, "key", "mail", None, "GB")
    merge(node, merging)
    kept = node.identity.find("email", A)
    assert node.datasets.asked("people") == BitMap([kept])
    gate = node.open_gate(ledger)
    permission = gate.permit(
        "1" * 32, b"h" * 32, "people", "joint-audience", "shop", ("psi",), "brand", 60_000
    )
    assert node.datasets.keys(permission, permission.allowed) == ["K1", "K2"]


def test_merging_twice_is_no_second_entry_and_with_oneself_an_error(node, ledger, merging):
    ledger.append([node.event(A, "a"), node.event(B, "b")])
    kept, absorbed = node.identity.find("email", A), node.identity.find("email", B)
    assert merging.merge(kept, absorbed, "g", "ann") is not None
    size = ledger.head()[0]
    assert merging.merge(kept, absorbed, "g", "ann") is None
    assert merging.merge(absorbed, kept, "g", "ann") is None
    assert ledger.head()[0] == size
    with pytest.raises(MergeRefused):
        merging.merge(kept, 4242, "g", "ann")


def test_erasing_a_merged_person_erases_both_records(node, ledger, merging):
    ledger.append([node.event(A, "a"), node.event(B, "b")])
    merge(node, merging)
    erasing = Erasing(ledger, node.identity, node.rng, [], [node.datasets.forget])
    erased = erasing.erase(node.identity.find("email", A), "r")
    assert (erased.records, erased.entries) == (2, 3)
    assert [e.record is None for e in ledger.entries()] == [False, True, True, True, False]
    for one in (ledger, node.open_ledger()):
        with one.hold() as head:
            assert not head.projection.subjects
    assert not fsck(ledger, node.identity)
