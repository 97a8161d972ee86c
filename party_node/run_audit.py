"""Checking one run of an evidence bundle: signatures, agreement, and the way into the ledger.

Pure: bytes in, checks out; nothing is believed but what a signature or a hash shows.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from consent.audit import Check, Outcome
from consent.checkpoint import Checkpoint
from consent.errors import ConsentError, LedgerInconsistent
from consent.merkle import verify_consistency
from consent.note import parse_vkey
from coordinator.wire import RECEIPT_LABEL
from party_node import job_checks
from party_node.errors import JobRefused, NodeError
from party_node.evidence_files import RunFile
from protocols.codec import decode
from protocols.collaboration import Collaboration, digest
from protocols.context import context
from protocols.errors import ContextMismatch, MalformedMessage, ProtocolError
from protocols.job import Acceptance, JobDescription, ReceiptPart, RunReceipt, job_hash
from protocols.signed import Signed, peek, verify


@dataclass(frozen=True, slots=True)
class Run:
    """The files of one run, decoded; what they claim is checked by `audit_run`."""

    job: JobDescription
    signed_job: Signed
    acceptance: Signed
    agreement: Collaboration
    receipt: RunReceipt
    receipt_bytes: bytes
    signatures: Mapping[str, bytes]
    consistency: tuple[bytes, ...]


def audit_run(
    name: str,
    files: Mapping[str, bytes],
    checkpoint: Checkpoint | None,
    leaf_hashes: frozenset[bytes],
) -> list[Check]:
    """Check the run of one job; `leaf_hashes` are the entries that the bundle proves included."""
    try:
        run = _decoded(files)
    except (ProtocolError, KeyError, ValueError) as e:
        return [
            Check(f"run {name[:8]}: files", Outcome.FAILED, "a file is missing or bad", _code(e))
        ]
    steps: list[tuple[str, Callable[[], str]]] = [
        ("the job is signed by its requester and fits the agreement", lambda: _job(run)),
        ("the data owner accepted exactly this job", lambda: _acceptance(run)),
        ("the receipt is about this job and these keys", lambda: _receipt(run)),
        ("both parties signed the same receipt", lambda: _signatures(run)),
        (
            "the ledger head leads to the checkpoint, and the use record is in the ledger",
            lambda: _head(run, checkpoint, leaf_hashes),
        ),
    ]
    return [_check(f"run {name[:8]}: {what}", step) for what, step in steps]


def _check(what: str, step: Callable[[], str]) -> Check:
    try:
        return Check(what, Outcome.PASSED, step())
    except (ProtocolError, ConsentError, NodeError) as e:
        return Check(what, Outcome.FAILED, str(e), _code(e))


def _code(error: Exception) -> str:
    return str(getattr(error, "code", MalformedMessage.code))


def _decoded(files: Mapping[str, bytes]) -> Run:
    signed_job = decode(Signed, files[RunFile.JOB])
    stated = json.loads(files[RunFile.SIGNATURES])
    hashes = files[RunFile.CONSISTENCY].decode("ascii").split()
    return Run(
        job=peek(JobDescription, signed_job),
        signed_job=signed_job,
        acceptance=decode(Signed, files[RunFile.ACCEPTANCE]),
        agreement=decode(Collaboration, files[RunFile.AGREEMENT]),
        receipt=decode(RunReceipt, files[RunFile.RECEIPT]),
        receipt_bytes=files[RunFile.RECEIPT],
        signatures={str(party): bytes.fromhex(value) for party, value in stated.items()},
        consistency=tuple(bytes.fromhex(h) for h in hashes),
    )


def _job(run: Run) -> str:
    if run.job.collaboration_hash != digest(run.agreement):
        raise ContextMismatch("the job names another agreement than the one in this bundle")
    requester = job_checks.member(run.agreement, run.job.requester)
    verify(JobDescription, run.signed_job, requester.public)
    job_checks.check(run.job, run.agreement, run.job.created_ms)
    return f"{run.job.kind} for {run.job.purpose}, asked by {run.job.requester}"


def _acceptance(run: Run) -> str:
    owner = job_checks.member(run.agreement, run.job.other(run.job.requester))
    accepted = verify(Acceptance, run.acceptance, owner.public)
    if accepted.job_hash != job_hash(run.job):
        raise ContextMismatch("the acceptance is for another job")
    clause = job_checks.check(run.job, run.agreement, run.job.created_ms)
    if accepted.reveal != clause.reveal:
        raise JobRefused("the acceptance does not say what is revealed")
    return f"{owner.party}, by {accepted.by}" + (", reveal countersigned" if clause.reveal else "")


def _receipt(run: Run) -> str:
    receiver, sender = (job_checks.member(run.agreement, p).public for p in run.job.parties())
    same = (
        run.receipt.job_hash == job_hash(run.job)
        and run.receipt.ctx == context(run.job, receiver, sender)
        and run.receipt.receiver.party == run.job.receiver
        and run.receipt.sender.party == run.job.sender
        and {run.receipt.receiver.transcript, run.receipt.sender.transcript}
        == {run.receipt.transcript}
    )
    if not same:
        raise ContextMismatch("the receipt is about something else")
    released = [r for part in (run.receipt.receiver, run.receipt.sender) for r in part.released]
    return "; ".join(f"{r.what} to {r.to}" for r in released)


def _signatures(run: Run) -> str:
    for party in run.job.parties():
        public = job_checks.member(run.agreement, party).public
        public.verify(run.signatures.get(party, b""), RECEIPT_LABEL, run.receipt_bytes)
    return " and ".join(run.job.parties())


def _head(run: Run, checkpoint: Checkpoint | None, leaf_hashes: frozenset[bytes]) -> str:
    if checkpoint is None:
        raise LedgerInconsistent("the bundle has no verified checkpoint")
    part = _part_of(run, checkpoint.origin)
    verify_consistency(
        part.head.size, checkpoint.size, run.consistency, part.head.root, checkpoint.root
    )
    if part.head.use_record not in leaf_hashes:
        raise LedgerInconsistent("the receipt's use record is not among the proved entries")
    return f"{part.party}'s ledger at size {part.head.size} continues to {checkpoint.size}"


def _part_of(run: Run, origin: str) -> ReceiptPart:
    """Return the side whose ledger this bundle is from, as its agreed ledger key names it."""
    for part in (run.receipt.receiver, run.receipt.sender):
        member = job_checks.member(run.agreement, part.party)
        if parse_vkey(member.ledger_vkey).name == origin == part.head.origin:
            return part
    raise LedgerInconsistent("neither party of the run keeps the ledger of this bundle")
