"""The words of consent that everything else is said with: event states, operations, scopes.

States are those of ISO/IEC TS 27560 as the Data Privacy Vocabulary (DPV) spells them.
"""

import enum

SELF = "self"
"""The recipient that stands for the controller itself."""

ANY_CHANNEL = "*"
"""The channel that stands for every channel, and for use without any."""

EVERYWHERE = "*"
"""In `requires_separate_consent`: every jurisdiction."""


class EventState(enum.StrEnum):
    """What a consent event says (ISO/IEC TS 27560 `event state`, dpv:hasConsentStatus)."""

    REQUESTED = "requested"
    REQUEST_DEFERRED = "request-deferred"
    REFUSED = "refused"
    GIVEN = "given"
    RENEWED_GIVEN = "renewed-given"
    WITHDRAWN = "withdrawn"
    """By the person."""
    REVOKED = "revoked"
    """By anyone else."""
    EXPIRED = "expired"
    INVALIDATED = "invalidated"
    TERMINATED = "terminated"
    UNKNOWN = "unknown"

    @property
    def valid_for_processing(self) -> bool:
        """True for the two states that can permit anything."""
        return self in _VALID

    @property
    def is_objection(self) -> bool:
        """True where the state says no, rather than saying nothing."""
        return self in _OBJECTIONS


_VALID = frozenset({EventState.GIVEN, EventState.RENEWED_GIVEN})
_OBJECTIONS = frozenset(
    {
        EventState.REFUSED,
        EventState.WITHDRAWN,
        EventState.REVOKED,
        EventState.INVALIDATED,
        EventState.TERMINATED,
    }
)


class Operation(enum.StrEnum):
    """What may be done with a person's data once a purpose permits it."""

    PSI = "psi"
    DP_STAT = "dp.stat"
    ACTIVATE = "activate"
    LOOKALIKE_TRAIN = "lookalike.train"
    LOOKALIKE_SCORE = "lookalike.score"
    SHARE = "share"
