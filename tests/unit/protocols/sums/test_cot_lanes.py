import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.sums.cot_lanes import (
    PIECE_ROWS,
    Segment,
    fold,
    fold_groups,
    narrowest,
    placing,
    width_of,
)
from protocols.sums.layout import SumLayout
from tests.support.aligned import params_of
from tests.support.seeded import seeded


def segment_of(width: int, columns: int, *, group: int = 0) -> Segment:
    return Segment(width, 8, group, np.arange(columns), 0)


def lanes_of(segment: Segment, rows: int) -> "np.ndarray":
    """Return random lanes, 0 where no column is."""
    size = 16 * segment.blocks * rows
    lanes = np.frombuffer(bytearray(seeded(f"{segment.width}")(size)), f"<u{segment.lane}")
    lanes = lanes.reshape(segment.blocks, rows, segment.per_block)
    used = len(segment.columns) - (segment.blocks - 1) * segment.per_block
    lanes[-1, :, used:] = 0
    return lanes & lanes.dtype.type(256**segment.width - 1)


@pytest.mark.parametrize(
    ("span", "width"), [(0, 1), (1, 1), (255, 1), (256, 2), (65_535, 2), (2**63, 8)]
)
def test_a_width_tells_all_values_apart(span, width):
    assert width_of(span) == width


@settings(max_examples=40)
@given(st.integers(0, 40), st.sampled_from([1, 3, 4, 8]))
def test_folding_is_the_sum_modulo_a_lane(rows, width):
    lanes = np.stack([lanes_of(segment_of(width, 3), rows)] * 2)
    lanes[1] += 1
    wanted = lanes.sum(axis=2, dtype=lanes.dtype)
    assert np.array_equal(fold(lanes.copy()), wanted)


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(1, 45), st.integers(1, 6))
def test_groups_are_summed_modulo_what_their_bytes_hold(rows, group, width):
    segment = segment_of(width, 9, group=group)
    lanes = lanes_of(segment, rows)
    sums = fold_groups(segment, lanes.copy())
    assert sums.shape == (segment.groups(rows), 9)
    for g, low in enumerate(range(0, rows, group)):
        for column in range(9):
            block, lane = divmod(column, segment.per_block)
            entries = lanes[block, low : low + group, lane].tolist()
            assert int(sums[g, column]) == sum(entries) % 256**width


@pytest.mark.parametrize(
    ("sum_width", "span", "wanted"),
    [
        (3, 1, (1, 127)),
        (1, 1, (1, 0)),
        (4, 510, (2, 64)),
        (4, 2**20, (4, 0)),
        (4, 2**17, (3, 63)),
        (8, 2**32, (5, 127)),
        (3, 255, (2, 128)),
        (2, 255, (2, 0)),
    ],
)
def test_the_narrowest_way_counts_what_the_groups_cost(sum_width, span, wanted):
    assert narrowest(sum_width, span) == wanted


@settings(max_examples=200)
@given(st.integers(1, 8), st.integers(1, 2**33))
def test_no_group_of_narrow_entries_reaches_the_top_bit(sum_width, span):
    width, group = narrowest(sum_width, span)
    if group:
        assert width < sum_width
        assert group <= PIECE_ROWS
        assert group * span < 2 ** (8 * width - 1)
    else:
        assert width == sum_width


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 2**31 - 1), max_size=5),
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.integers(0, 2**20),
    st.booleans(),
    st.integers(0, 2**30),
)
def test_every_sum_with_its_noise_is_told_from_every_other(dense, one_hot, rows, narrow, sigma):
    layout = SumLayout(1, 3, tuple(dense), tuple(one_hot), 2**20)
    found = placing(params_of(layout, sigma_milli=sigma), rows, narrow)
    bounds = [(-b, b) for b in dense] + [(0, 1)] * sum(one_hot)
    noise = 10 * sigma // 1000
    for (below, above), low, width in zip(bounds, found.lows, found.widths, strict=True):
        assert low <= below * 3 * rows - noise
        assert above * 3 * rows + noise < low + 256**width
    assert sorted(c for s in found.segments for c in s.columns) == list(range(layout.columns))
    assert len({*found.byte_of.tolist()}) == layout.columns
