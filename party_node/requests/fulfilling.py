"""What this node itself does about a request: erase, hand over, or write into the ledger.

erase                  before completing, so that other systems can follow
access, port           the person's file is made (`person_file.py`), then noted here
explain-decision       the explanation is made (`explaining.py`), then noted here
withdraw, object,      written into the ledger by completing
opt-out-of-sale,
restrict               likewise; `lift` ends it
rectify                nothing here: a correction is a statement of its source
"""

from collections.abc import Sequence

from sqlmodel import Session

from consent.milestones import OperatorAction
from consent.requests import RequestStatus, RequestType, SystemResult
from consent.statements import Relation, Statement
from party_node.erasure.erasing import Erased, Erasing
from party_node.erasure.holds import HoldOrder
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger, Head
from party_node.persons import entries_of_person
from party_node.requests.channels import METHOD, RequestChannel
from party_node.requests.errors import StepNotPossible
from party_node.requests.person import Person
from party_node.requests.request_rows import (
    find,
    open_ones,
    purposes_of,
    require,
    results_of,
    written,
)
from party_node.requests.statements import Spoken
from party_node.requests.tables import SubjectRequestRow
from party_node.requests.texts import nameless

THIS_NODE = "accord"
"""Name of this node among the systems of a request's results."""
_FIRST = {
    RequestType.ERASE: "`accord request erase`",
    RequestType.ACCESS: "`accord request export`",
    RequestType.PORT: "`accord request export`",
    RequestType.EXPLAIN_DECISION: "`accord request explain`",
}
_OUTCOMES = {
    RequestType.WITHDRAW: "withdrawn",
    RequestType.OBJECT: "objected",
    RequestType.OPT_OUT_OF_SALE: "opted-out",
    RequestType.RESTRICT: "restricted",
}


