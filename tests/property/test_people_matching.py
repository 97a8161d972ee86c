"""For any two files of people with overlapping identifiers, the match is that of a plain loop.

Both files go the whole way: index, rules, layout, protocol over its encodings, people. The
reference knows nothing of positions, rows or chunks.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap, FrozenBitMap

from party_node import results
from party_node.identity import NOBODY
from party_node.matchable import held, matchable
from party_node.matching_input import FILLER, MatchingInput, Seat, lay_out
from protocols.disclosure import step_up
from protocols.psi import dh, padding
from protocols.psi.dh import Cardinality, PsiParams, RowParams
from protocols.session import Role
from tests.support.depth import examples
from tests.support.pair import CTX, Played, run_pair
from tests.support.seeded import seeded

KINDS = ("email", "phone", "idfa")
Value = tuple[str, str]


@dataclass(frozen=True)
class Row:
    """A row of a file: whose it is, what it says, and whether it fits a second person too."""

    person: int
    email: int | None
    phone: int | None
    idfa: int | None
    ambiguous: bool

    def values(self, kind: str) -> list[Value]:
        number = getattr(self, kind)
        return [] if number is None else [(kind, f"{kind} {number}")]


numbers = st.none() | st.integers(0, 7)
rows = st.builds(Row, st.integers(0, 6), numbers, numbers, numbers, st.booleans())
files = st.lists(rows, max_size=16)
permitted = st.frozensets(st.integers(0, 6))
orders = st.permutations(KINDS).flatmap(
    lambda kinds: st.integers(1, 3).map(lambda n: tuple(kinds[:n]))
)


def index_of(file: list[Row]) -> pa.Table:
    columns: dict[str, pa.Array] = {
        "dense": pa.array([NOBODY if r.ambiguous else r.person for r in file], pa.int64()),
        "holder": pa.array([r.person for r in file], pa.int64()),
    }
    for kind in KINDS:
        texts = [next((text for _, text in r.values(kind)), None) for r in file]
        columns[kind] = pa.array(texts, pa.string())
    return pa.table(columns)


# The reference


def holders(file: list[Row]) -> dict[Value, set[int]]:
    found: dict[Value, set[int]] = defaultdict(set)
    for row in file:
        for kind in KINDS:
            for value in row.values(kind):
                found[value].add(row.person)
    return found


def brought(file: list[Row], who: frozenset[int], kinds: tuple[str, ...]) -> dict[int, list[Value]]:
    """Return the values of each permitted person: by type in order, then as the file has them."""
    alone = {value for value, people in holders(file).items() if len(people) == 1}
    found: dict[int, list[Value]] = {}
    for kind in kinds:
        for row in file:
            for value in row.values(kind):
                mine = found.setdefault(row.person, []) if row.person in who else None
                if mine is not None and not row.ambiguous and value in alone and value not in mine:
                    mine.append(value)
    return {person: values for person, values in found.items() if values}


# The real thing


@pytest.fixture(autouse=True, scope="module")
def _small_steps() -> Iterator[None]:
    """Let sets of a few people not be filled up to a thousand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("protocols.disclosure.FLOOR", 0)
        yield


def input_of(
    file: list[Row], who: frozenset[int], kinds: tuple[str, ...], params: PsiParams, role: Role
) -> MatchingInput:
    index = index_of(file)
    seat = Seat(0 if role is Role.INITIATOR else 1, 2)
    mask = np.isin(index["dense"].to_numpy(), sorted(who))
    return lay_out(matchable(index, kinds, mask), params, seat, CTX, seeded(f"layout {role}"))


def played(protocol, params, mine: MatchingInput, theirs: MatchingInput) -> Played:
    both = [[bytes(d) for d in side.digests] for side in (mine, theirs)]
    return run_pair(protocol, params, CTX, *both)


@pytest.mark.parametrize("chunk_items", [1, 5, 64])
@settings(max_examples=examples(10))
@given(files, files, permitted, permitted, orders)
def test_members_are_the_people_of_a_plain_loop(chunk_items, ours, others, we, they, kinds):
    params = PsiParams(200, chunk_items, 12, strict=False)
    mine = input_of(ours, we, kinds, params, Role.INITIATOR)
    theirs = input_of(others, they, kinds, params, Role.RESPONDER)
    run = played(dh.MEMBERS, params, mine, theirs)

    there = {v for values in brought(others, they, kinds).values() for v in values}
    first = {}
    for person, values in brought(ours, we, kinds).items():
        matching = [kind for kind, text in values if (kind, text) in there]
        if matching:
            first[person] = min(matching, key=kinds.index)

    order, matched = mine.people.astype("<u4").tobytes(), run.receiver.chunks["matched"]
    members = results.members(order, matched, FrozenBitMap(we))
    assert members == BitMap(first)
    by = results.matched_by(order, mine.types.tobytes(), matched, members, kinds)
    assert by == {kind: list(first.values()).count(kind) for kind in kinds}


