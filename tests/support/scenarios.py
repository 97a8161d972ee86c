"""One table of sets for every protocol that matches: each must get each of them right."""

from dataclasses import dataclass

import pytest

from tests.support.seeded import digests


@dataclass(frozen=True)
class Scenario:
    """Two sets of different items, as numbers."""

    receiver: list[int]
    sender: list[int]

    def receiver_items(self) -> list[bytes]:
        return digests(self.receiver)

    def sender_items(self) -> list[bytes]:
        return digests(self.sender)

    def positions(self) -> list[int]:
        """Return the positions in the receiver's set of what both have."""
        theirs = set(self.sender)
        return [i for i, n in enumerate(self.receiver) if n in theirs]


def _numbers(start: int, stop: int) -> list[int]:
    """Return these numbers in an order that mixes them."""
    return sorted(range(start, stop), key=lambda n: (n * 7919) % 1009)


CHUNK_ITEMS = 16

SCENARIOS = [
    pytest.param(Scenario(receiver, sender), id=name)
    for name, receiver, sender in (
        ("both empty", [], []),
        ("receiver empty", [], _numbers(0, 20)),
        ("sender empty", _numbers(0, 20), []),
        ("equal", _numbers(0, 40), _numbers(0, 40)),
        ("equal in another order", _numbers(0, 40), list(range(40))),
        ("disjoint", _numbers(0, 40), _numbers(40, 80)),
        ("one, which the other has", [7], _numbers(0, 50)),
        ("one, which the other has not", [70], _numbers(0, 50)),
        ("many against one", _numbers(0, 50), [7]),
        ("one each, equal", [7], [7]),
        ("one each, different", [7], [8]),
        ("very unequal", [3, 500, 99], _numbers(0, 400)),
        ("very unequal the other way", _numbers(0, 400), [3, 500, 99]),
        ("whole chunks", _numbers(0, 32), _numbers(16, 64)),
        ("one more than whole chunks", _numbers(0, 33), _numbers(16, 65)),
        ("one less than whole chunks", _numbers(0, 31), _numbers(16, 63)),
    )
]
