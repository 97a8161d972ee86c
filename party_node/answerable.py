"""Whether a side has what a question needs, columns and a model: known before anything is charged
or read.
"""

from party_node.earlier_models import kept
from party_node.errors import MissingColumn, NodeError
from party_node.joint.sides import ReceiverSide, SenderSide
from party_node.lookalike.models import MadeModel
from party_node.services import Services
from party_node.tracking.laying import features_of
from protocols.job import JobDescription
from protocols.joint.asked_again import JointAgain
from protocols.lookalike.asked import Lookalike
from protocols.lookalike.seeds import TooFewSeeds
from protocols.question import columns_of, model_of, read


def require(parts: Services, job: JobDescription, party: str) -> None:
    """Return if `party`, which this node is, could answer its side of a question.

    Raises: UnknownDataset, MissingColumn, ModelGone, SealBroken.
    """
    if not job.question:
        return
    asked, receives = read(job.question), party == job.receiver
    needed = columns_of(asked, receiver=receives)
    if isinstance(asked, JointAgain):
        kept(parts.sides, asked.by, ReceiverSide if receives else SenderSide)
    elif (model := model_of(asked)) and not receives:
        kept(parts.models, model, MadeModel)
        needed |= columns_of(features_of(parts.jobs.description(model)), receiver=True)
    dataset = job.dataset_of(party)
    missing = sorted(needed - set(parts.datasets.info(dataset).report.columns))
    if missing:
        raise MissingColumn(f"the dataset {dataset} has no column {', '.join(missing)}")


def require_seeds(job: JobDescription, party: str, permitted: int) -> None:
    """Return if `party`, which asks, could have as many seeds as its question states, of so many
    permitted people. Its own number is told to nobody else. Raises: TooFewSeeds.
    """
    asked = read(job.question) if job.question else None
    if isinstance(asked, Lookalike) and party != job.receiver and permitted < asked.seeds:
        raise TooFewSeeds(f"{permitted:,} people are permitted here: state fewer seeds")


def lacks(parts: Services, job: JobDescription, party: str) -> str:
    """Return the code of the error for which this side could not answer; empty if it could."""
    try:
        require(parts, job, party)
    except NodeError as e:
        return e.code
    return ""
