"""What each side of a `joint` job lays down before its run begins.

Both lay their permitted people in a secret order, filled up. Beside it the receiver lays of each
person the label and its own columns, and the sender its columns, and a label for the matching: the
row's number and a random pad that is used once.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import FrozenBitMap

from party_node import matching_input
from party_node.execution import Execution
from party_node.insight.grouping import Numbers, cells_of
from party_node.insight.laying import Laid, keep_digests
from party_node.job_checks import check_items
from party_node.lookalike.reading import read_features
from party_node.matching_input import ORDER
from party_node.permission import Permission
from party_node.row_file import RowFile
from party_node.statistics.aggregating import Beside
from protocols.dp.queries.plan import plan
from protocols.joint.asked import Joint
from protocols.joint.basis import Columns, columns_of
from protocols.joint.records import JointParams
from protocols.joint.scoring import pads_chunk, theirs_chunk, write_theirs
from protocols.lookalike.features import FeatureSpecification
from protocols.psi import chunks, padding
from protocols.question import read
from protocols.session import Items, Role
from protocols.shuffle import SEED_BYTES, permutation
from protocols.sums.alignment import own_values
from protocols.sums.layout import write_vector


def lay(
    execution: Execution, permission: Permission, people: FrozenBitMap, params: JointParams
) -> Laid:
    """Read these permitted people and lay them out; return the input, and counts for this side.

    Raises: JobRefused if they are more than the job allows; MissingColumn, MisfitColumn,
    LeakyColumn, DatasetUnreadable.
    """
    rng, datasets = execution.services.rng, execution.services.datasets
    held = datasets.items(permission, execution.job.identifiers, people)
    asked = read(execution.job.question)
    assert isinstance(asked, Joint)
    receives = execution.role is Role.INITIATOR
    persons, digests, report = matching_input.one_each(held)
    features = asked.ours if receives else asked.theirs
    columns = columns_of(features, _table(execution, permission, persons, features))
    added = padding.added(len(persons), range(0), params, execution.ctx, rng)
    order = permutation(rng(SEED_BYTES), len(persons) + len(added))
    laid = np.concatenate([digests, added])[order]
    check_items(execution.job, len(laid))
    keep_digests(execution, laid, params.chunk_items)
    # Row n is that of the n-th person; those that are added are nobody's.
    wide = np.zeros((len(order), columns.shape[1]), np.uint8)
    somebody = order < len(persons)
    wide[somebody] = columns[order[somebody]]
    if receives:
        labels = np.zeros(len(order), np.int32)
        labels[somebody] = _labels(execution, permission, asked, persons)[order[somebody]]
        whose = np.full(len(order), padding.NOBODY, np.uint32)
        whose[somebody] = persons[order[somebody]]
        execution.chunks.keep({ORDER: whose.astype("<u4").tobytes()})
        _keep_own(execution, labels, wide, params.chunk_items)
    else:
        _keep_theirs(execution, wide, params.chunk_items)
    return Items(len(laid), params.chunk_items), report | {"items": len(laid)}


def _table(
    execution: Execution, permission: Permission, persons: Numbers, features: FeatureSpecification
) -> Mapping[str, Any]:
    def work(file: RowFile, people: Numbers) -> Mapping[str, Any]:
        return read_features(file, people, persons, features)

    return execution.services.datasets.over_rows(permission, work)


def _labels(
    execution: Execution, permission: Permission, asked: Joint, persons: Numbers
) -> NDArray[np.int32]:
    """Return 1 for each person who has the label, 0 for the others."""
    made = plan(asked.wanted.as_query(permission.grant.dataset))
    secret = int.from_bytes(execution.services.rng(8), "big")

    def work(file: RowFile, people: Numbers) -> Numbers:
        return cells_of(Beside(file, people), made, secret)[0]

    have = execution.services.datasets.over_rows(permission, work)
    return np.isin(persons, have).astype(np.int32)


def _keep_own(execution: Execution, labels: NDArray[np.int32], wide: Columns, size: int) -> None:
    for i, at in enumerate(range(0, len(wide), size)):
        here = slice(at, at + size)
        values = np.concatenate([labels[here, None], wide[here].astype(np.int32)], axis=1)
        execution.chunks.keep({own_values(i): write_vector(values)})


def _keep_theirs(execution: Execution, wide: Columns, size: int) -> None:
    for i, at in enumerate(range(0, len(wide), size)):
        here = wide[at : at + size]
        pads = np.frombuffer(execution.services.rng(4 * len(here)), "<u4")
        numbers = np.arange(at, at + len(here), dtype="<u4")
        execution.chunks.keep(
            {
                theirs_chunk(i): write_theirs(here),
                pads_chunk(i): pads.tobytes(),
                chunks.own_labels(i): np.stack([numbers, pads], axis=1).astype("<u4").tobytes(),
            }
        )
