"""Run receipts: one record that all parties sign, so that none can later tell another story."""

import json
from collections.abc import Mapping

from sqlmodel import Session, select

from consent.checkpoint import open_checkpoint
from consent.merkle import verify_inclusion
from consent.note import parse_vkey
from coordinator.wire import RECEIPT_LABEL, ReceiptFiling
from party_node import job_checks
from party_node.database import Database
from party_node.errors import NotFound
from party_node.execution import Execution
from party_node.job_tables import ReceiptRow
from protocols.codec import decode, encode
from protocols.collaboration_terms import REVEALING
from protocols.dp.count import SizeRelease
from protocols.errors import ContextMismatch
from protocols.job import JobDescription, ReceiptPart, Released, RunReceipt, job_hash
from protocols.keys import PartyKeys, PartyPublic
from protocols.release import (
    MEMBERS,
    MODEL_METRICS,
    STATISTICS,
    ModelRelease,
    StatisticsGiven,
    Told,
    Withheld,
    commitment,
    made_out,
    what,
)


def compose(execution: Execution, parts: Mapping[str, ReceiptPart]) -> RunReceipt:
    """Return the receipt that all parties compose alike from their parts.

    Raises: ContextMismatch if two of them did not see the same messages.
    """
    job = execution.job
    in_order = tuple(parts[party] for party in job.parties())
    whole = RunReceipt(job_hash(job), execution.ctx, in_order)
    if not whole.is_consistent():
        raise ContextMismatch("two parties saw different messages")
    return whole


def released(job: JobDescription, told: Told, by: str, ours: bytes | None) -> tuple[Released, ...]:
    """Return what the party `by` releases in this job, as its part of the receipt states it.

    `told` is what a sender was told: all are told the same, each made out to it. `ours` commits to
    what the receiver has for itself (the members, or its own copy of the noisy size), which only
    the receiver can state. Statistics come from the sender's data alone, so it states them.
    """
    if isinstance(told, StatisticsGiven):
        stated = Released(job.receiver, STATISTICS, job.rho_nano, told.commitment)
        return () if by == job.receiver else (stated,)
    if isinstance(told, ModelRelease):
        # The sums come from the sender's seeds, and what stands for them is the model; the card
        # says how good it is over the receiver's people.
        metrics = Released(told.to, MODEL_METRICS, job.rho_nano, commitment(told))
        sums = Released(job.receiver, STATISTICS, job.rho_nano, told.model)
        return (metrics,) if by == job.receiver else (sums,)
    sizes = [
        Released(to, what(told), job.rho_nano, commitment(made_out(told, to)))
        for to in job.others(by)
        if to != job.receiver
    ]
    if by != job.receiver:
        revealed = job.kind in REVEALING and isinstance(told, SizeRelease)
        kind = MEMBERS if revealed else what(told)
        # What a sender's data gave the receiver goes by what this sender was told of it.
        mine = commitment(made_out(told, by))
        return (Released(job.receiver, kind, job.rho_nano, mine), *sizes)
    if ours is None:
        return tuple(sizes)
    if job.kind in REVEALING:
        return (*sizes, Released(job.receiver, MEMBERS, 0, ours))
    return (*sizes, Released(job.receiver, what(told), job.rho_nano, ours))


def check_part(execution: Execution, theirs: ReceiptPart, peer: str, told: Told) -> None:
    """Check every statement of a peer's part before signing it, but for what it has seen.

    Of the peer's witnesses only the coordinator's is known here, so its cosignature is the one that
    is asked for. Raises: ContextMismatch for a release, price or ledger that is not the agreed one;
    ConsentError if its checkpoint is not signed by its ledger and that witness, or does not hold
    its use record.
    """
    job = execution.job
    if theirs.party != peer:
        raise ContextMismatch("the part of the receipt is another party's")
    ours = None
    if isinstance(told, SizeRelease | Withheld):
        has_own = peer == job.receiver and (job.kind == "overlap" or isinstance(told, SizeRelease))
        if len(theirs.released) != len(job.senders) + has_own:
            raise ContextMismatch("the other side states more or fewer releases than were agreed")
        ours = theirs.released[-1].commitment if has_own else None
    if theirs.released != released(job, told, peer, ours):
        raise ContextMismatch("the other side states other releases than were agreed")
    check_head(execution, theirs, peer)


def check_head(execution: Execution, theirs: ReceiptPart, peer: str) -> None:
    """Check that the ledger that a peer names is its own, witnessed, and has its use record.

    Raises: ContextMismatch, ConsentError.
    """
    log = parse_vkey(job_checks.member(execution.agreed, peer).ledger_vkey)
    witness = execution.services.home.coordinator_witness
    checkpoint = open_checkpoint(theirs.note, log, [witness], 1)
    head = theirs.head
    if (head.origin, head.size, head.root) != (log.name, checkpoint.size, checkpoint.root):
        raise ContextMismatch("the other side names another ledger head than its checkpoint does")
    verify_inclusion(head.use_record, theirs.index, head.size, theirs.inclusion, head.root)


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
