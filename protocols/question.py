"""Canonical questions: what makes two questions the same one, as 32 bytes.

The same question about the same people is answered from its first release. What is no part of it:
who asks under which number and when, how exactly (a better accuracy is another price, not another
question), and what follows from those.
"""

import dataclasses
import functools
import hashlib

from protocols.codec import Record, decode, encode
from protocols.dp.budget import MAX_RELEASE_NANO
from protocols.dp.queries.query import RhoPrice
from protocols.errors import InvalidParameter
from protocols.federated import asked as federated
from protocols.federated.asked import Federated
from protocols.job import MATCHED_AND_SCORED, OPERATIONS, JobDescription
from protocols.job_params import params_of, per_person
from protocols.joint import asked as joint
from protocols.joint import asked_again as joint_again
from protocols.joint.asked import Joint
from protocols.joint.asked_again import JointAgain
from protocols.lookalike import asked as lookalike
from protocols.lookalike.asked import Lookalike
from protocols.psi.params import MatchingParams, RowParams
from protocols.sums import insight
from protocols.sums.insight import Insight

Asked = Insight | Lookalike | Joint | JointAgain | Federated
"""What a job asks beside the match."""


@functools.lru_cache(256)
def read(data: bytes) -> Asked:
    """Read the question of a job; once, because it never changes and is asked for in each step.

    Raises: MalformedMessage, InvalidParameter.
    """
    found = decode((Insight, Lookalike, Joint, JointAgain, Federated), data)
    assert isinstance(found, Insight | Lookalike | Joint | JointAgain | Federated)
    return found


def operations_of(job: JobDescription) -> tuple[str, ...]:
    """Return what a job does with a person's data: each must be permitted by consent.

    Raises: MalformedMessage, InvalidParameter.
    """
    if job.question and model_of(read(job.question)):
        return MATCHED_AND_SCORED  # what the making of the model does too, but for training
    return OPERATIONS[job.kind]


def model_of(asked: Asked) -> str:
    """Return the job whose model a question is about; empty if it is about none."""
    match asked:
        case Insight(model=model) | JointAgain(by=model):
            return model
        case _:
            return ""


def cost_of(asked: Asked, minimum: int) -> int:
    """Return what a question costs, in billionths of a rho."""
    if isinstance(asked, Federated):
        return asked.price
    return insight.cost_of(asked, minimum) if isinstance(asked, Insight) else asked.rho_nano


def params_for(asked: Asked, minimum: int, *, strict: bool = False) -> MatchingParams:
    """Return the parameters by which nodes run a question. Raises: InvalidParameter."""
    if isinstance(asked, Joint):
        return joint.params_for(asked)
    if isinstance(asked, JointAgain):
        return joint_again.params_for(asked)
    if isinstance(asked, Federated):
        return federated.params_for(asked)
    if isinstance(asked, Lookalike):
        return lookalike.params_for(asked, strict=strict)
    return insight.params_for(asked, minimum, strict=strict)


def params_fitting(asked: Asked, minimum: int) -> MatchingParams:
    """Return the parameters to ask with: without strict hashing, but where only strict hashing,
    which needs fewer dummies, has room for the question.

    Raises: InvalidParameter.
    """
    try:
        return params_for(asked, minimum)
    except InvalidParameter:
        return params_for(asked, minimum, strict=True)


def columns_of(asked: Asked, *, receiver: bool) -> set[str]:
    """Return the columns that the receiver, or else the sender, reads to answer a question."""
    if isinstance(asked, Joint):
        features = asked.ours if receiver else asked.theirs
        of_label = asked.wanted.schema.columns if receiver else ()
        return {f.column for f in features.features} | {c.source for c in of_label}
    if isinstance(asked, JointAgain):
        return {f.column for f in (asked.ours if receiver else asked.theirs).features}
    if isinstance(asked, Federated):
        return asked.columns
    if isinstance(asked, Lookalike):
        if receiver:
            return {feature.column for feature in asked.features.features}
        return {column.source for column in asked.chosen.schema.columns}
    schema = asked.ours.schema if receiver else asked.query.schema
    return {column.source for column in schema.columns}


def digest(asked: Record) -> bytes:
    """Return the 32 bytes by which a question is found again.

    `asked` is canonical: it has filters, groups and bounds in one order, and neither number, time
    nor price.
    """
    return hashlib.sha256(b"accord/question/1\x00" + encode(asked)).digest()


def of_job(job: JobDescription) -> bytes:
    """Return the question of a job: all that is asked but price and time.

    Dummies follow from the price. Types stand in any order, unless it says which of a person's
    identifiers stay out. Raises: InvalidParameter.
    """
    types, most = list(job.identifiers), per_person(job)
    if most is None or most >= len(types):
        types.sort()
    params = params_of(job)
    if isinstance(params, RowParams):
        params = dataclasses.replace(params, dummies=0)
    asked, said = job.question, encode(params)
    if asked:
        # The parameters follow from the question, its price and how many identifiers are brought.
        asked, said = encode(_without_price(read(asked))), str(params.per_person).encode()
    return digest(
        dataclasses.replace(
            job,
            job="",
            requester="",
            question=asked,
            protocol="" if asked else job.protocol,
            params=said,
            identifiers=tuple(types),
            rho_nano=0,
            created_ms=0,
            expires_ms=0,
        )
    )


def _without_price(asked: Asked) -> Asked:
    if isinstance(asked, Lookalike | Joint | JointAgain):
        return dataclasses.replace(asked, rho_nano=MAX_RELEASE_NANO)
    if isinstance(asked, Federated):
        return dataclasses.replace(asked, rho_nano=1)
    return dataclasses.replace(
        asked, query=dataclasses.replace(asked.query, price=RhoPrice(MAX_RELEASE_NANO))
    )
