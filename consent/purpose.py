"""Purposes: what data is used for, in one version, with what the law asks for it."""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import hashlib
from dataclasses import dataclass

from consent import fields
from consent.canonical import canonical_bytes
from consent.errors import MalformedRecord
from consent.fields import Payload, field, one_of, sequence
from consent.regimes import lies_in
from consent.signals.us_layouts import CHOICES
from consent.words import Basis, Operation

_NAMES = sequence(fields.name, ascending=True)
_PLACES = sequence(fields.words, ascending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisIn(Payload):
    """What a purpose needs in one place."""

    place: str = field(fields.words)
    basis: Basis = field(one_of(Basis))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalTerms(Payload):
    """Which machine signals speak about a purpose."""

    gpc: bool = field(fields.flag, False)
    """Global Privacy Control objects to it: it is a sale, a sharing or targeted advertising."""
    gpp: tuple[str, ...] = field(sequence(fields.words, ascending=True), ())
    """Opt-outs and consents of the US sections, as `TargetedAdvertisingOptOut`."""
    tcf: tuple[int, ...] = field(sequence(fields.integer(1, 24), ascending=True), ())
    """TCF purposes that must all be consented to."""
    tcf_vendor: int | None = field(fields.integer(1, 65_535), None)
    """The TCF vendor that acts for the recipient."""

    def __post_init__(self) -> None:
        if not CHOICES.issuperset(self.gpp):
            # A misspelt field would never be found, and an opt-out in the right one never heard.
            raise MalformedRecord("no US section of GPP has a choice of that name")


NO_SIGNALS = SignalTerms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose(Payload):
    """One version of one purpose."""

    purpose_id: str = field(fields.name)
    title: str = field(fields.words)
    operations: tuple[Operation, ...] = field(sequence(one_of(Operation), ascending=True))
    """What serves it; a purpose without any only holds narrower ones together."""
    version: int = field(fields.integer(1, 1_000_000), 1)
    renew_below: int = field(fields.integer(1, 1_000_000), 1)
    """Consent to a version before this one no longer holds (PIPL 14)."""
    parents: tuple[str, ...] = field(_NAMES, ())
    """Broader purposes; a denial there is a denial here."""
    dpv_iris: tuple[str, ...] = field(sequence(fields.words, ascending=True), ())
    data_uses: tuple[str, ...] = field(_NAMES, ())
    """Fideslang data uses."""
    pii_types: tuple[str, ...] = field(_NAMES, ())
    sensitive: tuple[str, ...] = field(_NAMES, ())
    """Sensitive or special categories among them (GDPR 9, PIPL 28)."""
    primary: bool = field(fields.flag, False)
    """The service cannot be given without it; all others may be refused freely (PIPL 16)."""
    legal_basis: tuple[BasisIn, ...] = field(sequence(fields.nested(BasisIn)), ())
    """By place, where it is another than the regime's own; by rising place."""
    requires_separate_consent: tuple[str, ...] = field(_PLACES, ())
    """Places where a named recipient needs consent of its own (PIPL 23), or `*`."""
    validity: str | None = field(fields.duration, None)
    """How long a yes holds that names no end itself."""
    retention: str | None = field(fields.duration, None)
    storage: tuple[str, ...] = field(_PLACES, ())
    """Where the data is kept."""
    contact_group: str | None = field(fields.name, None)
    """Contacts for purposes of one group count together against frequency caps."""
    transactional: bool = field(fields.flag, False)
    """Messages that the person's own business needs: exempt from caps and quiet hours."""
    signals: SignalTerms = field(fields.nested(SignalTerms), NO_SIGNALS)

    def digest(self) -> bytes:
        """Return the 32 bytes that name this version: SHA-256 of its JCS bytes."""
        return hashlib.sha256(canonical_bytes(self.to_payload())).digest()

    def needs_separate(self, place: str) -> bool:
        """Return whether a named recipient needs separate consent in that place.

        `CN-31` lies in `CN`. An unknown place (empty) is treated as the strictest.
        """
        needed = self.requires_separate_consent
        return bool(needed) and (not place or lies_in(place, needed) is not None)

    def basis_in(self, place: str) -> Basis | None:
        """Return what this purpose itself says about a place; None leaves it to the regime."""
        found = lies_in(place, (b.place for b in self.legal_basis))
        said = [b.basis for b in self.legal_basis if b.place == found]
        return max(said, key=lambda basis: basis.strictness, default=None)
