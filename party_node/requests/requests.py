"""People's requests: each step an entry of the ledger and a change of a row beside it, in one
transaction.

    open ─► verify ─► (erase | export | explain) ─► complete
              └─ extend, once     └─ refuse, cancel until it has ended

Erasing, exporting and explaining come before completing, because other systems take part in them or
a person hands something over. What is said when a request is completed lies in `fulfilling.py`.
"""

import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from sqlmodel import Session

from consent.errors import MalformedRecord
from consent.fields import Entry
from consent.reasons import SKEW_MS
from consent.request_life import due_at, extended_by, strictest
from consent.requests import RequestStatus, RequestType, SubjectRequest, SystemResult
from consent.vocabulary import Vocabulary
from party_node.contact.time_zones import time_zone
from party_node.errors import IdempotencyConflict
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger, Head
from party_node.requests.asked import Asked, places_of
from party_node.requests.errors import StepNotPossible
from party_node.requests.fulfilling import Fulfilling
from party_node.requests.request_rows import (
    by_key,
    counted,
    find,
    listed,
    require,
    results_of,
    written,
)
from party_node.requests.tables import SubjectRequestRow
from party_node.requests.texts import nameless, nameless_or_none
from party_node.surface_errors import MalformedRequest
from protocols.session import Rng

Change = Callable[[SubjectRequestRow], None]


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """A request, and whether the caller had opened it before."""

    row: SubjectRequestRow
    repeated: bool


