"""How columns share plaintexts, and that replies have the margin that is claimed."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import InvalidParameter, MalformedMessage
from protocols.sums import seal
from protocols.sums.bfv_packing import MAX_SUMMED, SECURITY_BITS, packing, tail_of
from protocols.sums.layout import SumLayout
from protocols.sums.records import SumParams

MILLION = SumLayout(1, 1, (), (10,) * 10, 1_000_000)


def without_noise(layout: SumLayout) -> SumParams:
    return SumParams(layout, True, (0,) * layout.columns)


@st.composite
def some_params(draw):
    layout = SumLayout(
        vectors=draw(st.integers(1, 3)),
        vector_bound=draw(st.sampled_from([1, 2, 7, 1000])),
        dense=tuple(draw(st.lists(st.integers(1, 2**20), max_size=6))),
        one_hot=tuple(draw(st.lists(st.integers(1, 8), min_size=1, max_size=4))),
        max_rows=draw(st.sampled_from([1, 100, 8192, 100_000])),
    )
    sigma = st.sampled_from([0, 1, 1000, 123_456])
    return SumParams(layout, True, tuple(draw(sigma) for _ in range(layout.columns)))


@given(some_params())
def test_every_column_is_in_one_group_and_every_group_fits(params):
    found = packing(params)
    columns = [g.first + i for g in found.groups for i in range(len(g.weights))]
    assert columns == list(range(params.layout.columns))
    for group in found.groups:
        assert math.prod(group.radices) <= 1 << found.plain_bits
    assert 8 <= found.plain_bits <= seal.MAX_PLAIN_BITS


@given(some_params(), st.data())
def test_digits_are_the_sums_whose_number_it_is(params, data):
    found = packing(params)
    group = data.draw(st.sampled_from(found.groups))
    sums = [
        data.draw(st.integers(low, low + radix - 1))
        for low, radix in zip(group.lows, group.radices, strict=True)
    ]
    number = group.number(sums) % (1 << found.plain_bits)
    assert group.digits(number, found.plain_bits) == sums


@given(some_params())
def test_every_sum_and_its_noise_have_room(params):
    layout = params.layout
    for group in packing(params).groups:
        for i, (low, radix) in enumerate(zip(group.lows, group.radices, strict=True)):
            column = group.first + i
            dense = column < len(layout.dense)
            most = layout.max_rows * layout.vector_bound * (layout.dense[column] if dense else 1)
            tail = tail_of(params.sigma_milli[column])
            assert low <= (-most if dense else 0) - tail
            assert low + radix - 1 >= most + tail


@given(some_params())
def test_the_flood_leaves_decryption_right_and_the_margin_is_what_is_said(params):
    """Both inequalities in exact integers, from the primes that SEAL really took."""
    found = packing(params)
    modulus = math.prod(seal.scheme(40).primes[: seal.LEVELS])
    most = (1 << found.flood_bits) + found.noise_bound
    # Decryption rounds t·noise/q: it must stay below a half, with room for SEAL's own rounding.
    assert (most << (found.plain_bits + 1)) < modulus - (modulus >> 20)
    told = found.noise_bound * seal.DEGREE * params.layout.vectors * len(found.groups)
    assert told << found.security_bits <= 1 << (found.flood_bits + 1)
    assert found.security_bits >= SECURITY_BITS
    # After switching: the flood divided by the primes that went, and at most (1 + 8192)/2 + 1.
    left = math.prod(seal.scheme(40).primes[: found.level])
    switched = most * left // modulus + (1 + seal.DEGREE) // 2 + 1
    assert (switched << (found.plain_bits + 1)) < left - (left >> 20)


def test_a_million_rows_and_a_hundred_columns_of_ones():
    found = packing(without_noise(MILLION))
    assert (len(found.groups), found.plain_bits, found.level) == (50, 40, 1)
    assert (found.flood_bits, found.security_bits) == (138, 76)


def test_fewer_columns_share_a_plaintext_where_the_margin_asks_for_it():
    """By size two columns would fit in one; so many rows and replies ask for more flood."""
    layout = SumLayout(16, 1, (), (2,) * 30, 2**28)
    found = packing(without_noise(layout))
    assert [len(group.weights) for group in found.groups] == [1] * 60
    assert found.groups[0].radices[0] ** 2 <= 1 << seal.MAX_PLAIN_BITS
    assert found.security_bits >= SECURITY_BITS


@pytest.mark.parametrize(
    "layout",
    [
        SumLayout(1, 1, (2**31 - 1,), (), 2**28),
        SumLayout(1, 2**31 - 1, (2**20,), (), 2**10),
    ],
)
def test_sums_of_more_than_59_bits_are_refused(layout):
    with pytest.raises(InvalidParameter, match="too large"):
        packing(without_noise(layout))


def test_more_sums_than_memory_is_for_are_refused():
    layout = SumLayout(200, 1, (2**20,) * 6, (), 2**28)
    assert MAX_SUMMED < 200 * 6
    with pytest.raises(InvalidParameter, match="too many"):
        packing(without_noise(layout))


def test_noise_that_needs_more_room_makes_larger_digits():
    noisy = dataclasses.replace(without_noise(MILLION), sigma_milli=(10_000_000,) * MILLION.columns)
    assert tail_of(10_000_000) == 100_000
    radices = {r for group in packing(noisy).groups for r in group.radices}
    assert radices == {1_000_000 + 2 * 100_000 + 1}


def test_a_number_beyond_all_digits_is_malformed():
    group = packing(without_noise(MILLION)).groups[0]
    with pytest.raises(MalformedMessage):
        group.digits((1 << 40) - 1, 40)
