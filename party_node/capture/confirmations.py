"""A person was told that their browser sends GPC, and says yes in spite of it (rule 5).

The yes is written in the stream of GPC itself: there it ends a no that is older by a millisecond,
while elsewhere it would have to be newer by five minutes, and people answer at once. What GPC said
no to lies at `self`, so the yes goes there too; each recipient needs one of its own.
"""

from dataclasses import dataclass

from consent.events import ConsentEvent, EventType
from consent.signal_records import SignalKind
from consent.signals.standing import Standing, stream_of
from consent.statements import Method
from consent.words import ANY_CHANNEL, SELF, EventState
from party_node.capture.person_entries import PersonEntries
from party_node.errors import IdempotencyConflict, IllegalState
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger

_STREAM = stream_of(SignalKind.GPC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What the person said yes to."""

    purpose: str
    recipients: tuple[str, ...]
    """Rising; whom besides the controller itself."""
    separate: bool
    """Given by an act of its own for each of them."""
    source_id: str
    event_id: str
    jurisdiction: str
    method: Method


def confirm(ledger: ConsentLedger, identity: Identity, dense: int, said: Confirmation) -> list[int]:
    """Record a confirmation; return its entries, the same ones for the same call again.

    Raises: IllegalState if GPC was never applied to this purpose for this person; UnknownPurpose,
    IdempotencyConflict, DiskFull.
    """
    with ledger.hold() as head:
        entries = PersonEntries(ledger, identity).said(dense)
        standing = Standing(entries, head.vocabulary, ledger.now())
        gpc = standing.events_of(_STREAM, (said.purpose, SELF, ANY_CHANNEL))
        noes = [event for event in gpc if event.state.is_objection]
        if not noes:
            raise IllegalState(
                "GPC was never applied to this purpose for this person",
                hint="only what a person was told of can be confirmed over",
            )
        version = head.vocabulary.find(said.purpose).version
        recipients = (SELF, *(r for r in said.recipients if r != SELF))
        known = [_before(ledger, _name(said, n)) is not None for n in range(len(recipients) + 1)]
        if known[0] and known != [True] * len(recipients) + [False]:
            raise IdempotencyConflict
        return ledger.append(
            [
                _event(ledger, said, recipient, n, noes[-1], version)
                for n, recipient in enumerate(recipients)
            ]
        )


def _event(
    ledger: ConsentLedger,
    said: Confirmation,
    recipient: str,
    number: int,
    no: ConsentEvent,
    version: int,
) -> ConsentEvent:
    name = _name(said, number)
    before = _before(ledger, name)
    return ConsentEvent(
        subject_id=no.subject_id,
        state=EventState.GIVEN,
        purpose=said.purpose,
        purpose_version=version,
        recipient=recipient,
        event_type=EventType.EXPLICITLY_EXPRESSED,
        event_time_ms=ledger.now() if before is None else before.event_time_ms,
        source_id=_STREAM,
        source_event_id=name,
        jurisdiction=said.jurisdiction,
        method=said.method,
        separate=said.separate and recipient != SELF,
        confirms_over=(SignalKind.GPC.value,),
        signal_entry=no.signal_entry if before is None else before.signal_entry,
    )


def _name(said: Confirmation, number: int) -> str:
    return f"{said.source_id}/{said.event_id}/confirmed/{number}"


def _before(ledger: ConsentLedger, name: str) -> ConsentEvent | None:
    """Return the event as it was recorded at first, if this call is a repetition."""
    first = ledger.first_of(_STREAM, name)
    record = None if first is None else ledger.entry(first).record
    return record if isinstance(record, ConsentEvent) else None
