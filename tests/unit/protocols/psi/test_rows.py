"""People who have several items each are counted once, and nobody sees which item matched."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import decode
from protocols.errors import InvalidParameter, MalformedMessage
from protocols.psi import dh, rows
from protocols.psi.dh import Cardinality, RowParams
from protocols.psi.dh_records import Evaluated, Opening
from protocols.session import Items, Role
from tests.support.pair import CTX, items_of, params_for, run_pair
from tests.support.seeded import digests, seeded

THREES = RowParams(max_items=300, chunk_items=4, tag_bytes=12, strict=False, per_person=3)


def count(mine: range | list[int], theirs: range | list[int], seed: str = "run") -> int:
    played = run_pair(dh.CARDINALITY, THREES, CTX, digests(mine), digests(theirs), seed=seed)
    assert isinstance(played.output, Cardinality)
    return played.output.count


@pytest.mark.parametrize(
    ("theirs", "people"),
    [
        ([], 0),
        ([0], 1),
        ([0, 1, 2], 1),
        ([2, 3], 2),
        ([0, 1, 2, 3, 4, 5, 8], 3),
        (list(range(12)), 4),
        (list(range(20, 60)), 0),
    ],
)
def test_a_person_with_several_matches_is_counted_once(theirs, people):
    assert count(range(12), theirs) == people


def tags(mine, theirs, seed: str, params: RowParams = THREES) -> list[bytes]:
    """Return the tags of the receiver's items in the order in which they come back."""
    played = run_pair(dh.CARDINALITY, params, CTX, digests(mine), digests(theirs), seed=seed)
    said = [decode(dh.CARDINALITY.messages, m) for m in played.sender.sent]
    data = b"".join(m.tags for m in said if isinstance(m, Evaluated))
    return [data[i : i + 12] for i in range(0, len(data), 12)]


def in_order(mine, seed: str) -> list[bytes]:
    """Return the same tags in the order of the items: the same seed gives the same scalars."""
    params = params_for(dh.MEMBERS, THREES)
    played = run_pair(dh.MEMBERS, params, CTX, digests(mine), digests([]), seed=seed)
    said = [decode(dh.MEMBERS.messages, m) for m in played.sender.sent]
    data = b"".join(m.tags for m in said if isinstance(m, Evaluated))
    return [data[i : i + 12] for i in range(0, len(data), 12)]


def test_rows_come_back_whole_in_another_order_and_turned_within():
    before, after = in_order(range(60), "a"), tags(range(60), [], "a")
    places = [before.index(tag) for tag in after]
    row = [place // 3 for place in places]
    assert row[0::3] == row[1::3] == row[2::3]
    assert row[0::3] != sorted(row)[0::3]
    # Within a row the slot says nothing: all six orders come up among twenty rows.
    turned = {tuple(p % 3 for p in places[i : i + 3]) for i in range(0, 60, 3)}
    assert len(turned) == 6


def test_which_slot_matches_is_uniform_whatever_the_receiver_put_there():
    """The receiver may put one type into one slot; the place that matches must not show it."""
    place = Counter()
    for n in range(90):
        seed = f"slot {n}"
        returned = tags(range(3), [0], seed)
        place[returned.index(in_order(range(3), seed)[0])] += 1
    # 90 draws over three places, 30 each: chi-square with 2 degrees of freedom above 18 has
    # probability 1e-4, and the seeds are fixed.
    assert sum((c - 30) ** 2 / 30 for c in place.values()) < 18


def test_a_set_that_is_no_whole_number_of_rows_is_refused_on_both_sides():
    items, _ = items_of(digests(range(10)), THREES.chunk_items)
    with pytest.raises(InvalidParameter):
        dh.CARDINALITY.begin(Role.INITIATOR, THREES, CTX, items, seeded("x"))
    honest = dh.CARDINALITY.begin(
        Role.INITIATOR, THREES, CTX, Items(9, THREES.chunk_items), seeded("x")
    )
    sender = dh.CARDINALITY.begin(
        Role.RESPONDER, THREES, CTX, Items(10, THREES.chunk_items), seeded("y")
    )
    lie = Opening(honest.message.check, 10)
    with pytest.raises(MalformedMessage):
        dh.CARDINALITY.step(sender.state, lie, {}.__getitem__, seeded("z"))
    said = dh.CARDINALITY.step(sender.state, honest.message, {}.__getitem__, seeded("z"))
    assert said.message.total == 10, "the sender's own items are no rows"


@given(st.lists(st.integers(0, 200), unique=True).map(sorted), st.integers(1, 7))
def test_rows_with_a_match_are_counted(positions, per_person):
    found = rows.matching(np.array(positions, np.uint32), per_person)
    assert found == len({p // per_person for p in positions})


@settings(max_examples=40)
@given(
    people=st.lists(st.lists(st.integers(0, 40), unique=True, max_size=3), max_size=12),
    theirs=st.lists(st.integers(0, 40), unique=True),
    chunk_items=st.integers(1, 40),
)
def test_the_count_is_that_of_a_plain_loop(people, theirs, chunk_items):
    owner: dict[int, int] = {}
    for person, held in enumerate(people):
        for n in held:
            owner.setdefault(n, person)
    filler = iter(range(1000, 2000))
    slots = []
    for person, held in enumerate(people):
        mine = [n for n in held if owner[n] == person]
        slots += mine + [next(filler) for _ in range(3 - len(mine))]
    params = RowParams(300, chunk_items, 12, strict=False, per_person=3)
    played = run_pair(dh.CARDINALITY, params, CTX, digests(slots), digests(theirs))
    assert played.output == Cardinality(len({owner[n] for n in theirs if n in owner}))
