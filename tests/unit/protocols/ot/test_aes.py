import numpy as np

from protocols.ot import aes
from protocols.ot.aes import Permutation, derive_key, key_streams

KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
PLAIN = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"


def words(hexadecimal: str) -> "np.ndarray":
    return np.frombuffer(bytes.fromhex(hexadecimal), dtype="<u8").reshape(-1, 2)


def test_the_permutation_is_aes():
    """NIST SP 800-38A, F.1.1."""
    image = Permutation(KEY)(words(PLAIN))
    assert (
        image.tobytes().hex() == "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
    )


def test_the_permutation_takes_strided_blocks_and_none():
    three = np.arange(18, dtype=np.uint64).reshape(3, 6)
    whole = Permutation(KEY)(three[:, 2:4].copy())
    assert np.array_equal(Permutation(KEY)(three[:, 2:4]), whole)
    assert Permutation(KEY)(three[:0, :2]).shape == (0, 2)


def test_key_streams_are_aes_in_counter_mode():
    """NIST SP 800-38A, F.5.1: the key stream is plain text XOR cipher text."""
    nonce = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    streams = key_streams(KEY + bytes(16) + KEY, nonce, 4)
    cipher = "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
    wanted = words(PLAIN) ^ words(cipher)
    assert streams.shape == (3, 4)
    assert streams[0].tobytes() == streams[2].tobytes() == wanted.tobytes()
    assert streams[1].tobytes() != wanted.tobytes()
    assert key_streams(KEY, nonce, 3).tobytes() == wanted.tobytes()[:24]


def test_keys_differ_by_all_that_they_are_derived_from():
    keys = {
        derive_key(session, purpose, *numbers, salt=salt)
        for session in (bytes(32), b"\x01" * 32)
        for purpose in ("hash", "bins")
        for numbers in ((), (1,), (2,), (1, 2))
        for salt in (b"", bytes(16))
    }
    assert len(keys) == 32
    assert {len(key) for key in keys} == {16}


def test_a_key_alone_does_not_drive_out_the_ciphers_of_lists():
    one, two = (bytes([n]) * 64 for n in (1, 2))
    kept = aes._Kept()
    first, second = kept.encryptors(one), kept.encryptors(two)
    for n in range(3):
        assert len(kept.encryptors(bytes([n]) * 16)) == 1
    assert kept.encryptors(one) is first
    assert kept.encryptors(two) is second
    assert len({id(cipher) for cipher in first + second}) == 8


def test_what_is_written_into_bytes_is_the_image_and_nothing_else():
    blocks = np.arange(8, dtype=np.uint64).reshape(-1, 2)
    out = np.full(5 * 16, 7, np.uint8)
    Permutation(KEY).into(blocks, out)
    assert out[:64].tobytes() == Permutation(KEY)(blocks).tobytes()
    assert set(out[64:].tolist()) == {7}
