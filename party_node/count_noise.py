"""The noise that a job's count has before it leaves the protocol: how many dummies, and whether it
is enough.

A data owner's node takes no job that counts without them: the receiver's node would have the exact
count. Where the price buys noise in name only (rho 1 and above), none are asked for.
"""

import dataclasses

from party_node.errors import JobRefused
from protocols.codec import decode, encode
from protocols.dp import coins, noise
from protocols.dp.budget import sigma_for
from protocols.errors import InvalidParameter, ProtocolError
from protocols.job import JobDescription
from protocols.psi.params import Cardinality, PsiParams
from protocols.registry import find


def counts_only(job: JobDescription) -> bool:
    """Tell whether the job's protocol brings a count and no list."""
    return Cardinality in find(job.protocol).outputs


def dummies_of(job: JobDescription) -> int:
    """Return how many dummies the job's parameters ask for."""
    params = decode(find(job.protocol).params, job.params)
    return params.dummies if isinstance(params, PsiParams) else 0


def with_dummies(job: JobDescription, params: PsiParams) -> JobDescription:
    """Return the job with these parameters, and as many dummies as its price asks for.

    Raises: JobRefused for a price so low that it would need too many.
    """
    dummies = needed(job, params) if counts_only(job) else 0
    return dataclasses.replace(job, params=encode(dataclasses.replace(params, dummies=dummies)))


def check(job: JobDescription, params: PsiParams) -> None:
    """Refuse a count with too few dummies for its price, and a list with any.

    Raises: JobRefused.
    """
    if not counts_only(job):
        if params.dummies:
            raise JobRefused("dummies are for counts only")
    elif params.dummies < (least := needed(job, params)):
        raise JobRefused(f"a count at this price needs {least:,} dummies or more")


def needed(job: JobDescription, params: PsiParams) -> int:
    """Return how many dummies a count at the job's price needs. Raises: JobRefused."""
    try:
        return coins.least(job.rho_nano, params.strict)
    except InvalidParameter as e:
        raise JobRefused("a count at so low a price would need too many dummies") from e


def half_width(job: JobDescription) -> int:
    """Return how far, at 95 %, the noise of a size that the job tells reaches, in people."""
    try:
        dummies = dummies_of(job)
    except ProtocolError:
        dummies = 0
    if dummies:
        return coins.half_width(job.rho_nano, dummies)
    return noise.half_width(sigma_for(job.rho_nano))
