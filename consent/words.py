"""The words of consent that everything else is said with: event states, operations, scopes.

States are those of ISO/IEC TS 27560 as the Data Privacy Vocabulary (DPV) spells them.
"""

import enum

SELF = "self"
"""The recipient that stands for the controller itself."""

EVERYBODY = "*"
"""The recipient that stands for every one: a no to it is a no to each, a yes to it is to nobody."""

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
    TRAIN = "train"


class Basis(enum.StrEnum):
    """What the law of a place asks for before data is used, mildest first (dpv:hasLegalBasis)."""

    OPT_OUT = "opt-out"
    """A notice that was shown and not objected to is enough."""
    CONSENT = "consent"
    """The person must have said yes; silence is none."""
    EXPLICIT_CONSENT = "explicit-consent"
    """The person must have said yes in so many words."""
    PROHIBITED = "prohibited"
    """Nothing permits it there."""

    @property
    def strictness(self) -> int:
        """0 for the mildest; the strictest of all that apply counts."""
        return _BASES.index(self)


_BASES = list(Basis)


class AgeBand(enum.StrEnum):
    """How old a person is, as coarsely as the laws need it; a birth date is never kept."""

    UNDER_13 = "under-13"
    AGE_13 = "13"
    AGE_14 = "14"
    AGE_15 = "15"
    AGE_16_17 = "16-17"
    ADULT = "adult"

    @property
    def youngest(self) -> int:
        """The lowest age in the band, in years: a band counts as its youngest."""
        return _YOUNGEST[self]


_YOUNGEST = dict(zip(AgeBand, (0, 13, 14, 15, 16, 18), strict=True))


class Assurance(enum.StrEnum):
    """How it is known, weakest first."""

    DECLARED = "declared"
    ESTIMATED = "estimated"
    VERIFIED = "verified"


class Role(enum.StrEnum):
    """What a recipient is to the controller (27560 `party role`)."""

    PROCESSOR = "processor"
    """Acts only on the controller's behalf (PIPL 21): needs no consent of its own."""
    CONTROLLER = "controller"
    JOINT_CONTROLLER = "joint-controller"
