"""What partners agree on before they train together, and the context that binds a run to it.

Every partner has a *size* that is agreed and public: the coarse step of its people, as pre-flights
say it. By sizes the sums of a round that a partner missed are made up for. No exact size is sent.

The **threshold** is how many partners have to stay until the end of a round. Up to
`parties - threshold` may drop out. It is more than half of them. The aggregator together with
`2 · threshold - parties - 1` partners learns nothing but sums over at least `threshold` updates, of
which these know their own; with more of them it can open single ones. Each update is noisy on its
own (`noise.py`).
"""

import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record, encode
from protocols.errors import InvalidParameter, LocalError
from protocols.keys import PartyPublic

MOST_PARTIES = 16
MOST_ROUNDS = 8
MOST_COLUMNS = 2**12
MOST_SIZE = 2**30
MOST_PAIRED = 512
"""With more columns than this, the first round counts nobody by pairs of codes."""

_JOB = re.compile(r"[0-9a-f]{32}", re.ASCII)
_LABEL = b"accord/federated/2\x00"
"""Changes whenever an update means something else: who adds up another thing is another run."""


@dataclass(frozen=True, slots=True)
class FederatedTerms(Record):
    """Terms of one federated training; every partner has the same.

    Raises: InvalidParameter outside the ranges.
    """

    KIND: ClassVar[str] = "federated-terms/1"
    job: str
    """32 lower-case hexadecimal digits."""
    parties: tuple[str, ...]
    """2 to 16 names, ascending."""
    sizes: tuple[int, ...]
    """How many people each brings, coarsely: public, 1 to 2^30."""
    threshold: int
    rounds: int
    """1 to 8."""
    one_hot: tuple[int, ...]
    """Of each feature, how many codes it has."""
    ridge_milli: int
    """By how much weights are held to 0 beside what the noise asks for: for each person, in
    thousandths; 0 for no more than that."""
    rho_nano: int
    """What each partner charges for each round, in billionths of a rho; 0 for no noise, which only
    benchmarks and tests ask for."""
    bound: int = 32
    """No weight is further from 0 than this: 1 to 1024."""
    fraction_bits: int = 20
    """Weights are whole multiples of 2^-fraction_bits: 8 to 30."""

    def __post_init__(self) -> None:
        n = len(self.parties)
        _check(_JOB.fullmatch(self.job) is not None, "a job has 32 hexadecimal digits")
        _check(2 <= n <= MOST_PARTIES, f"2 to {MOST_PARTIES} partners train together")
        in_order = all(a < b for a, b in itertools.pairwise(self.parties))
        _check(in_order, "partners are named in ascending order, each once")
        fits = len(self.sizes) == n and all(1 <= s <= MOST_SIZE for s in self.sizes)
        _check(fits, "each partner has a size of 1 to 2^30")
        _check(n < 2 * self.threshold <= 2 * n, "the threshold is more than half of the partners")
        _check(1 <= self.rounds <= MOST_ROUNDS, f"1 to {MOST_ROUNDS} rounds")
        _check(len(self.one_hot) > 0, "there is a feature")
        _check(all(1 <= c < 2**16 for c in self.one_hot), "a feature has 1 to 65,535 codes")
        _check(self.columns <= MOST_COLUMNS, f"at most {MOST_COLUMNS} columns")
        _check(0 <= self.ridge_milli <= 10**6, "regularisation is 0 to 1000")
        _check(0 <= self.rho_nano <= 10**10, "a round costs a rho of 0 to 10")
        _check(1 <= self.bound <= 1024, "weights are bounded by 1 to 1024")
        _check(8 <= self.fraction_bits <= 30, "8 to 30 fraction bits")

    @property
    def columns(self) -> int:
        """How many weights the model has: one that always counts, then those of each code."""
        return 1 + sum(self.one_hot)

    @property
    def pairs(self) -> int:
        """How many pairs of codes of different features the first round counts people by."""
        if self.columns > MOST_PAIRED:
            return 0
        return (sum(self.one_hot) ** 2 - sum(size**2 for size in self.one_hot)) // 2

    def entries(self, turn: int) -> int:
        """Return how many numbers an update of a round has: two for each column, and the pairs."""
        return 2 * self.columns + (self.pairs if turn == 0 else 0)

    @property
    def most_dropped(self) -> int:
        """How many partners may drop out of a round."""
        return len(self.parties) - self.threshold

    @property
    def most_colluding(self) -> int:
        """With how many partners the aggregator may conspire and still not open a single update."""
        return 2 * self.threshold - len(self.parties) - 1

    def number(self, party: str) -> int:
        """Return the place of a partner, from 0. Raises: InvalidParameter."""
        if party not in self.parties:
            raise InvalidParameter("this party is none of the partners")
        return self.parties.index(party)

    def weight_of(self, numbers: Sequence[int]) -> int:
        """Return the sizes of these partners together."""
        return sum(self.sizes[i] for i in numbers)


@dataclass(frozen=True, slots=True)
class Run(Record):
    """Terms with the partners' keys: what everybody has to have the same.

    Raises: LocalError if a key is not that of the partner at its place.
    """

    KIND: ClassVar[str] = "federated-run/1"
    terms: FederatedTerms
    publics: tuple[PartyPublic, ...]

    def __post_init__(self) -> None:
        if tuple(p.party for p in self.publics) != self.terms.parties:
            raise LocalError("these are not the keys of the partners")

    def context(self) -> bytes:
        """Return ctx: SHA-256 over the terms and every partner's keys.

        Each part enters with its length in 4 bytes, big-endian.
        """
        digest = hashlib.sha256(_LABEL)
        for part in (encode(self.terms), *(encode(public) for public in self.publics)):
            digest.update(len(part).to_bytes(4, "big") + part)
        return digest.digest()


def _check(fits: bool, rule: str) -> None:
    if not fits:
        raise InvalidParameter(rule)
