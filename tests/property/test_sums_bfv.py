"""For any layout, any entries within it and either receiver, the sums are the plain ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.sums.bfv import SUMS_BFV
from protocols.sums.layout import SumLayout
from protocols.sums.records import SumParams, SumsGiven
from tests.support.aligned import drawn, run_sums


@st.composite
def layouts(draw, most_rows):
    dense = tuple(draw(st.lists(st.integers(1, 2**24), max_size=4)))
    one_hot = tuple(draw(st.lists(st.integers(1, 9), min_size=0 if dense else 1, max_size=3)))
    return SumLayout(
        vectors=draw(st.integers(1, 3)),
        vector_bound=draw(st.sampled_from([1, 3, 1000, 65_535])),
        dense=dense,
        one_hot=one_hot,
        max_rows=most_rows,
        chunk_rows=draw(st.integers(1, most_rows)),
    )


def check(layout: SumLayout, rows: int, seed: int, *, to_holder: bool) -> None:
    """Play a run over these rows and compare with the plain sums."""
    entries = drawn(layout, rows, seed)
    run = run_sums(entries, SumParams(layout, to_holder, (0,) * layout.columns), SUMS_BFV)
    sums, other = run.receiver.output, run.sender.output
    if not to_holder:
        sums, other = other, sums
    assert sums.values == entries.sums()
    assert other == SumsGiven(rows)


@settings(max_examples=8, deadline=None)
@given(layouts(40), st.integers(0, 40), st.integers(0, 2**30), st.booleans())
def test_sums_are_the_plain_sums(layout, rows, seed, to_holder):
    check(layout, rows, seed, to_holder=to_holder)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(layouts(60_000), st.data())
def test_sums_over_many_blocks_are_the_plain_sums(layout, data):
    if layout.chunk_rows < 1000:
        layout = SumLayout(**_fields(layout) | {"chunk_rows": 1000 + layout.chunk_rows})
    rows = data.draw(st.integers(0, 60_000))
    check(layout, rows, rows, to_holder=data.draw(st.booleans()))


def _fields(layout: SumLayout) -> dict[str, object]:
    return {name: getattr(layout, name) for name in layout.__slots__}
