"""Blinding that can be taken off again, on the curve and on its twist, with X25519 alone.

Hashing gives points of the curve or of its twist, as it falls. Multiplying by a clamped scalar a
blinds them; multiplying by a clamped s with s·a = ±1 modulo the order of the subgroup takes that
off again, because u-coordinates do not know signs. Each side gets scalars of its own.

    curve   order 8·ℓ    of s and 8ℓ - s one is clamped, for all a but a part below 2^-124
    twist   order 4·ℓ'   one of them is clamped for every second a: drawn again until it is

A peer sees of each point on which side it lies. So that this says nothing, a chunk of n items is
sent as `slots(n)` points of the curve and as many of the twist, filled up with decoys: random
points, blinded like the others.
"""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols import groups, scalars
from protocols.codec import Record
from protocols.errors import InvalidParameter, LocalError
from protocols.groups import Backend, Flags, Points, choose_backend
from protocols.on_curve import are_on_curve
from protocols.session import Rng

CURVE_ORDER = scalars.L
TWIST_ORDER = 2**253 - 55484635554744707071703875581767296995
"""ℓ', the order of the large subgroup of the twist; `CURVE_ORDER` is that of the curve, ℓ."""

_SPREAD = 15
"""More than n/2 + √(15·n) of n points lie on one side with probability below e^-30."""
_MOST_DRAWS = 256


@dataclass(frozen=True, slots=True)
class Blind(Record):
    """The secret scalars of one side and one run: `put` blinds, `take` takes it off again."""

    KIND: ClassVar[str] = "blind/1"
    put: bytes = field(repr=False)
    take: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.put) != 32 or len(self.take) != 32:
            raise InvalidParameter("a scalar has 32 bytes")


@dataclass(frozen=True, slots=True)
class Blinded:
    """A chunk as it is sent: `slots(n)` points for each side, items first, then decoys."""

    curve: Points
    twist: Points
    sides: Flags
    """For each item, in the order of the items, whether it is on the curve."""


def draw(order: int, rng: Rng) -> Blind:
    """Return fresh scalars for the curve (`CURVE_ORDER`) or its twist (`TWIST_ORDER`)."""
    for _ in range(_MOST_DRAWS):
        put = clamped(rng(32))
        take = inverse(put, order)
        if take is not None:
            return Blind(put, take)
    raise LocalError("no scalar with an inverse was found")  # once in 2^256 runs


def clamped(scalar: bytes) -> bytes:
    """Return the scalar that X25519 makes of these 32 bytes (RFC 7748 §5)."""
    return scalars.clamped(scalar).to_bytes(32, "little")


def inverse(scalar: bytes, order: int) -> bytes | None:
    """Return the clamped scalar that undoes a clamped one in the subgroup of this order, if any."""
    return scalars.clamped_for(pow(int.from_bytes(scalar, "little"), -1, order), order)


def slots(items: int) -> int:
    """Return how many points of each side stand for so many items."""
    return min(items, items // 2 + math.isqrt(_SPREAD * items) + 1)


def blind(
    curve: Blind, twist: Blind, points: Points, rng: Rng, *, backend: Backend | None = None
) -> Blinded:
    """Blind a chunk of our own points, with decoys.

    Raises: LocalError if more of them lie on one side than there is room for: once in 2^42 chunks.
    """
    room = slots(len(points))
    sides = are_on_curve(points, backend or choose_backend())
    ours = points[sides], points[~sides]
    missing = room - len(ours[0]), room - len(ours[1])
    if min(missing) < 0:
        raise LocalError("a chunk lies on one side of the curve almost entirely")
    decoys = _decoys(missing, rng, backend)
    sent = [
        groups.evaluate(side.put, np.concatenate([mine, filling]), backend=backend)
        for side, mine, filling in zip((curve, twist), ours, decoys, strict=True)
    ]
    return Blinded(sent[0], sent[1], sides)


def unblind(
    curve: Blind,
    twist: Blind,
    sides: Flags,
    answers: tuple[Points, Points],
    rng: Rng,
    *,
    backend: Backend | None = None,
) -> Points:
    """Take the blinding off a peer's answers; return the items' points in the items' order.

    Raises: InvalidElement if a point must not be used.
    """
    points = np.empty((len(sides), 32), dtype=np.uint8)
    for side, here, answer in zip((curve, twist), (sides, ~sides), answers, strict=True):
        groups.check_points(answer)
        mine = answer[: int(here.sum())]
        points[here] = groups.evaluate_untrusted(side.take, mine, rng(32), backend=backend)
    return points


def _decoys(
    missing: tuple[int, int], rng: Rng, backend: Backend | None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return random points of the curve and of its twist, so many of each."""
    found = [np.zeros((0, 32), dtype=np.uint8), np.zeros((0, 32), dtype=np.uint8)]
    while (short := max(n - len(f) for n, f in zip(missing, found, strict=True))) > 0:
        size = 2 * short + 32
        drawn = np.frombuffer(bytearray(rng(32 * size)), dtype=np.uint8).reshape(-1, 32)
        drawn[:, 31] &= 0x7F
        sides = are_on_curve(drawn, backend or choose_backend())
        found = [
            np.concatenate([found[0], drawn[sides]]),
            np.concatenate([found[1], drawn[~sides]]),
        ]
    return found[0][: missing[0]], found[1][: missing[1]]
