"""Whether a job fits the collaboration that it names: checked at both nodes, whatever the
coordinator says.
"""

from party_node.errors import JobRefused
from protocols.collaboration import Collaboration, Member, Permitted, digest
from protocols.job import JobDescription

MAX_JOB_MS = 30 * 24 * 3600 * 1000


def check(job: JobDescription, collaboration: Collaboration, now_ms: int) -> Permitted:
    """Return the clause of the collaboration that permits `job`.

    Raises: JobRefused, saying which term is broken.
    """
    if job.collaboration_hash != digest(collaboration):
        raise JobRefused("the job names another version of the collaboration")
    if job.requester not in job.parties() or job.receiver == job.sender:
        raise JobRefused("the requester must be one of the job's two parties")
    for party in job.parties():
        member(collaboration, party)
    clause = next((p for p in collaboration.permitted if _fits(p, job)), None)
    if clause is None:
        raise JobRefused(f"{job.kind} for {job.purpose} towards {job.receiver} was not agreed")
    for party, dataset in zip(
        job.parties(), (job.receiver_dataset, job.sender_dataset), strict=True
    ):
        _check_dataset(job, collaboration, party, dataset)
    if job.minimum_size < collaboration.minimum_size:
        raise JobRefused(f"the agreed minimum size is {collaboration.minimum_size} people")
    if job.rho_nano <= 0:
        raise JobRefused("a size is released with noise only: the cost must be positive")
    if (
        not job.created_ms <= now_ms + MAX_JOB_MS
        or not now_ms < job.expires_ms <= collaboration.expires_ms
    ):
        raise JobRefused("the job has expired, or outlives the collaboration")
    return clause


def member(collaboration: Collaboration, party: str) -> Member:
    """Return the member of that name. Raises: JobRefused."""
    found = collaboration.member(party)
    if found is None:
        raise JobRefused(f"{party} is not a member of {collaboration.collaboration}")
    return found


def _fits(permitted: Permitted, job: JobDescription) -> bool:
    agreed = (permitted.kind, permitted.protocol, permitted.purpose, permitted.receiver)
    return agreed == (job.kind, job.protocol, job.purpose, job.receiver)


def _check_dataset(
    job: JobDescription, collaboration: Collaboration, party: str, dataset: str
) -> None:
    offer = next(
        (d for d in collaboration.datasets if (d.party, d.dataset) == (party, dataset)), None
    )
    if offer is None:
        raise JobRefused(f"dataset {dataset} of {party} is not part of the collaboration")
    if job.identifier not in offer.identifiers:
        raise JobRefused(
            f"dataset {dataset} of {party} is not offered for matching by {job.identifier}"
        )
