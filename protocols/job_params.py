"""What a job's parameters say: read as the record of the protocol that it names."""

import functools

from protocols import registry
from protocols.codec import decode
from protocols.errors import InvalidParameter
from protocols.job import JobDescription
from protocols.psi.params import MatchingParams, RowParams
from protocols.sums.alignment_params import AlignedParams


def kind_of_params(protocol: str) -> type[MatchingParams]:
    """Return the parameter record of a protocol that matches people.

    Raises: UnknownProtocol; InvalidParameter for a protocol that matches nobody.
    """
    kind = registry.params_of(protocol)
    if not issubclass(kind, MatchingParams):
        raise InvalidParameter(f"{protocol} does not match people")
    return kind


def params_of(job: JobDescription) -> MatchingParams:
    """Return the parameters of a job.

    Raises: InvalidParameter, MalformedMessage if they are not those of its protocol.
    """
    return _read(job.protocol, job.params)


@functools.lru_cache(256)
def _read(protocol: str, params: bytes) -> MatchingParams:
    """Read parameters once: they are asked for many times in each step of a job, and never change.

    An error is not kept.
    """
    found = decode(kind_of_params(protocol), params)
    if not found.are_of(protocol):
        raise InvalidParameter("the parameters are those of another protocol")
    return found


def per_person(job: JobDescription) -> int | None:
    """Return how many identifiers one person brings at most; None where it is all of them.

    Raises: as `params_of`.
    """
    params = params_of(job)
    return params.per_person if isinstance(params, RowParams | AlignedParams) else None


def sensitivity(job: JobDescription) -> int:
    """Return by how much one person more or less, on either side, changes the size at most.

    The size is a number of the receiver's people. Where the receiver counts, one person of the
    sender may match several of them, under one identifier each. Where it learns which they are, the
    size is told to the sender alone, and so hides the receiver's people: each is one.
    Raises: as `params_of`.
    """
    return per_person(job) or 1
