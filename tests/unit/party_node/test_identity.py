"""Rows become persons by the rules, the same in one batch and in many."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from party_node.identity import EMAIL, NOBODY, PHONE, Identity
from party_node.vault import Vault
from tests.support.node import SeededRng, open_storage

A, B, C = "a@x.example", "b@x.example", "c@x.example"
P, Q = "+442079460001", "+442079460002"


@pytest.fixture
def identity(tmp_path):
    return open_storage(tmp_path).identity


def test_each_rule_once(identity):
    emails = [A, B, None, A, None, B, C]
    phones = [P, None, P, Q, None, P, Q]
    found = identity.resolve(emails, phones)
    # The fifth row has nothing; the sixth joins two persons; the seventh is a new e-mail beside the
    # number of somebody who has another one.
    assert found.dense.tolist() == [0, 1, 0, 0, NOBODY, NOBODY, NOBODY]
    assert (found.created, found.missing, found.ambiguous) == (3, 1, 2)
    assert found.conflicts == {5: (1, 0), 6: (2, 0)}


def test_a_second_batch_finds_the_same_persons_and_makes_none(identity):
    first = identity.resolve([A, B], [P, None])
    again = identity.resolve([None, B, A], [P, Q, None])
    assert again.dense.tolist() == [first.dense[0], first.dense[1], first.dense[0]]
    assert again.created == 0
    assert identity.find(PHONE, Q) == first.dense[1]
    assert identity.find(EMAIL, C) is None
    assert identity.count() == 2


def test_record_ids_are_random_and_translate_both_ways(identity):
    identity.resolve([A, B], [None, None])
    ids = identity.subject_ids([0, 1, 7])
    assert set(ids) == {0, 1}
    assert all(len(i) == 32 for i in ids.values())
    assert identity.dense_of([*ids.values(), "f" * 32]) == {v: k for k, v in ids.items()}


def test_new_persons_come_with_their_record_ids(identity):
    first = identity.resolve([A, B], [P, None])
    assert first.new_ids == identity.subject_ids([0, 1])
    assert len(set(first.new_ids.values())) == 2
    assert identity.resolve([A, C], [None, None]).new_ids == identity.subject_ids([2])


def test_no_identifier_is_stored_in_clear(tmp_path):
    storage = open_storage(tmp_path)
    storage.identity.resolve([A], [P])
    storage.db.scrub()
    stored = (storage.home.path / "node.db").read_bytes()
    assert A.encode() not in stored
    assert P.encode() not in stored


def test_another_key_knows_nobody(tmp_path):
    storage = open_storage(tmp_path)
    storage.identity.resolve([A], [None])
    assert Identity(storage.db, Vault(b"o" * 32), SeededRng()).find(EMAIL, A) is None


def test_columns_of_different_length_are_an_error(identity):
    with pytest.raises(ValueError, match="each row"):
        identity.resolve([A], [])


def test_many_rows_in_several_batches_are_found_again(identity):
    emails = [f"u{i}@x.example" for i in range(20_000)]
    found = identity.resolve(emails, [None] * len(emails))
    assert np.array_equal(found.dense, np.arange(20_000))
    assert np.array_equal(identity.resolve(emails, [None] * len(emails)).dense, found.dense)


some = st.lists(
    st.tuples(st.sampled_from([None, A, B, C]), st.sampled_from([None, P, Q])), max_size=12
)


@settings(max_examples=30)
@given(rows=some, cut=st.integers(0, 12))
def test_batches_do_not_matter(tmp_path_factory, rows, cut):
    def run(*parts):
        identity = open_storage(tmp_path_factory.mktemp("n")).identity
        found = [identity.resolve([e for e, _ in p], [q for _, q in p]) for p in parts]
        return [d for f in found for d in f.dense.tolist()], sum(f.ambiguous for f in found)

    assert run(rows) == run(rows[:cut], rows[cut:])


def test_a_shared_number_never_lets_one_persons_consent_cover_another(tmp_path: Path) -> None:
    """A household's telephone: the second e-mail is another person, and its row is withheld."""
    storage = open_storage(tmp_path)
    first = storage.identity.resolve(["ann@example.com"], ["+441632960001"])
    second = storage.identity.resolve(
        ["ben@example.com", "ben@example.com"], ["+441632960001", None]
    )
    assert second.dense[0] == NOBODY
    assert second.ambiguous == 1
    assert second.dense[1] not in (NOBODY, first.dense[0])
