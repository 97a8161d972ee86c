"""Between the parts of a joint run: what came of one becomes what the next stands on.

Each function is one side's step from a part to the next (`in_a_row.py`); `run.py` says in which
order. Who trains is drawn once, where people have been matched, and laid down; everything later is
over the same people.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from protocols.apart import named
from protocols.codec import decode, encode
from protocols.in_a_row import Begun
from protocols.joint import matrices, moments, table_learning
from protocols.joint.cell_chunks import cells_chunk
from protocols.joint.fitting import check_people, fit, left_of
from protocols.joint.kept import rounded
from protocols.joint.records import JointParams, LookParams, ToldParams, WithinParams
from protocols.joint.scored import AT, MODEL, own_values_of, rows_and_pads
from protocols.joint.scoring import ScoreGiven, base_chunk, theirs_chunk
from protocols.joint.table_learning import quantised
from protocols.joint.tables import NONE, Tables
from protocols.joint.telling import TABLES, TablesGiven, Told
from protocols.joint.widths import UNIT
from protocols.psi import chunks
from protocols.psi.params import Labelled, SenderDone
from protocols.session import Fetch, Rng, Role
from protocols.sums.alignment import Aligned
from protocols.sums.layout import SumLayout, vector_chunk
from protocols.sums.records import AlignedRows, Sums, SumsGiven
from protocols.sums.spreading import spread_vectors

LOOK, PAIRS, ACROSS = "look/", "pairs/", "across/"
"""Stand before the names of the chunks of both looks and of the last sum."""
TRAINS, SEEN, HELD, WITHIN = "trains", "seen", "held", "within"
"""Chunks of the brand: of each of its people who match whether it trains (a byte); the first look;
by how much tables are held back (64-bit floats); the sum within."""


def by_labels(before: Begun, output: Labelled | SenderDone, fetch: Fetch, rng: Rng) -> Aligned:
    """Toss who trains, and lay out over the partner's rows what is left of their labels.

    A label that names no row is passed over, and of two that name one row the later counts: if the
    run ended there, the partner would learn that the item matches which it has labelled so.
    """
    params: LookParams = before.params
    layout, items = params.second.layout, before.given
    if isinstance(output, SenderDone):
        return AlignedRows(items.count, layout.chunk_rows), {}
    rows = output.peer_count
    at, kept = rows_and_pads(output, fetch)
    matched = np.frombuffer(fetch(chunks.MATCHED), "<u4")
    values = own_values_of(fetch, items)
    there = (at < rows) & _last(at)
    coins = np.frombuffer(rng(4 * output.count), "<u4")
    trains = there & (coins >= 2**32 * params.hold_out_percent // 100)
    own, labels = _apart(values[matched[trains]])
    check_people(labels)
    left = quantised(left_of(own, labels))
    ones = np.ones(len(left), np.int32)
    vectors = _vectors(layout, np.stack([ones, left], axis=1), at[trains], rows)
    laid = named(vectors, LOOK) | named(vectors, PAIRS)
    laid |= kept | {TRAINS: trains.astype(np.uint8).tobytes()}
    return AlignedRows(rows, layout.chunk_rows), laid


def by_bins(before: Begun, output: Sums | SumsGiven, fetch: Fetch, rng: Rng) -> Aligned:
    """Keep the first look; the second is over the same rows."""
    return _over_the_same(before, output, SEEN)


def by_look(
    before: Begun, output: Sums | SumsGiven, fetch: Fetch, rng: Rng
) -> tuple[TablesGiven, dict[str, bytes]]:
    """Make tables at the brand of what it has seen."""
    params: ToldParams = before.params
    look, most = params.second.look, params.second.most
    if isinstance(output, SumsGiven):
        return TablesGiven(output.rows, NONE), {}
    own, labels = _who_trains(before, fetch)
    first, second = (
        np.array(sums.values, np.int64).reshape(2, -1)
        for sums in (decode(Sums, fetch(SEEN)), output)
    )
    # Where nothing is looked at, a sum has one value all the same.
    seen = np.concatenate([first[:, : sum(look.fine)], second[:, : sum(look.both)]], axis=1)
    if not look.fine or not look.could_be(seen[0], seen[1], len(labels)):
        # Sums that no people make are not worth a table; if the run ended here, what a partner has
        # made up would tell it by that whether it was right.
        return TablesGiven(output.rows, NONE), {HELD: b""}
    found = table_learning.learn(look, seen, float(left_of(own, labels).var()), most)
    return TablesGiven(output.rows, found.tables), {HELD: found.held.astype("<f8").tobytes()}


def by_tables(before: Begun, output: Told, fetch: Fetch, rng: Rng) -> Aligned:
    """Lay out who trains for the first sum, and their values for the second; at the partner all of
    its columns.
    """
    params: WithinParams = before.params
    layout, rows = params.second.layout, output.rows
    given = AlignedRows(rows, layout.chunk_rows)
    if before.role is Role.RESPONDER:
        told, most = decode(Tables, fetch(TABLES)), params.first.second.most
        return given, {
            theirs_chunk(i): matrices.beside(
                fetch(base_chunk(i)), fetch(cells_chunk(i)), told, most
            )
            for i in range(chunks.chunk_count(rows, layout.chunk_rows))
        }
    own, labels = _who_trains(before, fetch)
    at = np.frombuffer(fetch(AT), "<u4")[_trains(fetch)]
    ones = np.ones((len(own), 1), np.int32)
    values = np.concatenate([labels[:, None], own], axis=1).astype(np.int32)
    across = dataclasses.replace(layout, vectors=values.shape[1], vector_bound=UNIT)
    second = _vectors(across, moments.vectors_of(values), at, rows)
    return given, _vectors(layout, ones, at, rows) | named(second, ACROSS)


def _over_the_same(before: Begun, output: Sums | SumsGiven, name: str) -> Aligned:
    """Keep a sum, where it came to, under this name; the next one is over the same rows."""
    kept = {name: encode(output)} if isinstance(output, Sums) else {}
    return AlignedRows(output.rows, before.params.second.layout.chunk_rows), kept


def _last(at: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which of these rows are not named once more behind."""
    last = np.zeros(len(at), bool)
    last[len(at) - 1 - np.unique(at[::-1], return_index=True)[1]] = True
    return last


