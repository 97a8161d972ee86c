"""One identifier of each permitted person, whoever else there is."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from party_node.identity import NOBODY
from party_node.reach.reached import reached
from protocols.identifiers import digest_column


def index(rows):
    return pa.table(
        {
            "dense": pa.array([who for who, _ in rows], pa.int64()),
            "email": pa.array([value for _, value in rows], pa.string()),
        }
    )


def found(rows, permitted, at_least=1):
    mask = np.array([who in permitted for who, _ in rows], np.bool_)
    return {bytes(d) for d in reached(index(rows), mask, "email", at_least)}


def digests(*values):
    return {bytes(d) for d in digest_column("email", values)}


def test_a_person_brings_the_value_of_the_first_row_that_has_one():
    rows = [(3, None), (3, "b@x.org"), (3, "a@x.org"), (1, "c@x.org"), (2, "d@x.org"), (4, None)]
    assert found(rows, {1, 3, 4}) == digests("b@x.org", "c@x.org")


def test_rows_without_a_value_count_for_a_level():
    rows = [(3, None), (3, "b@x.org"), (1, "c@x.org")]
    assert found(rows, {1, 3}, 2) == digests("b@x.org")
    assert found(rows, {1, 3}, 3) == set()


def test_nobody_is_nobody():
    assert found([], set()) == set()
    assert found([(NOBODY, "a@x.org")], set()) == set()
    assert len(reached(index([(1, "a@x.org")]), np.array([True]), "idfa", 1)) == 0


PEOPLE = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([None, *(f"{c}@x.org" for c in "abcd")])),
    max_size=20,
)


@given(PEOPLE, st.integers(0, 5), st.integers(1, 3))
def test_one_person_with_all_their_rows_changes_one_item_at_most(rows, one, level):
    def items(of):
        mask = np.ones(len(of), np.bool_)
        return sorted(bytes(d) for d in reached(index(of), mask, "email", level))

    with_them, without = items(rows), items([r for r in rows if r[0] != one])
    assert len(with_them) - len(without) in (0, 1)
    for item in without:
        with_them.remove(item)
    assert len(with_them) <= 1
