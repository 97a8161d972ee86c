"""Payloads that are kept in spite of an erasure, because a law asks for it (GDPR 17(3), PIPL 56).

    erase      each hold gets a key of its own; its payloads are sealed with it; two random halves
               make the key, each sealed to everybody of one role; the person's own keys go
    open       takes a compliance officer's and an operator's token, and is an entry of the ledger
    until      then halves and payloads are deleted, and the ledger says so

What is held decides nothing and is listed nowhere. The node itself cannot open it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlmodel import Session, col

from consent.ledger import SALT_BYTES, open_payload
from consent.milestones import Hold, OperatorAction
from consent.records import payload_bytes
from party_node.erasure.hold_rows import HoldRows
from party_node.erasure.hold_tables import HeldPayloadRow, HoldHalfRow, HoldRow
from party_node.errors import IllegalState, NotFound
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.entries import LedgerEntry
from party_node.roles.callers import Proven
from party_node.roles.errors import NobodyInRole
from party_node.roles.sealing import HALF_BYTES, joined, open_half, seal_half
from party_node.roles.tables import RoleRow
from party_node.roles.tokens import StaffRole
from party_node.tables import EntryRow
from party_node.vault import Vault
from protocols.session import Rng

_TWO = (StaffRole.COMPLIANCE, StaffRole.OPERATOR)


@dataclass(frozen=True, slots=True)
class HoldOrder:
    """What is to be kept, on which ground and until when."""

    ground: str
    until_ms: int
    purposes: tuple[str, ...] = ()
    """Only entries that are about one of these; all of the person's if none is named."""