@pytest.mark.parametrize("per_person", [1, 2, 3])
@settings(max_examples=examples(10))
@given(files, files, permitted, permitted, orders, st.sampled_from([1, 5, 64]))
def test_the_count_is_that_of_a_plain_loop(per_person, ours, others, we, they, kinds, chunk_items):
    params = RowParams(200, chunk_items, 12, strict=False, per_person=per_person)
    mine = input_of(ours, we, kinds, params, Role.INITIATOR)
    theirs = input_of(others, they, kinds, params, Role.RESPONDER)
    run = played(dh.CARDINALITY, params, mine, theirs)

    there = {v for values in brought(others, they, kinds).values() for v in values[:per_person]}
    people = brought(ours, we, kinds)
    count = sum(any(v in there for v in values[:per_person]) for values in people.values())
    assert run.output == Cardinality(count)


@settings(max_examples=examples(25))
@given(files, permitted, orders, st.integers(1, 3), st.sampled_from(Role))
def test_reports_count_what_was_brought(file, who, kinds, per_person, role):
    params = RowParams(200, 16, 12, strict=False, per_person=per_person)
    laid = input_of(file, who, kinds, params, role)
    people = brought(file, who, kinds)
    kept = [v for values in people.values() for v in values[:per_person]]
    assert laid.report["matchable"] == len(people)
    assert laid.report["beyond"] == sum(len(v) for v in people.values()) - len(kept)
    rows = step_up(len(people)) * per_person
    assert laid.report["items"] == (rows if role is Role.INITIATOR else step_up(len(kept)))
    assert laid.report["items"] == len(laid.digests) == len({bytes(d) for d in laid.digests})
    assert np.count_nonzero(laid.types != FILLER) == len(kept)
    shared = {value for value, found in holders(file).items() if len(found) > 1}
    said = {v for row in file for k in KINDS for v in row.values(k) if _used(row, who)}
    for kind in kinds:
        counts = laid.report["identifiers"][kind]
        assert counts["people"] == sum(any(k == kind for k, _ in v) for v in people.values())
        assert counts["values"] == sum(k == kind for k, _ in kept)
        assert counts["shared"] == sum(k == kind for k, _ in shared & said)
    whole = held(index_of(file), KINDS)
    everybody = brought(file, frozenset(range(7)), KINDS)
    for kind in KINDS:
        assert whole.shared[kind] == sum(k == kind for k, _ in shared)
        assert whole.people[kind] == sum(any(k == kind for k, _ in v) for v in everybody.values())


def _used(row: Row, who: frozenset[int]) -> bool:
    return row.person in who and not row.ambiguous


@settings(max_examples=examples(25))
@given(files, permitted, permitted)
def test_a_withdrawal_changes_nothing_about_what_others_bring(file, who, withdrawn):
    """What is shared is decided over everybody, whoever is permitted."""
    before = brought(file, who, KINDS)
    params = PsiParams(200, 16, 12, strict=False)
    left = input_of(file, who - withdrawn, KINDS, params, Role.RESPONDER)
    stay = {p: values for p, values in before.items() if p not in withdrawn}
    somebodys = left.people[left.people != padding.NOBODY]
    found = dict(zip(*np.unique(somebodys, return_counts=True), strict=True))
    assert found == {p: len(values) for p, values in stay.items()}


@settings(max_examples=examples(15))
@given(files, permitted, st.integers(1, 3))
def test_a_row_of_the_input_is_one_person(file, who, per_person):
    params = RowParams(200, 16, 12, strict=False, per_person=per_person)
    laid = input_of(file, who, KINDS, params, Role.INITIATOR)
    people = laid.people.reshape(-1, per_person)
    assert (people == people[:, :1]).all()
    somebodys = people[people[:, 0] != padding.NOBODY]
    assert sorted(somebodys[:, 0].tolist()) == sorted(brought(file, who, KINDS))


def test_one_person_of_the_sender_changes_the_count_by_no_more_than_they_may_bring():
    """Somebody may match as many people as they have identifiers: the noise must cover it."""
    ours = [Row(p, *(p if k == p else None for k in range(3)), False) for p in range(3)]
    others = [Row(5, 0, 1, 2, False)]
    everybody = frozenset(range(7))
    for per_person in (1, 2, 3):
        params = RowParams(200, 16, 12, strict=False, per_person=per_person)
        mine = input_of(ours, everybody, KINDS, params, Role.INITIATOR)
        theirs = input_of(others, everybody, KINDS, params, Role.RESPONDER)
        assert played(dh.CARDINALITY, params, mine, theirs).output == Cardinality(per_person)
