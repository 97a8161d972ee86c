"""What the coordinator refuses, each with a stable code and what to do about it.

The first sentence of a class is the title that a user reads; `hint` says what to do.
`docs/spec/relay.md` has a row for each code, and `problems.py` alone gives each a status.
"""

from typing import ClassVar


class CoordinatorError(Exception):
    """The coordinator refuses."""

    code: ClassVar[str]
    hint: ClassVar[str] = ""
    retry_after_seconds: ClassVar[int] = 0
    """Where more than 0: the same request may succeed after that time."""

    def __init__(self, detail: str = "", **extensions: str | int) -> None:
        self.detail = detail
        self.extensions = extensions
        """Members of the problem document beside the standard ones."""
        super().__init__(detail)

    @classmethod
    def title(cls) -> str:
        """Return the first sentence of the class's docstring."""
        return (cls.__doc__ or "").strip().split("\n", 1)[0]


class UnknownParty(CoordinatorError):
    """The request is signed as a party that is not enrolled here."""

    code = "unknown-party"
    hint = "Enrol the party with an invitation from the coordinator's operator."


class BadRequestSignature(CoordinatorError):
    """The request is not signed, or not by the party that it names."""

    code = "bad-request-signature"
    hint = "Sign method, path with query, time and body exactly as sent, with the enrolled key."


class ClockSkew(CoordinatorError):
    """The time of the request is too far from the coordinator's."""

    code = "clock-skew"
    hint = "Set the clock of this machine by NTP (on most Linux: timedatectl set-ntp true)."


class InvitationUnknown(CoordinatorError):
    """There is no such invitation for this party."""

    code = "invitation-unknown"
    hint = "Check that the whole token was copied and that it names this party, or ask for another."


class InvitationExpired(CoordinatorError):
    """The invitation is no longer valid."""

    code = "invitation-expired"
    hint = "Ask the coordinator's operator for a new invitation."


class InvitationUsed(CoordinatorError):
    """The invitation was already used with other keys."""

    code = "invitation-used"
    hint = (
        "If that was not you, tell the coordinator's operator; otherwise ask for a new invitation."
    )


class EnrolmentRefused(CoordinatorError):
    """The enrolment does not prove what it says."""

    code = "enrolment-refused"
    hint = "The request must be signed by the new key itself, and name the same party everywhere."


class PartyExists(CoordinatorError):
    """A party of this name, or with this ledger, is enrolled with other keys."""

    code = "party-exists"
    hint = "Keys do not change under a name: choose another party name and ask to be invited by it."


class NoSuchParty(CoordinatorError):
    """There is no party of this name."""

    code = "no-such-party"


class MalformedRequest(CoordinatorError):
    """The request is not of the documented form."""

    code = "malformed-request"
    hint = "Compare the request with docs/spec/relay.md."


class RequestTooLarge(CoordinatorError):
    """The body is larger than this route takes."""

    code = "request-too-large"


class EnvelopeTooLarge(CoordinatorError):
    """The envelope is larger than this coordinator carries."""

    code = "envelope-too-large"
    hint = "Send the data in smaller chunks."


class TooBusy(CoordinatorError):
    """The coordinator is receiving too much at once, or this body came too slowly."""

    code = "too-busy"
    hint = "Send again after the time in Retry-After; a Content-Digest header spares the queue."
    retry_after_seconds = 5


class TooManyWaits(CoordinatorError):
    """Too many requests of this party wait at the same time."""

    code = "too-many-waits"
    hint = "Let a request that waits come to its end before the next one waits."
    retry_after_seconds = 5


class BadSignature(CoordinatorError):
    """A signature in the body is not that of the party that it must be from."""

    code = "bad-signature"


class UnknownCollaboration(CoordinatorError):
    """There is no such collaboration for this party."""

    code = "unknown-collaboration"


class CollaborationConflict(CoordinatorError):
    """The version is already proposed with other content, or is not the next one."""

    code = "collaboration-conflict"
    hint = "Read the versions that exist, and propose the change as the next version."


class CollaborationRefused(CoordinatorError):
    """The document is outside the ranges of an agreement, or does not fit the enrolled parties."""

    code = "collaboration-refused"
    hint = "The detail names the term; docs/spec/relay.md lists the ranges."


class TooManyProposals(CoordinatorError):
    """Too many versions that this party has signed wait for another party's signature."""

    code = "too-many-proposals"
    hint = "Ask the other parties to sign what is proposed; what they do not sign expires."


class CollaborationNotInForce(CoordinatorError):
    """The job names a version of a collaboration that is not in force."""

    code = "collaboration-not-in-force"
    hint = "Wait until every party has countersigned, or ask under the version that is in force."


class UnknownJob(CoordinatorError):
    """There is no such job for this party."""

    code = "unknown-job"


