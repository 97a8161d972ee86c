"""Why a row of a consent file was not taken in. A reason never repeats a value.

Every reason stands in `docs/operate/data.md` with the first paragraph of its docstring; a test
compares the two.
"""

import enum


class Refusal(enum.StrEnum):
    """Why a row, or one event of a wide row, was not taken in."""

    MALFORMED_ROW = "malformed-row"
    """The row has another number of fields than the header, or cannot be parsed."""
    OPEN_QUOTE = "open-quote"
    """The row opens a quotation mark that is never closed: all that follows belongs to it."""
    TOO_LARGE = "too-large"
    """A cell has more than 131,072 characters, or the row more than 1,048,576."""
    NOT_TEXT = "not-text"
    """The row holds bytes that are not text in the file's encoding, or half of a character."""
    UNMAPPED_VALUE = "unmapped-value"
    """A cell holds a word that the mapping has no word of ours for."""
    MISSING_IDENTIFIER = "missing-identifier"
    """There is neither an e-mail address nor a telephone number."""
    BAD_EVENT_ID = "bad-event-id"
    """`source_event_id` is empty, longer than 500 characters, or holds control characters."""
    UNKNOWN_PURPOSE = "unknown-purpose"
    """`purpose` is not in the vocabulary."""
    UNKNOWN_STATE = "unknown-state"
    """`state` is not one of the event states."""
    BAD_EVENT_TIME = "bad-event-time"
    """`event_time` is no instant between 1970 and 9999 in the stated form with a time zone."""
    FUTURE_EVENT_TIME = "future-event-time"
    """A consent lies more than five minutes ahead of this machine's clock."""
    BAD_VALID_UNTIL = "bad-valid-until"
    """`valid_until` is no instant in the stated form, or lies before `event_time`."""
    BAD_RECIPIENT = "bad-recipient"
    """`recipient` is not a name of lower-case letters, digits and `. _ : / * -`."""
    BAD_CHANNEL = "bad-channel"
    """`channel` is not a name of lower-case letters, digits and `. _ : / * -`."""
    BAD_NOTICE = "bad-notice"
    """`notice` is longer than 512 characters or holds control characters."""
    UNKNOWN_METHOD = "unknown-method"
    """`method` is not one of the capture methods."""
    UNKNOWN_EVENT_TYPE = "unknown-event-type"
    """`event_type` is not one of the three."""
    UNKNOWN_RELATION = "unknown-relation"
    """`relation` is not one of the five."""
    BAD_SEPARATE = "bad-separate"
    """`separate` is neither true nor false."""
    BAD_WRITTEN = "bad-written"
    """`written` is neither true nor false."""
    BAD_LISTED = "bad-listed"
    """`listed` names something that is no purpose of the vocabulary, or more than 256."""
    BAD_PURPOSE_VERSION = "bad-purpose-version"
    """`purpose_version` is no whole number from 1 to 1,000,000."""
    BAD_JURISDICTION = "bad-jurisdiction"
    """`jurisdiction` is empty and there is no default region, or it is no short text."""
    BAD_TIME_ZONE = "bad-time-zone"
    """`time_zone` is no zone that this machine knows, as `Europe/London`."""
    BAD_LEGAL_REGIME = "bad-legal-regime"
    """`legal_regime` is not a name of lower-case letters, digits and `. _ : / * -`."""
    BAD_LAYER = "bad-layer"
    """`layer` is not a name of lower-case letters, digits and `. _ : / * -`."""
    BAD_CONTROL_LABEL = "bad-control-label"
    """`control_label` is longer than 512 characters or holds control characters."""
    BAD_SERVED_EVENT_ID = "bad-served-event-id"
    """`served_event_id` is longer than 512 characters or holds control characters."""
    BAD_EVIDENCE = "bad-evidence"
    """The evidence has no SHA-256 of 64 hexadecimal digits, or a type or reference that is none."""
    REFUSED_IDENTIFIER = "refused-identifier"
    """Neither the e-mail address nor the telephone number can be normalised."""
    ERASED_PERSON = "erased-person"
    """The person was erased here: no copy makes them anew, and what was said before is gone."""
    AMBIGUOUS_PERSON = "ambiguous-person"
    """The e-mail address and the number are of two persons, and the row is no objection."""
    CONFLICTING_EVENT = "conflicting-event"
    """The source sent another event under this id before."""


class RowRefused(Exception):
    """A row cannot be taken in, for a reason that stands in the report."""

    def __init__(self, reason: Refusal) -> None:
        self.reason = reason
        super().__init__(reason.value)
