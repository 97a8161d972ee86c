"""A projection that starts from a snapshot is the one that a replay of the whole log makes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from consent.errors import MalformedRecord
from consent.number_column import ABSENT, NumberColumn
from consent.projection import Projection
from consent.rules import LoggedEvent, Query
from consent.snapshot import Snapshot
from consent.vocabulary import DEFAULT_VOCABULARY
from tests.support.consent_strategies import SUBJECTS, logs, queries
from tests.support.consents import TREE

Log = list[tuple[int, LoggedEvent]]


def project(log: Log, start: Projection | None = None) -> Projection:
    projection = start or Projection(TREE)
    for dense, e in log:
        projection.apply(e.index, e.event, dense, e.recorded_at_ms)
    return projection


def write(projection: Projection, size: int = 3) -> bytes:
    return Snapshot(
        size=size, root=b"r" * 32, newest_ms=5, policy=b"p" * 32, projection=projection
    ).to_bytes()


def through_bytes(projection: Projection) -> Projection:
    return Snapshot.from_bytes(write(projection), TREE).projection


@settings(max_examples=300, deadline=None)
@given(logs(), st.integers(0, 18), st.lists(queries, min_size=1, max_size=6))
def test_snapshot_and_tail_equal_a_replay(log: Log, cut: int, asked: list[Query]) -> None:
    resumed = project(log[cut:], through_bytes(project(log[:cut])))
    replayed = project(log)
    assert resumed.digest() == replayed.digest()
    assert write(resumed) == write(replayed)
    for query in asked:
        assert resumed.bulk(query, BitMap([*SUBJECTS, 77])) == replayed.bulk(
            query, BitMap([*SUBJECTS, 77])
        )


@settings(max_examples=150, deadline=None)
@given(logs(), st.randoms(use_true_random=False))
def test_the_bytes_depend_on_the_state_alone(log: Log, random: "object") -> None:
    shuffled = log + log[: len(log) // 2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert write(project(shuffled)) == write(project(log)) == write(through_bytes(project(log)))


@settings(max_examples=150, deadline=None)
@given(logs(), queries)
def test_somebody_erased_since_is_forgotten_like_in_a_replay(log: Log, query: Query) -> None:
    resumed = through_bytes(project(log))
    resumed.forget(1)
    others = project([(d, e) for d, e in log if d != 1])
    assert resumed.digest() == others.digest()
    assert write(resumed) == write(others)
    assert resumed.bulk(query) == others.bulk(query)


@given(logs(), st.data())
def test_every_part_of_a_snapshot_is_refused(log: Log, data: st.DataObject) -> None:
    whole = write(project(log))
    # A cut between two scopes leaves a whole snapshot of fewer: size, root and seal are for that.
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        read = Snapshot.from_bytes(cut, TREE)
    except MalformedRecord:
        return
    assert whole.startswith(write(read.projection))


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(data: bytes) -> None:
    for start in (b"", b"accord/snapshot/1\x00"):
        with pytest.raises(MalformedRecord):
            Snapshot.from_bytes(start + data, TREE)


def test_a_snapshot_under_another_vocabulary_is_refused() -> None:
    with pytest.raises(MalformedRecord, match="vocabulary"):
        Snapshot.from_bytes(write(Projection(TREE)), DEFAULT_VOCABULARY)


@given(
    st.lists(
        st.tuples(st.integers(0, 600) | st.integers(0, 2**32 - 1), st.integers(ABSENT, 2**63 - 1)),
        max_size=40,
    )
)
def test_a_column_holds_what_was_put_last(puts: list[tuple[int, int]]) -> None:
    column, expected = NumberColumn(), dict(puts)
    for member, number in puts:
        column.put(member, number)
    assert all(column.get(m) == n for m, n in expected.items())
    assert column.members() == sorted(m for m, n in expected.items() if n != ABSENT)
    assert column.get(2**33) == ABSENT
