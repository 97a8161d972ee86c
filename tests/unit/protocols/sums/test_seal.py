"""What SEAL is given and gives back; what a peer's bytes may do to it: nothing."""

import contextlib
import functools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import LocalError, MalformedMessage, ProtocolError
from protocols.sums import seal, seal_stream
from tests.support.seeded import seeded

BITS = 30


@functools.cache
def keys():
    return seal.scheme(BITS).new_keys()


@functools.cache
def encryption():
    return seal.scheme(BITS).holder(keys()[0]).encrypt(np.arange(seal.DEGREE, dtype=np.uint64))


@functools.cache
def cipher():
    scheme = seal.scheme(BITS)
    found = scheme.encrypted(encryption())
    scheme.back(found)
    return scheme.residues(found)


def test_the_ring_is_within_the_standard_for_128_bits():
    """Homomorphic Encryption Standard (2018), table 1: degree 8192, ternary secret, 218 bits."""
    primes = seal.scheme(BITS).primes
    assert [p.bit_length() for p in primes] == [60, 60, 60, 20]
    assert sum(p.bit_length() for p in primes) <= 218
    assert all(p % (2 * seal.DEGREE) == 1 for p in primes)


def test_the_sizes_are_those_that_are_said():
    secret, public = keys()
    assert (len(secret), len(public)) == (seal.SECRET_BYTES, seal.PUBLIC_BYTES)
    assert len(encryption()) == seal.ENCRYPTED_BYTES == 196_672
    assert len(cipher()) == seal.CIPHER_BYTES == 393_216


@pytest.mark.parametrize("level", [1, 2, 3])
def test_residues_come_back_as_they_went_in(level):
    scheme = seal.scheme(BITS)
    data = scheme.residues(scheme.switched(scheme.cipher(cipher()), level), level)
    assert len(data) == 2 * level * seal.DEGREE * 8
    assert scheme.residues(scheme.cipher(data, level), level) == data


def test_two_encryptions_of_one_plaintext_differ():
    holder = seal.scheme(BITS).holder(keys()[0])
    plain = np.zeros(seal.DEGREE, np.uint64)
    one, two = holder.encrypt(plain), holder.encrypt(plain)
    assert one[: 8 * seal.DEGREE] != two[: 8 * seal.DEGREE]
    assert one[-seal_stream.SEED_BYTES :] != two[-seal_stream.SEED_BYTES :]


def test_the_constant_coefficient_is_that_of_the_product():
    scheme = seal.scheme(BITS)
    rng = np.random.default_rng(3)
    y, x = rng.integers(0, 50, seal.DEGREE), rng.integers(0, 50, seal.DEGREE)
    turned = np.concatenate([x[:1], -x[:0:-1]]) % (1 << BITS)
    holder = scheme.holder(keys()[0])
    with seal_stream.memory() as held:
        factor = scheme.factor(turned.astype(np.uint64), held)
    product = scheme.product(scheme.encrypted(holder.encrypt(y.astype(np.uint64))), factor)
    scheme.back(product)
    assert holder.constant_of(scheme.residues(product), seal.LEVELS) == int(y @ x)


READERS = {
    "public key": (lambda data: seal.scheme(BITS).under(data), lambda: keys()[1]),
    "encryption": (lambda data: seal.scheme(BITS).encrypted(data), encryption),
    "ciphertext": (lambda data: seal.scheme(BITS).cipher(data), cipher),
    "reply": (
        lambda data: seal.scheme(BITS).holder(keys()[0]).constant_of(data, seal.LEVELS),
        cipher,
    ),
}


@pytest.mark.parametrize("kind", READERS)
def test_truncated_and_lengthened_bytes_are_malformed(kind):
    read, made = READERS[kind]
    whole = made()
    for data in (b"", whole[:1], whole[:8], whole[:-8], whole[:-1], whole + bytes(8), whole * 2):
        with pytest.raises(MalformedMessage):
            read(data)


