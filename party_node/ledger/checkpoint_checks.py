"""Checking stored checkpoints: against the tree, against the log's key, against their witnesses.

Of a witness that is no longer in the trust policy nobody knows the key here, so its cosignature
cannot be checked; neither can a lost mark of publication, because a cosignature that came late
looks the same. Whoever relies on a checkpoint checks it under the policy anyway.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session, col

from consent.checkpoint import open_checkpoint
from consent.errors import BadSignature, ConsentError
from consent.merkle import ProofTree
from consent.note import Note, Signature, Verifier, parse_note
from party_node.ledger.raw_rows import rows
from party_node.ledger.trust_policy import TrustPolicy
from party_node.tables import CheckpointRow
from party_node.witness_tables import WitnessViewRow

Damage = Iterator[tuple[str, str]]
"""Where, and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Whose cosignatures may stand under a checkpoint."""

    keys: Mapping[tuple[str, bytes], Verifier]
    """By name and key id: the witnesses of the policy in force."""
    retired: frozenset[str]
    """Names of keys that were asked once and are not in the policy any more."""
    coordinator: Verifier


def witnesses_of(session: Session, trust: TrustPolicy) -> Witnesses:
    """Return the witnesses of a policy, and who was one before."""
    keys = {(key.name, key.key_id): key for key in trust.policy.witnesses.values()}
    names = [name for name, _ in keys]
    asked = session.execute(select(col(WitnessViewRow.name))).scalars().all()
    retired = frozenset(name for name in asked if asked.count(name) > names.count(name))
    return Witnesses(keys, retired, trust.policy.witnesses[trust.coordinator])


def damaged_checkpoints(
    session: Session, tree: ProofTree, log: Verifier, witnesses: Witnesses | None = None
) -> Damage:
    """Return each checkpoint that does not fit `tree` or itself, and what is wrong with it."""
    columns = ("size", "root", "note", "cosigned", "published")
    for size, root, note, cosigned, published in rows(session, CheckpointRow, *columns):
        where = f"checkpoint of size {size}"
        if not 0 <= size <= tree.size or tree.root(size) != root:
            yield where, "the ledger does not continue it"
        try:
            own = _signed(note, log, size, root)
            others = None if cosigned is None else _signed(cosigned, log, size, root)
        except ConsentError as e:
            yield where, str(e)
            continue
        if len(own.signatures) > 1:
            yield where, "its note has more signatures than the log's"
        if published and others is None:
            yield where, "it is marked as published, and nobody cosigned it"
        elif others is not None:
            if own.signatures[0] not in others.signatures:
                yield where, "the cosigned note has another signature of the log"
            if witnesses is not None:
                yield from _cosigned(where, others, log, witnesses, published=bool(published))


def _signed(text: object, log: Verifier, size: int, root: bytes) -> Note:
    """Return a note that the log signed, in its one form.

    Raises: ConsentError.
    """
    if not isinstance(text, str):
        raise BadSignature("its note is no text")
    said = open_checkpoint(text, log)
    if (said.size, said.root) != (size, root):
        raise BadSignature("its note says otherwise")
    note = parse_note(text)
    if note.encode() != text:
        raise BadSignature("its note is not in its one form")
    return note


def _cosigned(
    where: str, note: Note, log: Verifier, witnesses: Witnesses, *, published: bool
) -> Damage:
    by_coordinator = False
    for signature in note.signatures:
        if signature.name == log.name:
            continue
        key = witnesses.keys.get((signature.name, signature.key_id))
        if key is None:
            if signature.name not in witnesses.retired:
                yield where, "somebody cosigned it who is no witness"
        elif not _verifies(key, note.text, signature):
            yield where, f"the cosignature of {key.name} is wrong"
        else:
            by_coordinator |= key == witnesses.coordinator
    if published and not by_coordinator and witnesses.coordinator.name not in witnesses.retired:
        yield where, "it is marked as published, and the coordinator has not cosigned it"


def _verifies(key: Verifier, text: str, signature: Signature) -> bool:
    try:
        key.verify(text, signature)
    except BadSignature:
        return False
    return True
