"""Purposes: what data is used for, in one version, with what the law asks for it."""

import hashlib
from dataclasses import dataclass

from consent.canonical import Json, canonical_bytes
from consent.words import EVERYWHERE, Operation


@dataclass(frozen=True, slots=True)
class Purpose:
    """One version of one purpose."""

    purpose_id: str
    version: int
    title: str
    dpv_iris: tuple[str, ...]
    operations: frozenset[Operation]
    parents: tuple[str, ...] = ()
    """Broader purposes; a denial there is a denial here."""
    requires_separate_consent: frozenset[str] = frozenset()
    """Jurisdictions where a named recipient needs consent of its own (PIPL 23), or `EVERYWHERE`."""

    def to_payload(self) -> dict[str, Json]:
        """Return the purpose as a JSON object."""
        return {
            "purpose": self.purpose_id,
            "version": self.version,
            "title": self.title,
            "dpv_iris": list(self.dpv_iris),
            "operations": sorted(o.value for o in self.operations),
            "parents": list(self.parents),
            "requires_separate_consent": sorted(self.requires_separate_consent),
        }

    def digest(self) -> bytes:
        """Return the 32 bytes that name this version: SHA-256 of its JCS bytes."""
        return hashlib.sha256(canonical_bytes(self.to_payload())).digest()

    def needs_separate(self, jurisdiction: str) -> bool:
        """Return whether a named recipient needs separate consent under `jurisdiction`.

        `CN-31` lies in `CN`. An unknown jurisdiction (empty) is treated as the strictest.
        """
        needed = self.requires_separate_consent
        if not needed:
            return False
        if EVERYWHERE in needed or not jurisdiction:
            return True
        return jurisdiction in needed or jurisdiction.partition("-")[0] in needed
