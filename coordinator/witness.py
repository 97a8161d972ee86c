"""The witness of the parties' consent ledgers (C2SP tlog-witness): it cosigns only what continues.

What it decides is pure (`consent.witness`). Here the last checkpoint is looked up, the decision
taken and the new one stored in one writing transaction, on disk before the reply. A ledger that
signs two histories leaves both signed heads here as evidence.
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
class Considered:
    """What to answer, and whether evidence of a conflict was kept."""

    answer: str | Refused
    """The cosignature line, or a refusal."""
    conflict: str | None = None


def add_checkpoint(
    session: Session, witness: Witness, request: AddCheckpoint, now_ms: int
) -> Considered:
    """Decide about a request, and store what was decided."""
    origin = request.checkpoint.origin
    party = store.party_of_origin(session, origin)
    logs = [] if party is None else [parse_vkey(party.ledger_vkey)]
    head = session.get(WitnessHeadRow, origin)
    last = None if head is None else Checkpoint(origin, head.size, head.root)
    decided = consider(last, request, logs)
    if isinstance(decided, Accepted):
        return Considered(_store(session, witness, logs[0], decided, now_ms))
    conflict = None
    if head is not None and last is not None:
        conflict = _conflict(last, request, logs)
        if conflict is not None:
            _keep_evidence(session, head, request.note, conflict, now_ms)
    return Considered(decided, conflict)


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


def _store(
    session: Session, witness: Witness, log: Verifier, accepted: Accepted, now_ms: int
) -> str:
    note = _only_signed_by(log, accepted.note)
    cosignature = witness.cosigner.cosign(note, now_ms // 1000)
    origin, size = accepted.checkpoint.origin, accepted.checkpoint.size
    session.merge(
        WitnessHeadRow(
            origin=origin,
            origin_hash=hashlib.sha256(origin.encode()).hexdigest(),
            size=size,
            root=accepted.checkpoint.root,
            note=note.encode(),
            cosignature=cosignature,
            seen_ms=now_ms,
        )
    )
    session.flush()
    return cosignature


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
    if session.get(WitnessConflictRow, (head.origin, digest)) is None:
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