class Requests:
    """The requests of one node. Safe to use from several threads."""

    def __init__(
        self, ledger: ConsentLedger, identity: Identity, fulfilling: Fulfilling, rng: Rng
    ) -> None:
        self._ledger, self._identity, self._rng = ledger, identity, rng
        self._key = ledger.vault.derive("request-keys/1")
        self.fulfilling = fulfilling

    # -- looking -----------------------------------------------------------------------------------

    def get(self, request_id: str) -> SubjectRequestRow:
        """Return one request. Raises: NotFound."""
        with self._ledger.database.reading() as session:
            return find(session, request_id)

    def listed(
        self, limit: int, *, ended_too: bool = False, after: str | None = None
    ) -> Sequence[SubjectRequestRow]:
        """Return requests, those that are open first, then by when they are due.

        `after` goes on from a request. Raises: NotFound.
        """
        with self._ledger.database.reading() as session:
            last = None if after is None else find(session, after)
            return listed(session, limit, ended_too=ended_too, after=last)

    def overdue(self, row: SubjectRequestRow) -> bool:
        """Tell whether the answer is late."""
        return not row.ended and self._ledger.now() > row.due_ms

    def counted(self) -> tuple[int, int]:
        """Return how many requests are open, and how many of them are overdue."""
        with self._ledger.database.reading() as session:
            return counted(session, self._ledger.now())

    # -- steps -------------------------------------------------------------------------------------

    def open(self, asked: Asked, by: str, key: str) -> OpenedRequest:
        """Take a request in; `key` is the caller's own name for it: the same again is no second.

        Raises: IdempotencyConflict; UnknownPurpose; MalformedRequest for a time that has not come.
        """
        named, content = hmac.digest(self._key, key.encode(), "sha256"), asked.digest(self._key)
        with self._ledger.hold() as head:
            with self._ledger.database.reading() as session:
                known = by_key(session, named)
            if known is not None:
                if known.content is None or not hmac.compare_digest(known.content, content):
                    raise IdempotencyConflict("under this key something else was asked")
                return OpenedRequest(known, repeated=True)
            row = self._new(asked, head)
            row.key, row.content = named, content

            def keep(session: Session, indices: list[int]) -> None:
                row.entry = indices[0]
                session.add(row)

            self._ledger.append([_record(row, by)], also=keep)
        return OpenedRequest(row, repeated=False)

    def verify(self, request_id: str, method: str, by: str) -> SubjectRequestRow:
        """Note that the person themself asks, and how that is known."""
        nameless(method)

        def change(row: SubjectRequestRow) -> None:
            row.verified, row.verified_by = True, method

        return self._step(request_id, RequestStatus.VERIFIED, by, change)

    def extend(self, request_id: str, reason: str, days: int | None, by: str) -> SubjectRequestRow:
        """Put the answer off, once, by at most what the regime allows.

        Raises: StepNotPossible.
        """
        nameless(reason)
        with self._ledger.hold() as head:
            row = self.get(request_id)
            require(row, RequestStatus.EXTENDED)
            regime = next((r for r in head.vocabulary.regimes if r.regime_id == row.regime), None)
            if regime is None:
                raise StepNotPossible(f"the regime {row.regime} is not in the policy any more")
            try:
                later = due_at(row.due_ms, extended_by(regime, days), zone_of(head.vocabulary))
            except MalformedRecord as e:
                raise StepNotPossible(str(e)) from e

            def change(stored: SubjectRequestRow) -> None:
                stored.extended, stored.due_ms = True, later

            return self._step(request_id, RequestStatus.EXTENDED, by, change, reason)

    def refuse(self, request_id: str, reason: str, by: str) -> SubjectRequestRow:
        """Say no, with the reason that the person is told (PIPL 50)."""
        return self._step(request_id, RequestStatus.REFUSED, by, _end, nameless(reason))

    def cancel(self, request_id: str, reason: str | None, by: str) -> SubjectRequestRow:
        """End a request that is none any more: it was taken back, or came in twice."""
        return self._step(request_id, RequestStatus.CANCELLED, by, _end, nameless_or_none(reason))

    def complete(
        self, request_id: str, results: Sequence[SystemResult], by: str
    ) -> SubjectRequestRow:
        """Do what is left of this node's part, and say what every system did.

        Raises: StepNotPossible if it is not verified, or something must be done before.
        """
        for result in results:
            nameless(result.system)
            nameless(result.outcome)
            nameless_or_none(result.detail)
        with self._ledger.hold() as head:
            row = self.get(request_id)
            require(row, RequestStatus.COMPLETED)
            said = self.fulfilling.stated(head, row)
            own = self.fulfilling.own_results(row, len(said))

            def change(stored: SubjectRequestRow) -> None:
                stored.fulfilled_ms = stored.fulfilled_ms or self._ledger.now()
                stored.results = written([*own, *results])
                _end(stored)

            return self._step(request_id, RequestStatus.COMPLETED, by, change, others=said)

    # -- inside ------------------------------------------------------------------------------------

    def _new(self, asked: Asked, head: Head) -> SubjectRequestRow:
        vocabulary, now = head.vocabulary, self._ledger.now()
        for purpose in asked.purposes:
            vocabulary.find(purpose)
        received = now if asked.received_ms is None else asked.received_ms
        if received > now + SKEW_MS:
            raise MalformedRequest("a request cannot have come in later than now")
        received = min(received, now)
        subject = asked.subject(self._identity)
        known = [] if subject is None else places_of(self.fulfilling.person(subject).entries)
        places = [place for place in (asked.place, *known) if place]
        regime = strictest(vocabulary, places)
        return SubjectRequestRow(
            request_id=self._rng(16).hex(),
            subject=subject,
            kind=asked.kind.value,
            status=RequestStatus.RECEIVED.value,
            regime=regime.regime_id,
            place=next((p for p in places if vocabulary.regime(p) == regime), ""),
            channel=asked.channel.value,
            relation=asked.relation.value,
            purposes=json.dumps(sorted(set(asked.purposes))),
            received_ms=received,
            due_ms=due_at(received, regime.answer_days, zone_of(vocabulary)),
            changed_ms=now,
            entry=-1,
        )

    def _step(
        self,
        request_id: str,
        step: RequestStatus,
        by: str,
        change: Change,
        reason: str | None = None,
        others: Sequence[Entry] = (),
    ) -> SubjectRequestRow:
        """Take one step: the entry and the row, or neither."""
        with self._ledger.hold():
            row = self.get(request_id)
            require(row, step)
            change(row)
            row.status, row.changed_ms = step.value, self._ledger.now()
            row.reason = reason or row.reason
            record = _record(row, by, reason)

            def keep(session: Session, indices: list[int]) -> None:
                row.entry = indices[-1]
                stored = session.merge(row)
                session.flush()
                row.stamp = stored.stamp

            self._ledger.append([*others, record], also=keep)
        return row


def _record(row: SubjectRequestRow, by: str, reason: str | None = None) -> SubjectRequest:
    status = RequestStatus(row.status)
    return SubjectRequest(
        request_id=row.request_id,
        request=RequestType(row.kind),
        status=status,
        regime=row.regime,
        at_ms=row.changed_ms,
        received_at_ms=row.received_ms,
        due_at_ms=row.due_ms,
        by=by,
        verified_by=row.verified_by,
        reason=reason,
        results=tuple(results_of(row)) if status is RequestStatus.COMPLETED else (),
    )


def _end(row: SubjectRequestRow) -> None:
    row.ended = True


def zone_of(vocabulary: Vocabulary) -> tzinfo:
    """Return the controller's zone; UTC if the policy names none."""
    return time_zone(vocabulary.controller_zone) or UTC
