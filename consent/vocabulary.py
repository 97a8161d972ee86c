"""The purposes that a ledger decides by, in their hierarchy, and who acts for the controller.

Purposes form a directed acyclic graph: one purpose may lie under several broader ones, as 11 of
DPV's do.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from consent.canonical import Json, canonical_bytes
from consent.errors import MalformedRecord, UnknownPurpose
from consent.purpose import Purpose
from consent.words import Operation


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The purposes that a ledger decides by, and who acts only on the controller's behalf.

    Raises: MalformedRecord if two purposes share a name, a parent is unknown, or there is a cycle.
    """

    purposes: tuple[Purpose, ...]
    processors: frozenset[str] = frozenset()
    """Recipients that process on behalf of the controller (PIPL 21); all others are independent."""
    notices_to_renew: frozenset[bytes] = frozenset()
    """Hashes of notices on which consent no longer holds, because a renewal is required (PIPL 14).
    """
    _by_id: dict[str, Purpose] = field(init=False, repr=False, compare=False)
    _ancestors: dict[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_id = {p.purpose_id: p for p in self.purposes}
        if len(by_id) != len(self.purposes):
            raise MalformedRecord("two purposes have the same name")
        object.__setattr__(self, "_by_id", by_id)
        object.__setattr__(self, "_ancestors", {p: _ancestors(by_id, p) for p in by_id})

    def find(self, purpose_id: str) -> Purpose:
        """Return the purpose of that name.

        Raises: UnknownPurpose.
        """
        try:
            return self._by_id[purpose_id]
        except KeyError:
            raise UnknownPurpose("this purpose is not in the vocabulary") from None

    def has(self, purpose_id: str) -> bool:
        """Return whether there is a purpose of that name."""
        return purpose_id in self._by_id

    def ancestors(self, purpose_id: str) -> tuple[str, ...]:
        """Return every broader purpose, nearest first, each once.

        Raises: UnknownPurpose.
        """
        self.find(purpose_id)
        return self._ancestors[purpose_id]

    def to_payload(self) -> dict[str, Json]:
        """Return the vocabulary as a JSON object, in an order that does not depend on how it was
        made.
        """
        return {
            "purposes": [p.to_payload() for p in sorted(self.purposes, key=lambda p: p.purpose_id)],
            "processors": sorted(self.processors),
            "notices_to_renew": sorted(n.hex() for n in self.notices_to_renew),
        }

    def digest(self) -> bytes:
        """Return the 32 bytes that name this vocabulary: the `policy_hash` of a use record."""
        return hashlib.sha256(canonical_bytes(self.to_payload())).digest()


def _ancestors(by_id: dict[str, Purpose], purpose_id: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    layer = [purpose_id]
    for _ in range(len(by_id) + 1):
        layer = sorted(set(_parents(by_id, layer)))
        if purpose_id in layer:
            raise MalformedRecord("a purpose lies under itself")
        layer = [p for p in layer if p not in found]
        if not layer:
            return tuple(found)
        found.update(dict.fromkeys(layer))
    raise MalformedRecord("the purposes have a cycle")


def _parents(by_id: dict[str, Purpose], layer: Iterable[str]) -> Iterable[str]:
    for child in layer:
        for parent in by_id[child].parents:
            if parent not in by_id:
                raise MalformedRecord("a purpose names a parent that is not in the vocabulary")
            yield parent


_DPV = "https://w3id.org/dpv#"


DEFAULT_VOCABULARY = Vocabulary(
    purposes=(
        Purpose(
            purpose_id="partner-marketing",
            version=1,
            title="Marketing together with partners",
            dpv_iris=(_DPV + "Marketing",),
            operations=frozenset(),
        ),
        Purpose(
            purpose_id="audience-measurement",
            version=1,
            title="Counting how many customers two parties have in common",
            dpv_iris=(_DPV + "ServiceUsageAnalytics",),
            operations=frozenset({Operation.PSI, Operation.DP_STAT}),
            parents=("partner-marketing",),
            requires_separate_consent=frozenset({"CN"}),
        ),
        Purpose(
            purpose_id="joint-audience",
            version=1,
            title="Building one audience from two parties' customers and addressing it",
            dpv_iris=(_DPV + "TargetedAdvertising",),
            operations=frozenset({Operation.PSI, Operation.ACTIVATE}),
            parents=("partner-marketing",),
            requires_separate_consent=frozenset({"CN"}),
        ),
    )
)
"""The purposes that Accord comes with."""
