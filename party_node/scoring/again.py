"""A kept model applied again, whatever kind of job made it: scores, and audiences of the best."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pyroaring import BitMap

from party_node.audience_members import SALT_BYTES, keep_audience
from party_node.errors import IllegalState, NotFound
from party_node.job_kinds import FEDERATED, JOINT, LOOKALIKE
from party_node.scoring import federated, joint, lookalike
from party_node.scoring.scored import Scored, Scoring
from party_node.services import Services
from protocols.lookalike.model import audience

_KINDS: Mapping[str, Callable[[Scoring], Scored]] = MappingProxyType(
    {LOOKALIKE: lookalike.score, JOINT: joint.score, FEDERATED: federated.score}
)


@dataclass(frozen=True, slots=True)
class Made:
    """An audience that was made: of whom it has the best, and who was left out from the start."""

    scored: Scored
    left_out: int
    """People of the list, none of whom was asked about or scored."""
    unknown_keys: int
    """Keys of the list that no row of the dataset has."""


def score(services: Services, job: str, requester: str) -> Scored:
    """Score this party's people by what a job has brought, after asking the gate.

    Raises: NotFound if it brought nothing to score by; ExpiredCollaboration, ScoringNotAgreed;
    ConsentError; MissingColumn, MisfitColumn, DatasetChanged; IllegalState if nobody may be scored.
    """
    return _score(services, job, requester, BitMap())


def make_audience(
    services: Services, job: str, size: int, requester: str, without: Sequence[str] = ()
) -> Made:
    """Make the audience of a job anew, of those who score best now, in place of an earlier one.

    `without` are row keys of people to leave out. Raises: as `score`; IllegalState if so many
    people may not be scored, or the agreement asks for more.
    """
    description = services.jobs.description(job)
    if description.kind == JOINT:
        raise IllegalState("a joint score makes no audience: take the scores")
    dataset = description.dataset_of(services.home.keys.party)
    left_out, unknown = BitMap(), 0
    if without:
        left_out, unknown = services.datasets.people_and_unknown(dataset, without)
    least = description.minimum_size
    found = _score(services, job, requester, left_out)
    if not least <= size <= len(found.people):
        raise IllegalState(
            f"an audience here has {least:,} to {len(found.people):,} people: as many may be scored"
        )
    best = found.people[audience(found.scores, size)]
    members = services.rng(SALT_BYTES) + BitMap(best).serialize()
    now = services.clock_ms()
    with services.db.writing() as session:
        keep_audience(session, services.vault, job, found.dataset, members, now)
    return Made(found, len(left_out), unknown)


def _score(services: Services, job: str, requester: str, without: BitMap) -> Scored:
    description = services.jobs.description(job)
    agreed = services.jobs.agreement(description)  # a model does not outlive its collaboration
    if description.kind not in _KINDS:
        raise NotFound(f"job {job} made no model")
    return _KINDS[description.kind](Scoring(services, description, agreed, requester, without))
