"""What an aligned sum takes, by route: both sides' computing, what is sent, memory.

Both routes give the same sums. BFV takes a fixed time for each sum that comes back, and little for
a row; correlated OT takes its time for each row, and sends every column of it for each vector and
binary digit. Which is sooner done is a question of people, columns and the network.

The model is arithmetic on what a run does, which follows from what is public. Each kind of work was
timed by itself, on one core of the machine that the figures in `docs/concepts/statistics.md` are
of; another one is faster or slower at all of it alike.
"""

from dataclasses import dataclass

from protocols.errors import InvalidParameter
from protocols.joint.records import JointAgainParams, JointParams
from protocols.lookalike.records import LookalikeParams
from protocols.session import Role
from protocols.sums import ahead, seal
from protocols.sums.alignment_params import AlignedParams
from protocols.sums.bfv_packing import packing
from protocols.sums.bfv_records import TILE
from protocols.sums.bfv_records import Run as BfvRun
from protocols.sums.cot_records import Run
from protocols.sums.records import AlignedRows, SumParams

BFV, COT = ahead.BFV, ahead.COT
ROUTES = (BFV, COT)

_ENCRYPTION_SECONDS = (2.6e-3, 1.2e-3)
"""Of a block of a vector: at the side with the vectors, which has the key; at the other."""
_REPLY_SECONDS = (1.0e-3, 6.0e-3)
_FACTOR_SECONDS, _PRODUCT_SECONDS = 0.4e-3, 0.33e-3
"""Of a block of the columns that share a plaintext, and of that times a block of a vector."""
_TRANSFER_SECONDS, _ENTRY_BYTE_SECONDS, _PLANE_SECONDS = 0.25e-6, 2.2e-9, 7e-6
"""At either side: of a row, vector and binary digit; of a byte of its columns; of a vector and
digit in a piece of rows."""
_CARRIED_BYTE_SECONDS = 7.5e-9
"""At either side: sealing, signing, storing and sending, or the same backwards."""
_CHOSEN_BYTES = 16
"""Said of a row, vector and digit by the side with the vectors."""
_SUM_BYTES, _RUN_BYTES = 384 * 2**10, 64 * 2**20
_PER_REPLIES = 16
_MEGABIT_BYTES = 125_000


@dataclass(frozen=True, slots=True)
class SumCost:
    """What a sum takes."""

    vectors_seconds: float
    """CPU-seconds of the side with the vectors."""
    matrix_seconds: float
    memory_bytes: int
    """Of the side that needs more."""
    traffic_bytes: int
    """From both sides together."""

    def cpu_seconds(self, role: Role) -> float:
        """Return what one side computes: the initiator has the vectors."""
        return self.vectors_seconds if role is Role.INITIATOR else self.matrix_seconds


def route_of(protocol: str) -> str:
    """Return the route of a composed protocol, as `sums-join-bfv/1`. Raises: InvalidParameter."""
    route = protocol.partition("/")[0].rpartition("-")[2]
    if route not in ROUTES:
        raise InvalidParameter("this protocol adds up by no route that is known")
    return route


def sum_cost(route: str, params: SumParams, rows: int) -> SumCost:
    """Return what the sum itself takes, over so many rows, or as many as there is room for.

    Raises: InvalidParameter if the route cannot add up so many columns for so many vectors.
    """
    layout = params.layout
    aligned = AlignedRows(min(rows, layout.max_rows), layout.chunk_rows)
    return _by_bfv(params, aligned) if route == BFV else _by_cot(params, aligned)


def _by_bfv(params: SumParams, rows: AlignedRows) -> SumCost:
    run = BfvRun(params, bytes(32), rows)
    found, encryptions, replies = run.packing(), run.encryptions(), run.replies()
    groups = len(found.groups)
    sent = encryptions * seal.ENCRYPTED_BYTES + replies * found.reply_bytes + seal.PUBLIC_BYTES
    carrying = sent * _CARRIED_BYTE_SECONDS
    products = run.blocks().count * groups * _FACTOR_SECONDS
    products += encryptions * groups * _PRODUCT_SECONDS
    return SumCost(
        encryptions * _ENCRYPTION_SECONDS[0] + replies * _REPLY_SECONDS[0] + carrying,
        encryptions * _ENCRYPTION_SECONDS[1] + replies * _REPLY_SECONDS[1] + products + carrying,
        min(replies, TILE * _PER_REPLIES) * 2 * _SUM_BYTES + _RUN_BYTES,
        sent,
    )


def _by_cot(params: SumParams, rows: AlignedRows) -> SumCost:
    run = Run(params, bytes(32), rows, narrow=False)
    transfers = run.planes * rows.count
    # All stretches but the last of a chunk are alike; a few planes more or less do not matter.
    pieces = run.stretches() * len(run.pieces(0)) if rows.count else 0
    entries = transfers * run.placing.row_bytes
    sent = entries + transfers * _CHOSEN_BYTES
    each = transfers * _TRANSFER_SECONDS + entries * _ENTRY_BYTE_SECONDS
    each += run.planes * pieces * _PLANE_SECONDS + sent * _CARRIED_BYTE_SECONDS
    return SumCost(each, each, _RUN_BYTES, sent)


def sums_of(params: AlignedParams) -> tuple[SumParams, ...]:
    """Return the sums that a run adds up, one after the other."""
    if isinstance(params, LookalikeParams):
        return params.sums
    if isinstance(params, JointParams):
        return params.sums
    if isinstance(params, JointAgainParams):
        return ()
    return (params.second,)


def seconds(route: str, params: AlignedParams, rows: int, bandwidth_mbit: int) -> float:
    """Return how long a route takes over so many rows: both sides' computing, on one core each and
    one after the other, and sending.

    It is for comparing: sides overlap, and both routes take their matching beside.
    """
    costs = [sum_cost(route, added, rows) for added in sums_of(params)]
    computing = sum(cost.vectors_seconds + cost.matrix_seconds for cost in costs)
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
