"""What each side of a `joint` job lays down before its run begins.

Both lay their permitted people in a secret order, filled up. Beside it the receiver lays of each
person the label and its own columns, and the sender its columns, and a label for the matching: the
row's number and a random pad that is used once.

Of a job that trains, each side keeps what its columns stand for (`BASIS`), and the sender what its
cells do (`CELLS`). One that scores by an earlier model encodes today's rows by what was kept then;
there is no label.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import FrozenBitMap

from party_node import matching_input
from party_node.earlier_models import kept
from party_node.execution import Execution
from party_node.insight.grouping import are_chosen
from party_node.insight.laying import Laid
from party_node.joint import refined
from party_node.joint.refined import ABOUT, BASIS
from party_node.joint.sides import ReceiverSide, SenderSide, TabledSide
from party_node.laid_rows import lay_rows
from party_node.lookalike.reading import read_people
from party_node.matching_input import ORDER
from party_node.permission import Permission
from protocols.codec import encode
from protocols.joint.again import KNOWN
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.joint.basis import Basis, Columns
from protocols.joint.basis_learning import learn
from protocols.joint.cell_chunks import cells_chunk, write_cells
from protocols.joint.cells import learn as learn_cells
from protocols.joint.records import JointAgainParams, JointParams
from protocols.joint.scoring import Weights, base_chunk, pads_chunk, theirs_chunk, write_theirs
from protocols.joint.widths import MOST_COLUMNS
from protocols.psi import chunks, padding
from protocols.question import read
from protocols.session import Items, Role
from protocols.sums.alignment import own_values
from protocols.sums.layout import write_vector

CELLS = "joint-cells"
"""Chunk of the sender, with what its cells stand for, until all parties have signed."""

Table = Mapping[str, Any]


def lay(
    execution: Execution,
    permission: Permission,
    people: FrozenBitMap,
    params: JointParams | JointAgainParams,
) -> Laid:
    """Read these permitted people and lay them out; return the input, and counts for this side.

    Raises: JobRefused if they are more than the job allows; MissingColumn, MisfitColumn,
    LeakyColumn, DatasetUnreadable; ModelGone.
    """
    held = execution.services.datasets.items(permission, execution.job.identifiers, people)
    asked = read(execution.job.question)
    assert isinstance(asked, Joint | JointAgain)
    receives = execution.role is Role.INITIATOR
    persons, digests, report = matching_input.one_each(held)
    features = asked.ours if receives else asked.theirs
    table = read_people(execution.services.datasets, permission, persons, features)
    rows = lay_rows(execution, digests, range(0), params)
    if receives:
        basis = _own_basis(execution, asked, table)
        values = rows.spread(basis.encode(table), 0).astype(np.int32)
        if isinstance(asked, Joint):
            have = are_chosen(execution, permission, asked.wanted, persons)
            labels = rows.spread(have.astype(np.int32), 0)
            values = np.concatenate([labels[:, None], values], axis=1)
        whose = rows.spread(persons.astype(np.uint32), padding.NOBODY)
        execution.chunks.keep({ORDER: whose.astype("<u4").tobytes()})
        _keep_own(execution, values, params.chunk_items)
    elif isinstance(asked, Joint):
        basis = learn(features, table, asked.base_room)
        cells = learn_cells(features, table, asked.look)
        execution.chunks.keep({BASIS: encode(basis), CELLS: encode(cells)})
        base, bins = rows.spread(basis.encode(table), 0), rows.spread(cells.encode(table), 0)
        _keep(execution, base, base_chunk, params.chunk_items)
        for i, at in enumerate(range(0, len(bins), params.chunk_items)):
            here = bins[at : at + params.chunk_items]
            execution.chunks.keep({cells_chunk(i): write_cells(asked.look, here)})
    else:
        columns = _as_then(execution, asked, table)
        _keep(execution, rows.spread(columns, 0), theirs_chunk, params.chunk_items)
    return Items(len(rows), params.chunk_items), report | {"items": len(rows)}


def _own_basis(execution: Execution, asked: Joint | JointAgain, table: Table) -> Basis:
    """Return what the receiver's columns stand for, and lay down the model that there is."""
    if isinstance(asked, Joint):
        basis = learn(asked.ours, table)
        execution.chunks.keep({BASIS: encode(basis)})
        return basis
    mine = kept(execution.services.sides, asked.by, ReceiverSide)
    refined.lay(execution.chunks, mine)
    return mine.basis


def _as_then(execution: Execution, asked: JointAgain, table: Table) -> Columns:
    """Return the columns of the sender's rows by an earlier model, and lay down its weights."""
    side = kept(execution.services.sides, asked.by, SenderSide)
    laid = {KNOWN: encode(Weights(side.weights))}
    if isinstance(side, TabledSide):
        laid[ABOUT] = encode(side.about)
    execution.chunks.keep(laid)
    return side.columns(table, MOST_COLUMNS)


def _keep_own(execution: Execution, values: NDArray[np.int32], size: int) -> None:
    for i, at in enumerate(range(0, len(values), size)):
        execution.chunks.keep({own_values(i): write_vector(values[at : at + size])})


def _keep(execution: Execution, wide: Columns, name: Callable[[int], str], size: int) -> None:
    """Keep the sender's columns, and of each row its number and a pad."""
    for i, at in enumerate(range(0, len(wide), size)):
        here = wide[at : at + size]
        pads = np.frombuffer(execution.services.rng(4 * len(here)), "<u4")
        numbers = np.arange(at, at + len(here), dtype="<u4")
        execution.chunks.keep(
            {
                name(i): write_theirs(here),
                pads_chunk(i): pads.tobytes(),
                chunks.own_labels(i): np.stack([numbers, pads], axis=1).astype("<u4").tobytes(),
            }
        )
