"""Who has to sign the receipt of a job: all parties; of a training, those who stayed to its end."""

from collections.abc import Iterable

from protocols.codec import decode
from protocols.federated.asked import FEDERATED, FederatedParams
from protocols.job import JobDescription


def signers(job: JobDescription, signed: Iterable[str]) -> tuple[str, ...]:
    """Return who has to sign, in the job's order, given who has.

    Of a training, those of its parties that have, if no more are missing than may drop out.
    Raises: MalformedMessage if the parameters are not those of a training.
    """
    if job.kind != FEDERATED:
        return job.parties()
    some = set(signed)
    found = tuple(party for party in job.parties() if party in some)
    params = decode(FederatedParams, job.params)
    least = params.threshold or len(job.parties()) // 2 + 1
    return found if len(found) >= least else job.parties()