class Fulfilling:
    """Does this node's part."""

    def __init__(
        self, ledger: ConsentLedger, identity: Identity, erasing: Erasing, region: str
    ) -> None:
        self._ledger, self._identity, self._erasing = ledger, identity, erasing
        self._region = region

    # -- before completing -------------------------------------------------------------------------

    def ready(self, request_id: str, *kinds: RequestType) -> SubjectRequestRow:
        """Return a request of one of these kinds if this node may do its part for it now.

        Raises: NotFound, StepNotPossible.
        """
        with self._ledger.database.reading() as session:
            row = find(session, request_id)
        if row.kind not in kinds:
            raise StepNotPossible(f"it asks for {row.kind}")
        require(row, RequestStatus.COMPLETED)
        return row

    def about(self, row: SubjectRequestRow) -> Person:
        """Return the person of a request, with everything that the ledger has about them.

        Raises: StepNotPossible if nothing is known of them.
        """
        if row.subject is None:
            raise StepNotPossible(
                "nothing is known here of the person",
                hint="complete the request: that is an answer",
            )
        return self.person(row.subject)

    def person(self, subject: int) -> Person:
        """Return a person, whichever of their records is named."""
        with self._ledger.hold() as head:
            current = head.projection.current(subject)
            records = entries_of_person(self._ledger, self._identity, current)
        entries = [entry for of_record in records.values() for entry in of_record]
        return Person(tuple(records), tuple(sorted(entries, key=lambda entry: entry.index)))

    def note(self, request_id: str, action: str, outcome: str, by: str) -> None:
        """Note that this node did its part, in the ledger too: before anything is handed over."""
        with self._ledger.hold():
            now = self._ledger.now()
            said = OperatorAction(action=action, by=by, at_ms=now, detail=f"request {request_id}")

            def keep(session: Session, _indices: list[int]) -> None:
                _fulfilled(session, request_id, _result(outcome, now, ""))

            self._ledger.append([said], also=keep)

    def erase(self, request_id: str, by: str, holds: Sequence[HoldOrder] = ()) -> Erased:
        """Erase the person of a request; a second time finds nobody and changes nothing.

        By whom it is done is an entry beside the erasure's own.

        Raises: StepNotPossible, also while another request of the person is open; NobodyInRole,
        IllegalState for a hold that cannot be; UnknownPurpose.
        """
        for hold in holds:
            nameless(hold.ground)
        with self._ledger.hold() as head, self._ledger.database.reading() as session:
            row = self.ready(request_id, RequestType.ERASE)
            for purpose in {p for hold in holds for p in hold.purposes}:
                head.vocabulary.find(purpose)
            if row.subject is None:
                return Erased(None, 0, 0)
            others = open_ones(session, self.person(row.subject).people, request_id)
        if others:
            raise StepNotPossible(
                f"{len(others)} more of this person's requests are open, as {others[0]}",
                hint="complete, refuse or cancel them first: afterwards nobody can",
            )

        def keep(session: Session, entry: int) -> None:
            result = _result("erased", self._ledger.now(), f"entry {entry} of the ledger")
            _fulfilled(session, request_id, result)

        return self._erasing.erase(row.subject, request_id, holds, also=keep, by=by)

    # -- by completing -----------------------------------------------------------------------------

    def stated(self, head: Head, row: SubjectRequestRow) -> list[Statement]:
        """Return what the ledger is told when a request is completed.

        Raises: StepNotPossible if something must be done before.
        """
        kind = RequestType(row.kind)
        if row.subject is None:
            return []
        if kind in _FIRST and row.fulfilled_ms is None:
            raise StepNotPossible(
                "this node has not done its part", hint=f"do {_FIRST[kind]} first"
            )
        spoken = self._spoken(head, row, Relation(row.relation))
        purposes = purposes_of(row)
        match kind:
            case RequestType.WITHDRAW:
                return spoken.withdrawals()
            case RequestType.OBJECT:
                return spoken.objections(purposes) if purposes else spoken.no_machine_choice()
            case RequestType.OPT_OUT_OF_SALE:
                sold = [p.purpose_id for p in head.vocabulary.purposes if p.signals.gpc]
                return spoken.objections(purposes or sold)
            case RequestType.RESTRICT:
                return spoken.restriction()
            case _:
                return []

    def own_results(self, row: SubjectRequestRow, stated: int) -> list[SystemResult]:
        """Return what this node did, for the entry that completes the request."""
        known = results_of(row)
        if known:
            return known
        now = self._ledger.now()
        if row.subject is None:
            return [_result("nobody-known", now, "")]
        outcome = _OUTCOMES.get(RequestType(row.kind))
        return [] if outcome is None else [_result(outcome, now, f"{stated} statements")]

    def lift(self, request_id: str, by: str) -> None:
        """End the restriction that a completed request brought. The person must be told before.

        Raises: NotFound, StepNotPossible.
        """
        with self._ledger.hold() as head:
            with self._ledger.database.reading() as session:
                row = find(session, request_id)
            if (row.kind, row.status) != (RequestType.RESTRICT, RequestStatus.COMPLETED):
                raise StepNotPossible("only a restriction that was completed can be lifted")
            if row.lifted_ms is not None or row.subject is None:
                raise StepNotPossible("it is lifted already, or nothing is known of the person")
            now = self._ledger.now()
            said = OperatorAction(
                action="restriction-lifted", by=by, at_ms=now, detail=f"request {request_id}"
            )

            def keep(session: Session, _indices: list[int]) -> None:
                stored = find(session, request_id)
                stored.lifted_ms = stored.changed_ms = now

            lifting = self._spoken(head, row, Relation.STAFF).lifting()
            self._ledger.append([*lifting, said], also=keep)

    def _spoken(self, head: Head, row: SubjectRequestRow, relation: Relation) -> Spoken:
        person = self.about(row)
        return Spoken(
            request_id=row.request_id,
            subject_id=self._identity.subject_ids([person.current])[person.current],
            received_ms=row.received_ms,
            method=METHOD[RequestChannel(row.channel)],
            relation=relation,
            jurisdiction=row.place or head.vocabulary.controller_place or self._region,
            entries=person.entries,
            vocabulary=head.vocabulary,
            now_ms=max(self._ledger.now(), head.newest_ms),
        )


def _fulfilled(session: Session, request_id: str, own: SystemResult) -> None:
    """Note in the row that this node did its part.

    Raises: StepNotPossible if the request has ended meanwhile: then nothing is written.
    """
    row = find(session, request_id)
    require(row, RequestStatus.COMPLETED)
    row.fulfilled_ms = row.changed_ms = own.at_ms
    row.results = written([own])


def _result(outcome: str, at_ms: int, detail: str) -> SystemResult:
    return SystemResult(system=THIS_NODE, outcome=outcome, at_ms=at_ms, detail=detail or None)
