"""How far one side of `cot.py` is: rows that it has worked on, of all that it will.

The vectors' side works on each row twice: when it chooses, and when it adds up.
"""

from protocols.codec import Record
from protocols.errors import LocalError
from protocols.session import Progress
from protocols.sums.cot_records import (
    MatrixAnswering,
    MatrixOpening,
    VectorsAdding,
    VectorsChoosing,
    VectorsOpening,
)


def progress(state: Record) -> Progress:
    """Return how far the side in this state is. Raises: LocalError for no state of `cot.py`."""
    match state:
        case VectorsOpening(run):
            return Progress(0, 2 * run.rows.count)
        case VectorsChoosing(run, _, due):
            return Progress(run.rows_before(due), 2 * run.rows.count)
        case VectorsAdding(run, _, due):
            return Progress(run.rows.count + run.rows_before(due), 2 * run.rows.count)
        case MatrixOpening(run):
            return Progress(0, run.rows.count)
        case MatrixAnswering(run, _, due):
            return Progress(run.rows_before(due), run.rows.count)
        case _:
            raise LocalError("this is no state of sums-cot")
