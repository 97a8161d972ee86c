"""A joint score from end to end, as one protocol: match, look, add up, fit, score.

    brand (initiator, receives)                          partner (responder)
             ── … labelled matching … ──────────────────────►  row numbers and pads
    tosses who of those that match trains, and who judges
             ◄── … sums over cells of its rows … ───────────  how many train there, and with what
             ── tables ────────────────────────────────────►  more columns, by its cells
             ◄── … sums of its columns and their products … ──  over the rows that train
             ◄── … sums by the label and the brand's columns …
    fits a model from the sums
             ── weights of the partner's columns ───────────►
             ◄── each row's weighted sum, hidden by its pad ──
    opens those of its own people who match

**Who learns what.** The brand: which of its own people the partner has; sums over those who train
(with the partner's noise, where that is agreed, and then nothing is looked at); one number for each
of its own people who match. The partner: the size of the brand's list, filled up, the tables and
the weights of its columns. Neither sees a feature or a label of a single person of the other's,
other than through these.

**Assumed public.** Protocol, parameters, the sizes that are said, number and length of messages.

**Security.** That of the parts, semi-honest; what a brand could do otherwise: `scoring.py`.
"""

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from protocols.apart import apart, named
from protocols.codec import decode, encode
from protocols.errors import LocalError
from protocols.groups import Backend
from protocols.in_a_row import Begun, then
from protocols.joint import matrices, moments, table_learning
from protocols.joint.cell_chunks import cells_chunk
from protocols.joint.fitting import check_people, fit, left_of
from protocols.joint.kept import KeptJointModel, rounded
from protocols.joint.records import (
    AcrossParams,
    JointParams,
    LookParams,
    ScoreParams,
    ToldParams,
    WithinParams,
)
from protocols.joint.scoring import SCORING, SUMS, ScoreGiven, base_chunk, opened, theirs_chunk
from protocols.joint.table_learning import quantised
from protocols.joint.tables import NONE, Tables
from protocols.joint.telling import TABLES, TELLING, TablesGiven, Told
from protocols.joint.widths import UNIT
from protocols.psi import chunks, ot
from protocols.psi.params import Labelled, SenderDone
from protocols.session import Fetch, Items, Progress, Rng, Role, TwoParty
from protocols.sums.alignment import Aligned, own_values
from protocols.sums.bfv import SUMS_BFV
from protocols.sums.cot import SUMS as SUMS_COT
from protocols.sums.layout import SumLayout, vector_chunk
from protocols.sums.made_columns import columns_made
from protocols.sums.records import AlignedRows, Sums, SumsGiven
from protocols.sums.spreading import spread_vectors

LOOK, ACROSS = "look/", "across/"
"""Stand before the names of the chunks of the look and of the last sum."""
TRAINS, AT, PADS, HELD, WITHIN, MODEL = (
    "trains", "at", "match-pads", "held", "within", "joint-model",
)  # fmt: skip
"""Chunks of the brand: of each of its people who match whether it trains (a byte), its row and its
pad (four bytes); by how much tables are held back (64-bit floats); the first sum; the model."""


def joint_bfv(backend: Backend | None = None) -> TwoParty:
    """Return `joint-bfv/3`."""
    return over(SUMS_BFV, "joint-bfv/3")


def joint_cot(backend: Backend | None = None) -> TwoParty:
    """Return `joint-cot/3`."""
    return over(SUMS_COT, "joint-cot/3")


def over(route: TwoParty, name: str) -> TwoParty:
    """Return the run whose sums are added up by this route."""
    matching = ot.labelled()
    in_a_row = functools.partial(
        then,
        name=name,
        title="A model of one party's labels over both parties' features, and its scores",
        initiator_learns=(
            "which of its own items match; sums over them of the other side's columns; one "
            "weighted sum of these for each item that matches"
        ),
        responder_learns=(
            f"{matching.responder_learns}; tables over its cells, and the weights of its columns"
        ),
    )
    looking = columns_made(apart(route, LOOK), matrices.cells, matrices.in_cells, LOOK)
    looked = in_a_row(matching, by_labels, looking, params=LookParams)
    told = in_a_row(looked, by_look, TELLING, params=ToldParams, ahead=_at_once)
    adding = columns_made(route, matrices.theirs, matrices.with_products)
    within = in_a_row(told, by_tables, adding, params=WithinParams)
    second = columns_made(apart(route, ACROSS), matrices.theirs, matrices.plainly, ACROSS)
    across = in_a_row(within, by_sums, second, params=AcrossParams)
    return in_a_row(across, by_model, SCORING, params=JointParams)


def _at_once(before: Begun, now: Progress) -> Progress:
    return Progress(0, 0)


