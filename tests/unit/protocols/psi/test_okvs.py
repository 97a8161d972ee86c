import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import InvalidParameter
from protocols.psi import okvs


def made(count: int, seed: int, width: int = 12):
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 2**64, (count, 3), dtype=np.uint64)
    slots = okvs.slots_of(words, count)
    values = rng.integers(0, 256, (count, width), dtype=np.uint8)
    filler = rng.integers(0, 256, (3 * okvs.third(count), width), dtype=np.uint8)
    return slots, values, filler


@given(st.integers(0, 400), st.integers(0, 2**32), st.integers(10, 16))
def test_every_key_gets_its_value(count, seed, width):
    slots, values, filler = made(count, seed, width)
    table = okvs.encode(slots, values, filler)
    if table is None:  # happens; the next test says how often
        return
    assert table.shape == filler.shape
    assert np.array_equal(okvs.decode(slots, table), values)


@pytest.mark.parametrize("count", [2, 50, 500, 3000])
def test_few_sets_have_no_table(count):
    tries = 300
    failed = sum(okvs.encode(*made(count, seed)) is None for seed in range(tries))
    # One in 300 at most; more than seven of 300 would come by chance once in 10^5.
    assert failed <= 7


def test_keys_that_meet_in_all_three_slots_have_no_table():
    slots, values, filler = made(3, 1)
    slots[1] = slots[0]
    assert okvs.encode(slots, values, filler) is None


def test_a_large_set():
    slots, values, filler = made(50_000, 7)
    table = okvs.encode(slots, values, filler)
    assert table is not None
    assert np.array_equal(okvs.decode(slots, table), values)


def test_a_table_of_random_values_looks_random_where_keys_are_and_where_none_is():
    """Bits are even over all rows: 36,000 bytes, within five standard deviations."""
    slots, values, filler = made(2000, 3)
    table = okvs.encode(slots, values, filler)
    used = np.zeros(len(table), dtype=np.bool)
    used[slots] = True
    for rows in (table[used], table[~used]):
        bits = np.unpackbits(rows)
        assert abs(bits.mean() - 0.5) < 2.5 / np.sqrt(len(bits))


def test_what_no_key_decides_stays_as_it_was():
    slots, values, filler = made(10, 5)
    table = okvs.encode(slots, values, filler)
    untouched = np.ones(len(table), dtype=np.bool)
    untouched[slots] = False
    assert np.array_equal(table[untouched], filler[untouched])
    assert np.count_nonzero((table != filler).any(axis=1)) == 10


def test_shapes_that_do_not_fit_are_refused():
    slots, values, filler = made(10, 5)
    for arguments in ((slots, values[1:], filler), (slots, values, filler[1:])):
        with pytest.raises(InvalidParameter):
            okvs.encode(*arguments)
