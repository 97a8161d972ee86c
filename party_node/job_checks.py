"""Whether a job fits the collaboration that it names: checked at both nodes, whatever the
coordinator says.
"""

from party_node import count_noise
from party_node.errors import JobRefused, StrictNeeded
from protocols.collaboration import Collaboration, Member, Permitted, digest
from protocols.dp.budget import MAX_RELEASE_NANO
from protocols.errors import ProtocolError
from protocols.identifiers import KINDS
from protocols.job import JobDescription
from protocols.job_params import params_of as read_params
from protocols.job_params import per_person
from protocols.psi.params import STRICT_BELOW, MatchingParams

MAX_JOB_MS = 30 * 24 * 3600 * 1000
MAX_SKEW_MS = 10 * 60 * 1000
MIN_CHUNK_ITEMS = 4096
MIN_TAG_BYTES = 12


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
    _check_types(job.identifiers)
    for party, dataset in zip(
        job.parties(), (job.receiver_dataset, job.sender_dataset), strict=True
    ):
        _check_dataset(job, collaboration, party, dataset)
    if job.minimum_size < collaboration.minimum_size:
        raise JobRefused(f"the agreed minimum size is {collaboration.minimum_size} people")
    if not 0 < job.rho_nano <= MAX_RELEASE_NANO:
        raise JobRefused("a size is released with noise only: the cost is above 0 and at most 10")
    params_of(job)
    lasts = job.expires_ms - job.created_ms
    if job.created_ms > now_ms + MAX_SKEW_MS or not 0 < lasts <= MAX_JOB_MS:
        raise JobRefused("the job begins in the future, or lasts longer than 30 days")
    if not now_ms < job.expires_ms <= collaboration.expires_ms:
        raise JobRefused("the job has expired, or outlives the collaboration")
    return clause


def _check_types(types: tuple[str, ...]) -> None:
    if not types or len(set(types)) < len(types) or not set(types) <= set(KINDS):
        raise JobRefused(f"a job names some of {', '.join(KINDS)}, each once")


def params_of(job: JobDescription) -> MatchingParams:
    """Return the job's parameters.

    Refused are those by which a requester could weaken or wear out the other side.
    Raises: JobRefused.
    """
    try:
        params = read_params(job)
    except ProtocolError as e:
        raise JobRefused("the parameters are not those of the protocol") from e
    if params.smallest_chunk() < MIN_CHUNK_ITEMS or params.tag_bytes < MIN_TAG_BYTES:
        raise JobRefused("the parameters ask for chunks or tags that are too small")
    count_noise.check(job, params)
    return params


def check_sizes(job: JobDescription, permitted: int) -> None:
    """Check that this side's people may run under the job's parameters, before anything is charged.

    `permitted` is people; what they bring is items (`check_items`). Raises: StrictNeeded for a
    small set without strict hashing; JobRefused for more people than have room.
    """
    params = params_of(job)
    if permitted < STRICT_BELOW and not params.hides_in_small_sets():
        raise StrictNeeded(f"fewer than {STRICT_BELOW:,} people are permitted on this side")
    most = params.max_items // (per_person(job) or 1) - count_noise.dummies_of(job)
    if permitted > most:
        raise JobRefused(f"the job allows at most {most:,} people on a side")


def check_items(job: JobDescription, items: int) -> None:
    """Check the size of this side's input as the other side will see it, in items.

    Raises: JobRefused if the people bring more identifiers than the job allows.
    """
    most = params_of(job).max_items
    if items > most:
        raise JobRefused(f"the job allows at most {most:,} identifiers on a side")


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
    missing = [kind for kind in job.identifiers if kind not in offer.identifiers]
    if missing:
        raise JobRefused(
            f"dataset {dataset} of {party} is not offered for matching by {' and '.join(missing)}"
        )
