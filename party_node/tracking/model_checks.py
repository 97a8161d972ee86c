"""Whether a question may name the model that it names: checked at both nodes, before anything runs.

A model scores people for the purpose, and for the party, that it was made for. So who asks brought
its seeds, who is asked keeps it, and both asked for it under the same agreement.
"""

from coordinator.wire import JobState
from party_node.errors import JobRefused
from party_node.job_kinds import INSIGHT, LOOKALIKE
from protocols.job import JobDescription
from protocols.question import read
from protocols.sums.insight import Insight


def named(job: JobDescription) -> str:
    """Return the job whose model a question names; empty if it names none.

    Raises: MalformedMessage, InvalidParameter.
    """
    if job.kind != INSIGHT or not job.question:
        return ""
    asked = read(job.question)
    return asked.model if isinstance(asked, Insight) else ""


def check(job: JobDescription, made: JobDescription | None, state: str) -> None:
    """Return if the job that made the model, which stands in that state here, may be named.

    Raises: JobRefused.
    """
    if made is None:
        raise JobRefused("the question names a model that no job here has made")
    if made.kind != LOOKALIKE or state != JobState.COMPLETED:
        raise JobRefused("the question names a job that has made no model")
    if made.collaboration != job.collaboration:
        raise JobRefused("the question names a model of another collaboration")
    if made.parties() != (job.sender, job.receiver):
        raise JobRefused("only who brought the seeds asks, and only who has the model is asked")
    if made.receiver_dataset != job.sender_dataset:
        raise JobRefused(f"the model scores the people of the dataset {made.receiver_dataset}")
    if made.purpose != job.purpose:
        raise JobRefused(f"a model scores for the purpose that it was made for: {made.purpose}")
