"""Run receipts: one record that both parties sign, so that neither can later tell another story."""

import json

from sqlmodel import Session, select

from coordinator.wire import RECEIPT_LABEL, ReceiptFiling
from party_node.database import Database
from party_node.errors import NotFound
from party_node.execution import Execution
from party_node.job_tables import ReceiptRow
from protocols.codec import decode, encode
from protocols.job import ReceiptPart, RunReceipt, job_hash
from protocols.keys import PartyKeys, PartyPublic
from protocols.session import Role


def compose(execution: Execution, mine: ReceiptPart, theirs: ReceiptPart) -> RunReceipt:
    """Return the receipt that both sides compose alike from the two parts."""
    receiver, sender = (mine, theirs) if execution.role is Role.INITIATOR else (theirs, mine)
    return RunReceipt(job_hash(execution.job), execution.ctx, mine.transcript, receiver, sender)


def sign(keys: PartyKeys, receipt: RunReceipt) -> bytes:
    """Sign a receipt; 64 bytes."""
    return keys.sign(RECEIPT_LABEL, encode(receipt))


def check(receipt: RunReceipt, signature: bytes, party: PartyPublic) -> None:
    """Check a party's signature over a receipt. Raises: ForgedEnvelope."""
    party.verify(signature, RECEIPT_LABEL, encode(receipt))


def keep(session: Session, job: str, receipt: RunReceipt, signatures: dict[str, bytes]) -> None:
    """Store a receipt with the signatures that are there so far."""
    stated = json.dumps({party: s.hex() for party, s in signatures.items()}, sort_keys=True)
    session.merge(ReceiptRow(job=job, receipt=encode(receipt), signatures=stated))


def load(db: Database, job: str) -> tuple[RunReceipt, dict[str, bytes]]:
    """Return a receipt and its signatures. Raises: NotFound."""
    with db.reading() as session:
        row = session.get(ReceiptRow, job)
        if row is None:
            raise NotFound(f"job {job} has no receipt yet")
        stated = json.loads(row.signatures)
        return decode(RunReceipt, row.receipt), {p: bytes.fromhex(s) for p, s in stated.items()}


def all_jobs(db: Database) -> list[str]:
    """Return the jobs that have a receipt."""
    with db.reading() as session:
        return list(session.exec(select(ReceiptRow.job)).all())


def filing(receipt: RunReceipt, signatures: dict[str, bytes]) -> ReceiptFiling:
    """Return what is filed at the coordinator."""
    return ReceiptFiling(receipt=encode(receipt), signatures=signatures)
