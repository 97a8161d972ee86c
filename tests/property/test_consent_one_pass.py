"""Records and leaves are written in one pass to exactly the bytes of their JSON objects."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.canonical import canonical_bytes, parse_object
from consent.errors import MalformedRecord
from consent.events import ConsentEvent
from consent.fields import Entry
from consent.ledger import Leaf, SubjectKeys, open_entry, parse_leaf, seal_entry
from consent.merkle import HashTree, leaf_hash
from consent.milestones import LedgerOpened
from consent.statements import Evidence, Method
from consent.uses import Outcome, UseOutcome
from consent.words import EventState
from tests.support.consent_strategies import consent_events
from tests.support.consents import HASH, NOON, USE, event, seeded

KEYS = SubjectKeys.generate(seeded("one pass"))
awkward = st.sampled_from(
    ["plain", 'a "quoted" one', "back\\slash", "café", "\u2028", "\U0001f600"]
)
OTHERS: list[Entry] = [
    USE,
    UseOutcome(
        decision_id="d" * 32, job="j", outcome=Outcome.COMPLETED, ended_at_ms=NOON, run_receipt=HASH
    ),
    LedgerOpened(
        origin="a/b", controller="brand", opened_at_ms=0, log_vkey="k+1+x", policy_hash=HASH
    ),
]


@st.composite
def any_events(draw: st.DrawFn) -> ConsentEvent:
    return replace(
        draw(consent_events()),
        source_event_id=draw(awkward),
        control_label=draw(st.none() | awkward),
        time_zone=draw(st.none() | awkward),
        supersedes=draw(st.none() | st.just("entry-1")),
        evidence=draw(
            st.sampled_from([(), (Evidence(sha256=HASH, media_type="image/png", reference="é"),)])
        ),
    )


@given(any_events())
def test_an_event_has_the_bytes_of_its_object(record: ConsentEvent) -> None:
    assert record.canonical() == canonical_bytes(record.to_payload())
    assert ConsentEvent.from_payload(parse_object(record.canonical())) == record


@pytest.mark.parametrize("record", OTHERS, ids=lambda r: r.TYPE)
def test_other_records_have_the_bytes_of_their_objects(record: Entry) -> None:
    assert record.canonical() == canonical_bytes(record.to_payload())


@given(any_events(), st.integers(1, 9), st.none() | st.just(HASH))
def test_the_place_in_the_chain_is_sealed_as_if_the_record_said_it(
    record: ConsentEvent, number: int, previous: bytes | None
) -> None:
    linked = replace(record, subject_seq=number, previous=previous)
    one = seal_entry(
        record, controller="brand", keys=KEYS, recorded_at_ms=NOON, rng=seeded("s"),
        chain=(number, previous),
    )  # fmt: skip
    two = seal_entry(linked, controller="brand", keys=KEYS, recorded_at_ms=NOON, rng=seeded("s"))
    assert one == two
    opened = open_entry(
        one.leaf, salt=one.salt, nonce=one.nonce, ciphertext=one.ciphertext, keys=KEYS,
        controller="brand",
    )  # fmt: skip
    assert opened == linked


@given(any_events() | st.sampled_from(OTHERS))
def test_a_leaf_has_the_bytes_of_its_object(record: Entry) -> None:
    leaf = seal_entry(
        record, controller="brand", keys=KEYS, recorded_at_ms=NOON, rng=seeded("s")
    ).leaf
    slowly = Leaf.from_payload(parse_object(leaf))
    assert canonical_bytes(slowly.to_payload()) == leaf == slowly.canonical()
    assert parse_leaf(leaf) == slowly


LEAF = seal_entry(
    event(notice_hash=HASH), controller="brand", keys=KEYS, recorded_at_ms=NOON, rng=seeded("s")
).leaf
SPOILED = {
    "another time": (b"2027-01-15", b"2027-13-15"),
    "another version": (b'"v":1', b'"v":1000001'),
    "a leading zero": (b'"v":1', b'"v":01'),
    "a controller that is no name": (b'"brand"', b'"-brand"'),
    "a type that is no name": (b'"consent-event"', b'"*consent"'),
    "a space": (b'"v":1', b'"v": 1'),
    "another order": (b'{"controller":"brand",', b"{"),
    "capital digits": (b'"notice_hash":"0', b'"notice_hash":"A'),
}


@pytest.mark.parametrize("what", SPOILED)
def test_a_leaf_in_any_other_form_is_refused(what: str) -> None:
    old, new = SPOILED[what]
    assert old in LEAF
    with pytest.raises(MalformedRecord):
        parse_leaf(LEAF.replace(old, new))


WRONG: dict[str, Any] = {
    "subject_id": "S" * 32,
    "state": "given",  # equal to the member, and not it
    "method": Method.WEB_FORM.value,
    "purpose": EventState.GIVEN,  # equal to a name, and not one
    "purpose_version": True,
    "separate": 1,
    "listed": ["a"],
    "source_event_id": "a\u0301",
    "event_time_ms": -1,
    "notice_hash": b"short",
    "jurisdiction": None,
}


@pytest.mark.parametrize("name", WRONG)
def test_what_no_object_may_hold_is_written_in_neither_way(name: str) -> None:
    event(purpose="given").canonical()  # whatever is remembered must not help
    wrong = replace(event(), **{name: WRONG[name]})
    with pytest.raises(MalformedRecord):
        canonical_bytes(wrong.to_payload())
    with pytest.raises(MalformedRecord):
        wrong.canonical()


@given(st.lists(st.integers(0, 9), max_size=6))
def test_a_tree_grows_by_many_leaves_as_by_one_at_a_time(sizes: list[int]) -> None:
    one, many = HashTree(), HashTree()
    for step, size in enumerate(sizes):
        leaves = [leaf_hash(bytes([step, n])) for n in range(size)]
        for leaf in leaves:
            one.append(leaf)
        many.extend(leaves)
        assert [many.root(n) for n in range(many.size + 1)] == [
            one.root(n) for n in range(one.size + 1)
        ]
