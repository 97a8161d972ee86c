"""What can go wrong with consent and its ledger.

The first sentence of each class is what a user reads. `code` is stable and never reused; the
reference page `docs/reference/errors.md` has a row for each. No message ever holds a secret, an
identifier, or a subject id.
"""

from typing import ClassVar


class ConsentError(Exception):
    """A question about consent cannot be answered with yes."""

    code: ClassVar[str] = "consent-error"


class ConsentDenied(ConsentError):
    """The person's consent does not cover this use."""

    code = "consent-denied"

    def __init__(self, reason: str, deciding_index: int | None) -> None:
        self.reason, self.deciding_index = reason, deciding_index
        where = "no entry" if deciding_index is None else f"entry {deciding_index}"
        super().__init__(f"denied: {reason} ({where})")


class UnknownPurpose(ConsentError):
    """The purpose is not in the vocabulary."""

    code = "unknown-purpose"


class LedgerInconsistent(ConsentError):
    """The ledger does not agree with itself: something in it was changed, left out or exchanged."""

    code = "ledger-inconsistent"


class BadSignature(ConsentError):
    """A signature is missing or wrong."""

    code = "bad-signature"


class MalformedRecord(ConsentError):
    """The bytes are not a record of this kind."""

    code = "malformed-record"


class UnknownTimeZone(ConsentError):
    """The person's time zone is not known, so nobody can say what their clock shows."""

    code = "unknown-time-zone"
