"""How sums by BFV are laid out in plaintexts, and how far the noise of a reply is flooded.

Both follow from the public parameters alone, so both sides come to the same. Several columns share
one plaintext, as digits of different radices: a column whose sum, with its noise, lies in a range
of R values takes a digit of radix R, and its entries are multiplied by the product of the radices
below it. A sum of such numbers is the number whose digits are the sums.

**The margin.** A reply is the encryption of a number M that the key holder may see (masked, except
for what it is to learn), and noise. The noise depends on the matrix; it is at most `noise_bound`,
whatever noise the key holder's encryptions have. To each coefficient a uniform integer in
[-2^F, 2^F) is added. A reply that was made from M alone then differs from the real one by a
statistical distance of at most noise_bound / 2^(F+1) in each of the 8,192 coefficients. Over all
coefficients of all replies this is at most 2^-`security_bits`; fewer columns share a plaintext
where it would be more than 2^-40.
"""

import functools
import itertools
import math
from dataclasses import dataclass

from protocols.errors import InvalidParameter, MalformedMessage
from protocols.sums import seal
from protocols.sums.layout import SumLayout
from protocols.sums.records import SumParams

SECURITY_BITS = 40
"""The least: replies tell more than the sums with a probability of at most 2^-40."""

MAX_SUMMED = 1024
"""Ciphertexts that are summed up at once, 384 KiB each: vectors times groups of columns."""

_TAIL_SIGMAS = 10
_MIN_PLAIN_BITS = 8
_SWITCHING_BITS = 13
"""What modulus switching adds to the noise: at most 2^13."""


@dataclass(frozen=True, slots=True)
class Group:
    """Columns that share a plaintext."""

    first: int
    """Number of the first column."""
    weights: tuple[int, ...]
    """By what the entries of each column are multiplied."""
    lows: tuple[int, ...]
    """The smallest sum of each, noise included."""
    radices: tuple[int, ...]
    largest: int
    """The most that a row's number can be."""

    def digits(self, number: int, plain_bits: int) -> list[int]:
        """Return the sums that a number modulo 2^plain_bits has as digits.

        Raises: MalformedMessage if it has others.
        """
        lowest = sum(low * w for low, w in zip(self.lows, self.weights, strict=True))
        rest, found = (number - lowest) % (1 << plain_bits), []
        for low, radix in zip(self.lows, self.radices, strict=True):
            rest, digit = divmod(rest, radix)
            found.append(digit + low)
        if rest:
            raise MalformedMessage("a sum is outside its bounds")
        return found

    def number(self, sums: list[int]) -> int:
        """Return the number of these sums, which may be negative."""
        return sum(s * w for s, w in zip(sums, self.weights, strict=True))


@dataclass(frozen=True, slots=True)
class Packing:
    """Everything about plaintexts and replies that the parameters decide."""

    groups: tuple[Group, ...]
    plain_bits: int
    """T: plaintexts are modulo 2^T."""
    noise_bound: int
    """No coefficient of the noise of a reply, before it is flooded, is larger."""
    flood_bits: int
    """F: what is added to each coefficient is uniform in [-2^F, 2^F)."""
    level: int
    """Primes that a reply has, after modulus switching."""
    security_bits: int
    """Real replies are within a statistical distance of 2^-security_bits of made-up ones."""

    @property
    def reply_bytes(self) -> int:
        """Bytes of a reply."""
        return 2 * self.level * seal.DEGREE * 8


@functools.lru_cache(maxsize=64)
def packing(params: SumParams) -> Packing:
    """Return the packing with the fewest groups that leaves the margin.

    Raises: InvalidParameter if a sum has more than 59 bits, no packing leaves the margin, or there
    are too many sums.
    """
    columns = [_Column.of(params, column) for column in range(params.layout.columns)]
    for limit in range(seal.MAX_PLAIN_BITS, 0, -1):
        groups = _groups(columns, limit)
        if groups is None:
            break
        found = _packed(params.layout, groups)
        if found.security_bits >= SECURITY_BITS:
            if params.layout.vectors * len(groups) > MAX_SUMMED:
                raise InvalidParameter("too many columns and vectors for encrypted sums")
            return found
    raise InvalidParameter("sums are too large to be encrypted: clip entries to a lower bound")


def tail_of(sigma_milli: int) -> int:
    """Return the largest noise that has room: 10 scales, which 2^-71 of all draws exceed."""
    return -(-_TAIL_SIGMAS * sigma_milli // 1000)


@dataclass(frozen=True, slots=True)
class _Column:
    bound: int
    low: int
    radix: int

    @classmethod
    def of(cls, params: SumParams, column: int) -> "_Column":
        layout = params.layout
        dense = column < len(layout.dense)
        bound = layout.dense[column] if dense else 1
        largest, tail = _largest(layout, bound), tail_of(params.sigma_milli[column])
        low = -tail - (largest if dense else 0)
        return cls(bound, low, largest + tail - low + 1)


def _largest(layout: SumLayout, bound: int) -> int:
    return layout.max_rows * layout.vector_bound * bound


def _groups(columns: list[_Column], limit: int) -> tuple[Group, ...] | None:
    """Return the columns in groups of at most `limit` bits, or None if one alone has more."""
    if any(column.radix > 1 << limit for column in columns):
        return None
    found: list[Group] = []
    at = 0
    while at < len(columns):
        weights, weight = [], 1
        for column in columns[at:]:
            if weight * column.radix > 1 << limit:
                break
            weights.append(weight)
            weight *= column.radix
        taken = columns[at : at + len(weights)]
        largest = sum(c.bound * w for c, w in zip(taken, weights, strict=True))
        lows, radices = (c.low for c in taken), (c.radix for c in taken)
        found.append(Group(at, tuple(weights), tuple(lows), tuple(radices), largest))
        at += len(weights)
    return tuple(found)


def _packed(layout: SumLayout, groups: tuple[Group, ...]) -> Packing:
    most = max(math.prod(group.radices) for group in groups)
    plain_bits = max(_MIN_PLAIN_BITS, (most - 1).bit_length())
    # A fresh encryption's noise and the rounding of its plaintext, times every row's number; then
    # the encryption of zero and the rounding of the mask.
    each = seal.ERROR_BOUND + 1
    noise = layout.max_rows * max(g.largest for g in groups) * each + seal.ZERO_BOUND + 1
    # q > 2^179.99, so q / 2^(T+1) leaves room for 2^F and the noise.
    flood_bits = seal.LEVELS * seal.PRIME_BITS - 2 - plain_bits
    told = noise * seal.DEGREE * layout.vectors * len(groups)
    level = next(
        n
        for n in itertools.count(1)
        if seal.PRIME_BITS * n - 2 - plain_bits > _SWITCHING_BITS or n == seal.LEVELS
    )
    margin = flood_bits + 1 - math.ceil(math.log2(told))
    return Packing(groups, plain_bits, noise, flood_bits, level, margin)
