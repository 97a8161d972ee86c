"""The noise that a job's count has before it leaves the protocol: how many dummies, and whether it
is enough.

A data owner's node takes no job that counts without them: the receiver's node would have the exact
count. Where the price buys noise in name only (rho 1 and above), none are asked for.
"""

import dataclasses

from party_node.errors import JobRefused
from protocols.codec import encode
from protocols.dp import coins, noise
from protocols.dp.budget import sigma_for
from protocols.errors import InvalidParameter, ProtocolError
from protocols.job import JobDescription
from protocols.job_params import params_of, sensitivity
from protocols.psi.params import MatchingParams, RowParams


def dummies_of(job: JobDescription) -> int:
    """Return how many dummies the job's parameters ask for."""
    return params_of(job).dummies


def with_dummies(job: JobDescription, params: MatchingParams) -> JobDescription:
    """Return the job with these parameters, and as many dummies as its price asks for.

    Raises: JobRefused for a price so low that it would need too many.
    """
    if isinstance(params, RowParams):
        params = dataclasses.replace(params, dummies=needed(job, params))
    return dataclasses.replace(job, params=encode(params))


def check(job: JobDescription, params: MatchingParams) -> None:
    """Refuse a count with too few dummies for its price. Raises: JobRefused."""
    if isinstance(params, RowParams) and params.dummies < (least := needed(job, params)):
        raise JobRefused(f"a count at this price needs {least:,} dummies or more")
    if params.dummies % len(job.senders):
        raise JobRefused("every sender tosses for as many dummies")


def needed(job: JobDescription, params: RowParams) -> int:
    """Return how many dummies a count at the job's price needs; none where people may bring several
    identifiers, whose count has no noise before the release.

    Each sender tosses for as many as the price needs, so that its own noise is enough should all
    others tell theirs. Raises: JobRefused.
    """
    if params.per_person > 1:
        return 0
    try:
        each = coins.least(job.rho_nano, params.strict)
    except InvalidParameter as e:
        raise JobRefused("a count at so low a price would need too many dummies") from e
    if each * len(job.senders) > coins.MOST:
        raise JobRefused("a count at so low a price would need too many dummies")
    return each * len(job.senders)


def is_exact_inside(job: JobDescription) -> bool:
    """Tell whether the receiver's node holds the exact count although its price buys noise: so it
    is where a person may bring several identifiers.
    """
    params = params_of(job)
    priced = job.rho_nano < coins.IN_NAME_ONLY_NANO
    return isinstance(params, RowParams) and priced and params.dummies == 0


def half_width(job: JobDescription) -> int:
    """Return how far, at 95 %, the noise of a size that the job tells reaches, in people."""
    try:
        dummies = dummies_of(job)
    except ProtocolError:
        dummies = 0
    if dummies:
        return coins.half_width(job.rho_nano, dummies)
    return noise.half_width(sigma_for(job.rho_nano, sensitivity(job)))
