import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalError
from protocols.psi import chunks, mixed
from tests.support.pair import items_of
from tests.support.seeded import digests, seeded


@given(st.integers(0, 40), st.integers(1, 20), st.integers(1, 12), st.binary(max_size=4))
def test_every_item_and_every_other_is_there_once_and_items_keep_their_order(
    count, others, chunk_items, label
):
    own, more = digests(range(count)), digests(range(100, 100 + others))
    items, kept = items_of(own, chunk_items)
    kept[mixed.OTHERS] = mixed.place(count, more, seeded(label)(32))
    total = chunks.chunk_count(count + others, chunk_items)
    listed = [row.tobytes() for i in range(total) for row in mixed.read(kept.__getitem__, items, i)]
    assert sorted(listed) == sorted(own + more)
    positions = mixed.own_positions(kept.__getitem__, items).tolist()
    assert [listed[p] for p in positions] == own


def test_others_of_another_length_are_refused():
    items, kept = items_of(digests([1]), 8)
    kept[mixed.OTHERS] = mixed.place(1, digests([2]), bytes(32)) + b"x"
    with pytest.raises(LocalError):
        mixed.read(kept.__getitem__, items, 0)
