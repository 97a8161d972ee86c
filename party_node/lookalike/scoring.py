"""A kept model applied again: to the people whom consent covers now, and to their rows as they are.

So whoever has withdrawn is in no later score and no later audience, and newcomers are. It costs no
budget: a model is what its sums, which were paid for, have come to.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyroaring import BitMap

from party_node import uses
from party_node.audience_members import SALT_BYTES, keep_audience
from party_node.dataset_index import DENSE, KEY
from party_node.errors import IllegalState
from party_node.job_kinds import JOINT
from party_node.lookalike.reading import read_features
from party_node.people_sets import are_among
from party_node.row_file import RowFile
from party_node.services import Services
from protocols.job import OPERATIONS, JobDescription
from protocols.lookalike.asked import Lookalike
from protocols.lookalike.encoding import encode_rows
from protocols.lookalike.kept import read_model
from protocols.lookalike.model import audience
from protocols.question import read

_TTL_MS = 15 * 60 * 1000
_SCORE = tuple(name for name in OPERATIONS["lookalike"] if name == "lookalike.score")
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scored:
    """Everybody who may be scored now, by dense number, rising, each with a score: log-odds."""

    job: str
    dataset: str
    people: NDArray[np.int64] = field(repr=False)
    scores: NDArray[np.float32] = field(repr=False)
    withheld: int
    """People in the dataset who may not be scored."""
    keys: pa.Table = field(repr=False)
    """Row keys of these people (`key`), with the place of each one's score (`at`)."""

    def rows(self) -> Iterator[tuple[str, float]]:
        """Return key and score of every row, the best first."""
        scores = self.scores[self.keys["at"].to_numpy()]
        order = np.argsort(-scores, kind="stable")
        keys = self.keys["key"].take(order).to_pylist()
        yield from zip(keys, scores[order].tolist(), strict=True)


def score(services: Services, job: str, requester: str) -> Scored:
    """Score the population of a job anew, after asking the gate.

    Raises: NotFound if the job made no model here; ExpiredCollaboration; ConsentError;
    MissingColumn, MisfitColumn, DatasetChanged; IllegalState if nobody may be scored.
    """
    description = services.jobs.description(job)
    services.jobs.agreement(description)  # a model does not outlive its collaboration
    if description.kind == JOINT:
        return _kept(services, description, requester)
    model = read_model(services.models.load(job).model)
    asked = read(description.question)
    assert isinstance(asked, Lookalike)
    permitted = _permit(services, description, requester)
    found = np.fromiter(permitted.allowed, np.int64, len(permitted.allowed))
    if not len(found):
        raise IllegalState("nobody may be scored")

    def work(file: RowFile, people: Numbers) -> Any:
        return read_features(file, people, found, asked.features)

    columns = services.datasets.over_rows(permitted.reading, work)
    scores = model.score(encode_rows(model.bins, columns))
    keys = services.datasets.over_index(permitted.reading, [KEY, DENSE], partial(_keys, found))
    withheld = permitted.asked - len(found)
    uses.complete(services.gate, permitted)
    dataset = description.dataset_of(services.home.keys.party)
    return Scored(job, dataset, found, scores, withheld, keys)


def _kept(services: Services, job: JobDescription, requester: str) -> Scored:
    """Return the scores that a joint job has brought, of whom consent covers now."""
    people, scores = services.scores.load(job.job).read()
    among = BitMap(people.astype(np.uint32))
    permitted = _permit(services, job, requester, among)
    may = are_among(people, permitted.allowed)
    keys = services.datasets.over_index(
        permitted.reading, [KEY, DENSE], partial(_keys, people[may])
    )
    uses.complete(services.gate, permitted)
    dataset = job.dataset_of(services.home.keys.party)
    return Scored(job.job, dataset, people[may], scores[may], len(people) - int(may.sum()), keys)


def _permit(
    services: Services, job: JobDescription, requester: str, among: BitMap | None = None
) -> uses.Uses:
    number = f"{job.job}-score-{services.rng(8).hex()}"
    again = uses.Later(number, _SCORE, requester, among)
    me = services.home.keys.party
    return uses.permit(services.gate, job, me, _TTL_MS, later=again)


def _keys(people: Numbers, index: pa.Table, permitted: NDArray[np.bool_]) -> pa.Table:
    rows = index.filter(pa.array(permitted))
    at = np.searchsorted(people, rows[DENSE].to_numpy())
    return pa.table({"key": rows[KEY], "at": at})


def make_audience(services: Services, job: str, size: int, requester: str) -> Scored:
    """Make the audience of a job anew, of those who score best now, in place of an earlier one.

    Raises: as `score`; IllegalState if so many people may not be scored, or the agreement asks for
    more.
    """
    description = services.jobs.description(job)
    if description.kind == JOINT:
        raise IllegalState("a joint score makes no audience: take the scores")
    least = description.minimum_size
    found = score(services, job, requester)
    if not least <= size <= len(found.people):
        raise IllegalState(
            f"an audience here has {least:,} to {len(found.people):,} people: as many may be scored"
        )
    best = found.people[audience(found.scores, size)]
    members = services.rng(SALT_BYTES) + BitMap(best).serialize()
    now = services.clock_ms()
    with services.db.writing() as session:
        keep_audience(session, services.vault, job, found.dataset, members, now)
    return found
