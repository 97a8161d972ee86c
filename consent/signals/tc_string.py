"""What a TC string says, and whether it lets a vendor process for a purpose (TCF, through 2.3).

Two levels have to agree: the purpose's bit and the vendor's bit. A publisher's restriction can only
take away. A string that the framework calls invalid permits nothing. Purposes are numbered 1 to 24,
vendors by the global vendor list; what a vendor has declared there is not in the string, so a caller
asks under the legal basis that the vendor has declared.
"""

import dataclasses
import enum

from consent.signals.errors import MalformedSignal
from consent.signals.ids import Ids
from consent.signals.tc_issues import INVALIDATING, Issue, issues_of


class LegalBasis(enum.StrEnum):
    """Under which basis of GDPR Art. 6 a vendor asks."""

    CONSENT = "consent"
    LEGITIMATE_INTEREST = "legitimate-interest"


class RestrictionType(enum.IntEnum):
    """What a publisher requires of vendors for a purpose; 3 is undefined and permits nothing."""

    NOT_ALLOWED = 0
    REQUIRE_CONSENT = 1
    REQUIRE_LEGITIMATE_INTEREST = 2
    UNDEFINED = 3


_FORBIDS = {
    LegalBasis.CONSENT: {
        RestrictionType.NOT_ALLOWED,
        RestrictionType.REQUIRE_LEGITIMATE_INTEREST,
        RestrictionType.UNDEFINED,
    },
    LegalBasis.LEGITIMATE_INTEREST: {
        RestrictionType.NOT_ALLOWED,
        RestrictionType.REQUIRE_CONSENT,
        RestrictionType.UNDEFINED,
    },
}

CONSENT_ONLY = Ids.of([1, 3, 4, 5, 6])
"""Purposes that legitimate interest never covers: 1 by the policies, 3 to 6 since TCF 2.2."""

NO_IDS = Ids()
MAX_MS = ((1 << 36) - 1) * 100


@dataclasses.dataclass(frozen=True, slots=True)
class Restriction:
    """A publisher's restriction: a purpose from 1 to 63, its type, and the vendors it is for."""

    purpose: int
    type: RestrictionType
    vendors: Ids


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PublisherTc:
    """The publisher's own transparency and consent; the custom purposes are numbered from 1."""

    purposes_consent: Ids = NO_IDS
    purposes_legitimate_interest: Ids = NO_IDS
    custom_purposes: int = 0
    custom_purposes_consent: Ids = NO_IDS
    custom_purposes_legitimate_interest: Ids = NO_IDS

    def __post_init__(self) -> None:
        _at_most(24, self.purposes_consent, self.purposes_legitimate_interest)
        custom = self.custom_purposes_consent, self.custom_purposes_legitimate_interest
        _at_most(self.custom_purposes, *custom)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TcString:
    """The fields of a TC string; names as in the specification.

    Times are milliseconds since 1970, multiples of 100. `consent_language` and `publisher_country`
    are two upper-case letters. `restrictions` rise by purpose and type, each pair once, none empty.
    `allowed_vendors` is what strings before 2.3 may have for vendors out of band; it permits nothing.
    `raw` is the text it was read from and `noted` what was odd about it: neither is compared.

    Raises: MalformedSignal for a set, a time or a restriction that cannot be written; the other
    numbers and the letters are checked when they are.
    """

    created_ms: int
    last_updated_ms: int
    cmp_id: int
    cmp_version: int = 0
    consent_screen: int = 0
    consent_language: str
    vendor_list_version: int
    policy_version: int
    is_service_specific: bool = True
    use_non_standard_texts: bool = False
    special_feature_opt_ins: Ids = NO_IDS
    purposes_consent: Ids = NO_IDS
    purposes_legitimate_interest: Ids = NO_IDS
    purpose_one_treatment: bool = False
    publisher_country: str
    vendor_consents: Ids = NO_IDS
    vendor_legitimate_interests: Ids = NO_IDS
    restrictions: tuple[Restriction, ...] = ()
    disclosed_vendors: Ids | None = None
    allowed_vendors: Ids | None = None
    publisher: PublisherTc | None = None
    raw: str = dataclasses.field(default="", compare=False)
    noted: frozenset[Issue] = dataclasses.field(default=frozenset(), compare=False)

    def __post_init__(self) -> None:
        for time in (self.created_ms, self.last_updated_ms):
            if not 0 <= time <= MAX_MS or time % 100:
                raise MalformedSignal("a time is a number of tenths of seconds of 36 bits")
        _at_most(12, self.special_feature_opt_ins)
        _at_most(24, self.purposes_consent, self.purposes_legitimate_interest)
        keys = [(r.purpose, r.type) for r in self.restrictions]
        if keys != sorted(set(keys)) or not all(r.vendors for r in self.restrictions):
            raise MalformedSignal("restrictions rise by purpose and type, and none is empty")
        if any(not 0 < r.purpose < 64 for r in self.restrictions):
            raise MalformedSignal("a restriction is for a purpose from 1 to 63")

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What is wrong or odd, in the order of the table in docs/spec/signals.md."""
        found = self.noted | issues_of(self)
        return tuple(issue for issue in Issue if issue in found)

    @property
    def is_valid(self) -> bool:
        """Whether the framework calls the string valid."""
        return INVALIDATING.isdisjoint(self.issues)

    def permits(self, purpose: int, vendor: int, basis: LegalBasis = LegalBasis.CONSENT) -> bool:
        """Whether a vendor may process for a purpose under a legal basis that it has declared.

        It may if the string is valid, the purpose's bit and the vendor's bit are set, the vendor
        was disclosed (where the string says who was), and no restriction of the publisher forbids
        it. Everything else, and every number out of range, is no.
        """
        if basis is LegalBasis.CONSENT:
            purposes, vendors = self.purposes_consent, self.vendor_consents
        else:
            purposes = self.purposes_legitimate_interest
            vendors = self.vendor_legitimate_interests
            if purpose in CONSENT_ONLY:
                return False
        disclosed = self.disclosed_vendors is None or vendor in self.disclosed_vendors
        return (
            purpose in purposes
            and vendor in vendors
            and disclosed
            and _FORBIDS[basis].isdisjoint(self.restrictions_for(purpose, vendor))
            and self.is_valid
        )

    def restrictions_for(self, purpose: int, vendor: int) -> frozenset[RestrictionType]:
        """Return the types of the publisher's restrictions on a vendor for a purpose."""
        return frozenset(
            r.type for r in self.restrictions if r.purpose == purpose and vendor in r.vendors
        )


def _at_most(width: int, *fields: Ids) -> None:
    if any(ids.highest > width for ids in fields):
        raise MalformedSignal(f"a field of {width} bits has ids from 1 to {width}")
