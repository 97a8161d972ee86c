"""A kept model applied again, whatever kind of job made it: scores, and audiences of the best."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pyroaring import BitMap

from party_node.audience_members import SALT_BYTES, keep_audience
from party_node.errors import IllegalState, NotFound
from party_node.job_kinds import JOINT, LOOKALIKE
from party_node.scoring import joint, lookalike
from party_node.scoring.scored import Scored, Scoring
from party_node.services import Services
from protocols.lookalike.model import audience

_KINDS: Mapping[str, Callable[[Scoring], Scored]] = MappingProxyType(
    {LOOKALIKE: lookalike.score, JOINT: joint.score}
)


def score(services: Services, job: str, requester: str) -> Scored:
    """Score this party's people by what a job has brought, after asking the gate.

    Raises: NotFound if it brought nothing to score by; ExpiredCollaboration; ConsentError;
    MissingColumn, MisfitColumn, DatasetChanged; IllegalState if nobody may be scored.
    """
    description = services.jobs.description(job)
    services.jobs.agreement(description)  # a model does not outlive its collaboration
    if description.kind not in _KINDS:
        raise NotFound(f"job {job} made no model")
    return _KINDS[description.kind](Scoring(services, description, requester))


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
