"""Whether a job fits the collaboration that it names: checked at both nodes, whatever the
coordinator says.
"""

from party_node import count_noise, question_checks, sum_costs
from party_node.errors import JobRefused, StrictNeeded
from party_node.job_kinds import ASKING, FEDERATED
from protocols.collaboration import Collaboration, DatasetOffer, Member, Permitted, digest
from protocols.collaboration_terms import REVEALING, permits
from protocols.disclosure import step_up
from protocols.dp.budget import MAX_RELEASE_NANO, price_of
from protocols.errors import ProtocolError, UnknownProtocol
from protocols.identifiers import KINDS
from protocols.job import JobDescription
from protocols.job_params import params_of as read_params
from protocols.psi.params import STRICT_BELOW, MatchingParams
from protocols.question import Asked, columns_of, cost_of, params_for, read
from protocols.sums.alignment_params import AlignedParams

MAX_JOB_MS = 30 * 24 * 3600 * 1000
MAX_SKEW_MS = 10 * 60 * 1000
MIN_CHUNK_ITEMS = 4096
MIN_TAG_BYTES = 12


def check(job: JobDescription, collaboration: Collaboration, now_ms: int) -> Permitted:
    """Return the clause of the collaboration that permits `job`, which this version could run.

    Raises: JobRefused, saying which term is broken; UnknownProtocol.
    """
    clause = check_agreed(job, collaboration, now_ms)
    if job.kind in ASKING:
        _check_question(job, collaboration)
    else:
        _check_room(job, params_of(job))
    _check_price(job)
    return clause


def check_agreed(job: JobDescription, collaboration: Collaboration, now_ms: int) -> Permitted:
    """Return the clause that permits `job`, whether or not this version runs its protocol.

    Its parameters are not looked at: a protocol says what they are. Raises: JobRefused.
    """
    if job.collaboration_hash != digest(collaboration):
        raise JobRefused("the job names another version of the collaboration")
    _check_parties(job, collaboration)
    clause = next((p for p in collaboration.permitted if _fits(p, job)), None)
    if clause is None:
        raise JobRefused(f"{job.kind} for {job.purpose} towards {job.receiver} was not agreed")
    _check_types(job)
    for party in job.parties():
        _check_dataset(job, collaboration, party, job.dataset_of(party))
    if job.question and job.kind not in ASKING:
        raise JobRefused(f"{job.kind} asks no question beside the match")
    if job.minimum_size < collaboration.minimum_size:
        raise JobRefused(f"the agreed minimum size is {collaboration.minimum_size} people")
    if not 0 < job.rho_nano <= MAX_RELEASE_NANO:
        raise JobRefused("a size is released with noise only: the cost is above 0 and at most 10")
    lasts = job.expires_ms - job.created_ms
    if job.created_ms > now_ms + MAX_SKEW_MS or not 0 < lasts <= MAX_JOB_MS:
        raise JobRefused("the job begins in the future, or lasts longer than 30 days")
    if not now_ms < job.expires_ms <= collaboration.expires_ms:
        raise JobRefused("the job has expired, or outlives the collaboration")
    return clause


def _check_parties(job: JobDescription, collaboration: Collaboration) -> None:
    """Refuse a job that is not between all members of the collaboration, each named once."""
    parties = job.parties()
    if job.requester not in parties or len(parties) < 2 or len(set(parties)) < len(parties):
        raise JobRefused("the requester must be one of the job's parties, which are two or more")
    for party in parties:
        member(collaboration, party)
    if len(parties) < len(collaboration.members):
        raise JobRefused("every member of the collaboration takes part in its jobs")


def _check_types(job: JobDescription) -> None:
    types = job.identifiers
    if not types or len(set(types)) < len(types) or not set(types) <= set(KINDS):
        raise JobRefused(f"a job names some of {', '.join(KINDS)}, each once")
    if len(types) > 1 and not job.is_of_two() and job.kind != FEDERATED:
        # Else a person could be a match at one party by one type and at the next by another.
        raise JobRefused("three or more parties match by one type of identifier")


def _check_room(job: JobDescription, params: MatchingParams) -> None:
    """Refuse a job that would make a side hold more than a job may ask of it."""
    most = type(params).for_job(len(job.identifiers), params.per_person).max_items
    if params.max_items > most:
        raise JobRefused(f"a job allows at most {most:,} items on a side")
    if params.per_person > len(job.identifiers):
        raise JobRefused("a person brings more identifiers than the job has types")


