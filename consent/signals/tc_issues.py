"""What can be wrong with a TC string that can be read: named, so that it can be shown and counted.

Source: "Transparency and Consent String with Global Vendor & CMP List Formats" of IAB Tech Lab,
through 2.3 (April 2025), and IAB Europe's date for the DisclosedVendors segment.
"""

import enum
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consent.signals.tc_string import TcString

OLDEST_POLICY = 4
"""Strings of policy 3 and older are invalid since 30 September 2023."""

DISCLOSED_SINCE_MS = 1_772_323_200_000
"""2026-03-01 in UTC: strings written from then on have a DisclosedVendors segment."""

_DAY_MS = 86_400_000


class Issue(enum.StrEnum):
    """A finding in a TC string; the first group makes it invalid."""

    POLICY_TOO_OLD = "policy-too-old"
    NOT_SERVICE_SPECIFIC = "not-service-specific"
    DISCLOSED_VENDORS_MISSING = "disclosed-vendors-missing"
    UNKNOWN_CMP = "unknown-cmp"

    DISCLOSED_VENDORS_ABSENT = "disclosed-vendors-absent"
    LEGITIMATE_INTEREST_NOT_ALLOWED = "legitimate-interest-not-allowed"
    VENDOR_NOT_DISCLOSED = "vendor-not-disclosed"
    ALLOWED_VENDORS = "allowed-vendors"
    UNDEFINED_RESTRICTION = "undefined-restriction"
    CONFLICTING_RESTRICTIONS = "conflicting-restrictions"
    REPEATED_RESTRICTION = "repeated-restriction"
    UNSORTED_RANGES = "unsorted-ranges"
    OVERLAPPING_RANGES = "overlapping-ranges"
    TIMES_DIFFER = "times-differ"
    NOT_A_WHOLE_DAY = "not-a-whole-day"


INVALIDATING = frozenset(
    {
        Issue.POLICY_TOO_OLD,
        Issue.NOT_SERVICE_SPECIFIC,
        Issue.DISCLOSED_VENDORS_MISSING,
        Issue.UNKNOWN_CMP,
    }
)
"""With one of these a string permits nothing."""


def issues_of(tc: "TcString") -> frozenset[Issue]:
    """Return what the values of a string show; what only its text shows is in `noted`."""
    interest = tc.purposes_legitimate_interest
    disclosed = tc.disclosed_vendors
    known = [tc.vendor_consents, tc.vendor_legitimate_interests]
    is_late = tc.last_updated_ms >= DISCLOSED_SINCE_MS
    found = {
        Issue.POLICY_TOO_OLD: tc.policy_version < OLDEST_POLICY,
        Issue.NOT_SERVICE_SPECIFIC: not tc.is_service_specific,
        Issue.DISCLOSED_VENDORS_MISSING: disclosed is None and is_late,
        Issue.DISCLOSED_VENDORS_ABSENT: disclosed is None and not is_late,
        Issue.LEGITIMATE_INTEREST_NOT_ALLOWED: any(p in interest for p in (1, 3, 4, 5, 6)),
        Issue.VENDOR_NOT_DISCLOSED: disclosed is not None
        and not all(vendors <= disclosed for vendors in known),
        Issue.ALLOWED_VENDORS: tc.allowed_vendors is not None,
        Issue.UNDEFINED_RESTRICTION: any(r.type == 3 for r in tc.restrictions),
        Issue.CONFLICTING_RESTRICTIONS: _is_conflicting(tc),
        Issue.TIMES_DIFFER: tc.created_ms != tc.last_updated_ms,
        Issue.NOT_A_WHOLE_DAY: bool(tc.last_updated_ms % _DAY_MS),
    }
    return frozenset(issue for issue, is_found in found.items() if is_found)


def _is_conflicting(tc: "TcString") -> bool:
    """Whether a vendor has restrictions of two types for one purpose."""
    for _, same in itertools.groupby(tc.restrictions, key=lambda r: r.purpose):
        runs = sorted(run for restriction in same for run in restriction.vendors.runs)
        if any(a[1] >= b[0] for a, b in itertools.pairwise(runs)):
            return True
    return False
