"""Run receipts: one per job, filed once all parties have signed it."""

import json

from sqlmodel import Session

from coordinator import jobs
from coordinator.errors import (
    BadSignature,
    ReceiptConflict,
    ReceiptRefused,
    UnknownReceipt,
)
from coordinator.tables import JobRow, PartyRow, ReceiptRow
from coordinator.wire import RECEIPT_LABEL, ReceiptFiling
from protocols.codec import decode
from protocols.errors import ForgedEnvelope
from protocols.federated.signers import signers
from protocols.job import JobDescription, RunReceipt
from protocols.keys import PartyPublic


def file(session: Session, caller: str, job: str, filing: ReceiptFiling, now_ms: int) -> bool:
    """Keep a receipt; returns whether it is new.

    Raises: UnknownJob, ReceiptRefused, ReceiptConflict, BadSignature, MalformedMessage.
    """
    row = jobs.of_party(session, caller, job)
    asked = jobs.description(row)
    if set(filing.signatures) != set(signers(asked, filing.signatures)):
        raise ReceiptRefused("a receipt has the signatures of all parties, and no other")
    existing = session.get(ReceiptRow, job)
    if existing is not None:
        if _filing(existing) != filing:
            raise ReceiptConflict
        return False
    _check(session, row, asked, filing)
    session.add(
        ReceiptRow(
            job=job,
            receipt=filing.receipt,
            signatures=json.dumps({p: s.hex() for p, s in sorted(filing.signatures.items())}),
            filed_ms=now_ms,
        )
    )
    return True


def find(session: Session, caller: str, job: str) -> ReceiptFiling:
    """Return the receipt to one of its parties.

    Raises: UnknownJob, UnknownReceipt.
    """
    jobs.of_party(session, caller, job)
    found = session.get(ReceiptRow, job)
    if found is None:
        raise UnknownReceipt
    return _filing(found)


def _check(session: Session, row: JobRow, asked: JobDescription, filing: ReceiptFiling) -> None:
    receipt = decode(RunReceipt, filing.receipt)
    if receipt.job_hash != row.job_hash:
        raise ReceiptRefused("the receipt is of another job")
    if tuple(part.party for part in receipt.parts) != signers(asked, filing.signatures):
        raise ReceiptRefused("the parts of the receipt name other parties")
    for party, signature in sorted(filing.signatures.items()):
        enrolled = session.get(PartyRow, party)
        assert enrolled is not None, "jobs refer to enrolled parties"
        try:
            decode(PartyPublic, enrolled.public).verify(signature, RECEIPT_LABEL, filing.receipt)
        except ForgedEnvelope as e:
            raise BadSignature(f"the signature of {party} is not over this receipt") from e


def _filing(row: ReceiptRow) -> ReceiptFiling:
    stated = json.loads(row.signatures)
    return ReceiptFiling(
        receipt=row.receipt, signatures={party: bytes.fromhex(s) for party, s in stated.items()}
    )
