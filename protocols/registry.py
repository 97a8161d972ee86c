"""Every two-party protocol that a job can name. Adding one is its file and its line here."""

from collections.abc import Mapping
from types import MappingProxyType

from protocols.errors import InvalidParameter
from protocols.groups import Backend
from protocols.psi import dh, ot
from protocols.session import TwoParty

_MAKERS = (
    dh.members,
    dh.cardinality,
    ot.members,
    ot.labelled,
)

REGISTRY: Mapping[str, TwoParty] = MappingProxyType(
    {p.name: p for p in (make() for make in _MAKERS)}
)
"""Protocols by registered name, on the fastest back end of this machine."""


def find(name: str, backend: Backend | None = None) -> TwoParty:
    """Return the protocol of that registered name, on `backend` if one is given.

    Raises: InvalidParameter, naming the known ones.
    """
    if name not in REGISTRY:
        raise InvalidParameter(f"unknown protocol; known are {', '.join(sorted(REGISTRY))}")
    if backend is None:
        return REGISTRY[name]
    return next(p for p in (make(backend) for make in _MAKERS) if p.name == name)
