"""One row of a consent file: read strictly, or refused with a reason that never repeats a value.

The columns and every reason stand in `docs/operate/data.md`; a test compares the two.
"""

import datetime
import enum
import functools
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from consent import canonical, fields, instants
from consent.errors import MalformedRecord
from consent.events import ConsentEvent
from consent.reasons import SKEW_MS
from consent.statements import Method
from consent.vocabulary import Vocabulary
from consent.words import SELF, EventState

REQUIRED = ("source_event_id", "purpose", "state", "event_time")
OPTIONAL = ("email", "phone", "recipient", "valid_until", "notice", "method", "separate",
            "jurisdiction")  # fmt: skip
COLUMNS = REQUIRED + OPTIONAL

_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no", ""})
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MILLISECOND = datetime.timedelta(milliseconds=1)
_SHA256 = re.compile("[0-9a-f]{64}")
_METHODS = {m.value: m for m in Method}
_STATES = {s.value: s for s in EventState}
T = TypeVar("T")


class Refusal(enum.StrEnum):
    """Why a row was not taken in."""

    MALFORMED_ROW = "malformed-row"
    """The row has another number of fields than the header, or cannot be parsed."""
    NOT_UTF8 = "not-utf8"
    """The row holds bytes that are not UTF-8."""
    BAD_EVENT_ID = "bad-event-id"
    """`source_event_id` is empty, longer than 500 characters, or holds control characters."""
    UNKNOWN_PURPOSE = "unknown-purpose"
    """`purpose` is not in the vocabulary."""
    UNKNOWN_STATE = "unknown-state"
    """`state` is not one of the event states."""
    BAD_EVENT_TIME = "bad-event-time"
    """`event_time` is no ISO 8601 instant with a time zone between 1970 and 9999."""
    FUTURE_EVENT_TIME = "future-event-time"
    """A consent lies more than five minutes ahead of this machine's clock."""
    BAD_VALID_UNTIL = "bad-valid-until"
    """`valid_until` is no ISO 8601 instant with a time zone, or lies before `event_time`."""
    BAD_RECIPIENT = "bad-recipient"
    """`recipient` is not a name of lower-case letters, digits and `. _ : / * -`."""
    BAD_NOTICE = "bad-notice"
    """`notice` is longer than 512 characters or holds control characters."""
    UNKNOWN_METHOD = "unknown-method"
    """`method` is not one of the capture methods."""
    BAD_SEPARATE = "bad-separate"
    """`separate` is neither true nor false."""
    BAD_JURISDICTION = "bad-jurisdiction"
    """`jurisdiction` is empty and there is no default region, or it is no short text."""
    MISSING_IDENTIFIER = "missing-identifier"
    """There is neither an e-mail address nor a telephone number."""
    REFUSED_IDENTIFIER = "refused-identifier"
    """Neither the e-mail address nor the telephone number can be normalised."""
    AMBIGUOUS_PERSON = "ambiguous-person"
    """The e-mail address and the number belong to different persons, and the row is no
    objection."""
    CONFLICTING_EVENT = "conflicting-event"
    """The source sent another event under this id before."""


class RowRefused(Exception):
    """A row cannot be taken in, for a reason that stands in the report."""

    def __init__(self, reason: Refusal) -> None:
        self.reason = reason
        super().__init__(reason.value)


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """What one row says, before it is known whom it is about."""

    line: int
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    source_event_id: str
    state: EventState
    purpose: str
    recipient: str
    event_time_ms: int
    valid_until_ms: int | None
    notice_hash: bytes | None
    method: Method
    separate: bool
    jurisdiction: str

    def event(self, subject_id: str, source_id: str, suffix: str = "") -> ConsentEvent:
        """Return the record about this person."""
        return ConsentEvent(
            subject_id=subject_id,
            source_id=source_id,
            source_event_id=self.source_event_id + suffix,
            state=self.state,
            purpose=self.purpose,
            recipient=self.recipient,
            event_time_ms=self.event_time_ms,
            valid_until_ms=self.valid_until_ms,
            notice_hash=self.notice_hash,
            method=self.method,
            separate=self.separate,
            jurisdiction=self.jurisdiction,
        )


