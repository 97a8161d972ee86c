"""What an aligned sum takes, by route: for each row, vector and column, and for what comes back.

Both routes give the same sums. BFV sends little, and takes longer with many columns; correlated OT
sends every column of every row. Which is sooner done is a question of the network.
"""

from dataclasses import dataclass

from protocols.errors import InvalidParameter
from protocols.joint.records import JointAgainParams, JointParams
from protocols.lookalike.records import LookalikeParams
from protocols.sums import ahead
from protocols.sums.alignment_params import AlignedParams
from protocols.sums.bfv_packing import packing
from protocols.sums.cot_records import Run
from protocols.sums.layout import SumLayout
from protocols.sums.records import AlignedRows, SumParams

BFV, COT = ahead.BFV, ahead.COT
ROUTES = (BFV, COT)
TYPICAL_ROWS = 1_000_000
"""Rows that routes are compared at where their number is not known: both grow with it alike."""

_BFV_ROW_BYTES, _BFV_REPLY_BYTES, _BFV_COLUMNS_IN_A_REPLY = 24.7, 150_000, 2
_BFV_REPLY_MEMORY, _COT_MEMORY = 786_432, 64 * 2**20
_COT_CHOICE_BYTES = 16
_MEGABIT_BYTES = 125_000


@dataclass(frozen=True, slots=True)
class SumCost:
    """What one side takes."""

    cpu_seconds: float
    memory_bytes: int
    traffic_bytes: int
    """Sent and received together."""


def route_of(protocol: str) -> str:
    """Return the route of a composed protocol, as `sums-join-bfv/1`. Raises: InvalidParameter."""
    route = protocol.partition("/")[0].rpartition("-")[2]
    if route not in ROUTES:
        raise InvalidParameter("this protocol adds up by no route that is known")
    return route


def sum_cost(route: str, layout: SumLayout, rows: int) -> SumCost:
    """Return what the sum itself takes, over so many rows."""
    planes = layout.vectors * layout.vector_bound.bit_length()
    work = rows * ahead.row_seconds(route, layout)
    if route == BFV:
        replies = layout.vectors * -(-layout.columns // _BFV_COLUMNS_IN_A_REPLY)
        sent = layout.vectors * rows * _BFV_ROW_BYTES + replies * _BFV_REPLY_BYTES
        return SumCost(work, replies * _BFV_REPLY_MEMORY, round(sent))
    widest = max((*layout.dense, 1)) * layout.vector_bound * rows
    width = max(1, -(-(widest.bit_length() + 1) // 8))
    sent = planes * rows * (_COT_CHOICE_BYTES + width * layout.columns)
    return SumCost(work, _COT_MEMORY, sent)


def sums_of(params: AlignedParams) -> tuple[SumParams, ...]:
    """Return the sums that a run adds up, one after the other."""
    if isinstance(params, LookalikeParams):
        return params.sums
    if isinstance(params, JointParams):
        return params.first.first.second, params.first.second
    if isinstance(params, JointAgainParams):
        return ()
    return (params.second,)


def seconds(route: str, params: AlignedParams, cores: int, bandwidth_mbit: int) -> float:
    """Return how long a route takes at a typical number of rows, computing and sending."""
    costs = [sum_cost(route, added.layout, TYPICAL_ROWS) for added in sums_of(params)]
    computing = sum(cost.cpu_seconds for cost in costs) / cores
    sending = sum(cost.traffic_bytes for cost in costs)
    return computing + sending / (bandwidth_mbit * _MEGABIT_BYTES)


def check_room(protocol: str, params: AlignedParams) -> None:
    """Return if the protocol's route can add up so many columns for so many vectors.

    Raises: InvalidParameter.
    """
    for added in sums_of(params):
        if route_of(protocol) == BFV:
            packing(added)
        else:
            Run(added, bytes(32), AlignedRows(0, added.layout.chunk_rows), narrow=False)