# Between the parts


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
    there = at < rows
    coins = np.frombuffer(rng(4 * output.count), "<u4")
    trains = there & (coins >= 2**32 * params.hold_out_percent // 100)
    own, labels = _apart(values[matched[trains]])
    check_people(labels)
    left = quantised(left_of(own, labels))
    ones = np.ones(len(left), np.int32)
    laid = named(_vectors(layout, np.stack([ones, left], axis=1), at[trains], rows), LOOK)
    laid |= kept | {TRAINS: trains.astype(np.uint8).tobytes()}
    return AlignedRows(rows, layout.chunk_rows), laid


def by_look(
    before: Begun, output: Sums | SumsGiven, fetch: Fetch, rng: Rng
) -> tuple[TablesGiven, dict[str, bytes]]:
    """Make tables at the brand of what it has seen."""
    params: ToldParams = before.params
    look, most = params.second.look, params.second.most
    if isinstance(output, SumsGiven):
        return TablesGiven(output.rows, NONE), {}
    own, labels = _who_trains(before, fetch)
    people, added = np.array(output.values, np.int64).reshape(2, -1)
    if not look.fine:
        return TablesGiven(output.rows, NONE), {HELD: b""}
    found = table_learning.learn(look, people, added, float(left_of(own, labels).var()), most)
    return TablesGiven(output.rows, found.tables), {HELD: found.held.astype("<f8").tobytes()}


def by_tables(before: Begun, output: Told, fetch: Fetch, rng: Rng) -> Aligned:
    """Lay out who trains for the first sum, and their values for the second; at the partner all of
    its columns.
    """
    params: WithinParams = before.params
    layout, rows = params.second.layout, output.rows
    given, size = AlignedRows(rows, layout.chunk_rows), layout.chunk_rows
    if before.role is Role.RESPONDER:
        wide = _columns_within(len(layout.dense))
        told = decode(Tables, fetch(TABLES))
        return given, {
            theirs_chunk(i): matrices.beside(
                fetch(base_chunk(i)), fetch(cells_chunk(i)), told, wide
            )
            for i in range(chunks.chunk_count(rows, size))
        }
    own, labels = _who_trains(before, fetch)
    at = np.frombuffer(fetch(AT), "<u4")[_trains(fetch)]
    ones = np.ones((len(own), 1), np.int32)
    values = np.concatenate([labels[:, None], own], axis=1).astype(np.int32)
    across = dataclasses.replace(layout, vectors=values.shape[1], vector_bound=UNIT)
    second = _vectors(across, moments.vectors_of(values), at, rows)
    return given, _vectors(layout, ones, at, rows) | named(second, ACROSS)


def _columns_within(sums: int) -> int:
    """Return of how many columns there are so many sums: of each, and of each product of two."""
    return int(np.sqrt(2 * sums + 2.25) - 1.5 + 1e-9)


def _trains(fetch: Fetch) -> NDArray[np.bool_]:
    return np.frombuffer(fetch(TRAINS), np.uint8).astype(bool)


def _who_trains(before: Begun, fetch: Fetch) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the brand's columns and labels of those who train, in the order of `matched`."""
    matched = np.frombuffer(fetch(chunks.MATCHED), "<u4")[_trains(fetch)]
    return _apart(own_values_of(fetch, before.given)[matched])


def _apart(values: NDArray[np.int32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return values[:, 1:].astype(np.uint8), values[:, 0].astype(np.uint8)


def rows_and_pads(output: Labelled, fetch: Fetch) -> tuple[NDArray[np.uint32], dict[str, bytes]]:
    """Return which of the partner's rows each match is, and the chunks that `scores` needs."""
    labels = np.frombuffer(fetch(chunks.LABELS), "<u4").reshape(output.count, 2)
    at, pads = (labels[:, n].astype("<u4") for n in (0, 1))
    return at, {AT: at.tobytes(), PADS: pads.tobytes()}


def by_sums(before: Begun, output: Sums | SumsGiven, fetch: Fetch, rng: Rng) -> Aligned:
    """Keep the first sum; the second is over the same rows."""
    kept = {WITHIN: encode(output)} if isinstance(output, Sums) else {}
    return AlignedRows(output.rows, before.params.second.layout.chunk_rows), kept


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


def own_values_of(fetch: Fetch, items: Items) -> NDArray[np.int32]:
    """Return of each of the brand's items the label, 0 or 1, where one is laid, and its columns.

    Raises: LocalError if a chunk does not fit.
    """
    data = b"".join(fetch(own_values(i)) for i in range(items.chunk_count()))
    width = len(data) // (4 * items.count) if items.count else 1
    if len(data) != 4 * width * items.count:
        raise LocalError("the input has not a value for each item and column")
    return np.frombuffer(data, "<i4").reshape(items.count, width)


def scores(
    params: ScoreParams, rows: int, fetch: Fetch, mine: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return the score of each of the brand's items that match, in the order of `matched`.

    `mine` has the brand's columns of each of them. Raises: LocalError if a kept chunk does not fit.
    """
    model = decode(KeptJointModel, fetch(MODEL))
    theirs = partner_sums(params, rows, fetch)
    return model.score(mine.astype(np.int64) @ model.own_weights() + theirs)


def partner_sums(params: ScoreParams, rows: int, fetch: Fetch) -> NDArray[np.int64]:
    """Return the weighted sum of the partner's columns of each of the brand's items that match, in
    the order of `matched`. Raises: LocalError if a kept chunk does not fit.
    """
    size = params.chunk_rows
    data = b"".join(fetch(chunks.kept(SUMS, i)) for i in range(chunks.chunk_count(rows, size)))
    hidden = np.frombuffer(data, "<u4")
    at, pads = np.frombuffer(fetch(AT), "<u4"), np.frombuffer(fetch(PADS), "<u4")
    there = at < rows
    theirs = np.zeros(len(at), np.int64)
    theirs[there] = opened(hidden[at[there]], pads[there])
    return theirs


def _vectors(
    layout: SumLayout, values: NDArray[np.int32], at: NDArray[np.uint32], rows: int
) -> dict[str, bytes]:
    return {vector_chunk(i): v for i, v in enumerate(spread_vectors(layout, values, at, rows))}
