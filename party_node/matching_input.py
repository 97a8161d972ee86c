"""What this side brings to a run: identifiers of permitted people, laid out in a secret order.

People are what is permitted, counted and shown; items are what crosses the wire. Where the receiver
learns which of its people match, and at the sender, each item is one identifier of somebody. Where
the receiver only counts, its input is rows of `per_person` items, a row for each person: with fewer
identifiers the rest are random digests, which match nothing and look like the others; with more the
later ones stay out. The sender then brings `per_person` of a person's at most, too: so one person
changes the count by no more than that. Where three or more parties match, each brings one item of a
person. People without any identifier bring nothing.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from party_node.chunks import ChunkStore
from party_node.matchable import Matchable
from protocols.job import JobDescription
from protocols.psi import chunks, padding
from protocols.psi.params import MatchingParams, RowParams
from protocols.session import Items, Rng, Role
from protocols.shuffle import SEED_BYTES, permutation, row_permutation

ORDER = "order"
"""Chunk with the dense number of the person at each position of the protocol's input."""
TYPES = "types"
"""Chunk with the type of the identifier at each position, as a number in the job's list."""
FILLER = 255
"""Stands where an item is no identifier."""


@dataclass(frozen=True, slots=True)
class MatchingInput:
    """The input of one side of a run, position by position, in the order of the run."""

    digests: NDArray[np.uint8] = field(repr=False)
    """Shape (n, 32); no row is there twice."""
    people: NDArray[np.uint32] = field(repr=False)
    """Shape (n,): whose position it is, by dense number."""
    types: NDArray[np.uint8] = field(repr=False)
    """Shape (n,): position of the identifier's type in the job's list, or FILLER."""
    report: dict[str, Any]
    """Counts for this party alone: see `_report`."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Which party lays out: 0 is the receiver, and how many there are."""

    number: int
    parties: int

    @classmethod
    def of(cls, job: JobDescription, party: str) -> "Seat":
        """Return the seat of a job's party."""
        return cls(job.number_of(party), len(job.parties()))

    @property
    def role(self) -> Role:
        """The receiver speaks first."""
        return Role.RESPONDER if self.number else Role.INITIATOR


def lay_out(
    held: Matchable, params: MatchingParams, seat: Seat, ctx: bytes, rng: Rng
) -> MatchingInput:
    """Return the input of a party from what its permitted people have, filled up."""
    slot = _slots(held.people)
    width = params.per_person if isinstance(params, RowParams) or seat.parties > 2 else 0
    kept = slot < width if width else np.ones(len(slot), np.bool_)
    if width > 1 and seat.role is Role.INITIATOR:
        return _rows(held, slot, kept, params, ctx, rng, width)
    return _flat(held, kept, params, seat, ctx, rng)


def one_each(
    held: Matchable,
) -> tuple[NDArray[np.int64], NDArray[np.uint8], dict[str, Any]]:
    """Return people who have an identifier, rising, with the digest of the first that they have,
    shape (people, 32), and the counts.
    """
    first = _slots(held.people) == 0
    people = held.people[first].astype(np.int64)
    return people, held.digests[first], _report(held, first, len(people))


def keep(laid: MatchingInput, store: ChunkStore, chunk_items: int) -> Items:
    """Write the input of a run durably, in chunks; again under the same names.

    Raises: DiskFull.
    """
    items = Items(len(laid.digests), chunk_items)
    store.keep({ORDER: laid.people.astype("<u4").tobytes(), TYPES: laid.types.tobytes()})
    for i in range(items.chunk_count()):
        part = laid.digests[i * chunk_items : (i + 1) * chunk_items]
        store.keep({chunks.own(i): np.ascontiguousarray(part).tobytes()})
    return items


def _flat(
    held: Matchable,
    kept: NDArray[np.bool_],
    params: MatchingParams,
    seat: Seat,
    ctx: bytes,
    rng: Rng,
) -> MatchingInput:
    """Each identifier by itself."""
    brought = int(np.count_nonzero(kept))
    tossed = padding.tossed_by(seat.number, seat.parties - 1, params.dummies)
    more = padding.added(brought, tossed, params, ctx, rng)
    digests = np.concatenate([held.digests[kept], more])
    people = np.concatenate([held.people[kept], _nobody(len(more))])
    types = np.concatenate([held.kind[kept], np.full(len(more), FILLER, np.uint8)])
    order = permutation(rng(SEED_BYTES), len(digests))
    report = _report(held, kept, len(order))
    return MatchingInput(digests[order], people[order], types[order], report)


def _rows(
    held: Matchable,
    slot: NDArray[np.int64],
    kept: NDArray[np.bool_],
    params: MatchingParams,
    ctx: bytes,
    rng: Rng,
    width: int,
) -> MatchingInput:
    """A row for each person who has an identifier, filled up with random digests, then rows of
    nobody.
    """
    row = np.cumsum(slot == 0) - 1
    people = held.people[slot == 0]
    n = len(people) * width
    at = (row * width + slot)[kept]
    more = padding.added(len(people), range(0), params, ctx, rng, width)
    types = np.full(n + len(more), FILLER, np.uint8)
    types[at] = held.kind[kept]
    digests = np.empty((n + len(more), 32), np.uint8)
    digests[at] = held.digests[kept]
    free = np.flatnonzero(types[:n] == FILLER)
    digests[free] = np.frombuffer(rng(32 * len(free)), np.uint8).reshape(-1, 32)
    digests[n:] = more
    whose = np.concatenate([np.repeat(people, width), _nobody(len(more))])
    order = row_permutation(rng(SEED_BYTES), len(digests) // width, width)
    report = _report(held, kept, len(order))
    return MatchingInput(digests[order], whose[order], types[order], report)


def _nobody(n: int) -> NDArray[np.uint32]:
    return np.full(n, padding.NOBODY, np.uint32)


def _slots(people: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return of each identifier the how many-th of its person it is, from 0; people rise."""
    first = np.ones(len(people), np.bool_)
    first[1:] = people[1:] != people[:-1]
    starts = np.flatnonzero(first)
    slot: NDArray[np.int64] = np.arange(len(people)) - starts[np.cumsum(first) - 1]
    return slot


def _different(people: NDArray[np.uint32]) -> int:
    """Return how many persons there are; people rise."""
    return int(np.count_nonzero(_slots(people) == 0))


def _report(held: Matchable, kept: NDArray[np.bool_], items: int) -> dict[str, Any]:
    """Return the counts of an input.

    `matchable` is people who bring something, `items` what the other side is told as the size;
    `identifiers` says for each type how many people have it, how many values they bring, and how
    many are left out because several people have them; `beyond` is how many values are left out
    because a person may bring no more.
    """
    identifiers = {}
    for position, kind in enumerate(held.kinds):
        of_kind = held.kind == position
        identifiers[kind] = {
            "people": _different(held.people[of_kind]),
            "values": int(np.count_nonzero(of_kind & kept)),
            "shared": held.shared[position],
        }
    return {
        "matchable": _different(held.people),
        "items": items,
        "identifiers": identifiers,
        "beyond": int(np.count_nonzero(~kept)),
    }
