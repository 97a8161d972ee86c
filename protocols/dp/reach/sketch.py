"""A sketch of whom one publisher reached: a bitmap with noise, which may be published.

Each person falls into one of m buckets by a hash of an identifier that all publishers know, and
sets its bit; then bits turn over by chance (`flipping.py`). The salt of the hash follows from the
topic, so publishers who name the same topic put the same person into the same bucket. The salt is
no secret and hides nobody: the noise does.

**Who learns what.** Whoever holds a sketch learns what is in this record, and how many people were
reached, with noise; with sketches of others, how many were reached by both. About one person it
says no more than epsilon-DP lets it: with them or without, the chance of any sketch differs by a
factor of at most e^epsilon.

**Source.** One-hash linear counting: K. Whang, B. Vander-Zanden, H. Taylor, *A linear-time
probabilistic counting algorithm for database applications*, 1990. Noise: S. Warner, *Randomized
response*, 1965.
"""

import hashlib
import re
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from protocols import identifiers
from protocols.codec import Record, decode, encode
from protocols.dp.reach import flipping
from protocols.errors import InvalidParameter, MalformedMessage
from protocols.session import Rng

MIN_EXPONENT, MAX_EXPONENT = 10, 24
DEFAULT_EXPONENT = 20
MAX_LEVEL = 100
MAX_SKETCH_BYTES = 2**MAX_EXPONENT // 8 + 1024
"""No file of a sketch is larger."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Topic(Record):
    """What sketches must have in common to be merged. Raises: InvalidParameter."""

    KIND: ClassVar[str] = "reach-topic/1"
    campaign: str
    period: str
    """As `2026-11`: which time the reach is of, by the publishers' own agreement."""
    identifier: str
    """Type of the identifier that people are hashed by, as `email`."""
    at_least: int
    """A person counts who is in at least so many rows of the publisher."""
    exponent: int
    """The sketch has m = 2^exponent buckets."""

    def __post_init__(self) -> None:
        if not all(_NAME.fullmatch(name) for name in (self.campaign, self.period)):
            raise InvalidParameter(
                "campaign and period are written in small letters, digits, and . _ -"
            )
        if self.identifier not in identifiers.KINDS:
            raise InvalidParameter("there is no such type of identifier")
        if not 1 <= self.at_least <= MAX_LEVEL:
            raise InvalidParameter(f"a level is from 1 to {MAX_LEVEL}")
        if not MIN_EXPONENT <= self.exponent <= MAX_EXPONENT:
            raise InvalidParameter(
                f"a sketch has from 2^{MIN_EXPONENT} to 2^{MAX_EXPONENT} buckets"
            )

    @property
    def buckets(self) -> int:
        """m: how many bits a sketch has."""
        return 1 << self.exponent

    def salt(self) -> bytes:
        """Return the 32 bytes that go before each identifier's digest; they are no secret."""
        return hashlib.sha256(b"accord/reach/1\x00" + encode(self)).digest()


@dataclass(frozen=True, slots=True)
class ReachSketch(Record):
    """What a publisher shows of whom it reached. Raises: InvalidParameter."""

    KIND: ClassVar[str] = "reach-sketch/1"
    party: str
    topic: Topic
    epsilon_milli: int
    """Thousandths of the epsilon that each person has towards whoever sees this sketch."""
    bits: bytes = field(repr=False)
    """m bits, after noise: bucket 0 is the top bit of the first byte."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.party):
            raise InvalidParameter("this is no name of a party")
        flipping.threshold(self.epsilon_milli)
        if len(self.bits) * 8 != self.topic.buckets:
            raise InvalidParameter("a sketch has a bit for each of its buckets")

    @classmethod
    def make(
        cls,
        party: str,
        topic: Topic,
        epsilon_milli: int,
        digests: NDArray[np.uint8],
        rng: Rng,
    ) -> Self:
        """Draw the sketch of people, once, at a price that the caller has charged, durably, before.

        `digests` has a row of 32 bytes for each person: **one** of each, on which the proof rests.
        Raises: InvalidParameter.
        """
        if digests.ndim != 2 or digests.shape[1] != 32 or digests.dtype != np.uint8:
            raise InvalidParameter("a person is 32 bytes here")
        reached = np.zeros(topic.buckets, np.bool_)
        reached[buckets(topic, digests)] = True
        shown = flipping.flip(reached, epsilon_milli, rng)
        return cls(party, topic, epsilon_milli, np.packbits(shown).tobytes())


def buckets(topic: Topic, digests: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the bucket of each person: the first 64 bits of SHA-256 of salt and digest, mod m."""
    salt, sha256 = topic.salt(), hashlib.sha256
    rows = np.ascontiguousarray(digests).tobytes()
    joined = bytearray().join(
        sha256(salt + rows[i : i + 32]).digest()[:8] for i in range(0, len(rows), 32)
    )
    found: NDArray[np.int64] = (np.frombuffer(joined, ">u8") % topic.buckets).astype(np.int64)
    return found


def read(data: bytes) -> ReachSketch:
    """Read a sketch from anybody. Raises: MalformedMessage for any bytes that are none."""
    if len(data) > MAX_SKETCH_BYTES:
        raise MalformedMessage(f"{len(data)} bytes are more than a sketch may have")
    try:
        return decode(ReachSketch, data)
    except InvalidParameter as e:
        raise MalformedMessage("the fields of the sketch do not fit together") from e
