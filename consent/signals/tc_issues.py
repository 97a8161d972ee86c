"""What can be wrong with a TC string that can be read: named, so that it can be shown and counted.

Source: "Transparency and Consent String with Global Vendor & CMP List Formats" of IAB Tech Lab,
through 2.3 (April 2025), and IAB Europe's date for the DisclosedVendors segment.
"""

import enum

OLDEST_POLICY = 4
"""Strings of policy 3 and older are invalid since 30 September 2023."""

DISCLOSED_SINCE_MS = 1_772_323_200_000
"""2026-03-01 in UTC: strings written from then on have a DisclosedVendors segment."""


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
