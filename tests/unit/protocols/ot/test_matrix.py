import numpy as np
import pytest

from protocols.ot import matrix
from protocols.ot.matrix import COLUMNS, expand, rows_from_bytes, rows_to_bytes
from tests.support.seeded import seeded

NONCE = bytes(16)


def bits_of_columns(keys: bytes, rows: int) -> "np.ndarray":
    """Return the matrix as bits, shape (rows, 448), the slow and plain way."""
    words = -(-rows // 64)
    streams = matrix.key_streams(keys, NONCE, words).view(np.uint8)
    return np.unpackbits(streams, axis=1, bitorder="little")[:, :rows].T


def bits_of_rows(rows: "np.ndarray") -> "np.ndarray":
    words = rows.transpose(1, 0, 2).reshape(-1, 8)[:, :7]
    data = np.ascontiguousarray(words).view(np.uint8)
    return np.unpackbits(data, axis=1, bitorder="little")


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 200])
def test_rows_are_the_transposed_columns(rows):
    keys = seeded("keys")(16 * COLUMNS)
    expanded = expand(keys, NONCE, rows)
    assert expanded.shape == (4, rows, 2)
    assert np.array_equal(bits_of_rows(expanded), bits_of_columns(keys, rows))
    assert not expanded[3, :, 1].any()


def test_a_single_bit_lands_at_its_place():
    columns = np.zeros((COLUMNS, 2), dtype=np.uint64)
    columns[300, 1] = 1 << 17
    bits = bits_of_rows(matrix.transpose(columns))
    assert np.argwhere(bits).tolist() == [[64 + 17, 300]]


def test_another_nonce_gives_other_rows():
    keys = seeded("keys")(16 * COLUMNS)
    other = expand(keys, b"\x01" + bytes(15), 64)
    assert not np.array_equal(expand(keys, NONCE, 64), other)


def test_rows_survive_being_sent():
    rows = expand(seeded("keys")(16 * COLUMNS), NONCE, 70)
    sent = rows_to_bytes(rows)
    assert len(sent) == 70 * 56
    assert np.array_equal(rows_from_bytes(sent), rows)


def test_the_row_of_a_secret_has_its_bits():
    secret = seeded("secret")(56)
    assert bits_of_rows(rows_from_bytes(secret))[0].tolist() == [
        secret[i // 8] >> i % 8 & 1 for i in range(COLUMNS)
    ]