def _trains(fetch: Fetch) -> NDArray[np.bool_]:
    return np.frombuffer(fetch(TRAINS), np.uint8).astype(bool)


def _who_trains(before: Begun, fetch: Fetch) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the brand's columns and labels of those who train, in the order of `matched`."""
    matched = np.frombuffer(fetch(chunks.MATCHED), "<u4")[_trains(fetch)]
    return _apart(own_values_of(fetch, before.given)[matched])


def _apart(values: NDArray[np.int32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return values[:, 1:].astype(np.uint8), values[:, 0].astype(np.uint8)


def by_sums(before: Begun, output: Sums | SumsGiven, fetch: Fetch, rng: Rng) -> Aligned:
    """Keep the first sum; the second is over the same rows."""
    return _over_the_same(before, output, WITHIN)


def by_model(
    before: Begun, output: Sums | SumsGiven, fetch: Fetch, rng: Rng
) -> tuple[ScoreGiven, dict[str, bytes]]:
    """Fit the model at the brand, and send the partner's weights to it.

    Raises: TooFewMatches, NothingToLearn.
    """
    if isinstance(output, SumsGiven):
        return ScoreGiven(output.rows, ()), {}
    params: JointParams = before.params
    own, labels = _who_trains(before, fetch)
    within = np.array(decode(Sums, fetch(WITHIN)).values, np.int64)
    across = np.array(output.values, np.int64).reshape(-1, params.second.columns)
    second = moments.second_moments(own, labels, within, across)
    sigma = params.first.first.second.sigma_milli[-1] / 1000 / UNIT**2
    held, tables = np.frombuffer(fetch(HELD), "<f8"), decode(Tables, fetch(TABLES)).tables
    base = params.second.columns - params.tables.most
    more = np.zeros(params.second.columns)
    more[base : base + len(tables)] = held
    model = rounded(fit(second, own.shape[1], sigma, more))
    return ScoreGiven(output.rows, model.weights), {MODEL: encode(model)}


def _vectors(
    layout: SumLayout, values: NDArray[np.int32], at: NDArray[np.uint32], rows: int
) -> dict[str, bytes]:
    return {vector_chunk(i): v for i, v in enumerate(spread_vectors(layout, values, at, rows))}
