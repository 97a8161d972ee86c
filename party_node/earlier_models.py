"""The model of an earlier job that a question names: whether it may, and whether it is here still.

A model scores people for the purpose, and between the parties, that it was made for, under the same
agreement. So a question about the reach of a lookalike is asked by who brought its seeds, of who
has it; scores by a joint model are asked for by the same two parties about the same columns. Both
nodes check that before anything runs: the asker's when it describes the job, the other one when it
reads it from the board.
"""

from typing import TypeVar

from coordinator.wire import JobState
from party_node.errors import JobRefused, ModelGone
from party_node.job_kinds import JOINT, LOOKALIKE
from party_node.sealed_files import SealedFiles
from protocols.codec import Record
from protocols.errors import ProtocolError
from protocols.job import JobDescription
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.question import model_of, read

_R = TypeVar("_R", bound=Record)
_S = TypeVar("_S", bound=Record)


def named(job: JobDescription) -> str:
    """Return the job whose model a question names; empty if it names none.

    Raises: MalformedMessage, InvalidParameter.
    """
    return model_of(read(job.question)) if job.question else ""


def check(job: JobDescription, made: JobDescription | None, state: str) -> None:
    """Return if the job that made the model, which stands in that state here, may be named.

    Raises: JobRefused.
    """
    if made is None:
        raise JobRefused("the question names a model that no job here has made")
    asked = read(job.question)
    kind = JOINT if isinstance(asked, JointAgain) else LOOKALIKE
    if made.kind != kind or state != JobState.COMPLETED:
        raise JobRefused("the question names a job that has made no model")
    if made.collaboration != job.collaboration:
        raise JobRefused("the question names a model of another collaboration")
    if made.purpose != job.purpose:
        raise JobRefused(f"a model scores for the purpose that it was made for: {made.purpose}")
    if isinstance(asked, JointAgain):
        _check_joint(job, asked, made)
    else:
        _check_lookalike(job, made)


def kept(files: SealedFiles[_R], job: str, kind: type[_S]) -> _S:
    """Return what this node has kept of the making of a model.

    Raises: ModelGone, also for what another version of this software has kept; SealBroken.
    """
    try:
        found = files.find(job)
    except ProtocolError:
        raise ModelGone from None
    if not isinstance(found, kind):
        raise ModelGone
    return found


def _check_lookalike(job: JobDescription, made: JobDescription) -> None:
    if made.parties() != (job.sender, job.receiver):
        raise JobRefused("only who brought the seeds asks, and only who has the model is asked")
    if made.receiver_dataset != job.sender_dataset:
        raise JobRefused(f"the model scores the people of the dataset {made.receiver_dataset}")


def _check_joint(job: JobDescription, asked: JointAgain, made: JobDescription) -> None:
    before = read(made.question)
    if not isinstance(before, Joint):
        raise JobRefused("the question names a job that has scored by the model of another one")
    theirs, ours = ((one.receiver, one.receiver_dataset, one.senders) for one in (made, job))
    if theirs != ours:
        raise JobRefused(
            "scores are by a model that the same two parties have made, over the same datasets"
        )
    if (before.ours, before.theirs) != (asked.ours, asked.theirs):
        raise JobRefused("the features are not those of the model")
