"""A small run of each protocol: played by honest parties, and recorded.

What a hostile peer or network makes of them is in `tests/hostile/test_psi_*.py`. A new protocol is
a line in `RUNS`; a test sees to it that none of the registry is forgotten.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from protocols.joint.again import joint_again
from protocols.joint.kept import KeptJointModel
from protocols.joint.looks import Look
from protocols.joint.run import joint_bfv, joint_cot
from protocols.lookalike.representation import represent
from protocols.lookalike.run import lookalike_bfv, lookalike_cot
from protocols.psi import dh, ot, ring
from protocols.psi.blinded_join import BLINDED_JOIN
from protocols.psi.params import OtParams, PreparedParams, PsiParams
from protocols.psi.prepared import PREPARED
from protocols.psi.union import UNION_INDEX, UnionParams
from protocols.session import TwoParty
from protocols.sums import composed, cot
from protocols.sums.layout import SumLayout
from tests.support import aligned_runs, joint_runs, lookalike_runs
from tests.support.aligned import drawn, params_of, run_sums
from tests.support.circle import run_circle
from tests.support.lookalikes import RHO, Prepared, prepared
from tests.support.pair import CTX, NOTHING_LAID, Laid, Played, params_for, run_pair
from tests.support.prepared_sets import Receiver, Sender, laid_for
from tests.support.psi_ot_vectors import label_chunks
from tests.support.recorded import Recording, watched
from tests.support.seeded import digests, seeded

Play = Callable[..., Played]
"""Plays the run of a two-party protocol; takes what `run_pair` takes by name."""

MINE, THEIRS, BEFORE = range(20), range(12, 30), range(5, 25)
UNION_SETS = range(14), range(9, 20)
GROUPS = range(14), range(14, 20)
"""Two groups of the brand of a blinded join; `THEIRS` matches two of the first and all others."""
JOIN_COT, JOIN_BFV = composed.join_cot(), composed.join_bfv()
LOOKALIKE_COT, LOOKALIKE_BFV = lookalike_cot(), lookalike_bfv()
JOINT_COT, JOINT_BFV = joint_cot(), joint_bfv()
JOINT_AGAIN = joint_again()
RING_SETS = [digests(range(12)), digests(range(4, 14)), digests(range(6, 20))]

_DH = PsiParams(max_items=60, chunk_items=8, tag_bytes=12, strict=False)
_OT = OtParams(max_items=60, chunk_items=8, chunk_rows=4096, bucket_items=16)
_PREPARED = PreparedParams(max_items=60, chunk_items=8, tag_bytes=12)
_UNION = UnionParams(max_items=60, chunk_items=8, tag_bytes=12, dummies=3)
# Chunks hold whole tables: fewer messages, so that each kind comes up often.
_RING = PsiParams(max_items=60, chunk_items=200, tag_bytes=12, strict=True)
RING_IN_CHUNKS = dataclasses.replace(_RING, chunk_items=8)


@dataclasses.dataclass(frozen=True)
class HostileRun:
    """A protocol and its recorded run."""

    protocol: Any
    """A `TwoParty` or a `MultiParty`."""
    recording: Callable[[], Recording]


def play_dh(protocol: TwoParty, **more: Any) -> Played:
    """Play a run of psi-dh: rows of two where people are counted."""
    rows = {"per_person": 2} if protocol.params is dh.RowParams else {}
    params = params_for(protocol, _DH, **rows)
    return run_pair(protocol, params, CTX, digests(MINE), digests(THEIRS), **more)


def play_ot(protocol: TwoParty, **more: Any) -> Played:
    """Play a run of psi-ot in several buckets."""
    labelled = protocol.name == ot.LABELLED.name
    params = dataclasses.replace(_OT, label_bytes=5 if labelled else 0)
    labels = label_chunks([b"label"] * len(THEIRS), 8)
    laid = ({}, labels) if labelled else NOTHING_LAID
    return run_pair(protocol, params, CTX, digests(MINE), digests(THEIRS), laid=laid, **more)


def play_first(protocol: TwoParty, **more: Any) -> Played:
    """Play the first run against a prepared set, in which the whole set comes."""
    return _play_prepared(protocol, laid_for(_PREPARED, digests(THEIRS)), THEIRS, **more)


def play_later(protocol: TwoParty, **more: Any) -> Played:
    """Play a later run against a prepared set, in which a difference comes."""
    return _play_prepared(protocol, _laid_before_a_later_run(), THEIRS, **more)


@functools.cache
def _laid_before_a_later_run() -> Laid:
    sender, receiver = Sender(_PREPARED), Receiver(_PREPARED)
    sender.take(digests(BEFORE))
    played = _play_prepared(PREPARED, (receiver.chunks(), sender.chunks()), BEFORE)
    receiver.adopt(played.receiver.chunks)
    sender.take(digests(THEIRS))
    return receiver.chunks(), sender.chunks()


def _play_prepared(protocol: TwoParty, laid: Laid, theirs: range, **more: Any) -> Played:
    return run_pair(protocol, _PREPARED, CTX, digests(MINE), digests(theirs), laid=laid, **more)


def play_union(protocol: TwoParty, **more: Any) -> Played:
    """Play a run of the union index."""
    return run_pair(protocol, _UNION, CTX, *map(digests, UNION_SETS), **more)


def play_join(protocol: TwoParty, **more: Any) -> Played:
    """Play a blinded join of two groups."""
    return aligned_runs.play_join(GROUPS, THEIRS, protocol=protocol, **more)


def play_sums_by_join(protocol: TwoParty, **more: Any) -> Played:
    """Play sums over a blinded join of two groups, a part of the matches held out."""
    return aligned_runs.play_sums_by_join(GROUPS, THEIRS, 30, protocol=protocol, **more)


def play_sums_by_labels(protocol: TwoParty, **more: Any) -> Played:
    """Play sums over labels."""
    return aligned_runs.play_sums_by_labels(MINE, THEIRS, protocol=protocol, **more)


def play_sums_by_union(protocol: TwoParty, **more: Any) -> Played:
    """Play sums over the union."""
    return aligned_runs.play_sums_by_union(*UNION_SETS, protocol=protocol, **more)


@functools.cache
def _population() -> Prepared:
    p = prepared(110, step=25)
    return dataclasses.replace(p, made=represent(p.bins, p.codes, 25, RHO, seeded("few"), 6))


def play_lookalike(protocol: TwoParty, **more: Any) -> Played:
    """Play a lookalike of a small population, with few columns."""
    p = _population()
    seeds = np.flatnonzero(p.wanted)[:30]
    params = lookalike_runs.params_of(len(p.codes), columns=p.made.columns)
    return lookalike_runs.play_lookalike(p, seeds, protocol, params, **more)


def play_joint(protocol: TwoParty, **more: Any) -> Played:
    """Play a joint score of as few people as may be, with two columns at each side, and a look."""
    draws = np.random.default_rng(5)
    own, theirs = (draws.integers(0, 33, (160, 2)).astype(np.uint8) for _ in range(2))
    labels = (own[:, 0] > theirs[:, 0]).astype(np.uint8)
    people = list(range(160))
    bins = (theirs[:, [0, 1, 0, 1]] > 16).astype(np.uint16)
    params = joint_runs.params_of(165, 2, 2, look=Look((2, 2), (2, 2)), tables=2)
    return joint_runs.play_joint(
        people, people, own, labels, theirs, protocol, params, bins=bins, **more
    )


def play_joint_again(protocol: TwoParty, **more: Any) -> Played:
    """Play scores by an earlier model, with several messages of them."""
    draws = np.random.default_rng(6)
    own = draws.integers(0, 33, (len(MINE), 2)).astype(np.uint8)
    theirs = draws.integers(0, 33, (len(THEIRS), 2)).astype(np.uint8)
    model = KeptJointModel(1, (3, -4), (5, -6), 100)
    return joint_runs.play_again(
        list(MINE), list(THEIRS), own, theirs, model, model.weights, protocol, 8, **more
    )


SUM_OF = drawn(SumLayout(1, 20, (255, 3), (4,), 20, 8), 20)
"""Sums of more than a byte of entries of one: all columns are narrow where they may be."""


def play_sums(protocol: TwoParty, *, to_holder: bool = True, **more: Any) -> Played:
    """Play a run of a sum by correlated transfers."""
    params = params_of(SUM_OF.layout, to_holder=to_holder)
    return run_sums(SUM_OF, params, protocol, **more)


def _pair(protocol: TwoParty, play: Play) -> HostileRun:
    @functools.cache
    def recording() -> Recording:
        states: list[bytes] = []
        played = play(watched(protocol, states))
        return Recording(
            sorted(set(states)),
            played.receiver.sent + played.sender.sent,
            played.sender.chunks | played.receiver.chunks,
        )

    return HostileRun(protocol, recording)


def _circle(protocol: Any) -> HostileRun:
    @functools.cache
    def recording() -> Recording:
        """A run in a single chunk each, and one in small chunks."""
        states: list[bytes] = []
        messages: list[bytes] = []
        chunks: dict[str, bytes] = {}
        for params in (_RING, RING_IN_CHUNKS):
            for member in run_circle(watched(protocol, states), params, CTX, RING_SETS):
                messages += [message for _, message in member.sent]
                chunks |= member.chunks
        return Recording(sorted(set(states)), messages, chunks)

    return HostileRun(protocol, recording)


RUNS = {
    dh.MEMBERS.name: _pair(dh.MEMBERS, play_dh),
    dh.CARDINALITY.name: _pair(dh.CARDINALITY, play_dh),
    ot.MEMBERS.name: _pair(ot.MEMBERS, play_ot),
    ot.LABELLED.name: _pair(ot.LABELLED, play_ot),
    f"{PREPARED.name} first": _pair(PREPARED, play_first),
    f"{PREPARED.name} later": _pair(PREPARED, play_later),
    UNION_INDEX.name: _pair(UNION_INDEX, play_union),
    BLINDED_JOIN.name: _pair(BLINDED_JOIN, play_join),
    aligned_runs.JOIN.name: _pair(aligned_runs.JOIN, play_sums_by_join),
    aligned_runs.LABELLED.name: _pair(aligned_runs.LABELLED, play_sums_by_labels),
    aligned_runs.UNION.name: _pair(aligned_runs.UNION, play_sums_by_union),
    JOIN_COT.name: _pair(JOIN_COT, play_sums_by_join),
    JOIN_BFV.name: _pair(JOIN_BFV, play_sums_by_join),
    LOOKALIKE_COT.name: _pair(LOOKALIKE_COT, play_lookalike),
    LOOKALIKE_BFV.name: _pair(LOOKALIKE_BFV, play_lookalike),
    JOINT_COT.name: _pair(JOINT_COT, play_joint),
    JOINT_BFV.name: _pair(JOINT_BFV, play_joint),
    JOINT_AGAIN.name: _pair(JOINT_AGAIN, play_joint_again),
    cot.SUMS.name: _pair(cot.SUMS, play_sums),
    cot.NARROW.name: _pair(cot.NARROW, functools.partial(play_sums, to_holder=False)),
    ring.MEMBERS.name: _circle(ring.MEMBERS),
    ring.CARDINALITY.name: _circle(ring.CARDINALITY),
}
