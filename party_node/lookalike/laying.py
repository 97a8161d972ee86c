"""What each side of a `lookalike` job lays down before its run begins.

The sender lays its permitted seeds as one group, filled up, in a secret order. The receiver lays a
row for each of its permitted people, in a secret order, and beside it the codes of the person's
features, of which the columns of the sums are made: rows that fill its list up say nothing.
"""

import dataclasses

import numpy as np
from pyroaring import FrozenBitMap

from party_node import matching_input
from party_node.errors import JobRefused
from party_node.execution import Execution
from party_node.insight.grouping import Numbers, are_chosen
from party_node.insight.laying import Laid
from party_node.job_checks import check_items
from party_node.laid_rows import keep_digests, lay_rows
from party_node.lookalike.reading import read_people
from party_node.matchable import Matchable
from party_node.permission import Permission
from protocols.lookalike.asked import Lookalike
from protocols.lookalike.encoding import LEAST_PEOPLE, encode_rows, learn_bins
from protocols.lookalike.kept import write_representation
from protocols.lookalike.looking import first_look
from protocols.lookalike.quality import report_of
from protocols.lookalike.records import LookalikeParams
from protocols.lookalike.run import LOOK, codes_chunk, people_chunk
from protocols.lookalike.seeds import FEWEST_SEEDS, TooFewSeeds
from protocols.psi import padding
from protocols.psi.blinded_join_input import lay_out
from protocols.question import read
from protocols.session import Items, Role


def lay(
    execution: Execution, permission: Permission, people: FrozenBitMap, params: LookalikeParams
) -> Laid:
    """Read these permitted people and lay them out; return the input, and counts for this side.

    Raises: JobRefused, TooFewSeeds if they are too few or too many; MissingColumn, MisfitColumn,
    LeakyColumn, NothingToLearn, DatasetUnreadable.
    """
    held = execution.services.datasets.items(permission, execution.job.identifiers, people)
    asked = read(execution.job.question)
    assert isinstance(asked, Lookalike)
    if execution.role is Role.INITIATOR:
        return _lay_seeds(execution, permission, held, asked, params)
    return _lay_population(execution, permission, held, asked, params)


def _lay_seeds(
    execution: Execution,
    permission: Permission,
    held: Matchable,
    asked: Lookalike,
    params: LookalikeParams,
) -> Laid:
    rng, least = execution.services.rng, execution.job.minimum_size
    persons, digests, report = matching_input.one_each(held)
    seeds = _seeds(execution, permission, asked, persons)
    found = int(seeds.sum())
    if found < max(least, FEWEST_SEEDS):
        raise TooFewSeeds(f"a seed audience has at least {max(least, FEWEST_SEEDS)} people here")
    if found < asked.seeds:
        raise TooFewSeeds("fewer seeds are permitted than the job states: state fewer")
    laid = lay_out(digests[:, None], seeds, least, params.join, execution.ctx, rng)
    check_items(execution.job, len(laid.digests))
    keep_digests(execution, laid.digests, params.chunk_items)
    return laid.items, report | {"items": len(laid.digests), "seeds": found}


def _seeds(
    execution: Execution, permission: Permission, asked: Lookalike, persons: Numbers
) -> Numbers:
    """Return 1 for each person who is a seed, 0 for the others."""
    if asked.chosen.where is None:
        return np.ones(len(persons), np.int64)
    return are_chosen(execution, permission, asked.chosen, persons).astype(np.int64)


def _lay_population(
    execution: Execution,
    permission: Permission,
    held: Matchable,
    asked: Lookalike,
    params: LookalikeParams,
) -> Laid:
    rng = execution.services.rng
    persons, digests, report = matching_input.one_each(held)
    if len(persons) < LEAST_PEOPLE:
        raise JobRefused(f"a population has at least {LEAST_PEOPLE} people who may be used")
    columns = read_people(execution.services.datasets, permission, persons, asked.features)
    bins = learn_bins(asked.features, columns)
    codes = encode_rows(bins, columns)
    made = first_look(bins, codes, asked.step, asked.rho_nano, rng)
    rows = lay_rows(execution, digests, padding.tossed_by(1, 1, params.dummies), params)
    look, *_ = params.sums
    execution.chunks.keep({LOOK: write_representation(made, look.layout.columns)})
    size = params.chunk_items
    people = persons.astype(np.uint32)
    for i, at in enumerate(range(0, len(rows), size)):
        part = slice(at, at + size)
        here, whose = rows.spread(codes, 0, part), rows.spread(people, padding.NOBODY, part)
        execution.chunks.keep(
            {
                codes_chunk(i): here.astype("<u2").tobytes(),
                people_chunk(i): whose.astype("<u4").tobytes(),
            }
        )
    used = [one.feature.column for one in bins]
    quality = report_of(asked.features, columns, bins, codes)
    report |= {"items": len(rows), "features": used}
    report["columns"] = [dataclasses.asdict(one) for one in quality.columns]
    return Items(len(rows), size), report