def read_row(
    line: int,
    row: Mapping[str, str | None],
    vocabulary: Vocabulary,
    region: str | None,
    now_ms: int,
) -> ConsentRow:
    """Read one row whose values are text or None.

    Raises: RowRefused.
    """
    text = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if not "".join(text.values()).isascii() and not all(map(_is_text, text.values())):
        raise RowRefused(Refusal.NOT_UTF8)
    if not text["email"] and not text["phone"]:
        raise RowRefused(Refusal.MISSING_IDENTIFIER)
    if not vocabulary.has(text["purpose"]):
        raise RowRefused(Refusal.UNKNOWN_PURPOSE)
    state = _looked_up(_STATES, text["state"], Refusal.UNKNOWN_STATE)
    event_time = _instant(text["event_time"], Refusal.BAD_EVENT_TIME)
    if event_time > now_ms + SKEW_MS and state.valid_for_processing:
        raise RowRefused(Refusal.FUTURE_EVENT_TIME)
    until = _instant(text["valid_until"], Refusal.BAD_VALID_UNTIL) if text["valid_until"] else None
    if until is not None and until < event_time:
        raise RowRefused(Refusal.BAD_VALID_UNTIL)
    return ConsentRow(
        line=line,
        email=text["email"] or None,
        phone=text["phone"] or None,
        source_event_id=_event_id(text["source_event_id"]),
        state=state,
        purpose=text["purpose"],
        recipient=_recipient(text["recipient"]),
        event_time_ms=event_time,
        valid_until_ms=until,
        notice_hash=_notice(text["notice"]),
        method=_looked_up(_METHODS, text["method"] or Method.IMPORT.value, Refusal.UNKNOWN_METHOD),
        separate=_flag(text["separate"]),
        jurisdiction=_jurisdiction(text["jurisdiction"] or region or ""),
    )


def _is_text(value: str) -> bool:
    """Return whether there are no lone surrogates, which stand for bytes that are not UTF-8."""
    return not any("\ud800" <= c <= "\udfff" for c in value)


def _event_id(text: str) -> str:
    if len(text) > 500:
        raise RowRefused(Refusal.BAD_EVENT_ID)
    return _allowed(fields.words, text, Refusal.BAD_EVENT_ID)


# A file has few recipients, notices and jurisdictions, and many rows.
_remembered = functools.lru_cache(maxsize=1024)


@_remembered
def _recipient(text: str) -> str:
    return _allowed(fields.name, text or SELF, Refusal.BAD_RECIPIENT)


@_remembered
def _jurisdiction(text: str) -> str:
    return _allowed(fields.words, text, Refusal.BAD_JURISDICTION)


@_remembered
def _notice(text: str) -> bytes | None:
    """64 hexadecimal digits are the notice's SHA-256; any other text is its name, and is hashed."""
    if not text:
        return None
    if _SHA256.fullmatch(text):
        return bytes.fromhex(text)
    return hashlib.sha256(_allowed(fields.words, text, Refusal.BAD_NOTICE).encode()).digest()


def _flag(text: str) -> bool:
    if not text:
        return False
    folded = text.lower()
    if folded not in _TRUE | _FALSE:
        raise RowRefused(Refusal.BAD_SEPARATE)
    return folded in _TRUE


def _instant(text: str, reason: Refusal) -> int:
    try:
        return instants.from_text(text)  # as we would write it: what our own exports hold
    except MalformedRecord:
        return _any_instant(text, reason)


def _any_instant(text: str, reason: Refusal) -> int:
    try:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise RowRefused(reason)
        ms = (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        raise RowRefused(reason) from None
    if not 0 <= ms <= instants.MAX_MS:
        raise RowRefused(reason)
    return ms


def _looked_up(known: Mapping[str, T], text: str, reason: Refusal) -> T:
    try:
        return known[text]
    except KeyError:
        raise RowRefused(reason) from None


def _allowed(codec: fields.Codec, text: str, reason: Refusal) -> str:
    write: Callable[[str], object] = codec.write
    try:
        write(text)
        canonical.check_domain(text)
    except MalformedRecord:
        raise RowRefused(reason) from None
    return text
