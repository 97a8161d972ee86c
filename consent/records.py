"""What the ledger's entries can be.

Each record is a frozen dataclass with a payload: a JSON object with exactly the record's fields
and a `schema` that names its kind. Instants are milliseconds since 1970 in UTC in records and
`YYYY-MM-DDTHH:MM:SS.sssZ` in payloads; hashes are bytes here and hexadecimal digits there. What is
None is absent.
"""

from consent.errors import MalformedRecord
from consent.events import ConsentEvent
from consent.fields import Entry
from consent.merges import SubjectsMerged
from consent.milestones import (
    Anomaly,
    BreakGlass,
    Erasure,
    LedgerOpened,
    NoticePublished,
    OperatorAction,
    PolicyChanged,
    StateSnapshot,
)
from consent.preferences import PreferenceEvent
from consent.requests import SubjectRequest
from consent.signal_records import SignalConcluded, SignalReceived
from consent.uses import (
    ConsentExpired,
    ExposureReport,
    OccurrenceReleased,
    OccurrenceReserved,
    UseOutcome,
    UseRecord,
)

ENTRY_KINDS: tuple[type[Entry], ...] = (
    ConsentEvent,
    PreferenceEvent,
    SignalReceived,
    SignalConcluded,
    SubjectsMerged,
    UseRecord,
    UseOutcome,
    OccurrenceReserved,
    OccurrenceReleased,
    ConsentExpired,
    ExposureReport,
    SubjectRequest,
    Erasure,
    LedgerOpened,
    PolicyChanged,
    NoticePublished,
    StateSnapshot,
    Anomaly,
    OperatorAction,
    BreakGlass,
)
"""Every kind of entry; `docs/spec/ledger.md` has a row for each."""

_BY_TYPE = {kind.TYPE: kind for kind in ENTRY_KINDS}


def kind_of(entry_type: str, version: int) -> type[Entry]:
    """Return the record class of a leaf's `type` and `v`.

    Raises: MalformedRecord if this program does not know it.
    """
    kind = _BY_TYPE.get(entry_type)
    if kind is None or version != kind.VERSION:
        raise MalformedRecord("this kind of entry is not known")
    return kind


def payload_bytes(record: Entry) -> bytes:
    """Return the JCS bytes of a record: what is encrypted and committed to.

    Raises: MalformedRecord if a field is outside its range.
    """
    return record.canonical()
