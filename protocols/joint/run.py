"""A joint score from end to end, as one protocol: match, look, add up, fit, score.

    brand (initiator, receives)                          partner (responder)
             ── … labelled matching … ──────────────────────►  row numbers and pads
    tosses who of those that match trains, and who judges
             ◄── … sums over cells of its rows, of one feature, then of two …
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

import functools

from protocols.apart import apart
from protocols.groups import Backend
from protocols.in_a_row import Begun, then
from protocols.joint import between, matrices
from protocols.joint.between import ACROSS, LOOK, PAIRS
from protocols.joint.records import (
    AcrossParams,
    JointParams,
    LookParams,
    PairParams,
    ToldParams,
    WithinParams,
)
from protocols.joint.scoring import SCORING
from protocols.joint.telling import TELLING
from protocols.psi import ot
from protocols.session import Progress, TwoParty
from protocols.sums.bfv import SUMS_BFV
from protocols.sums.cot import SUMS as SUMS_COT
from protocols.sums.made_columns import columns_made


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
    bins = columns_made(apart(route, LOOK), matrices.cells, matrices.in_bins, LOOK)
    looked = in_a_row(matching, between.by_labels, bins, params=LookParams)
    pairs = columns_made(apart(route, PAIRS), matrices.cells, matrices.in_pairs, PAIRS)
    twice = in_a_row(looked, between.by_bins, pairs, params=PairParams)
    told = in_a_row(twice, between.by_look, TELLING, params=ToldParams, ahead=_at_once)
    adding = columns_made(route, matrices.theirs, matrices.with_products)
    within = in_a_row(told, between.by_tables, adding, params=WithinParams)
    second = columns_made(apart(route, ACROSS), matrices.theirs, matrices.plainly, ACROSS)
    across = in_a_row(within, between.by_sums, second, params=AcrossParams)
    return in_a_row(across, between.by_model, SCORING, params=JointParams)


def _at_once(before: Begun, now: Progress) -> Progress:
    return Progress(0, 0)
