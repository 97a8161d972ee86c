"""What a curious key holder learns from the noise of a reply: the matrix without a flood, nothing
with one. The measure is the same for both.
"""

import dataclasses
import functools

import numpy as np
import pytest

from protocols.errors import LocalError
from protocols.sums import bfv_matrix, seal, seal_stream
from protocols.sums.bfv import SUMS_BFV
from protocols.sums.bfv_blocks import Blocks, MatrixBlocks
from protocols.sums.bfv_packing import packing
from protocols.sums.bfv_records import Encrypted, Replies
from protocols.sums.flooding import flood, flooded, mask
from protocols.sums.layout import SumLayout
from protocols.sums.records import AlignedRows, SumParams
from tests.support.aligned import drawn, run_sums
from tests.support.noise_of_ciphertexts import CuriousHolder, product_mod_ring
from tests.support.seeded import seeded

ROWS = 8192
LAYOUT = SumLayout(1, 1, (1000,) * 2, (), ROWS, ROWS)
PARAMS = SumParams(LAYOUT, True, (0, 0))


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a curious key holder has of a run, and the matrix that it would like to have."""

    own: np.ndarray
    """The noise of its own encryption."""
    reply: np.ndarray
    """The noise of the reply."""
    matrix: np.ndarray
    """The polynomial of the rows' numbers."""

    def likeness(self) -> float:
        """How much the reply's noise is like what this matrix makes of the own noise: 0 to 1."""
        expected = product_mod_ring(self.own, self.matrix)
        return abs(float(np.corrcoef(expected, self.reply)[0, 1]))


def seen(monkeypatch, seed: int, *, flooding: bool) -> Seen:
    """Play a run whose replies come before they are switched down, as the holder's best case."""
    before = {}

    def watched(scheme, cipher, *rest):
        if flooding:
            flooded(scheme, cipher, *rest)
        before["reply"] = scheme.residues(cipher)

    monkeypatch.setattr(bfv_matrix, "flooded", watched)
    entries = drawn(LAYOUT, ROWS, seed)
    run = run_sums(entries, PARAMS, SUMS_BFV, seed=str(seed))
    assert run.output.values == entries.sums()
    holder = CuriousHolder(seal.scheme(found().plain_bits), run.receiver.chunks["key"])
    sent = SUMS_BFV.messages[1]
    (encrypted,) = [m for m in map(_decoded, run.receiver.sent) if isinstance(m, sent)]
    assert isinstance(encrypted, Encrypted)
    return Seen(
        np.array(holder.noise_of_encryption(encrypted.ciphers), np.float64),
        np.array([float(n) for n in holder.noise_of(before["reply"])]),
        _polynomial(entries),
    )


def _decoded(message):
    from protocols.codec import decode

    return decode(SUMS_BFV.messages, message)


def _words(entries):
    blocks = MatrixBlocks(
        LAYOUT,
        found(),
        Blocks(AlignedRows(ROWS, ROWS)),
        entries.columns().__getitem__,
    )
    (words,) = blocks.polynomials(0)
    return words


def _polynomial(entries):
    words = _words(entries)
    half = 1 << (found().plain_bits - 1)
    return np.array([int(w) - (2 * half if w >= half else 0) for w in words], np.float64)


@functools.cache
def found():
    return packing(PARAMS)


def test_without_a_flood_the_noise_shows_the_matrix(monkeypatch):
    """The trap: masks on plaintexts are not enough."""
    real = seen(monkeypatch, 1, flooding=False)
    other = dataclasses.replace(real, matrix=_polynomial(drawn(LAYOUT, ROWS, 2)))
    assert real.likeness() > 0.9
    assert other.likeness() < 0.1


def test_with_a_flood_the_noise_shows_nothing(monkeypatch):
    """By chance a correlation over 8,192 coefficients is above 0.06 once in 10^7."""
    real = seen(monkeypatch, 1, flooding=True)
    other = dataclasses.replace(real, matrix=_polynomial(drawn(LAYOUT, ROWS, 2)))
    assert real.likeness() < 0.06
    assert other.likeness() < 0.06


def test_noise_stays_within_the_stated_bound_and_below_the_flood_by_the_margin(monkeypatch):
    p = found()
    largest = 0.0
    for seed in range(4):
        largest = max(largest, float(abs(seen(monkeypatch, seed, flooding=False).reply).max()))
    assert 2**10 < largest < p.noise_bound
    total = p.noise_bound * seal.DEGREE * len(p.groups)
    assert total / 2 ** (p.flood_bits + 1) <= 2**-p.security_bits <= 2**-40


@pytest.mark.parametrize("fresh", [True, False])
def test_the_second_polynomial_is_not_that_of_the_matrix(monkeypatch, fresh):
    """Without a fresh encryption of zero in each sum it would be: anybody could try a matrix."""
    if not fresh:
        monkeypatch.setattr(seal.Scheme, "zero", _zero_that_hides_nothing)
    before = {}

    def watched(scheme, cipher, *rest):
        flooded(scheme, cipher, *rest)
        before["reply"] = scheme.residues(cipher)

    monkeypatch.setattr(bfv_matrix, "flooded", watched)
    entries = drawn(LAYOUT, ROWS)
    run = run_sums(entries, PARAMS, SUMS_BFV)
    assert run.output.values == entries.sums()
    (sent,) = [m for m in map(_decoded, run.receiver.sent) if isinstance(m, Encrypted)]
    scheme = seal.scheme(found().plain_bits)
    with seal_stream.memory() as held:
        factor = scheme.factor(_words(entries), held)
    tried = scheme.product(scheme.encrypted(sent.ciphers), factor)
    scheme.evaluator.transform_from_ntt_inplace(tried)
    second = [
        np.frombuffer(c, "<u8")[-3 * 8192 :] for c in (scheme.residues(tried), before["reply"])
    ]
    assert np.count_nonzero(second[0] == second[1]) == (0 if fresh else 3 * 8192)


