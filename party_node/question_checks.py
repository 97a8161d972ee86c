"""Whether a job asks what its kind may ask, of the datasets that it names, by who may ask it."""

from collections.abc import Mapping

from party_node.errors import JobRefused
from protocols.errors import ProtocolError
from protocols.federated.asked import Federated, terms_for
from protocols.federated.asked import params_for as federated_params
from protocols.job import JobDescription
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.lookalike.asked import Lookalike
from protocols.psi.params import JOB_PEOPLE
from protocols.question import Asked
from protocols.sums.insight import Insight


def check(job: JobDescription, asked: Asked) -> None:
    """Return if the question is one of the job. Raises: JobRefused."""
    match job.kind, asked:
        case "insight", Insight():
            _check_insight(job, asked)
        case "lookalike", Lookalike():
            _check_lookalike(job, asked)
        case "joint", Joint() | JointAgain():
            _check_joint(job, asked)
        case "federated", Federated():
            _check_federated(job, asked)
        case _:
            raise JobRefused(f"this is no question of a job of the kind {job.kind}")


def _check_insight(job: JobDescription, asked: Insight) -> None:
    if job.requester != job.receiver:
        # The segments are of the receiver's own columns: nobody else asks by them.
        raise JobRefused("a question is asked by the party that gets the answer")
    if asked.query.dataset != job.sender_dataset:
        raise JobRefused(f"the question is about another dataset than {job.sender_dataset}")


def _check_joint(job: JobDescription, asked: Joint | JointAgain) -> None:
    if job.requester != job.receiver:
        # The label is of the receiver's own columns, and the model its own: nobody else asks.
        raise JobRefused("a joint score is asked for by the party that gets it")
    _check_datasets(job, {job.receiver: asked.ours_dataset, job.sender: asked.theirs_dataset})


def _check_datasets(job: JobDescription, meant: Mapping[str, str]) -> None:
    for party, dataset in meant.items():
        if job.dataset_of(party) != dataset:
            raise JobRefused(f"the question is about another dataset than {dataset} of {party}")


def _check_lookalike(job: JobDescription, asked: Lookalike) -> None:
    _check_datasets(job, {job.receiver: asked.population, job.sender: asked.seeds_dataset})
    if 0 < asked.audience < job.minimum_size:
        raise JobRefused(f"an audience has at least {job.minimum_size} people")


def _check_federated(job: JobDescription, asked: Federated) -> None:
    """Refuse a training whose threshold does not fit the number of partners."""
    try:
        terms_for(job, federated_params(asked), dict.fromkeys(job.parties(), JOB_PEOPLE))
    except ProtocolError as e:
        raise JobRefused(f"so many partners cannot train like this: {e}") from e
