"""What each side of an `insight` job lays down before its run begins.

The receiver lays its permitted people in groups (`grouping.py`), each filled up and in a secret
order of its own. The sender lays a row for each of its permitted people, in a secret order, and
beside it what that person adds to each cell of the answer: rows that fill its list up say nothing.
For a question about reach that is which audiences the person would be in (`tracking/laying.py`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import FrozenBitMap

from party_node import matching_input
from party_node.execution import Execution
from party_node.insight.grouping import in_groups
from party_node.job_checks import check_items
from party_node.laid_rows import keep_digests, lay_rows
from party_node.matchable import Matchable
from party_node.permission import Permission
from party_node.row_file import RowFile
from party_node.statistics.aggregating import Beside
from party_node.statistics.columns import encode_people
from party_node.tracking.laying import chunks_of, memberships_of
from protocols.psi import padding
from protocols.psi.blinded_join_input import lay_out
from protocols.session import Items, Role
from protocols.sums.alignment_params import JoinSumParams
from protocols.sums.insight import Insight, question_of

Laid = tuple[Items, dict[str, Any]]


def lay(
    execution: Execution, permission: Permission, people: FrozenBitMap, params: JoinSumParams
) -> Laid:
    """Read these permitted people and lay them out; return the input, and counts for this side.

    Raises: JobRefused if they are more than the job allows; MissingColumn, DatasetUnreadable.
    """
    held = execution.services.datasets.items(permission, execution.job.identifiers, people)
    asked = question_of(execution.job.question)
    if execution.role is Role.INITIATOR:
        return _lay_groups(execution, permission, held, asked, params)
    return _lay_rows(execution, permission, held, asked, params)


def _lay_groups(
    execution: Execution,
    permission: Permission,
    held: Matchable,
    asked: Insight,
    params: JoinSumParams,
) -> Laid:
    rng, least = execution.services.rng, execution.job.minimum_size
    persons, digests, report = matching_input.one_each(held)
    group_of, told = in_groups(execution, permission, asked, persons)
    laid = lay_out(digests[:, None], group_of, least, params.first, execution.ctx, rng)
    check_items(execution.job, len(laid.digests))
    keep_digests(execution, laid.digests, params.chunk_items)
    report["items"] = len(laid.digests)
    return laid.items, report | told


def _lay_rows(
    execution: Execution,
    permission: Permission,
    held: Matchable,
    asked: Insight,
    params: JoinSumParams,
) -> Laid:
    persons, digests, report = matching_input.one_each(held)
    tossed = padding.tossed_by(1, 1, params.dummies)
    rows = lay_rows(execution, digests, tossed, params)
    over = asked.over(execution.job.minimum_size)
    report["items"] = len(rows)
    if asked.model:
        of = memberships_of(execution.services, permission, asked.model, persons)
        for name, data in chunks_of(rows, of, over.layout.chunk_rows):
            execution.chunks.keep({name: data})
        return Items(len(rows), params.chunk_items), report
    whose = rows.spread(persons, -1)
    secret = int.from_bytes(execution.services.rng(8), "big")

    def work(file: RowFile, people: NDArray[np.int64]) -> None:
        for name, data in encode_people(over, Beside(file, people), whose, secret):
            execution.chunks.keep({name: data})

    execution.services.datasets.over_rows(permission, work)
    return Items(len(rows), params.chunk_items), report
