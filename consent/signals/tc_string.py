"""What a TC string says, and whether it lets a vendor process for a purpose (TCF, through 2.3).

Two levels have to agree: the purpose's bit and the vendor's bit. A publisher's restriction can only
take away. A string that the framework calls invalid permits nothing. Purposes are numbered 1 to 24,
vendors by the global vendor list. What a vendor has declared there is not in the string, so one
asks under the legal basis that the vendor has declared.
"""

import dataclasses
import enum
import itertools
from collections.abc import Mapping

from consent.signals.errors import MalformedSignal
from consent.signals.ids import Ids
from consent.signals.publisher import (
    NO_IDS,
    PublisherTc,
    Restriction,
    RestrictionType,
    check_width,
)
from consent.signals.tc_issues import DISCLOSED_SINCE_MS, INVALIDATING, OLDEST_POLICY, Issue


class LegalBasis(enum.StrEnum):
    """Under which basis of GDPR Art. 6 a vendor asks."""

    CONSENT = "consent"
    LEGITIMATE_INTEREST = "legitimate-interest"


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

_DAY_MS = 86_400_000
MAX_MS = ((1 << 36) - 1) * 100


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TcString:
    """The fields of a TC string; names as in the specification.

    Times are milliseconds since 1970, multiples of 100. `consent_language` and `publisher_country`
    are two upper-case letters. `restrictions` rise by purpose and type, each pair once, none empty.
    `allowed_vendors` is what old strings may have for vendors out of band; it permits nothing.
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
        check_width(12, self.special_feature_opt_ins)
        check_width(24, self.purposes_consent, self.purposes_legitimate_interest)
        keys = [(r.purpose, r.type) for r in self.restrictions]
        if keys != sorted(set(keys)) or not all(r.vendors for r in self.restrictions):
            raise MalformedSignal("restrictions rise by purpose and type, and none is empty")
        if any(not 0 < r.purpose < 64 for r in self.restrictions):
            raise MalformedSignal("a restriction is for a purpose from 1 to 63")

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What is wrong or odd, in the order of the table in docs/spec/signals.md."""
        found = self.noted | _true(_what_invalidates(self)) | _true(_what_is_odd(self))
        return tuple(issue for issue in Issue if issue in found)

    @property
    def is_valid(self) -> bool:
        """Whether the framework calls the string valid."""
        return INVALIDATING.isdisjoint(self.noted | _true(_what_invalidates(self)))

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


def _true(findings: Mapping[Issue, bool]) -> frozenset[Issue]:
    return frozenset(issue for issue, is_found in findings.items() if is_found)


def _is_late(tc: TcString) -> bool:
    return tc.last_updated_ms >= DISCLOSED_SINCE_MS


def _what_invalidates(tc: TcString) -> Mapping[Issue, bool]:
    return {
        Issue.POLICY_TOO_OLD: tc.policy_version < OLDEST_POLICY,
        Issue.NOT_SERVICE_SPECIFIC: not tc.is_service_specific,
        Issue.DISCLOSED_VENDORS_MISSING: tc.disclosed_vendors is None and _is_late(tc),
    }


def _what_is_odd(tc: TcString) -> Mapping[Issue, bool]:
    """Return what the values show besides; what only the text shows is in `noted`."""
    interest = tc.purposes_legitimate_interest
    disclosed = tc.disclosed_vendors
    known = [tc.vendor_consents, tc.vendor_legitimate_interests]
    return {
        Issue.DISCLOSED_VENDORS_ABSENT: disclosed is None and not _is_late(tc),
        Issue.LEGITIMATE_INTEREST_NOT_ALLOWED: any(p in interest for p in CONSENT_ONLY),
        Issue.VENDOR_NOT_DISCLOSED: disclosed is not None
        and not all(vendors <= disclosed for vendors in known),
        Issue.ALLOWED_VENDORS: tc.allowed_vendors is not None,
        Issue.UNDEFINED_RESTRICTION: any(
            r.type is RestrictionType.UNDEFINED for r in tc.restrictions
        ),
        Issue.CONFLICTING_RESTRICTIONS: _is_conflicting(tc),
        Issue.TIMES_DIFFER: tc.created_ms != tc.last_updated_ms,
        Issue.NOT_A_WHOLE_DAY: bool(tc.last_updated_ms % _DAY_MS),
    }


def _is_conflicting(tc: TcString) -> bool:
    """Whether a vendor has restrictions of two types for one purpose."""
    for _, same in itertools.groupby(tc.restrictions, key=lambda r: r.purpose):
        runs = sorted(run for restriction in same for run in restriction.vendors.runs)
        if any(a[1] >= b[0] for a, b in itertools.pairwise(runs)):
            return True
    return False
