"""What a sum will take, said while the alignment before it still runs: how many rows, how dear.

A row of a sum is much cheaper than one of an alignment, which is multiplied on a curve, unless
there are many columns. So its rows count as what they take in rows of the alignment; that alone
makes the time that is left sensible. Sums are over the partner's rows, or over those of the union.
"""

from protocols.in_a_row import Ahead, Begun
from protocols.session import Progress, Role
from protocols.sums.layout import SumLayout
from protocols.sums.records import SumParams

BFV, COT = "bfv", "cot"
ALIGNED_ROW_SECONDS = 10e-6
"""Of a row of an alignment, with a fast curve; only the proportion matters here."""

_BFV_ROW_SECONDS, _BFV_ENTRY_SECONDS = 0.5e-6, 3e-8
_COT_ROW_SECONDS, _COT_ENTRY_SECONDS = 0.5e-6, 1.6e-8


def row_seconds(route: str, layout: SumLayout) -> float:
    """Return CPU-seconds of one side for a row of a sum, with all its vectors and columns."""
    if route == COT:
        planes = layout.vectors * layout.vector_bound.bit_length()
        return planes * (_COT_ROW_SECONDS + layout.columns * _COT_ENTRY_SECONDS)
    return layout.vectors * (_BFV_ROW_SECONDS + layout.columns * _BFV_ENTRY_SECONDS)


def weight(route: str, layout: SumLayout) -> float:
    """Return what a row of a sum counts as, in rows of an alignment."""
    return row_seconds(route, layout) / ALIGNED_ROW_SECONDS


def over_partners_rows(route: str) -> Ahead:
    """Return what a sum over the partner's rows takes, after an alignment that works on every row
    of both sides once.
    """

    def ahead(before: Begun, now: Progress) -> Progress:
        each = weight(route, before.params.second.layout)
        return _over(before, now, each, per_row=1.0)

    return ahead


def over_the_same_rows(route: str) -> Ahead:
    """Return what a further sum takes, after an alignment and sums over the partner's rows."""

    def ahead(before: Begun, now: Progress) -> Progress:
        summed, part = 0.0, before.params.first
        while isinstance(getattr(part, "second", None), SumParams):
            summed, part = summed + weight(route, part.second.layout), part.first
        each = weight(route, before.params.second.layout)
        return _over(before, now, each, per_row=1.0 + summed)

    return ahead


def over_the_union(route: str) -> Ahead:
    """Return what a sum over the union takes; of its own list a side that has the vectors works on
    every row three times, the other one twice, and of the other's once and twice.
    """

    def ahead(before: Begun, now: Progress) -> Progress:
        each, own = weight(route, before.params.second.layout), before.given.count
        if before.role is Role.INITIATOR:
            return Progress(0, round(each * (now.total - 2 * own)), each * now.per_peer_row)
        return Progress(0, round(each * now.total / 2), each * now.per_peer_row / 2)

    return ahead


def _over(before: Begun, now: Progress, each: float, per_row: float) -> Progress:
    """Return `each` for every row of the partner's, on each of which `per_row` is spent before."""
    own = before.given.count
    if before.role is Role.RESPONDER:
        return Progress(0, round(each * own))
    theirs = max(0, now.total - own) / per_row
    return Progress(0, round(each * theirs), each * now.per_peer_row / per_row)
