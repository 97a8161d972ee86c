"""Several planes at once give what each of them gives alone."""

import numpy as np
import pytest

from protocols.errors import LocalError
from protocols.ot.aes import Permutation
from protocols.sums import cot_pads, cot_planes
from protocols.sums.cot_lanes import Segment
from protocols.sums.cot_records import Run
from protocols.sums.layout import SumLayout
from protocols.sums.records import AlignedRows
from tests.support.aligned import params_of
from tests.support.pair import CTX
from tests.support.seeded import seeded

PLANES, ROWS = 3, 7


def drawn(name: str, shape: tuple[int, ...], dtype: str) -> "np.ndarray":
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(bytearray(seeded(name)(size)), dtype).reshape(shape)


def lanes_of(segment: Segment) -> "np.ndarray":
    """Return random lanes of some planes, 0 where no column is."""
    shape = (PLANES, segment.blocks, ROWS, segment.per_block)
    lanes = drawn(f"{segment.width}", shape, f"<u{segment.lane}")
    lanes[:, -1, :, len(segment.columns) - (segment.blocks - 1) * segment.per_block :] = 0
    return lanes & lanes.dtype.type(256**segment.width - 1)


@pytest.mark.parametrize("width", range(1, 9))
@pytest.mark.parametrize("columns", [1, 2, 5, 16, 19])
def test_what_is_sent_has_the_width_and_only_what_was_chosen_is_read_again(width, columns):
    segment = Segment(width, 8, 0, np.arange(columns), 0)
    lanes = lanes_of(segment)
    # As in a message: bytes of other segments before and behind, so no word is where its size is.
    whole = np.zeros((PLANES, 1 + ROWS * width * columns + 2), np.uint8)
    cot_planes.write(segment, lanes, whole[:, 1:-2])
    assert not whole[:, [0, -2, -1]].any()
    bits = drawn("bits", (PLANES, ROWS), "<u1") & 1
    wanted = lanes * bits[:, None, :, None].astype(lanes.dtype)
    assert np.array_equal(cot_planes.read_chosen(segment, whole[:, 1:-2], bits), wanted)
    with pytest.raises(LocalError):
        cot_planes.read_chosen(segment, whole[:, 1:-1], bits)


def test_pads_of_planes_are_those_of_each_plane_alone():
    """And those are what the page says, one block after the other."""
    keys = [Permutation(bytes([n] * 16)) for n in range(PLANES)]
    rows = drawn("rows", (PLANES, 2, ROWS, 2), "<u8")
    found = cot_pads.pads_of_planes(keys, rows, 4)
    for plane, key in enumerate(keys):
        for half in range(2):
            alone = cot_pads.pads(key, rows[plane, half], 4)
            assert np.array_equal(found[plane, half], alone)
            for block in range(4):
                for row in range(ROWS):
                    once = key(rows[plane, half, row : row + 1])
                    tweaked = once ^ np.array([[row, block]], np.uint64)
                    assert np.array_equal(alone[block, row], (key(tweaked) ^ once)[0])


def test_all_planes_are_worked_on_once_and_not_too_many_together():
    layout = SumLayout(41, 32, (16,) * 30, (), 2**18, 8192)
    run = Run(params_of(layout), CTX, AlignedRows(100_000, 8192), False)
    for rows in (1, 142, 508):
        found = list(cot_planes.together(run, rows, 2))
        assert [plane for planes in found for plane in planes] == list(range(run.planes))
        each = 2 * run.placing.blocks * rows * 16
        assert all(len(p) * each <= cot_planes.WORKED_BYTES or len(p) == 1 for p in found)


def test_digits_count_twice_as_much_as_those_below():
    layout = SumLayout(2, 3, (5, 5), (), 20, 20)
    run = Run(params_of(layout), CTX, AlignedRows(20, 20), False)
    (segment,) = run.placing.segments
    lanes = np.zeros((1, 1, ROWS, segment.per_block), f"<u{segment.lane}")
    found, totals = cot_planes.Found(run), np.full((2, 2), 1000, np.uint64)
    for plane in range(4):
        lanes[..., :2] = [plane + 1, 10]
        found.add(range(plane, plane + 1), segment, lanes.copy(), -1 if plane == 3 else 1)
    found.add_to(totals)
    assert totals[0].tolist() == [1000 + ROWS * (1 + 2 * 2), 1000 + ROWS * (10 + 2 * 10)]
    # What is taken off counts modulo what a lane holds, and sums modulo what a share has.
    held = np.uint64(256**segment.lane - 1)
    wanted = [1000 + ROWS * (3 - 2 * 4), 1000 + ROWS * (10 - 2 * 10)]
    assert [int(t & held) for t in totals[1]] == [w % 256**segment.lane for w in wanted]
