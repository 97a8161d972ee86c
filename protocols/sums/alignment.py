"""From an alignment to aligned rows: what lies between each of the three and the sums over it.

                initiator, who has the vectors          responder, who has the matrix
    join        0/1 by the groups of `groups/…`, and    `columns/…` as laid, in its own order
                of the rest where it is asked for
    labelled    `own-values/…` of its people who        `columns/…` as laid, in its own order
                match, at the rows that labels name
    union       `own-values/…` at its rows of `index`   `own-columns/…` at its rows of `index`

`own-values/<i:05>` is int32, little endian, shape (items, vectors), for each item of the same chunk
of the input; values are clipped to the agreed bound. What a node lays as `columns/…` or
`own-columns/…` is as `layout.py` says, for each item of the same chunk of the input. Of items that
are nobody's all of them say nothing: zeros, and `NONE` for each feature.

Each function is a `convert` of `in_a_row.then`.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError
from protocols.in_a_row import Begun
from protocols.psi import chunks
from protocols.psi.blinded_join import GROUPS
from protocols.psi.blinded_join_records import JoinedRows, RowsShown
from protocols.psi.params import Labelled, SenderDone
from protocols.psi.union import INDEX, UnionIndex
from protocols.session import Fetch, Items, Rng, Role
from protocols.sums.alignment_params import LABEL_BYTES
from protocols.sums.layout import SumLayout, columns_chunk, read_columns, vector_chunk, write_vector
from protocols.sums.records import AlignedRows
from protocols.sums.spreading import spread_columns, spread_vectors, vectors_of

Aligned = tuple[AlignedRows, dict[str, bytes]]


def own_values(index: int) -> str:
    """Return the name of a chunk of the values of one's own people."""
    return chunks.kept("own-values", index)


def own_columns(index: int) -> str:
    """Return the name of a chunk of what is said of one's own people."""
    return chunks.kept("own-columns", index)


def row_labels(items: Items) -> dict[str, bytes]:
    """Return the chunks of labels that number the items of an input."""
    numbers = np.arange(items.count, dtype="<u4").tobytes()
    size = LABEL_BYTES * items.chunk_items
    return {
        chunks.own_labels(i): numbers[size * i : size * (i + 1)] for i in range(items.chunk_count())
    }


def by_join(before: Begun, output: JoinedRows | RowsShown, fetch: Fetch, rng: Rng) -> Aligned:
    """Lay out 0/1 vectors over the partner's rows, by the groups that they matched in."""
    params = before.params
    rows = AlignedRows(output.rows, params.second.layout.chunk_rows)
    laid = {}
    if before.role is Role.INITIATOR:
        for i in range(chunks.chunk_count(rows.count, rows.chunk_rows)):
            groups = groups_of_rows(params.first.groups, fetch, rows, i)
            if params.has_rest:
                groups = np.where(groups == 0, params.first.groups + 1, groups).astype(np.uint16)
            count = params.first.groups + params.has_rest
            vectors = vectors_of(groups, count, params.hold_out_percent, rng)
            laid[vector_chunk(i)] = write_vector(vectors)
    return rows, laid


def by_labels(before: Begun, output: Labelled | SenderDone, fetch: Fetch, rng: Rng) -> Aligned:
    """Lay out the brand's own values over the partner's rows, at those that its people match.

    A label that names no row is passed over, and of two that name one row the later counts: if the
    run ended there, the partner would learn that the item matches which it has labelled so.
    """
    layout, items = before.params.second.layout, before.given
    if isinstance(output, SenderDone):
        return AlignedRows(items.count, layout.chunk_rows), {}
    rows = output.peer_count
    matched = _numbers(fetch(chunks.MATCHED), output.count, items.count)
    at = _numbers(fetch(chunks.LABELS), output.count)
    there = at < rows
    values = _own_values(layout, items, fetch)[matched[there]]
    laid = spread_vectors(layout, values, at[there], rows)
    return AlignedRows(rows, layout.chunk_rows), _named(vector_chunk, laid)


def by_union(before: Begun, output: UnionIndex, fetch: Fetch, rng: Rng) -> Aligned:
    """Lay out what each side says of its own people over the rows of the union."""
    layout, items, rows = before.params.second.layout, before.given, output.rows
    at = _numbers(fetch(INDEX), items.count, rows)
    if before.role is Role.INITIATOR:
        values = _own_values(layout, items, fetch)
        laid = _named(vector_chunk, spread_vectors(layout, values, at, rows))
    else:
        dense, codes = _own_columns(layout, items, fetch)
        laid = _named(columns_chunk, spread_columns(layout, dense, codes, at, rows))
    return AlignedRows(rows, layout.chunk_rows), laid


def _numbers(data: bytes, count: int, below: int = 2**32) -> NDArray[np.uint32]:
    """Return the numbers that a kept chunk holds. Raises: LocalError for another count, or more."""
    if len(data) != 4 * count:
        raise LocalError("a kept chunk has the wrong length")
    numbers = np.frombuffer(data, "<u4")
    if count and int(numbers.max()) >= below:
        raise LocalError("a kept chunk has a number that is out of range")
    return numbers


def groups_of_rows(groups: int, fetch: Fetch, rows: AlignedRows, index: int) -> NDArray[np.uint16]:
    """Return the groups of a chunk of rows. Raises: LocalError if it does not fit."""
    data = fetch(chunks.kept(GROUPS, index))
    if len(data) != 2 * chunks.chunk_length(rows.count, rows.chunk_rows, index):
        raise LocalError("a kept chunk has the wrong length")
    rows_groups = np.frombuffer(data, "<u2")
    if int(rows_groups.max(initial=0)) > groups:
        raise LocalError("a kept chunk has a number that is out of range")
    return rows_groups


def _own_values(layout: SumLayout, items: Items, fetch: Fetch) -> NDArray[np.int32]:
    """Return the values of one's own items, shape (items, vectors). Raises: LocalError."""
    data = b"".join(fetch(own_values(i)) for i in range(items.chunk_count()))
    if len(data) != 4 * layout.vectors * items.count:
        raise LocalError("the input has not a value for each item and vector")
    return np.frombuffer(data, "<i4").reshape(items.count, layout.vectors)


def _own_columns(
    layout: SumLayout, items: Items, fetch: Fetch
) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """Return what is said of one's own items, shapes (items, …). Raises: LocalError."""
    dense = np.zeros((items.count, len(layout.dense)), np.int32)
    codes = np.zeros((items.count, len(layout.one_hot)), np.uint16)
    for i in range(items.chunk_count()):
        n = chunks.chunk_length(items.count, items.chunk_items, i)
        part = slice(i * items.chunk_items, i * items.chunk_items + n)
        data = fetch(own_columns(i))
        if len(data) != n * layout.row_bytes:
            raise LocalError("the input has not columns for each item")
        dense[part], codes[part] = read_columns(layout, data)
    return dense, codes


def _named(name: Callable[[int], str], laid: Iterator[bytes]) -> dict[str, bytes]:
    return {name(i): data for i, data in enumerate(laid)}
