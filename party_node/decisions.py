"""The gate's decisions as they are kept: what was asked, who was asked and allowed, sealed.

A use record in the ledger holds counts and commitments; the sets and the salts that open them lie
here, beside it, and can be taken away: of an erased person nothing stays in any of them.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pyroaring import BitMap
from sqlalchemy import select
from sqlmodel import Session, col

from consent.words import ANY_CHANNEL
from party_node.errors import NotFound
from party_node.tables import DecisionRow
from party_node.vault import Vault
from protocols.codec import Record, decode, encode


@dataclass(frozen=True, slots=True)
class Price:
    """What a use costs of the privacy budget, and for which noise."""

    rho_nano: int
    """Billionths of a rho (zCDP)."""
    mechanism: str
    """Name of what makes the noise, as `discrete-gaussian`."""


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that was asked; the same job never asks two questions."""

    job: str
    job_hash: bytes
    dataset: str
    purpose: str
    recipient: str
    operations: tuple[str, ...]
    requester: str
    channel: str = ANY_CHANNEL
    price: Price | None = None
    """What the job releases, which its hash says already."""

    def digest(self) -> bytes:
        """Return 32 bytes that differ for every other question."""
        parts = [
            self.job,
            self.job_hash.hex(),
            self.dataset,
            self.purpose,
            self.recipient,
            self.requester,
            self.channel,
            *self.operations,
        ]
        framed = b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
        return hashlib.sha256(b"accord/question/2\x00" + framed).digest()


@dataclass(frozen=True, slots=True)
class DeniedFor(Record):
    """How many were denied for one reason."""

    KIND: ClassVar[str] = "denied-for/1"
    reason: str
    people: int


@dataclass(frozen=True, slots=True)
class Reserved(Record):
    """One use of a consent that permits so many, set aside for this decision."""

    KIND: ClassVar[str] = "reserved/1"
    subject: int
    grant: int


@dataclass(frozen=True, slots=True)
class Decided(Record):
    """A decision with its sets and the salts that open its commitments."""

    KIND: ClassVar[str] = "decided/2"
    decision_id: str
    asked_first: int
    """People in the dataset, before any decision of this job."""
    denied: tuple[DeniedFor, ...]
    """By reason, over all decisions of this job."""
    asked: bytes = field(repr=False)
    """Portable roaring serialisation of who was asked about, as of `allowed`."""
    allowed: bytes = field(repr=False)
    asked_salt: bytes = field(repr=False)
    allowed_salt: bytes = field(repr=False)
    reserved: tuple[Reserved, ...] = field(repr=False)
    pruned: bool
    """Somebody was erased from the sets: they no longer open the commitments."""

    @property
    def people(self) -> BitMap:
        """Who may be used."""
        return BitMap.deserialize(self.allowed)

    @property
    def everybody(self) -> BitMap:
        """Who was asked about."""
        return BitMap.deserialize(self.asked)


class Decisions:
    """The decisions of one node."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def keep(
        self, session: Session, entry: int, question: Question, decided: Decided, at_ms: int
    ) -> None:
        """Store a decision beside its use record, in the caller's transaction."""
        row = DecisionRow(
            entry=entry,
            job=question.job,
            dataset=question.dataset,
            purpose=question.purpose,
            recipient=question.recipient,
            evaluated_ms=at_ms,
            sealed=self._seal(entry, decided),
        )
        session.add(row)

    def load(self, session: Session, entry: int) -> Decided:
        """Return the decision of a use record.

        Raises: NotFound.
        """
        row = session.get(DecisionRow, entry)
        if row is None:
            raise NotFound(f"there is no decision of entry {entry}")
        return self._open(row)

    def between(
        self, session: Session, start_ms: int, stop_ms: int
    ) -> Iterator[tuple[DecisionRow, Decided]]:
        """Return the decisions that were made from one instant to another, both included."""
        evaluated = col(DecisionRow.evaluated_ms)
        query = select(DecisionRow).where(evaluated >= start_ms, evaluated <= stop_ms)
        for row in session.execute(query.order_by(col(DecisionRow.entry))).scalars():
            yield row, self._open(row)

    def about(
        self, session: Session, people: Sequence[int]
    ) -> Iterator[tuple[DecisionRow, Decided]]:
        """Return the decisions in which any of these people were asked about, oldest first."""
        wanted = BitMap(people)
        for row in session.execute(select(DecisionRow).order_by(col(DecisionRow.entry))).scalars():
            decided = self._open(row)
            if decided.everybody.intersect(wanted):
                yield row, decided

    def forget(self, session: Session, subject: int) -> None:
        """Take a person out of every set that has them, and its salts away: else whoever has the
        rest of a set could try who was in it.
        """
        for row in session.execute(select(DecisionRow)).scalars():
            decided = self._open(row)
            asked, allowed = decided.everybody, decided.people
            if subject in asked:
                asked.discard(subject)
                allowed.discard(subject)
                pruned = replace(
                    decided,
                    asked=packed(asked),
                    allowed=packed(allowed),
                    reserved=tuple(r for r in decided.reserved if r.subject != subject),
                    asked_salt=b"",
                    allowed_salt=b"",
                    pruned=True,
                )
                row.sealed = self._seal(row.entry, pruned)
                session.add(row)

    def _seal(self, entry: int, decided: Decided) -> bytes:
        return self._vault.seal(_context(entry), encode(decided))

    def _open(self, row: DecisionRow) -> Decided:
        return decode(Decided, self._vault.open(_context(row.entry), row.sealed))


def packed(people: BitMap) -> bytes:
    """Return the serialisation of a set in little space."""
    small = people.copy()
    small.run_optimize()
    data: bytes = small.serialize()
    return data


def together(before: Mapping[str, int], now: Mapping[str, int]) -> tuple[DeniedFor, ...]:
    """Return how many were denied for each reason in two decisions."""
    reasons = sorted({*before, *now})
    return tuple(DeniedFor(r, before.get(r, 0) + now.get(r, 0)) for r in reasons)


def _context(entry: int) -> str:
    return f"use-decision/{entry}"
