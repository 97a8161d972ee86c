"""The question that asks for scores by the model of an earlier joint job."""

from party_node.errors import JobRefused, NotFound
from party_node.job_kinds import JOINT
from party_node.jobs import Jobs
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.question import Asked, read


def question_by(jobs: Jobs, job: str, rho_nano: int | None) -> JointAgain:
    """Return what asks for scores by a job's model, or by that which it has scored by itself; at
    the price of that job if none is given.

    Raises: JobRefused.
    """
    asked = _asked(jobs, job)
    by = asked.by if isinstance(asked, JointAgain) else job
    price = asked.rho_nano if rho_nano is None else rho_nano
    return JointAgain(by, asked.ours_dataset, asked.ours, asked.theirs_dataset, asked.theirs, price)


def _asked(jobs: Jobs, job: str) -> Joint | JointAgain:
    try:
        description = jobs.description(job)
    except NotFound:
        raise JobRefused("there is no earlier job of that number at this node") from None
    asked: Asked | None = read(description.question) if description.kind == JOINT else None
    if not isinstance(asked, Joint | JointAgain):
        raise JobRefused("only a job of the kind joint has a model to score by")
    return asked