@dataclass(frozen=True, slots=True)
class HeldEntry:
    """One payload that was kept, opened and compared with its leaf."""

    index: int
    recorded_ms: int
    type: str
    payload: dict[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenedHold:
    """What is kept on one ground."""

    ground: str
    until_ms: int
    entries: tuple[HeldEntry, ...] = field(repr=False)


@dataclass(slots=True)
class HoldPlan:
    """Holds that are sealed and not stored yet: they are, with the erasure."""

    holds: list[HoldRow] = field(default_factory=list)
    rows: list[HoldHalfRow | HeldPayloadRow] = field(default_factory=list)

    @property
    def records(self) -> tuple[Hold, ...]:
        """What the erasure's entry says about them."""
        return tuple(
            Hold(ground=h.ground, until_ms=h.until_ms, entries=h.entries) for h in self.holds
        )

    def keep(self, session: Session, erasure: int) -> None:
        """Store them in the transaction of the erasure at this index."""
        for hold in self.holds:
            hold.erasure = erasure
            session.add(hold)
        session.add_all(self.rows)


class Holds:
    """The holds of one node."""

    def __init__(self, ledger: ConsentLedger, rng: Rng) -> None:
        self._ledger, self._rng = ledger, rng
        self._rows = HoldRows(ledger.vault)

    # -- keeping -----------------------------------------------------------------------------------

    def plan(
        self, entries: Sequence[LedgerEntry], request_id: str, orders: Sequence[HoldOrder]
    ) -> HoldPlan:
        """Seal what of these entries the orders want kept.

        Raises: NobodyInRole if nobody could open it later; IllegalState if an order keeps nothing,
        or has ended already.
        """
        plan = HoldPlan()
        if not orders:
            return plan
        with self._ledger.database.reading() as session:
            staff = session.execute(select(RoleRow)).scalars().all()
        for role in _TWO:
            if not any(row.role == role for row in staff):
                raise NobodyInRole(f"nobody has the role {role.value}")
        for order in orders:
            self._seal(plan, entries, request_id, order, staff)
        return plan

    def _seal(
        self,
        plan: HoldPlan,
        entries: Sequence[LedgerEntry],
        request_id: str,
        order: HoldOrder,
        staff: Sequence[RoleRow],
    ) -> None:
        if order.until_ms <= self._ledger.now():
            raise IllegalState("the hold would have ended already")
        kept = [e for e in entries if e.record is not None and _concerns(e, order.purposes)]
        if not kept:
            raise IllegalState("nothing about the person is to be kept on that ground")
        hold = self._rng(16).hex()
        halves = {role: self._rng(HALF_BYTES) for role in _TWO}
        for person in staff:
            role = StaffRole(person.role)
            sealed = seal_half(person.public, _half_context(hold, role), halves[role])
            plan.rows.append(self._rows.half(hold, person.name, role.value, sealed))
        vault = self._vault(hold, halves[StaffRole.COMPLIANCE], halves[StaffRole.OPERATOR])
        for entry in kept:
            assert entry.record is not None
            assert entry.salt is not None
            content = entry.salt + payload_bytes(entry.record)
            sealed = vault.seal(_payload_context(hold, entry.index), content)
            plan.rows.append(self._rows.payload(hold, entry.index, sealed))
        plan.holds.append(
            HoldRow(
                hold=hold,
                erasure=-1,
                request_id=request_id,
                ground=order.ground,
                until_ms=order.until_ms,
                entries=len(kept),
            )
        )

    def listed(self, request_id: str) -> list[dict[str, object]]:
        """Return which grounds payloads were kept on under a request, without what they say."""
        query = select(HoldRow).where(col(HoldRow.request_id) == request_id)
        with self._ledger.database.reading() as session:
            rows = session.execute(query.order_by(col(HoldRow.until_ms))).scalars().all()
        return [
            {
                "ground": row.ground,
                "until_ms": row.until_ms,
                "entries": row.entries,
                "destroyed": row.ended is not None,
            }
            for row in rows
        ]

    # -- opening -----------------------------------------------------------------------------------

    def open(self, request_id: str, compliance: Proven, operator: Proven) -> list[OpenedHold]:
        """Return what was kept under a request; that it was opened becomes an entry first.

        Raises: NotFound if nothing is kept, or these two came after it was sealed; LedgerDamaged,
        SealBroken if something was changed.
        """
        with self._ledger.hold():
            now = self._ledger.now()
            with self._ledger.database.reading() as session:
                opened = [
                    self._open(session, row, compliance, operator)
                    for row in _standing(session, now, request_id)
                ]
            if not opened:
                raise NotFound("nothing is held under this request")
            said = OperatorAction(
                action="hold-opened",
                by=f"{operator.words} and {compliance.words}",
                at_ms=now,
                detail=f"request {request_id}",
            )
            self._ledger.append([said])
        return opened

    def _open(
        self, session: Session, row: HoldRow, compliance: Proven, operator: Proven
    ) -> OpenedHold:
        halves = [self._half(session, row.hold, who) for who in (compliance, operator)]
        vault = self._vault(row.hold, *halves)
        kept = select(HeldPayloadRow).where(col(HeldPayloadRow.hold) == row.hold)
        entries = []
        for held in session.execute(kept.order_by(col(HeldPayloadRow.index))).scalars():
            content = vault.open(_payload_context(row.hold, held.index), held.sealed)
            entry = session.get(EntryRow, held.index)
            if entry is None:
                raise NotFound(f"there is no entry {held.index} in the ledger")
            salt, payload = content[:SALT_BYTES], content[SALT_BYTES:]
            open_payload(entry.leaf, salt=salt, payload=payload)
            entries.append(
                HeldEntry(held.index, entry.recorded_ms, entry.type, json.loads(payload))
            )
        return OpenedHold(row.ground, row.until_ms, tuple(entries))

    def _half(self, session: Session, hold: str, who: Proven) -> bytes:
        row = session.get(HoldHalfRow, (hold, who.name))
        if row is None:
            raise NotFound(
                f"the hold was not sealed to {who.words}",
                hint="use the tokens of people who were in their roles then, or were added with "
                "--share-holds",
            )
        return open_half(who.keys(), _half_context(hold, who.role), row.sealed)

    def _vault(self, hold: str, compliance: bytes, operator: bytes) -> Vault:
        return Vault(joined(compliance, operator, f"hold/{hold}"), self._rng)

    # -- ending ------------------------------------------------------------------------------------

    def end_due(self) -> int:
        """Destroy every hold whose time is over; return how many."""
        with self._ledger.hold():
            now = self._ledger.now()
            with self._ledger.database.reading() as session:
                query = select(HoldRow).where(
                    col(HoldRow.ended).is_(None), col(HoldRow.until_ms) < now
                )
                due = session.execute(query.order_by(col(HoldRow.hold))).scalars().all()
            for row in due:
                self._end(row, now)
        if due:
            self._ledger.database.scrub()
        return len(due)

    def _end(self, row: HoldRow, now: int) -> None:
        said = OperatorAction(
            action="hold-destroyed", by="node", at_ms=now, detail=f"request {row.request_id}"
        )

        def destroy(session: Session, indices: list[int]) -> None:
            for table in (HoldHalfRow, HeldPayloadRow):
                session.execute(delete(table).where(col(table.hold) == row.hold))
            row.ended = indices[0]
            session.merge(row)

        self._ledger.append([said], also=destroy)

    # -- people who come and go --------------------------------------------------------------------

    def share(self, session: Session, giver: Proven, name: str, public: bytes) -> None:
        """Seal every half that the giver can open to a new person in the same role too."""
        halves = select(HoldHalfRow).where(col(HoldHalfRow.name) == giver.name)
        for row in session.execute(halves).scalars().all():
            context = _half_context(row.hold, giver.role)
            half = open_half(giver.keys(), context, row.sealed)
            sealed = seal_half(public, context, half)
            session.add(self._rows.half(row.hold, name, giver.role.value, sealed))

    def stranded_without(self, session: Session, name: str) -> int:
        """Return how many holds nobody could open any more if this person's halves went."""
        own = select(HoldHalfRow).where(col(HoldHalfRow.name) == name)
        stranded = 0
        for row in session.execute(own).scalars().all():
            others = select(col(HoldHalfRow.name)).where(
                col(HoldHalfRow.hold) == row.hold,
                col(HoldHalfRow.role) == row.role,
                col(HoldHalfRow.name) != name,
            )
            stranded += session.execute(others.limit(1)).first() is None
        return stranded

    def drop(self, session: Session, name: str) -> None:
        """Delete a person's halves."""
        session.execute(delete(HoldHalfRow).where(col(HoldHalfRow.name) == name))


def _standing(session: Session, now: int, request_id: str) -> Sequence[HoldRow]:
    query = select(HoldRow).where(
        col(HoldRow.request_id) == request_id,
        col(HoldRow.ended).is_(None),
        col(HoldRow.until_ms) >= now,
    )
    return session.execute(query.order_by(col(HoldRow.hold))).scalars().all()


def _concerns(entry: LedgerEntry, purposes: tuple[str, ...]) -> bool:
    return not purposes or getattr(entry.record, "purpose", None) in purposes


def _half_context(hold: str, role: StaffRole) -> str:
    return f"hold/{hold}/{role.value}"


def _payload_context(hold: str, index: int) -> str:
    return f"held/{hold}/{index}"
