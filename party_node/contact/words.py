"""Every reason of a contact decision, in a sentence that people read."""

import enum

from consent.reasons import Reason


class ContactReason(enum.StrEnum):
    """Reasons that consent does not have."""

    QUIET_HOURS = "quiet-hours"
    OFTEN_ENOUGH = "often-enough"
    ZONE_UNKNOWN = "time-zone-unknown"
    NO_CONTACT_AT_ALL = "no-contact-at-all"
    SENT_ALREADY = "sent-already"


WORDS: dict[Reason | ContactReason, str] = {
    Reason.PERMITTED: "The person has agreed to this.",
    Reason.WITHDRAWN: "The person has withdrawn.",
    Reason.REVOKED: "The consent was revoked.",
    Reason.REFUSED: "The person was asked and said no.",
    Reason.INVALIDATED: "The consent was found not to be valid.",
    Reason.TERMINATED: "What the person agreed to has ended.",
    Reason.EVALUATED_TOO_EARLY: "The question is about a moment before the newest entry.",
    Reason.SOURCES_DISAGREE: "One source says yes, another does not.",
    Reason.EXPIRED: "The consent has run out.",
    Reason.USED_UP: "The consent permitted so many uses, and all are made.",
    Reason.RENEWAL_REQUIRED: "The terms have changed: the person must be asked again.",
    Reason.PROHIBITED: "The law of the place does not permit it.",
    Reason.NOT_EXPRESSED: "The person has not said so in the way that the law asks for.",
    Reason.NOT_SEPARATE: "The law asks for a consent of its own for this recipient.",
    Reason.NOT_ON_NOTICE: "The notice did not tell the person about this.",
    Reason.NOT_LISTED: "The person agreed to more in general, and was not told of this.",
    Reason.NOT_BY_GUARDIAN: "The person is too young to agree alone.",
    Reason.GUARDIAN_ENDED: "The person has come of age and must be asked.",
    Reason.AGE_UNKNOWN: "The person may be a child, and nobody knows.",
    Reason.REQUESTED: "The person was asked and has not answered.",
    Reason.REQUEST_DEFERRED: "The person put off the answer.",
    Reason.UNKNOWN: "The source does not know.",
    Reason.NO_EVIDENCE: "Nothing shows that the person agreed.",
    Reason.OPERATION_NOT_COVERED: "This purpose is not for contacting people.",
    Reason.RESTRICTED: "The person has asked that their data be only stored.",
    Reason.PAUSED: "The person wants no messages for a while.",
    Reason.CHANNEL_REFUSED: "The person does not want this channel.",
    Reason.TOPIC_REFUSED: "The person does not want this topic.",
    Reason.NOT_PERSONALISED: "Only without automated choice: the person does not want it.",
    ContactReason.QUIET_HOURS: "These are quiet hours for the person.",
    ContactReason.OFTEN_ENOUGH: "The person was contacted often enough.",
    ContactReason.ZONE_UNKNOWN: "The person's time zone is not known.",
    ContactReason.NO_CONTACT_AT_ALL: "The person wants no messages by this channel.",
    ContactReason.SENT_ALREADY: "This contact has gone out already.",
}
"""`docs/concepts/contact.md` has a row for each that consent does not have."""
