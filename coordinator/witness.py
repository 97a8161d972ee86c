"""The witness of the parties' consent ledgers (C2SP tlog-witness): it cosigns only what continues.

What it decides is pure (`consent.witness`). Anybody may ask, so signatures and proofs are checked
before the writer's turn is taken: look up, decide, and then, in one writing transaction, store what
was decided if the ledger's last checkpoint is still the one that was decided by. It is on disk
before the reply. A ledger that signs two histories leaves both signed heads here as evidence.
"""

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import Session

from consent.checkpoint import (
    Checkpoint,
    Cosigner,
    open_checkpoint,
    with_cosignatures,
)
from consent.errors import BadSignature
from consent.note import Note, Verifier, parse_note, parse_vkey
from consent.witness import Accepted, AddCheckpoint, Refused, consider
from coordinator import store
from coordinator.errors import NotInitialised, UnsafeKeyFile
from coordinator.settings import Settings
from coordinator.tables import WitnessConflictRow, WitnessHeadRow

FORK = "fork"
"""Two signed heads of one size with different roots: the ledger has lied."""
UNPROVEN = "unproven"
"""A signed head without proof that it continues the last one: perhaps only a bad proof."""
MOST_EVIDENCE = 64
"""Conflicts of each kind kept against one ledger, which could sign them without end."""
_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Witness:
    """The key of this coordinator's witness."""

    cosigner: Cosigner = field(repr=False)

    @property
    def vkey(self) -> str:
        """The public half as a C2SP verifier key."""
        return self.cosigner.vkey


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a ledger before anything is decided."""

    log: Verifier | None
    """The key of the enrolled party whose ledger it is."""
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


def look_up(session: Session, origin: str) -> Known:
    """Return what is known of the ledger with that origin."""
    party = store.party_of_origin(session, origin)
    log = None if party is None else parse_vkey(party.ledger_vkey)
    return Known(log, _last(session.get(WitnessHeadRow, origin)))


def decide(witness: Witness, known: Known, request: AddCheckpoint, now_ms: int) -> Considered:
    """Check every signature and proof of a request; needs no database."""
    logs = [] if known.log is None else [known.log]
    decided = consider(known.last, request, logs)
    if isinstance(decided, Accepted):
        note = _only_signed_by(logs[0], decided.note)
        accepted = Accepted(decided.checkpoint, note)
        return Considered(witness.cosigner.cosign(note, now_ms // 1000), accepted)
    if known.last is None:
        return Considered(decided)
    return Considered(decided, conflict=_conflict(known.last, request, logs))


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


def create_key(path: Path) -> None:
    """Draw a key and write it where only its owner can read it.

    Raises: FileExistsError.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(_SEED_BYTES))


def load_witness(settings: Settings) -> Witness:
    """Read the witness key of a home.

    Raises: NotInitialised, UnsafeKeyFile.
    """
    path = settings.witness_key_file
    try:
        mode = path.stat().st_mode
        seed = path.read_bytes()
    except OSError as e:
        raise NotInitialised(
            f"{settings.home} was not initialised",
            f"run: accord-coordinator init --home {settings.home}",
        ) from e
    if mode & 0o077:
        raise UnsafeKeyFile(f"{path} can be read by others", f"run: chmod 600 {path}")
    if len(seed) != _SEED_BYTES:
        raise UnsafeKeyFile(f"{path} is not a witness key", "restore it from a backup")
    return Witness(Cosigner(f"{settings.name}/witness", seed))


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


def _only_signed_by(log: Verifier, note: str) -> str:
    """Drop signatures that this witness does not know: it should not publish them."""
    parsed = parse_note(note)
    own = [s for s in parsed.signatures if (s.name, s.key_id) == (log.name, log.key_id)]
    return Note(parsed.text, tuple(own[:1])).encode()


def _conflict(last: Checkpoint, request: AddCheckpoint, logs: list[Verifier]) -> str | None:
    if not logs:
        return None
    try:
        offered = open_checkpoint(request.note, logs[0])
    except BadSignature:
        return None  # anybody could have made this: evidence of nothing
    if offered.size == last.size and offered.root != last.root:
        return FORK
    unproven = request.old_size == last.size and offered.size > last.size
    return UNPROVEN if unproven else None


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