class JobConflict(CoordinatorError):
    """Another job has this number."""

    code = "job-conflict"
    hint = "Draw a new random job number."


class JobNotPermitted(CoordinatorError):
    """The collaboration does not permit this job."""

    code = "job-not-permitted"
    hint = "Compare the job with the permitted list of the collaboration."


class TooManyOpenJobs(CoordinatorError):
    """Too many jobs of this requester have not ended."""

    code = "too-many-open-jobs"
    hint = "Wait until some have ended, or cancel some."


class IllegalJobEvent(CoordinatorError):
    """The event cannot happen to the job in its present state."""

    code = "illegal-job-event"
    hint = "Read the job again: the other party or the time may have changed it."


class NotYourEvent(CoordinatorError):
    """The event is for the other party to say."""

    code = "not-your-event"


class AcceptanceRefused(CoordinatorError):
    """The acceptance is not a yes to this job."""

    code = "acceptance-refused"


class NotYourMailbox(CoordinatorError):
    """The mailbox has this side for the other party."""

    code = "not-your-mailbox"
    hint = "A party sends under its own name, and reads and acknowledges under the other's."


class MisroutedEnvelope(CoordinatorError):
    """The header of the envelope does not say what the path says."""

    code = "misrouted-envelope"


class StepConflict(CoordinatorError):
    """Another message was already sent as this step."""

    code = "step-conflict"
    hint = "A step is sealed once and sent again with the same bytes; this run cannot go on."


class StepOutOfOrder(CoordinatorError):
    """The step is not the sender's next one."""

    code = "step-out-of-order"


class MailboxFull(CoordinatorError):
    """Too many bytes of this job, or of this sender, wait for acknowledgement."""

    code = "mailbox-full"
    hint = "Send again after the time in Retry-After; the other party must read first."
    retry_after_seconds = 2


class MailboxClosed(CoordinatorError):
    """A side of this mailbox is closed."""

    code = "mailbox-closed"
    hint = "Nothing more will come: end this side too, and read the outcome."


class UnknownMessage(CoordinatorError):
    """No message was sent as this step."""

    code = "unknown-message"


class MessageAcknowledged(CoordinatorError):
    """The message was acknowledged, and its bytes are gone."""

    code = "message-acknowledged"


class ReceiptConflict(CoordinatorError):
    """Another receipt is filed for this job."""

    code = "receipt-conflict"


class ReceiptRefused(CoordinatorError):
    """The receipt is not one of this job."""

    code = "receipt-refused"


class UnknownReceipt(CoordinatorError):
    """No receipt is filed for this job."""

    code = "unknown-receipt"


class UnknownRoute(CoordinatorError):
    """There is nothing at this path."""

    code = "unknown-route"


class MethodNotAllowed(CoordinatorError):
    """The path does not know this method."""

    code = "method-not-allowed"


class DatabaseUnavailable(CoordinatorError):
    """The database cannot be reached."""

    code = "database-unavailable"
    hint = "Try again shortly; if it lasts, look at /readyz and at the database's own log."
    retry_after_seconds = 5


class Internal(CoordinatorError):
    """Something went wrong inside the coordinator."""

    code = "internal"
    hint = "Give the id to the coordinator's operator; the log has the rest under it."


class FlowerUnavailable(CoordinatorError):
    """Federated training is switched off here, or does not answer."""

    code = "flower-unavailable"
    hint = "Ask the coordinator's operator whether `superlink_port` is set, and for superlink.log."
    retry_after_seconds = 10


class NodeKeyRefused(CoordinatorError):
    """The key of a SuperNode cannot be used."""

    code = "node-key-refused"
    hint = "Send the public key that the node made for its SuperNode, as it made it."


class TrainingRefused(CoordinatorError):
    """A partner cannot join the federated training of that job like this."""

    code = "training-refused"
    hint = "The job may have ended, or the parties do not agree about it: ask for it again."


class SetupError(Exception):
    """The coordinator cannot start as it is set up."""

    code: ClassVar[str] = "setup"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


class BadSetting(SetupError):
    """A setting is unknown or has a value that it cannot have."""

    code = "bad-setting"


class NotInitialised(SetupError):
    """The home or the database was not initialised."""

    code = "not-initialised"


class UnknownSchema(SetupError):
    """The database has a schema version that this program does not know."""

    code = "unknown-schema"


class UnsafeKeyFile(SetupError):
    """The witness key can be read by others."""

    code = "unsafe-key-file"


class NotReady(SetupError):
    """The database cannot be reached at present."""

    code = "not-ready"
    exit_code = 75


class AlreadyServed(SetupError):
    """Another process serves this witness."""

    code = "already-served"
    exit_code = 75


class UnusableLogKey(SetupError):
    """The text is not the key of a ledger."""

    code = "unusable-log-key"


class UnknownLog(SetupError):
    """The witness does not know this ledger."""

    code = "unknown-log"
