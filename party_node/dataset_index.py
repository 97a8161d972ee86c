"""The index of a dataset: for each row its number, key, person and normalised identifiers.

`dense` is the person that the row may be used for; NOBODY where none is known. `holder` is the
person who has the row's identifiers as far as can be said: the same, and in an ambiguous row (its
e-mail address belongs to one person, its number to another) the person of the address. Such a row
is used for nobody, but it says that somebody else has the number too (`matchable.py`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyroaring import BitMap

from party_node.identity import NOBODY, Resolution
from protocols.identifiers import KINDS

ROW, KEY, DENSE, HOLDER = "row", "key", "dense", "holder"


def make(
    rows: pa.ChunkedArray,
    keys: pa.ChunkedArray,
    resolution: Resolution,
    values: Mapping[str, Sequence[str | None]],
) -> pa.Table:
    """Return an index: `values` has a column of normalised identifiers for each kind there is."""
    holder = resolution.dense.copy()
    for row, (of_email, _) in resolution.conflicts.items():
        holder[row] = of_email
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        ROW: rows.cast(pa.uint32()),
        KEY: keys,
        DENSE: pa.array(resolution.dense),
        HOLDER: pa.array(holder),
    }
    columns |= {kind: pa.array(column, pa.string()) for kind, column in values.items()}
    return pa.table(columns)


def people(index: pa.Table) -> BitMap:
    """Return the persons whose rows may be used, by dense number."""
    dense = index[DENSE].to_numpy()
    return BitMap(dense[dense != NOBODY].astype(np.uint32))


def speaks_of(index: pa.Table, person: int) -> bool:
    """Return whether a row is about this person, or has something of theirs."""
    theirs = [pc.any(pc.equal(index[name], person)).as_py() for name in _who(index)]
    return any(theirs)


def without(person: int, index: pa.Table) -> pa.Table:
    """Return an index without what identifies this person, also where others have it too."""
    columns = {name: index[name] for name in index.column_names}
    theirs = pc.equal(index[DENSE], person)
    columns[KEY] = pc.if_else(theirs, None, index[KEY])
    if HOLDER in columns:
        theirs = pc.or_(theirs, pc.equal(index[HOLDER], person))
    for kind in (kind for kind in KINDS if kind in columns):
        values = pc.drop_null(pc.unique(index[kind].filter(theirs)))
        gone = pc.or_(theirs, pc.is_in(index[kind], value_set=values))
        columns[kind] = pc.if_else(gone, None, index[kind])
    for name in _who(index):
        columns[name] = pc.if_else(pc.equal(index[name], person), NOBODY, index[name])
    return pa.table(columns)


def as_of(person: int, to: int, index: pa.Table) -> pa.Table:
    """Return an index in which this person's rows are about another."""
    for name in _who(index):
        renamed = pc.if_else(pc.equal(index[name], person), to, index[name])
        index = index.set_column(index.column_names.index(name), name, renamed)
    return index


def _who(index: pa.Table) -> list[str]:
    """The columns that name persons; indexes from before `holder` was kept have one."""
    return [name for name in (DENSE, HOLDER) if name in index.column_names]
