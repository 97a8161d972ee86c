"""The earlier job by whose model a joint job scores: looked up, compared, and refused if need be.

Both sides do so before anything is read or charged: the asker where it asks, the other where it
says its pre-flight.
"""

from typing import TypeVar

from party_node.errors import JobRefused, ModelGone, NodeError, NotFound
from party_node.job_kinds import JOINT
from party_node.jobs import Jobs
from party_node.joint.sides import ReceiverSide, SenderSide, Side
from party_node.sealed_files import SealedFiles
from party_node.services import Services
from protocols.errors import ProtocolError
from protocols.job import JobDescription
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.question import Asked, read

_S = TypeVar("_S", ReceiverSide, SenderSide)


def question_by(jobs: Jobs, job: str, rho_nano: int | None) -> JointAgain:
    """Return what asks for scores by a job's model, or by that which it has scored by itself; at
    the price of that job if none is given.

    Raises: JobRefused.
    """
    asked = _asked(jobs, job)
    by = asked.by if isinstance(asked, JointAgain) else job
    price = asked.rho_nano if rho_nano is None else rho_nano
    return JointAgain(by, asked.ours_dataset, asked.ours, asked.theirs_dataset, asked.theirs, price)


def check(parts: Services, job: JobDescription, party: str) -> None:
    """Return if `party`, which this node is, can score by the model that a job names, if it does.

    Raises: JobRefused if that is not one of the same parties about the same columns; ModelGone.
    """
    asked = read(job.question) if job.kind == JOINT else None
    if not isinstance(asked, JointAgain):
        return
    before = _asked(parts.jobs, asked.by)
    if not isinstance(before, Joint) or not _same(parts.jobs.description(asked.by), job):
        raise JobRefused(
            "scores are by a model that the same two parties have made, over the same datasets, "
            "under the same collaboration and for the same purpose"
        )
    if (before.ours, before.theirs) != (asked.ours, asked.theirs):
        raise JobRefused("the features are not those of the model")
    if party == job.receiver:
        kept(parts.sides, asked.by, ReceiverSide)
    else:
        kept(parts.sides, asked.by, SenderSide)


def refusal(parts: Services, job: JobDescription, party: str) -> str:
    """Return the code of the error for which this side would refuse; empty if it can score."""
    try:
        check(parts, job, party)
    except NodeError as e:
        return e.code
    return ""


def kept(sides: SealedFiles[Side], job: str, kind: type[_S]) -> _S:
    """Return what this side has kept of a job.

    Raises: ModelGone, also for what another version of this software has kept; SealBroken.
    """
    try:
        found = sides.find(job)
    except ProtocolError:
        raise ModelGone from None
    if not isinstance(found, kind):
        raise ModelGone
    return found


def _asked(jobs: Jobs, job: str) -> Joint | JointAgain:
    try:
        description = jobs.description(job)
    except NotFound:
        raise JobRefused("there is no earlier job of that number at this node") from None
    asked: Asked | None = read(description.question) if description.kind == JOINT else None
    if not isinstance(asked, Joint | JointAgain):
        raise JobRefused("only a job of the kind joint has a model to score by")
    return asked


def _same(before: JobDescription, now: JobDescription) -> bool:
    """Tell whether two jobs are of the same parties, about the same datasets, for the same."""
    return all(
        getattr(before, name) == getattr(now, name)
        for name in ("collaboration", "purpose", "receiver", "receiver_dataset", "senders")
    )