def _check_question(job: JobDescription, collaboration: Collaboration) -> None:
    """Refuse a question that is not about offered columns, or whose parameters and price are not
    those that follow from it.
    """
    params = params_of(job)
    try:
        asked = read(job.question)
        strict = params.hides_in_small_sets()
        due = params_for(asked, job.minimum_size, strict=strict)
        price = cost_of(asked, job.minimum_size)
        if isinstance(due, AlignedParams):
            sum_costs.check_room(job.protocol, due)
    except ProtocolError as e:
        raise JobRefused(f"the question cannot be answered over people in common: {e}") from e
    if params != due:
        raise JobRefused("the parameters are not those of the question")
    if price != job.rho_nano:
        raise JobRefused("the price is not that of the question")
    question_checks.check(job, asked)
    _check_offered(job, asked, collaboration)


def _check_offered(job: JobDescription, asked: Asked, collaboration: Collaboration) -> None:
    """Refuse a question that reads columns which the other parties do not offer."""
    for party in job.others(job.requester):
        offered = _offer(collaboration, party, job.dataset_of(party)).columns
        read_there = columns_of(asked, receiver=party == job.receiver)
        missing = sorted(read_there - set(offered))
        if missing:
            raise JobRefused(f"{party} does not offer the column {missing[0]!r} for questions")


def _check_price(job: JobDescription) -> None:
    """Refuse a list whose noise hides whether it is above the minimum.

    At a price of nearly nothing the noisy size passes any minimum half of the time, also for a list
    of one; and the budget would pay for millions of lists.
    """
    width = count_noise.half_width(job)
    if job.kind in REVEALING and 2 * width > job.minimum_size:
        raise JobRefused(
            f"noise of ±{width:,} people hides whether a list has {job.minimum_size}: "
            f"the cost must be at least {_price_of_a_list(job.minimum_size)}"
        )


def _price_of_a_list(minimum: int) -> str:
    narrowest, widest = 2, 10_000
    return price_of(min(max(minimum // 2, narrowest), widest)).decimal()


def params_of(job: JobDescription) -> MatchingParams:
    """Return the job's parameters.

    Refused are those by which a requester could weaken or wear out the other side.
    Raises: JobRefused, UnknownProtocol.
    """
    try:
        params = read_params(job)
    except UnknownProtocol:
        raise
    except ProtocolError as e:
        raise JobRefused("the parameters are not those of the protocol") from e
    if params.smallest_chunk() < MIN_CHUNK_ITEMS or params.tag_bytes < MIN_TAG_BYTES:
        raise JobRefused("the parameters ask for chunks or tags that are too small")
    if not job.is_of_two() and not params.hides_in_small_sets():
        raise JobRefused("three or more parties match with strict hashing only")
    count_noise.check(job, params)
    return params


def check_sizes(job: JobDescription, permitted: int) -> None:
    """Check that this side's people may run under the job's parameters, before anything is charged.

    `permitted` is people; what they bring is items (`check_items`). Raises: StrictNeeded for a
    small set without strict hashing; JobRefused for more people than have room.

    Both are decided by the step that the set is filled up to: a refusal is heard by the other side,
    which chose the limits, and must tell no more than the run would.
    """
    params = params_of(job)
    if is_small(permitted) and not params.hides_in_small_sets():
        raise StrictNeeded(f"at most {STRICT_BELOW:,} people are permitted on this side")
    most = params.max_items // params.per_person - params.dummies
    if step_up(permitted) > most:
        raise JobRefused(f"the job allows at most {most:,} people on a side")


def is_small(permitted: int) -> bool:
    """Tell whether so many people are to be matched strictly: by their step, so that what is asked
    for, and what is refused, tells no more than the run would.
    """
    return step_up(permitted) <= STRICT_BELOW


def check_items(job: JobDescription, items: int) -> None:
    """Check the size of this side's input as the other side will see it, in items, filled up.

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
    return permits(permitted, job.kind, job.protocol, job.purpose, job.receiver)


def _check_dataset(
    job: JobDescription, collaboration: Collaboration, party: str, dataset: str
) -> None:
    offer = _offer(collaboration, party, dataset)
    missing = [kind for kind in job.identifiers if kind not in offer.identifiers]
    if missing and job.kind != FEDERATED:  # which matches nobody
        raise JobRefused(
            f"dataset {dataset} of {party} is not offered for matching by {' and '.join(missing)}"
        )


def _offer(collaboration: Collaboration, party: str, dataset: str) -> DatasetOffer:
    for offer in collaboration.datasets:
        if (offer.party, offer.dataset) == (party, dataset):
            return offer
    raise JobRefused(f"dataset {dataset} of {party} is not part of the collaboration")
