"""How many bytes a run of `cot.py` sends: known before, because it follows from what is public."""

from protocols.ot.base import POINT_BYTES
from protocols.ot.extension import COLUMNS, PARITY_BYTES, column_bytes
from protocols.sums.cot_carries import product_bytes
from protocols.sums.cot_records import Run
from protocols.sums.records import AlignedRows, SumParams

_RECORD_BYTES = 30
"""About what a record adds to its bytes: its kind, numbers and lengths."""


def sent_bytes(params: SumParams, rows: int, *, narrow: bool) -> tuple[int, int]:
    """Return what the side with the vectors sends, and the side with the matrix; without envelopes.

    Raises: InvalidParameter if no such run can be.
    """
    run = Run(params, bytes(32), AlignedRows(rows, params.layout.chunk_rows), narrow)
    opening = POINT_BYTES + 32 + _RECORD_BYTES
    vectors, matrix = opening, opening + POINT_BYTES * (COLUMNS - 1)
    for index in range(run.stretches()):
        vectors += COLUMNS * column_bytes(run.transfers(index)) + PARITY_BYTES * (1 + COLUMNS)
        matrix += run.planes * run.stretch_length(index) * run.placing.row_bytes
        carries = run.carries(index)
        if carries:
            vectors += -(-carries // 8) + _RECORD_BYTES
            matrix += product_bytes(run, index) + _RECORD_BYTES
        vectors, matrix = vectors + _RECORD_BYTES, matrix + _RECORD_BYTES
    shares = params.layout.vectors * sum(run.placing.widths) + _RECORD_BYTES
    return (vectors, matrix + shares) if params.to_holder else (vectors + shares, matrix)
