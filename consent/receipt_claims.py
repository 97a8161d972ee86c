"""What stands in a consent receipt, with the names of ISO/IEC TS 27560 and of Kantara.

Kantara's names are written as Kantara writes them (`piiControllers`, `spiCat`); what only TS 27560
has is written like those. Beside the readable names stand the event itself, its leaf and its salt:
what the names say is checked against them.
"""

# ruff: noqa: N815 - Kantara's names
# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

from dataclasses import dataclass

from consent import fields
from consent.events import ConsentEvent, EventType
from consent.fields import Payload, field, one_of, sequence
from consent.statements import Method
from consent.words import Basis, Role

VERSION = "accord/consent-receipt/2"
KANTARA_VERSION = "KI-CR-v1.1.0"

_WORDS, _NAMES = sequence(fields.words), sequence(fields.name, ascending=True)
_PLACES = sequence(fields.words, ascending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller(Payload):
    """Who answers for the processing (Kantara `piiControllers`, 27560 party fields)."""

    piiController: str = field(fields.words)
    contact: str | None = field(fields.words, None)
    address: str | None = field(fields.words, None)
    email: str | None = field(fields.words, None)
    phone: str | None = field(fields.words, None)
    country: str | None = field(fields.words, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedPurpose(Payload):
    """What was consented to, or not, for one purpose and one recipient."""

    purpose: str = field(fields.name)
    purposeVersion: int = field(fields.count)
    purposeCategory: tuple[str, ...] = field(_WORDS)
    """IRIs of the Data Privacy Vocabulary."""
    consentType: EventType = field(one_of(EventType))
    piiCategory: tuple[str, ...] = field(_NAMES)
    """Kinds of data (27560 `pii type`)."""
    primaryPurpose: bool = field(fields.flag)
    """The service cannot be given without it."""
    termination: str = field(fields.line)
    """The first instant at which it no longer holds; empty: without end."""
    thirdPartyDisclosure: bool = field(fields.flag)
    thirdPartyName: str = field(fields.line)
    """Name of the party in events; empty where the data stays with the controller."""
    thirdPartyTitle: str | None = field(fields.words, None)
    thirdPartyRole: Role | None = field(one_of(Role), None)
    thirdPartyCountry: str | None = field(fields.words, None)
    thirdPartyContact: str | None = field(fields.words, None)
    lawfulBasis: Basis | None = field(one_of(Basis), None)
    """What the law that applied asks for (27560 `lawful basis`)."""
    validityDuration: str | None = field(fields.duration, None)
    retentionPeriod: str | None = field(fields.duration, None)
    storageLocations: tuple[str, ...] = field(_PLACES, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Payload):
    """What it was said about, in words, and for which purpose."""

    service: str = field(fields.words)
    purposes: tuple[StatedPurpose, ...] = field(sequence(fields.nested(StatedPurpose)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptClaims(Payload):
    """All that stands in a receipt."""

    schema_version: str = field(fields.words)
    version: str = field(fields.words)
    """Of Kantara's specification."""
    consentReceiptID: str = field(fields.name)
    issued_at_ms: int = field(fields.time)
    language: str = field(fields.words)
    jurisdiction: str = field(fields.words)
    consentTimestamp: int = field(fields.count)
    """Seconds since 1970."""
    collectionMethod: Method = field(one_of(Method))
    piiPrincipalId: str = field(fields.subject)
    piiControllers: tuple[Controller, ...] = field(sequence(fields.nested(Controller)))
    policyUrl: str = field(fields.line)
    services: tuple[Service, ...] = field(sequence(fields.nested(Service)))
    sensitive: bool = field(fields.flag)
    spiCat: tuple[str, ...] = field(_NAMES)
    withdrawalMethod: str | None = field(fields.words, None)
    privacyRights: str | None = field(fields.words, None)
    """Where the person exercises their rights."""
    policy_hash: bytes = field(fields.digest)
    """Of the vocabulary that was in force when the event was recorded: purpose, recipient and
    notice are described as it describes them."""
    event: ConsentEvent = field(fields.nested(ConsentEvent))
    leaf: str = field(fields.long_text)
    salt: bytes = field(fields.digest)
