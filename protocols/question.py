"""Canonical questions: what makes two questions the same one, as 32 bytes.

The same question about the same people is answered from its first release. What is no part of it:
who asks under which number and when, how exactly (a better accuracy is another price, not another
question), and what follows from those.
"""

import dataclasses
import hashlib

from protocols.codec import Record, encode
from protocols.dp.budget import MAX_RELEASE_NANO
from protocols.dp.queries.query import RhoPrice
from protocols.job import JobDescription
from protocols.job_params import params_of, per_person
from protocols.psi.params import RowParams
from protocols.sums.insight import Insight, question_of


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
        asked, said = encode(_without_price(question_of(asked))), str(params.per_person).encode()
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


def _without_price(asked: Insight) -> Insight:
    return dataclasses.replace(
        asked, query=dataclasses.replace(asked.query, price=RhoPrice(MAX_RELEASE_NANO))
    )
