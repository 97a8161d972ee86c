"""What a ledger decides by, as one document: purposes, recipients, sources, notices, regimes.

Purposes form a directed acyclic graph: one purpose may lie under several broader ones, as 11 of
DPV's do. The digest of the whole is the `policy_hash` of every decision, so that a decision can be
made again by the same rules.
"""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from typing_extensions import override

from consent import fields
from consent.canonical import Json, canonical_bytes
from consent.contact_terms import CapTerm, HoursTerm
from consent.errors import MalformedRecord, UnknownPurpose
from consent.fields import Payload
from consent.instants import FOREVER
from consent.notice import Notice
from consent.purpose import Purpose
from consent.recipients import Recipient, Source
from consent.regimes import DEFAULT_REGIMES, Regime, is_place, lies_in
from consent.words import EVERYWHERE, Basis, Role

K = TypeVar("K")
V = TypeVar("V")


class Ended(NamedTuple):
    """From when on a notice is not the current one any more, and consent on it does not hold."""

    replaced_ms: int
    renewed_ms: int


_CURRENT = Ended(FOREVER, FOREVER)


def derived() -> Any:
    """Declare a field that follows from the others."""
    return dataclasses.field(init=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Vocabulary:
    """The policy of one ledger.

    Raises: MalformedRecord if two parts share a name, a part names one that is not there, the
    purposes have a cycle, or no regime is for every place.
    """

    purposes: tuple[Purpose, ...]
    recipients: tuple[Recipient, ...] = ()
    sources: tuple[Source, ...] = ()
    notices: tuple[Notice, ...] = ()
    regimes: tuple[Regime, ...] = DEFAULT_REGIMES
    hours: tuple[HoursTerm, ...] = ()
    """When channels may be used at all, by place."""
    caps: tuple[CapTerm, ...] = ()
    """How often anybody may be contacted."""
    notices_to_renew: frozenset[bytes] = frozenset()
    """Hashes of notices on which consent no longer holds, besides those that a later one ended."""
    controller_place: str = ""
    """ISO 3166 code of the controller's seat: its law applies too. Empty: only the others do."""
    controller_zone: str = ""
    """IANA name of the zone to go by where a person's is not known. Empty: there is none."""
    _by_id: Mapping[str, Purpose] = derived()
    _ancestors: Mapping[str, tuple[str, ...]] = dataclasses.field(
        init=False, repr=False, compare=False
    )
    _notices: Mapping[bytes, Notice] = derived()
    _ended: Mapping[bytes, Ended] = derived()
    _processors: frozenset[str] = derived()
    _sources: Mapping[str, Source] = derived()
    _regimes: Mapping[str, Regime] = derived()
    _places: tuple[str, ...] = derived()

    def __post_init__(self) -> None:
        by_id = _distinct((p.purpose_id, p) for p in self.purposes)
        recipients = _distinct((r.recipient_id, r) for r in self.recipients)
        regimes = _distinct((place, r) for r in self.regimes for place in r.places)
        if EVERYWHERE not in regimes:
            raise MalformedRecord("one regime must be for every place that no other names: `*`")
        notices = _distinct((n.notice_hash, n) for n in self.notices)
        processors = frozenset(r for r in recipients if recipients[r].role is Role.PROCESSOR)
        values = {
            "_by_id": by_id,
            "_ancestors": {p: _ancestors(by_id, p) for p in by_id},
            "_notices": notices,
            "_ended": _ended(notices),
            "_processors": processors,
            "_sources": _distinct((s.source_id, s) for s in self.sources),
            "_regimes": regimes,
            "_places": tuple(sorted({*regimes, *_named_places(self.purposes)} - {EVERYWHERE})),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @override
    def __repr__(self) -> str:
        return f"<Vocabulary {self.digest().hex()[:8]}>"

    # -- purposes ----------------------------------------------------------------------------------

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

    # -- everything else ---------------------------------------------------------------------------

    def is_processor(self, recipient: str) -> bool:
        """Return whether a recipient processes on behalf of the controller (PIPL 21)."""
        return recipient in self._processors

    def source(self, source_id: str) -> Source:
        """Return the terms of a source; those of a source that is not listed are the defaults."""
        return self._sources.get(source_id) or Source(source_id=source_id)

    def trust(self, source_id: str, stated: int) -> int:
        """Return the rank of a source: that of the policy, or what the event states if the policy
        does not list the source. A listed source cannot rank itself.
        """
        listed = self._sources.get(source_id)
        return stated if listed is None else listed.trust

    def notice(self, notice_hash: bytes | None) -> Notice | None:
        """Return a notice by its hash, if it is listed."""
        return None if notice_hash is None else self._notices.get(notice_hash)

    def ended(self, notice_hash: bytes | None) -> Ended:
        """Rule 9: return when a notice ceased to be the current one, and consent on it to hold."""
        if notice_hash is None:
            return _CURRENT
        if notice_hash in self.notices_to_renew:
            return Ended(0, 0)
        return self._ended.get(notice_hash, _CURRENT)

    def regime(self, place: str) -> Regime:
        """Return the regime of a place; of an unknown one (empty), the one for every place."""
        found = lies_in(place, self._regimes)
        return self._regimes[found or EVERYWHERE]

    def places(self, *known: str | None) -> tuple[str, ...]:
        """Rule 15: return the places whose law may apply, given those that an event names.

        Who is in a country may be in each part of it that the policy names, and who is in an
        unknown place (empty, or no code of a country) may be in all of them.
        """
        stated = [place for place in known if place is not None]
        stated += [self.controller_place] if self.controller_place else []
        found: dict[str, None] = {}
        for place in stated or [""]:
            at = place if is_place(place) else ""
            parts = (p for p in self._places if not at or p.startswith(f"{at}-"))
            found |= dict.fromkeys((at, *parts))
        return tuple(found)

    def basis(self, purpose: str, places: Iterable[str]) -> Basis:
        """Rule 15: return the strictest of what `purpose` needs in these places.

        Raises: UnknownPurpose.
        """
        found = self.find(purpose)
        return max(
            (found.basis_in(place) or self.regime(place).basis for place in places),
            key=lambda basis: basis.strictness,
        )

    def guardian_below(self, places: Iterable[str]) -> int:
        """Rule 13: return the age below which a guardian consents, by the strictest regime."""
        return max(self.regime(place).guardian_below for place in places)

    def to_payload(self) -> dict[str, Json]:
        """Return the whole as a JSON object, in one order however it was made."""
        return {
            "purposes": [p.to_payload() for p in sorted(self.purposes, key=lambda p: p.purpose_id)],
            "recipients": [
                r.to_payload() for r in sorted(self.recipients, key=lambda r: r.recipient_id)
            ],
            "sources": [s.to_payload() for s in sorted(self.sources, key=lambda s: s.source_id)],
            "notices": [n.to_payload() for n in sorted(self.notices, key=lambda n: n.notice_hash)],
            "regimes": [r.to_payload() for r in sorted(self.regimes, key=lambda r: r.regime_id)],
            "hours": _sorted(self.hours),
            "caps": _sorted(self.caps),
            "notices_to_renew": sorted(n.hex() for n in self.notices_to_renew),
            "controller_place": self.controller_place,
            "controller_zone": self.controller_zone,
        }

    @classmethod
    def from_payload(cls, payload: object) -> "Vocabulary":
        """Read what `to_payload` wrote, in any order.

        Raises: MalformedRecord for anything else.
        """
        if type(payload) is not dict or set(payload) != _KEYS:
            raise MalformedRecord(f"a vocabulary has exactly the keys {', '.join(sorted(_KEYS))}")
        parts = {name: _read_all(name, kind, payload[name]) for name, kind in _PARTS.items()}
        return cls(
            **parts,
            notices_to_renew=frozenset(_hashes(payload["notices_to_renew"])),
            controller_place=fields.line.read(payload["controller_place"]),
            controller_zone=fields.line.read(payload["controller_zone"]),
        )

    def digest(self) -> bytes:
        """Return the 32 bytes that name this vocabulary: the `policy_hash` of a use record."""
        return hashlib.sha256(canonical_bytes(self.to_payload())).digest()


def _sorted(terms: Iterable[Payload]) -> list[Json]:
    payloads = [term.to_payload() for term in terms]
    return sorted(payloads, key=canonical_bytes)


_PARTS: dict[str, type[Payload]] = {
    "purposes": Purpose,
    "recipients": Recipient,
    "sources": Source,
    "notices": Notice,
    "regimes": Regime,
    "hours": HoursTerm,
    "caps": CapTerm,
}
_KEYS = frozenset({*_PARTS, "notices_to_renew", "controller_place", "controller_zone"})


def _read_all(name: str, kind: type[Payload], payload: object) -> Any:
    if type(payload) is not list:
        raise MalformedRecord(f"the {name} of a vocabulary are a list")
    return tuple(kind.from_payload(one) for one in payload)


def _hashes(payload: object) -> tuple[bytes, ...]:
    found: tuple[bytes, ...] = _HASHES.read(payload)
    return found


_HASHES = fields.sequence(fields.digest)


def _distinct(pairs: Iterable[tuple[K, V]]) -> dict[K, V]:
    """Return the pairs by their names.

    Raises: MalformedRecord if two have one name.
    """
    found: dict[K, V] = {}
    for name, value in pairs:
        if name in found:
            raise MalformedRecord("two parts of a vocabulary have the same name")
        found[name] = value
    return found


def _ended(notices: Mapping[bytes, Notice]) -> dict[bytes, Ended]:
    """Return what its own end and later versions did to each notice.

    Raises: MalformedRecord if notices supersede each other in a circle.
    """
    ended = {
        n.notice_hash: Ended(n.valid_to_ms, FOREVER)
        for n in notices.values()
        if n.valid_to_ms is not None
    }
    for later in notices.values():
        earlier, steps = later.supersedes, 0
        while earlier is not None:
            known = ended.get(earlier, _CURRENT)
            renewed = later.valid_from_ms if later.requires_renewal else FOREVER
            ended[earlier] = Ended(
                min(known.replaced_ms, later.valid_from_ms), min(known.renewed_ms, renewed)
            )
            before = notices.get(earlier)
            earlier = None if before is None else before.supersedes
            steps += 1
            if steps > len(notices):
                raise MalformedRecord("notices supersede each other in a circle")
    return ended


def _named_places(purposes: Iterable[Purpose]) -> Iterable[str]:
    for purpose in purposes:
        yield from purpose.requires_separate_consent
        yield from (b.place for b in purpose.legal_basis)


def _ancestors(by_id: Mapping[str, Purpose], purpose_id: str) -> tuple[str, ...]:
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


def _parents(by_id: Mapping[str, Purpose], layer: Iterable[str]) -> Iterable[str]:
    for child in layer:
        for parent in by_id[child].parents:
            if parent not in by_id:
                raise MalformedRecord("a purpose names a parent that is not in the vocabulary")
            yield parent
