"""Jobs of protocols that only earlier versions of Accord ran: as if those were installed for a
while.

What runs under an old name is what runs today. So these worlds show what becomes of a job whose
protocol is gone, and not what an old record looks like.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from protocols import collaboration_terms, registry
from protocols.federated import asked as federated
from protocols.session import TwoParty
from tests.support.two_nodes import COLLABORATION, TwoNodes

EARLIER = {
    "lookalike": "lookalike-cot/1",
    "joint": "joint-cot/1",
    "federated": "federated-ridge/1",
}
_TODAY = {"lookalike-cot/1": "lookalike-cot/2", "joint-cot/1": "joint-cot/3"}


@contextmanager
def earlier_version() -> Iterator[None]:
    """Run old protocols, and take agreements about them."""
    with pytest.MonkeyPatch.context() as patch:
        makers = tuple(partial(_named, old, new) for old, new in _TODAY.items())
        patch.setattr(registry, "_MAKERS", (*registry._MAKERS, *makers))
        patch.setattr(registry, "REGISTRY", {p.name: p for p in (m() for m in registry._MAKERS)})
        (params,) = registry.TRAININGS.values()
        patch.setattr(registry, "TRAININGS", {EARLIER["federated"]: params})
        patch.setattr(federated, "PROTOCOL", EARLIER["federated"])
        earlier = {kind: frozenset({protocol}) for kind, protocol in EARLIER.items()}
        agreed = {**collaboration_terms.PROTOCOLS_OF_KIND, **earlier}
        patch.setattr(collaboration_terms, "PROTOCOLS_OF_KIND", agreed)
        yield


def agree_on_earlier(world: TwoNodes, document: str, kind: str, more: str = "") -> None:
    """Put version 2 of an agreement in force, about the same jobs by the old protocol, and `more`
    clauses.
    """
    head, clauses = document.replace("version: 1", "version: 2").split("jobs:\n")
    plain = dict.fromkeys(line.split(", protocol:")[0].rstrip("}") for line in clauses.splitlines())
    text = (
        f"{head}jobs:\n" + "".join(f"{one}, protocol: {EARLIER[kind]}}}\n" for one in plain) + more
    )
    world.brand.services.collaborations.propose(text)
    world.publisher.services.collaborations.countersign(COLLABORATION, 2)


def _named(old: str, new: str, backend: object = None) -> TwoParty:
    """Return today's protocol under the old name."""
    today = next(p for p in (make() for make in _TODAYS_MAKERS) if p.name == new)
    return dataclasses.replace(today, name=old)


_TODAYS_MAKERS = registry._MAKERS
