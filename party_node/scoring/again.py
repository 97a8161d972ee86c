"""A kept model applied again, whatever kind of job made it: scores, and audiences of the best."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from pyroaring import BitMap

from party_node.audience_members import SALT_BYTES, keep_audience
from party_node.errors import IllegalState, NotFound
from party_node.job_kinds import FEDERATED, JOINT, LOOKALIKE
from party_node.scoring import federated, joint, lookalike
from party_node.scoring.scored import InUse, Scored, Scoring
from party_node.services import Services
from party_node.uses import Foreseen
from protocols.federated.asked import Federated
from protocols.lookalike.asked import Lookalike
from protocols.lookalike.model import audience
from protocols.question import read

_KINDS: Mapping[str, Callable[[Scoring], InUse]] = MappingProxyType(
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


def score(services: Services, job: str, requester: str, dataset: str = "") -> Scored:
    """Score this party's people by what a job has brought, after asking the gate.

    `dataset` is another one that this party offers in the agreement; empty for that of the job.
    Raises: NotFound if it brought nothing to score by; ExpiredCollaboration, ScoringNotAgreed;
    ConsentError; UnknownDataset, MissingColumn, MisfitColumn, DatasetChanged; IllegalState if
    nobody may be scored, or the dataset is not offered.
    """
    scoring = asked(services, job, requester, dataset)
    return scoring.end(begin(scoring))


def make_audience(
    services: Services,
    job: str,
    size: int,
    requester: str,
    without: Sequence[str] = (),
    dataset: str = "",
) -> Made:
    """Make the audience of a job anew, of those who score best now, in place of an earlier one.

    `without` are row keys of people to leave out. Raises: as `score`; IllegalState if so many
    people may not be scored, or the agreement asks for more.
    """
    scoring, unknown = asked(services, job, requester, dataset), 0
    if scoring.job.kind == JOINT:
        raise IllegalState("a joint score makes no audience: take the scores")
    if without:
        left_out, unknown = services.datasets.people_and_unknown(scoring.dataset, without)
        scoring = replace(scoring, without=left_out)
    found, least = scoring.end(begin(scoring)), scoring.job.minimum_size
    if not least <= size <= len(found.people):
        raise IllegalState(
            f"an audience here has {least:,} to {len(found.people):,} people: as many may be scored"
        )
    best = found.people[audience(found.scores, size)]
    members = services.rng(SALT_BYTES) + BitMap(best).serialize()
    now = services.clock_ms()
    with services.db.writing() as session:
        keep_audience(session, services.vault, job, found.dataset, members, now)
    return Made(found, len(scoring.without), unknown)


def foreseen(
    services: Services,
    job: str,
    requester: str,
    dataset: str = "",
    beside: frozenset[str] = frozenset(),
) -> Foreseen:
    """Return how many people `score` would be for now, and why not the others; nothing is recorded
    and nobody is scored.

    `beside` are columns that are read beside those of the model. Raises: as `score`, but for what
    is met only where rows are read.
    """
    scoring = asked(services, job, requester, dataset)
    if scoring.job.kind == JOINT:
        return scoring.foreseen(beside, joint.people(scoring))
    question = read(scoring.job.question)
    assert isinstance(question, Lookalike | Federated)
    features = frozenset(one.column for one in question.features.features)
    return scoring.foreseen(features | beside)


def asked(services: Services, job: str, requester: str, dataset: str) -> Scoring:
    """Return what is to be scored by what a job has brought: nobody is asked about yet.

    Raises: NotFound; ExpiredCollaboration; IllegalState if the dataset is not offered.
    """
    description, me = services.jobs.description(job), services.home.keys.party
    agreed = services.jobs.agreement(description)  # a model does not outlive its collaboration
    own = description.dataset_of(me)
    if dataset not in ("", own):
        if description.kind == JOINT:
            raise IllegalState("joint scores are of the people of the job's own dataset")
        if (me, dataset) not in {(offer.party, offer.dataset) for offer in agreed.datasets}:
            raise IllegalState(f"{me} does not offer {dataset} in the agreement")
    return Scoring(services, description, agreed, dataset or own, requester)


def begin(scoring: Scoring) -> InUse:
    """Ask the gate and score, whatever kind of job made the model; the use goes on.

    Raises: NotFound if the job brought nothing to score by; as `Scoring`.
    """
    if scoring.job.kind not in _KINDS:
        raise NotFound(f"job {scoring.job.job} made no model")
    return _KINDS[scoring.job.kind](scoring)
