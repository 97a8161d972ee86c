"""A witness of consent ledgers (C2SP tlog-witness): it cosigns only what continues.

What it decides is pure (`consent.witness`). Anybody may ask, so signatures and proofs are checked
before the writer's turn is taken: look up, decide, and then, in one writing transaction, store what
was decided if the ledger's last checkpoint is still the one that was decided by. It is on disk
before the reply. A ledger that signs two histories leaves both signed heads here as evidence.

The coordinator is a witness of its parties' ledgers; a stand-alone one (`witness_node`) is the same
with a list of its own.
"""

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from consent.checkpoint import Checkpoint, open_checkpoint, with_cosignatures
from consent.errors import BadSignature
from consent.note import Note, Signature, Verifier, parse_note, parse_vkey
from consent.witness import Accepted, AddCheckpoint, Refused, consider
from coordinator import store
from coordinator.clock import Clock
from coordinator.database import Database
from coordinator.tables import WitnessConflictRow, WitnessHeadRow
from coordinator.witness_key import Witness

LogsOf = Callable[[Session, str], Sequence[Verifier]]
"""The keys that a witness trusts for an origin; none for a ledger that it does not know."""

FORK = "fork"
"""Two signed heads of one size with different roots: the ledger has lied."""
UNPROVEN = "unproven"
"""A signed head without proof that it continues the last one: perhaps only a bad proof."""
MOST_EVIDENCE = 64
"""Conflicts of each kind kept against one ledger, which could sign them without end."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a ledger before anything is decided."""

    logs: tuple[Verifier, ...]
    """The keys that are trusted for it; none if nobody here knows it."""
    last: Checkpoint | None
    """The last checkpoint that was cosigned."""


@dataclass(frozen=True, slots=True)
class Considered:
    """What to answer, and what must be stored before."""

    answer: str | Refused
    """The cosignature line, or a refusal."""
    accepted: Accepted | None = None
    """A head to keep with the cosignature; its note has the ledger's signature only."""
    conflict: str | None = None
    """The offered note is evidence, of this kind."""


@dataclass(frozen=True, slots=True)
class Cosigning:
    """A witness at work: its key, its memory, its time, and the ledgers that it knows."""

    witness: Witness
    database: Database
    clock: Clock
    logs_of: LogsOf

    def answer(self, asked: AddCheckpoint) -> Considered:
        """Decide outside of the writer's turn; again only if another request was stored meanwhile.

        What was decided is on disk when this returns.
        """
        now_ms = self.clock()
        while True:
            known = self.database.read(
                lambda session: look_up(session, asked.checkpoint.origin, self.logs_of)
            )
            decided = decide(self.witness, known, asked, now_ms)
            if decided.accepted is None and decided.conflict is None:
                return decided
            store_it = functools.partial(
                settle, known=known, request=asked, decided=decided, now_ms=now_ms
            )
            if self.database.write(store_it):
                return decided


def enrolled(session: Session, origin: str) -> tuple[Verifier, ...]:
    """Return the key of the enrolled party whose ledger it is: the logs of a coordinator."""
    party = store.party_of_origin(session, origin)
    return () if party is None else (parse_vkey(party.ledger_vkey),)


def look_up(session: Session, origin: str, logs_of: LogsOf) -> Known:
    """Return what is known of the ledger with that origin."""
    last = _last(session.get(WitnessHeadRow, origin))
    return Known(tuple(logs_of(session, origin)), last)


def decide(witness: Witness, known: Known, request: AddCheckpoint, now_ms: int) -> Considered:
    """Check every signature and proof of a request; needs no database."""
    decided = consider(known.last, request, known.logs)
    if isinstance(decided, Accepted):
        note = _only_signed_by(known.logs, decided.note)
        accepted = Accepted(decided.checkpoint, note)
        return Considered(witness.cosigner.cosign(note, now_ms // 1000), accepted)
    if known.last is None:
        return Considered(decided)
    return Considered(decided, conflict=_conflict(known.last, request, known.logs))


def settle(
    session: Session, known: Known, request: AddCheckpoint, decided: Considered, now_ms: int
) -> bool:
    """Store what was decided. Returns False, and stores nothing, if it was decided by a checkpoint
    that is not the last one any more: then decide again.
    """
    head = session.get(WitnessHeadRow, request.checkpoint.origin)
    if _last(head) != known.last:
        return False
    if decided.accepted is not None and isinstance(decided.answer, str):
        _store(session, decided.accepted, decided.answer, now_ms)
    if decided.conflict is not None and head is not None:
        _keep_evidence(session, head, request.note, decided.conflict, now_ms)
    return True


def checkpoint_note(session: Session, origin_hash: str) -> str | None:
    """Return the last checkpoint of a ledger with the witness's cosignature, for monitors."""
    head = store.head_by_hash(session, origin_hash)
    return None if head is None else with_cosignatures(head.note, head.cosignature)


def _last(head: WitnessHeadRow | None) -> Checkpoint | None:
    return None if head is None else Checkpoint(head.origin, head.size, head.root)


def _store(session: Session, accepted: Accepted, cosignature: str, now_ms: int) -> None:
    origin = accepted.checkpoint.origin
    session.merge(
        WitnessHeadRow(
            origin=origin,
            origin_hash=hashlib.sha256(origin.encode()).hexdigest(),
            size=accepted.checkpoint.size,
            root=accepted.checkpoint.root,
            note=accepted.note.encode(),
            cosignature=cosignature,
            seen_ms=now_ms,
        )
    )
    session.flush()


def _only_signed_by(logs: Sequence[Verifier], note: str) -> str:
    """Drop signatures that this witness does not know: it should not publish them."""
    parsed = parse_note(note)
    own = {(log.name, log.key_id) for log in logs}
    kept: dict[tuple[str, bytes], Signature] = {}
    for signature in parsed.signatures:
        key = (signature.name, signature.key_id)
        if key in own:
            kept.setdefault(key, signature)
    return Note(parsed.text, tuple(kept.values())).encode()


def _conflict(last: Checkpoint, request: AddCheckpoint, logs: Sequence[Verifier]) -> str | None:
    offered = _offered(request, logs)
    if offered is None:
        return None  # anybody could have made this: evidence of nothing
    if offered.size == last.size and offered.root != last.root:
        return FORK
    unproven = request.old_size == last.size and offered.size > last.size
    return UNPROVEN if unproven else None


def _offered(request: AddCheckpoint, logs: Sequence[Verifier]) -> Checkpoint | None:
    """Return the offered checkpoint if a trusted key signed it."""
    for log in logs:
        try:
            return open_checkpoint(request.note, log)
        except BadSignature:
            continue
    return None


def _keep_evidence(
    session: Session, head: WitnessHeadRow, offered: str, kind: str, now_ms: int
) -> None:
    digest = hashlib.sha256(offered.encode()).digest()
    known = session.get(WitnessConflictRow, (head.origin, digest)) is not None
    if not known and store.count_conflicts(session, head.origin, kind) < MOST_EVIDENCE:
        session.add(
            WitnessConflictRow(
                origin=head.origin,
                digest=digest,
                kind=kind,
                held=head.note,
                offered=offered.encode(),
                seen_ms=now_ms,
            )
        )
        session.flush()
