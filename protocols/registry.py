"""Every protocol that a job can name. Adding one is its file and its line here."""

from collections.abc import Mapping
from types import MappingProxyType

from protocols.codec import Record
from protocols.errors import UnknownProtocol
from protocols.federated import asked as federated
from protocols.groups import Backend
from protocols.joint import again as joint_scores
from protocols.joint import run as joint
from protocols.lookalike import run as lookalike
from protocols.multi_party import MultiParty
from protocols.psi import dh, ot, prepared, ring
from protocols.session import TwoParty
from protocols.sums import composed

_MAKERS = (
    dh.members,
    dh.cardinality,
    prepared.prepared,
    ot.members,
    ot.labelled,
    composed.join_bfv,
    composed.join_cot,
    lookalike.lookalike_bfv,
    lookalike.lookalike_cot,
    joint.joint_bfv,
    joint.joint_cot,
    joint_scores.joint_again,
)

REGISTRY: Mapping[str, TwoParty] = MappingProxyType(
    {p.name: p for p in (make() for make in _MAKERS)}
)
"""Protocols of two parties by registered name, on the fastest back end of this machine."""

_RING_MAKERS = (
    ring.members,
    ring.cardinality,
)

RINGS: Mapping[str, MultiParty] = MappingProxyType(
    {p.name: p for p in (make() for make in _RING_MAKERS)}
)
"""The same of three or more parties."""


TRAININGS: Mapping[str, type[Record]] = MappingProxyType(
    {federated.PROTOCOL: federated.FederatedParams}
)
"""Parameter records of what is trained in rounds, by registered name: a job of any number of
parties, who say nothing to each other; `protocols/federated/` has the steps."""


def find(name: str, backend: Backend | None = None) -> TwoParty:
    """Return the two-party protocol of that registered name, on `backend` if one is given.

    Raises: UnknownProtocol.
    """
    if name not in REGISTRY:
        raise UnknownProtocol(name, REGISTRY)
    if backend is None:
        return REGISTRY[name]
    return next(p for p in (make(backend) for make in _MAKERS) if p.name == name)


def find_ring(name: str, backend: Backend | None = None) -> MultiParty:
    """Return the protocol of three or more parties of that registered name.

    Raises: UnknownProtocol.
    """
    if name not in RINGS:
        raise UnknownProtocol(name, RINGS)
    if backend is None:
        return RINGS[name]
    return next(p for p in (make(backend) for make in _RING_MAKERS) if p.name == name)


def params_of(name: str) -> type[Record]:
    """Return the parameter record of a protocol, of however many parties.

    Raises: UnknownProtocol, also for one that only earlier versions ran.
    """
    if name in RINGS:
        return RINGS[name].params
    if name in REGISTRY:
        return REGISTRY[name].params
    if name in TRAININGS:
        return TRAININGS[name]
    raise UnknownProtocol(name, {*REGISTRY, *RINGS, *TRAININGS})


def runs(name: str) -> bool:
    """Tell whether this version runs a protocol of that name."""
    return name in REGISTRY or name in RINGS or name in TRAININGS