def _zero_that_hides_nothing(scheme, _encryptor):
    return scheme.cipher(bytes(seal.CIPHER_BYTES))


@pytest.mark.parametrize("to_holder", [True, False])
def test_all_that_is_not_told_is_masked(to_holder):
    """Two runs over the same rows: only a receiver's own number is the same in both."""
    entries = drawn(LAYOUT, ROWS)
    params = dataclasses.replace(PARAMS, to_holder=to_holder)
    one, two = (plaintext(run_sums(entries, params, SUMS_BFV, seed=s)) for s in ("a", "b"))
    assert (one[0] == two[0]) == to_holder
    assert np.count_nonzero(one[1:] == two[1:]) == 0
    # Uniform below 2^T: the mean within five standard errors, for each run and their difference.
    for words in (one[1:], two[1:], (one[1:] - two[1:]) % (1 << found().plain_bits)):
        half = float(1 << (found().plain_bits - 1))
        assert abs(words.astype(float).mean() / half - 1) < 5 * (1 / 3 / seal.DEGREE) ** 0.5


def plaintext(run):
    """Return all coefficients of the only reply, as the key holder could read them."""
    scheme = seal.scheme(found().plain_bits)
    (reply,) = [m for m in map(_decoded, run.sender.sent) if isinstance(m, Replies)]
    holder = scheme.holder(run.receiver.chunks["key"])
    read = scheme.api.Plaintext()
    holder._decryptor.decrypt(scheme.cipher(reply.ciphers, found().level), read)
    size = seal_stream.plain_bytes(seal.DEGREE)
    return np.frombuffer(seal_stream.save(read, size)[-8 * seal.DEGREE :], "<u8").astype(np.int64)


def test_a_flooded_reply_has_the_noise_of_the_flood_and_still_decrypts(monkeypatch):
    p = found()
    reply = seen(monkeypatch, 5, flooding=True).reply / 2**p.flood_bits
    assert 0.99 < abs(reply).max() <= 1.0
    # Uniform on [-1, 1]: mean 0, variance 1/3; five standard errors.
    assert abs(reply.mean()) < 5 * (1 / 3 / seal.DEGREE) ** 0.5
    assert abs((reply**2).mean() - 1 / 3) < 5 * (4 / 45 / seal.DEGREE) ** 0.5


@pytest.mark.slow
def test_noise_of_many_runs_stays_within_the_stated_bound(monkeypatch):
    """100 runs, 819,200 coefficients: and the largest is not far below what theory expects."""
    p = found()
    largest, likest = 0.0, 0.0
    for seed in range(100):
        drowned = seen(monkeypatch, seed, flooding=True)
        largest = max(largest, float(abs(drowned.reply).max()))
        likest = max(likest, drowned.likeness())
    assert largest <= 2**p.flood_bits + p.noise_bound
    assert likest < 0.06


@pytest.mark.parametrize("bits", [7, 63, 64, 118, 138])
def test_a_flood_is_the_same_integer_modulo_every_prime(bits):
    primes = seal.scheme(30).primes[: seal.LEVELS]
    residues = flood(primes, bits, seeded("flood"))
    again = flood([2**60 - 93, *primes], bits, seeded("flood"))
    assert residues.shape == (seal.LEVELS, seal.DEGREE)
    assert np.array_equal(residues, again[1:])
    q = primes[0] * primes[1] * primes[2]
    largest = 0
    for column in range(0, seal.DEGREE, 37):
        value = 0
        for level, prime in enumerate(primes):
            other = q // prime
            value += int(residues[level, column]) * other * pow(other, -1, prime)
        value %= q
        value = value - q if value > q // 2 else value
        assert -(1 << bits) <= value < 1 << bits
        largest = max(largest, abs(value))
    assert largest > 1 << (bits - 1)


def test_a_mask_is_uniform_and_new_each_time():
    rng = seeded("mask")
    one, two = mask(30, rng), mask(30, rng)
    assert not np.array_equal(one, two)
    assert one.max() < 1 << 30
    assert abs(one.mean() / 2**29 - 1) < 5 * (1 / 3 / seal.DEGREE) ** 0.5


def test_a_flood_is_added_to_the_first_polynomial_only():
    scheme = seal.scheme(30)
    primes = scheme.primes[: seal.LEVELS]
    rng = np.random.default_rng(4)
    words = rng.integers(0, min(primes), (2, seal.LEVELS, seal.DEGREE), np.uint64)
    cipher = scheme.cipher(words.tobytes())
    with seal_stream.memory() as held:
        flooded(scheme, cipher, 100, seeded("f"), held)
    after = np.frombuffer(scheme.residues(cipher), "<u8").reshape(words.shape)
    assert np.array_equal(after[1], words[1])
    added = flood(primes, 100, seeded("f"))
    for level, prime in enumerate(primes):
        wanted = [
            (int(a) + int(b)) % prime for a, b in zip(words[0][level], added[level], strict=True)
        ]
        assert after[0][level].tolist() == wanted


@pytest.mark.parametrize("prime", [2**60 + 33, 2**59 + 3, 1032193])
def test_a_flood_modulo_a_prime_that_it_cannot_be_reduced_by_is_refused(prime):
    with pytest.raises(LocalError):
        flood([prime], 100, seeded("f"))
