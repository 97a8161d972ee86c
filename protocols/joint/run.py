"""A joint score from end to end, as one protocol: match, add up, fit, score.

    brand (initiator, receives)                          partner (responder)
             ── … labelled matching … ──────────────────────►  row numbers and pads
    tosses who of those that match trains, and who judges
             ◄── … sums of its columns and their products … ──  over the rows that train
             ◄── … sums by the label and the brand's columns …
    fits a model from the sums
             ── weights of the partner's columns ───────────►
             ◄── each row's weighted sum, hidden by its pad ──
    opens those of its own people who match

**Who learns what.** The brand: which of its own people the partner has; sums over those who train
(with the partner's noise, where that is agreed); one number for each of its own people who match.
The partner: the size of the brand's list, filled up, and the weights of its columns. Neither sees a
feature or a label of a single person of the other's, other than through that one number.

**Assumed public.** Protocol, parameters, the sizes that are said, number and length of messages.

**Security.** That of the parts, semi-honest; what a brand could do otherwise: `scoring.py`.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from protocols.apart import apart, named
from protocols.codec import decode, encode
from protocols.errors import LocalError
from protocols.groups import Backend
from protocols.in_a_row import Begun, then
from protocols.joint import moments
from protocols.joint.fitting import check_people, fit
from protocols.joint.kept import KeptJointModel, rounded
from protocols.joint.records import AcrossParams, JointParams, ScoreParams, WithinParams
from protocols.joint.scoring import (
    SCORING,
    SUMS,
    ScoreGiven,
    opened,
    read_theirs,
    theirs_chunk,
)
from protocols.joint.widths import UNIT
from protocols.psi import chunks, ot
from protocols.psi.params import Labelled, SenderDone
from protocols.session import Fetch, Items, Rng, TwoParty
from protocols.sums.alignment import Aligned, own_values
from protocols.sums.bfv import SUMS_BFV
from protocols.sums.cot import SUMS as SUMS_COT
from protocols.sums.layout import SumLayout, vector_chunk, write_columns
from protocols.sums.made_columns import columns_made
from protocols.sums.records import AlignedRows, Sums, SumsGiven
from protocols.sums.spreading import spread_vectors

ACROSS = "across/"
"""Stands before the names of the chunks of the second sum."""
TRAINS, AT, PADS, WITHIN, MODEL = "trains", "at", "match-pads", "within", "joint-model"
"""Chunks of the brand: of each of its people who match whether it trains (a byte), its row and its
pad (four bytes); the first sum; the model."""


def joint_bfv(backend: Backend | None = None) -> TwoParty:
    """Return `joint-bfv/2`."""
    return over(SUMS_BFV, "joint-bfv/2")


def joint_cot(backend: Backend | None = None) -> TwoParty:
    """Return `joint-cot/2`."""
    return over(SUMS_COT, "joint-cot/2")


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
        responder_learns=f"{matching.responder_learns}; the weights of its columns",
    )
    within = in_a_row(matching, by_labels, _made(route, _with_products), params=WithinParams)
    second = apart(_made(route, _plainly), ACROSS)
    across = in_a_row(within, by_sums, second, params=AcrossParams)
    return in_a_row(across, by_model, SCORING, params=JointParams)


def _made(route: TwoParty, make: Callable[[bytes], bytes]) -> TwoParty:
    """Return a route that finds its matrix made of the chunks `theirs/…`."""
    return columns_made(route, lambda index: (theirs_chunk(index),), make)


def _with_products(theirs: bytes) -> bytes:
    return _written(moments.with_products(read_theirs(theirs)))


def _plainly(theirs: bytes) -> bytes:
    return _written(moments.plainly(read_theirs(theirs)))


def _written(rows: NDArray[np.int32]) -> bytes:
    return write_columns(rows, np.zeros((len(rows), 0), np.uint16))


# Between the parts


def by_labels(before: Begun, output: Labelled | SenderDone, fetch: Fetch, rng: Rng) -> Aligned:
    """Lay out who trains, over the partner's rows; and its own columns there, for the second sum.

    A label that names no row is passed over, and of two that name one row the later counts: if the
    run ended there, the partner would learn that the item matches which it has labelled so.
    """
    params: WithinParams = before.params
    layout, items = params.second.layout, before.given
    if isinstance(output, SenderDone):
        count = chunks.chunk_count(items.count, layout.chunk_rows)
        # The route that runs apart finds the same columns under its own names.
        theirs = {theirs_chunk(i): fetch(theirs_chunk(i)) for i in range(count)}
        return AlignedRows(items.count, layout.chunk_rows), named(theirs, ACROSS)
    rows = output.peer_count
    at, kept = rows_and_pads(output, fetch)
    matched = np.frombuffer(fetch(chunks.MATCHED), "<u4")
    values = own_values_of(fetch, items)
    there = at < rows
    coins = np.frombuffer(rng(4 * output.count), "<u4")
    trains = there & (coins >= 2**32 * params.hold_out_percent // 100)
    check_people(values[matched[trains], 0].astype(np.uint8))
    ones = np.ones((int(trains.sum()), 1), np.int32)
    laid = _vectors(layout, ones, at[trains], rows)
    across = dataclasses.replace(layout, vectors=values.shape[1], vector_bound=UNIT)
    laid |= named(
        _vectors(across, moments.vectors_of(values[matched[trains]]), at[trains], rows), ACROSS
    )
    laid |= kept | {TRAINS: trains.astype(np.uint8).tobytes()}
    return AlignedRows(rows, layout.chunk_rows), laid


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
    trains = np.frombuffer(fetch(TRAINS), np.uint8).astype(bool)
    matched = np.frombuffer(fetch(chunks.MATCHED), "<u4")[trains]
    values = own_values_of(fetch, before.given)[matched]
    own, labels = values[:, 1:].astype(np.uint8), values[:, 0].astype(np.uint8)
    check_people(labels)
    within = np.array(decode(Sums, fetch(WITHIN)).values, np.int64)
    across = np.array(output.values, np.int64).reshape(-1, params.second.columns)
    second = moments.second_moments(own, labels, within, across)
    sigma = params.first.first.second.sigma_milli[-1] / 1000 / UNIT**2
    model = rounded(fit(second, own.shape[1], sigma))
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
