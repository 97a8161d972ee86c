"""The vocabularies that were ever decided by, and the notices that people were shown, as text."""

import hashlib
import json

from sqlalchemy import func, select
from sqlmodel import Session, col

from consent.canonical import canonical_text, parse_object
from consent.errors import MalformedRecord
from consent.milestones import LedgerOpened, PolicyChanged
from consent.vocabulary import Vocabulary
from party_node.errors import LedgerDamaged, NotFound
from party_node.ledger.entries import EntryReader
from party_node.tables import EntryRow, NoticeRow, PolicyRow


def keep_policy(session: Session, vocabulary: Vocabulary, entry: int) -> None:
    """Store a vocabulary beside the entry that puts it in force; again changes nothing."""
    digest = vocabulary.digest()
    if session.get(PolicyRow, digest) is None:
        document = canonical_text(vocabulary.to_payload())
        session.add(PolicyRow(digest=digest, document=document, entry=entry))


def load_policy(session: Session, digest: bytes) -> Vocabulary:
    """Return a vocabulary by its digest.

    Raises: NotFound if it is not stored; LedgerDamaged if it was changed.
    """
    row = session.get(PolicyRow, digest)
    if row is None:
        raise NotFound(f"the policy {digest.hex()[:16]} is not stored here")
    try:
        vocabulary = Vocabulary.from_payload(parse_object(row.document.encode()))
    except MalformedRecord as e:
        raise LedgerDamaged(f"the policy {digest.hex()[:16]} cannot be read: {e}") from e
    if vocabulary.digest() != digest:
        raise LedgerDamaged(f"the policy {digest.hex()[:16]} was changed")
    return vocabulary


def policy_at(session: Session, reader: EntryReader, index: int) -> Vocabulary:
    """Return the vocabulary that was in force when the entry at `index` was recorded.

    Raises: NotFound, LedgerDamaged.
    """
    kinds = (LedgerOpened.TYPE, PolicyChanged.TYPE)
    at = select(func.max(EntryRow.index)).where(
        col(EntryRow.index) <= index, col(EntryRow.type).in_(kinds)
    )
    last = session.execute(at).scalar_one()
    for entry in reader.read(session, col(EntryRow.index) == last):
        if isinstance(entry.record, LedgerOpened | PolicyChanged):
            return load_policy(session, entry.record.policy_hash)
    raise LedgerDamaged("nothing says by which policy the ledger began")


def all_policies(session: Session) -> list[PolicyRow]:
    """Return every vocabulary that was in force, oldest first."""
    return list(session.execute(select(PolicyRow).order_by(col(PolicyRow.entry))).scalars())


def keep_notice(session: Session, text: bytes, entry: int) -> None:
    """Store the text of a notice; again changes nothing."""
    digest = hashlib.sha256(text).digest()
    if session.get(NoticeRow, digest) is None:
        session.add(NoticeRow(notice_hash=digest, text=text, entry=entry))


def load_notice(session: Session, notice_hash: bytes) -> bytes | None:
    """Return the text of a notice, if it was published here.

    Raises: LedgerDamaged if it was changed.
    """
    row = session.get(NoticeRow, notice_hash)
    if row is None:
        return None
    if hashlib.sha256(row.text).digest() != notice_hash:
        raise LedgerDamaged(f"the notice {notice_hash.hex()[:16]} was changed")
    return row.text


def readable(vocabulary: Vocabulary) -> str:
    """Return a vocabulary as indented JSON, for people."""
    return json.dumps(vocabulary.to_payload(), indent=2, ensure_ascii=False)
