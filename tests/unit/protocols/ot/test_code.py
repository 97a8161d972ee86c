import math

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.ot.aes import Permutation, derive_key
from protocols.ot.code import KEY_ROWS, Code, hash_key, key_ranges, robust_hash
from protocols.ot.matrix import COLUMNS, rows_from_bytes
from tests.support.seeded import seeded

SESSION = bytes(range(32))


def aes(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES128(key), modes.ECB()).encryptor().update(block)


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def blocks(n: int, label: str = "blocks") -> "np.ndarray":
    return np.frombuffer(seeded(label)(16 * n), dtype="<u8").reshape(-1, 2)


def test_a_code_word_is_four_encryptions_cut_to_448_bits():
    inputs = blocks(3)
    words = Code(SESSION).words_of(inputs)
    for i, block in enumerate(inputs):
        plain = b"".join(aes(derive_key(SESSION, "code", g), block.tobytes()) for g in range(4))
        assert words[:, i].tobytes() == plain[:56] + bytes(8)


def test_code_words_are_far_from_each_other():
    words = Code(SESSION).words_of(blocks(400)).transpose(1, 0, 2).reshape(400, 8)
    first, second = np.triu_indices(400, 1)
    distances = np.bitwise_count(words[first] ^ words[second]).sum(axis=1)
    assert distances.min() > 128
    assert abs(distances.mean() - COLUMNS / 2) < 1


def test_the_chance_of_near_code_words_is_as_stated():
    near = sum(math.comb(COLUMNS, i) for i in range(128))
    assert math.log2(near) - COLUMNS < -66.5
    assert math.log2(near) - COLUMNS + math.log2(3 * 28e6) < -40


def test_the_hash_is_the_chain_of_the_specification():
    key = seeded("key")(16)
    sent = seeded("rows")(56 * 3)
    rows = rows_from_bytes(sent)
    values = robust_hash(Permutation(key), rows, np.array([5, 6, 2**40], dtype=np.uint64))
    for i, tweak in enumerate((5, 6, 2**40)):
        r = [rows[g, i].tobytes() for g in range(4)]
        chain = aes(key, xor(aes(key, xor(aes(key, r[0]), r[1])), r[2]))
        v = xor(chain, r[3][:8] + tweak.to_bytes(8, "little"))
        assert values[i].tobytes() == xor(aes(key, v), v)


@pytest.mark.parametrize("bit", [0, 127, 128, 300, 447])
def test_every_bit_of_a_row_and_the_tweak_count(bit):
    sent = bytearray(seeded("row")(56))
    key, tweak = Permutation(bytes(16)), np.array([1], dtype=np.uint64)
    before = robust_hash(key, rows_from_bytes(bytes(sent)), tweak)
    assert not np.array_equal(before, robust_hash(key, rows_from_bytes(bytes(sent)), tweak + 1))
    sent[bit // 8] ^= 1 << bit % 8
    assert not np.array_equal(before, robust_hash(key, rows_from_bytes(bytes(sent)), tweak))


def test_the_key_changes_with_bucket_and_rows():
    block = blocks(1)
    images = {
        hash_key(SESSION, bucket, row)(block).tobytes()
        for bucket in (0, 1)
        for row in (0, KEY_ROWS - 1, KEY_ROWS, 3 * KEY_ROWS)
    }
    assert len(images) == 6


def test_key_ranges_cover_all_rows_each_under_its_key():
    rows = np.array([0, 4000, 4095, 4096, 4100, 12_288, 12_300])
    ranges = list(key_ranges(rows, 12_400))
    assert ranges == [(0, 0, 3), (4096, 3, 5), (8192, 5, 5), (12_288, 5, 7)]
    assert list(key_ranges(rows[:0], 10)) == [(0, 0, 0)]
