"""Every reason of a decision, in words for those who run the node, as the documentation has it:
docs/concepts/consent.md. What the person is told is `requests/words.py`.
"""

from collections.abc import Mapping

from consent.reasons import Reason

MEANS: Mapping[str, str] = {
    Reason.PERMITTED: "allowed, by the entry that is named",
    Reason.WITHDRAWN: "the person withdrew",
    Reason.REVOKED: "somebody else ended it",
    Reason.REFUSED: "the person was asked and said no",
    Reason.INVALIDATED: "it was found not to be valid consent",
    Reason.TERMINATED: "what it was given for has ended",
    Reason.EVALUATED_TOO_EARLY: (
        "the question is about an instant before the newest entry; ask an older prefix of"
        " the ledger"
    ),
    Reason.SOURCES_DISAGREE: "one source says yes, another does not",
    Reason.EXPIRED: "it was given, and its end has passed",
    Reason.USED_UP: "it was given for so many uses, and they were made",
    Reason.RENEWAL_REQUIRED: (
        "it was given on a notice, or to a version of the purpose, that must be agreed to again"
    ),
    Reason.PROHIBITED: "the law of a place that applies permits it on no ground",
    Reason.NOT_EXPRESSED: (
        "the law of a place that applies asks for more than was said: a yes, or an explicit one"
    ),
    Reason.NOT_SEPARATE: (
        "the law asks for consent of its own to this recipient, and this was part of a "
        "bundle or no act of the person"
    ),
    Reason.NOT_ON_NOTICE: (
        "the notice that was shown does not tell of this purpose, or of this recipient"
    ),
    Reason.NOT_LISTED: "a broader purpose was agreed to, but that does not cover this one",
    Reason.NOT_BY_GUARDIAN: "the person was a child, and no guardian said it",
    Reason.GUARDIAN_ENDED: "a guardian said it, and the person is no child any more",
    Reason.AGE_UNKNOWN: "it came from a source that addresses children, without an age",
    Reason.REQUESTED: "the person was asked and has not answered",
    Reason.REQUEST_DEFERRED: "the person put off the answer",
    Reason.UNKNOWN: (
        "the source does not know, or one of two records that were merged never said yes"
    ),
    Reason.NO_EVIDENCE: "nobody said anything about this",
    Reason.OPERATION_NOT_COVERED: "the purpose does not include this operation",
    Reason.RESTRICTED: (
        "everything but storing is stopped, because the person asked for it (GDPR 18)"
    ),
    Reason.PAUSED: "consent permits it, but the person wants to hear nothing for a while",
    Reason.CHANNEL_REFUSED: (
        "consent permits it, but the person does not want to be reached by this channel"
    ),
    Reason.TOPIC_REFUSED: (
        "consent permits it, but the person does not want to hear about this topic"
    ),
    Reason.NOT_PERSONALISED: (
        "consent permits it, but the person wants no machine to choose for them"
    ),
}


def most_first(people: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return reasons with how many people each is about, the most frequent first."""
    return sorted(people.items(), key=lambda pair: (-pair[1], pair[0]))
