"""What can go wrong between two parties, and whose fault it is.

The first sentence of each class is what a user reads. `code` is stable and never reused; the
reference page `docs/reference/errors.md` has a row for each. No message ever holds a secret or an
identifier.
"""

from collections.abc import Iterable
from typing import ClassVar


class ProtocolError(Exception):
    """A run cannot go on."""

    code: ClassVar[str] = "protocol-error"


class LocalError(ProtocolError):
    """The protocol was called on this node in a way that it does not allow."""

    code = "local-error"


class InvalidParameter(LocalError):
    """A parameter is outside its range."""

    code = "invalid-parameter"


class UnknownProtocol(InvalidParameter):
    """No protocol of that name is run by this version of Accord."""

    code = "unknown-protocol"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        runs = ", ".join(sorted(known))
        super().__init__(f"this version of Accord does not run {name[:60]!r}; it runs {runs}")


class HashingFailed(LocalError):
    """The items could not be laid out for matching, by a chance of one in 2^40.

    A new run lays them out anew.
    """

    code = "hashing-failed"


class PeerError(ProtocolError):
    """The other party sent something that this protocol does not allow."""

    code = "peer-error"


class MalformedMessage(PeerError):
    """The other party sent bytes that are not a message of this protocol."""

    code = "malformed-message"


class UnexpectedMessage(PeerError):
    """The other party sent a message that does not belong at this point of the run."""

    code = "unexpected-message"


class ContextMismatch(PeerError):
    """The two parties do not agree on what they are running."""

    code = "context-mismatch"


class InvalidElement(PeerError):
    """The other party sent a group element that must not be used."""

    code = "invalid-element"


class InconsistentChoices(PeerError):
    """The other party did not choose in an oblivious transfer as the protocol says."""

    code = "inconsistent-choices"


class ForgedEnvelope(PeerError):
    """An envelope is not the one that its sender sealed for this place in this job."""

    code = "forged-envelope"


class TooManyElements(PeerError):
    """The other party sent more than the agreed number of elements."""

    code = "too-many-elements"


class DisclosureError(Exception):
    """A release was refused on purpose, to protect people."""

    code: ClassVar[str] = "disclosure-refused"


class SmallCohort(DisclosureError):
    """The group is smaller than the agreed minimum, so nothing about it is released."""

    code = "small-cohort"


class BudgetExceeded(DisclosureError):
    """The privacy budget does not cover this release."""

    code = "budget-exceeded"

    def __init__(self, *, requested: str, available: str, missing: str) -> None:
        self.requested, self.available, self.missing = requested, available, missing
        super().__init__(
            f"the release costs rho {requested}, {available} is left: {missing} too little"
        )


class DeltaExceeded(DisclosureError):
    """The deltas of answers with open words would come to more than the agreed delta."""

    code = "delta-exceeded"

    def __init__(self, limit: str) -> None:
        super().__init__(
            f"all answers with words that nobody listed may come to a delta of {limit}"
        )
