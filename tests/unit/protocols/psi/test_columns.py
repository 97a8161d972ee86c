import numpy as np
import pytest

from protocols.errors import LocalError
from protocols.psi.columns import Layout

LAYOUT = Layout(("<u8", 2), ("u1", 1), ("<u4", 1))


def test_columns_come_back_as_they_were():
    blocks = np.arange(6, dtype=np.uint64).reshape(3, 2)
    packed = LAYOUT.pack(blocks, np.array([1, 2, 3]), np.array([2**32 - 1, 0, 7]))
    assert len(packed) == 3 * 21
    found = LAYOUT.unpack(packed, 3)
    assert [column.tolist() for column in found] == [
        blocks.tolist(),
        [1, 2, 3],
        [2**32 - 1, 0, 7],
    ]
    assert [column.dtype.itemsize for column in found] == [8, 1, 4]


def test_no_rows_are_columns_too():
    empty = LAYOUT.pack(np.zeros((0, 2)), np.zeros(0), np.zeros(0))
    assert empty == b""
    assert [column.shape for column in LAYOUT.unpack(empty)] == [(0, 2), (0,), (0,)]


@pytest.mark.parametrize(("data", "rows"), [(bytes(20), None), (bytes(22), None), (bytes(21), 2)])
def test_a_chunk_of_another_length_is_refused(data, rows):
    with pytest.raises(LocalError):
        LAYOUT.unpack(data, rows)