@pytest.mark.parametrize("kind", READERS)
def test_a_residue_that_is_not_below_its_prime_is_malformed(kind):
    read, made = READERS[kind]
    whole = bytearray(made())
    for value in (seal.scheme(BITS).primes[0], 2**64 - 1):
        whole[:8] = value.to_bytes(8, "little")
        with pytest.raises(MalformedMessage, match="not below its prime"):
            read(bytes(whole))


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=15)
@given(st.data())
def test_flipped_bits_are_malformed_or_another_number(kind, data):
    read, made = READERS[kind]
    whole = bytearray(made())
    for place in data.draw(st.lists(st.integers(0, 8 * len(whole) - 1), min_size=1, max_size=9)):
        whole[place // 8] ^= 1 << place % 8
    try:
        read(bytes(whole))
    except MalformedMessage:
        return


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("value", [0, 1])
def test_degenerate_ciphertexts_never_end_the_process(kind, value):
    """All residues 0 or 1: a key of zeros, a reply that says its plaintext in clear."""
    read, made = READERS[kind]
    data = np.full(len(made()) // 8, value, "<u8").tobytes()
    try:
        read(data)
    except ProtocolError as e:
        assert isinstance(e, MalformedMessage)  # noqa: PT017


def test_a_key_of_zeros_is_computed_with_or_refused():
    scheme = seal.scheme(BITS)
    encryptor = scheme.under(bytes(seal.PUBLIC_BYTES))
    try:
        with seal.answerable(MalformedMessage):
            found = scheme.zero(encryptor)
            scheme.add(found, found)
    except MalformedMessage:
        return
    assert len(scheme.residues(found)) == seal.CIPHER_BYTES


@settings(max_examples=60)
@given(st.binary(max_size=400), st.integers(0, 2))
def test_any_stream_is_refused_and_nothing_else(data, kind):
    """Never given to SEAL by the protocol; but if it were, the process would go on."""
    api, context = seal.scheme(BITS).api, seal.scheme(BITS).context
    into = (api.Ciphertext, api.Plaintext, api.PublicKey)[kind]()
    with pytest.raises(MalformedMessage), seal.answerable(MalformedMessage):
        seal_stream.load(into, context, [data])


@pytest.mark.parametrize("cut", [0, 1, 15, 16, 40, 200, 393_000])
def test_a_truncated_stream_is_refused(cut):
    scheme = seal.scheme(BITS)
    first = scheme.context.first_parms_id()
    whole = b"".join(seal_stream.cipher(first, cipher(), seal.LEVELS, ntt=False))
    with pytest.raises(MalformedMessage), seal.answerable(MalformedMessage):
        seal_stream.load(scheme.api.Ciphertext(), scheme.context, [whole[:cut]])


def test_the_framing_of_a_ciphertext_is_pinned():
    """Everything around the numbers; SEAL's version stands in bytes 3 and 4."""
    found = b"".join(seal_stream.cipher((1, 2, 3, 4), bytes(16 * 2), 1, ntt=True))
    assert found[:3] + found[5:16] == bytes.fromhex("5ea1100000009100000000000000")
    assert found[16:48] == b"".join(n.to_bytes(8, "little") for n in (1, 2, 3, 4))
    assert found[48:89].hex() == (
        "01" "0200000000000000" "0200000000000000" "0100000000000000"
        "000000000000f03f" "0100000000000000"
    )  # fmt: skip
    assert found[-40:-32] == (4).to_bytes(8, "little")


def test_a_system_without_anonymous_memory_is_told(monkeypatch):
    monkeypatch.delattr("os.memfd_create")
    with pytest.raises(LocalError, match="Linux"):
        seal.scheme(BITS).plain(np.zeros(seal.DEGREE, np.uint64))


def test_nothing_stays_open_and_no_file_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with contextlib.suppress(MalformedMessage):
        seal.scheme(BITS).cipher(bytes(10))
    encryption.__wrapped__()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not list(tmp_path.iterdir())


def test_what_seal_saves_in_another_size_is_a_fault_of_ours():
    with pytest.raises(LocalError):
        seal_stream.save(seal.scheme(BITS).api.Plaintext("1"), 5000)


def test_residues_drawn_at_random_are_read():
    rng, scheme = seeded("residues"), seal.scheme(BITS)
    words = np.frombuffer(rng(seal.CIPHER_BYTES), "<u8") >> np.uint64(5)
    assert scheme.residues(scheme.cipher(words.tobytes())) == words.tobytes()
