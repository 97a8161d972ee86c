"""Runs of a whole lookalike between two sides in memory, from people as numbers."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.lookalike import evaluation
from protocols.lookalike.kept import write_representation
from protocols.lookalike.looking import first_look
from protocols.lookalike.records import LookalikeParams, SeedSumParams, TrainingSumsParams
from protocols.lookalike.representation import Representation
from protocols.lookalike.run import LOOK, codes_chunk, over, people_chunk
from protocols.lookalike.sums import prices, training_params
from protocols.psi.padding import NOBODY
from protocols.session import TwoParty
from protocols.sums.records import SumParams
from tests.support.aligned_runs import grouped, join_params
from tests.support.clear_sums import CLEAR
from tests.support.lookalikes import RHO, Prepared
from tests.support.pair import CTX, Played, run_pair
from tests.support.seeded import digests, seeded

CHUNK = 256
COLUMNS = 97
"""Of each sum that trains, with the counting one."""
FILLERS = 10
"""Rows of nobody behind the population."""
RUN = over(CLEAR, "lookalike-clear/1")


def quiet(params: SumParams) -> SumParams:
    """Return the same sum without noise, so that it can be compared."""
    return dataclasses.replace(params, sigma_milli=(0,) * len(params.sigma_milli))


def params_of(
    rows: int, *, noise: bool = False, percent: int = 20, columns: int = COLUMNS
) -> LookalikeParams:
    most = rows + FILLERS
    join = join_params(1, max_items=most, chunk_items=CHUNK)
    looks = [training_params(columns, most, rho, CHUNK) for rho in prices(RHO)]
    judge = evaluation.sum_params(most, RHO)
    judge = dataclasses.replace(judge, layout=dataclasses.replace(judge.layout, chunk_rows=CHUNK))
    if not noise:
        looks, judge = [quiet(look) for look in looks], quiet(judge)
    return LookalikeParams(
        TrainingSumsParams(SeedSumParams(join, looks[0], percent), looks[1]), judge
    )


def looked(p: Prepared) -> Representation:
    """Return what makes the rows of the first sum."""
    return first_look(p.bins, p.codes, p.made.seeds_step, RHO, seeded("look"))


def laid(p: Prepared, columns: int = COLUMNS) -> dict[str, bytes]:
    """Return what the partner lays down beside its rows."""
    rows = len(p.codes) + FILLERS
    people = np.full(rows, NOBODY, np.uint32)
    people[: len(p.codes)] = np.arange(len(p.codes))
    codes = np.zeros((rows, p.codes.shape[1]), np.uint16)
    codes[: len(p.codes)] = p.codes
    found = {LOOK: write_representation(looked(p), columns)}
    for i, at in enumerate(range(0, rows, CHUNK)):
        here = slice(at, at + CHUNK)
        found[codes_chunk(i)] = codes[here].astype("<u2").tobytes()
        found[people_chunk(i)] = people[here].astype("<u4").tobytes()
    return found


def play_lookalike(
    p: Prepared, seeds: NDArray[Any], protocol: TwoParty = RUN, params: Any = None, **more: Any
) -> Played:
    """Play a run: `seeds` are numbers of people; those beyond the population match nobody."""
    mine = [int(n) for n in seeds]
    theirs = list(range(len(p.codes) + FILLERS))
    theirs[len(p.codes) :] = [10**6 + n for n in range(FILLERS)]
    made = params or params_of(len(p.codes))
    return run_pair(
        grouped(protocol, [len(mine)]), made, CTX,
        digests(mine), digests(theirs), laid=({}, laid(p, made.sums[0].layout.columns)),
        **more,
    )  # fmt: skip
