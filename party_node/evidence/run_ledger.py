"""The way from a run receipt into the two consent ledgers.

This side's use record is opened in the bundle, so what it says is compared with the job. The other
side's stays with its keeper: the receipt holds that ledger's witnessed checkpoint and the proof
that the use record stands under it, and no more can be told from outside.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from consent.checkpoint import Checkpoint, open_checkpoint
from consent.errors import BadSignature, LedgerInconsistent
from consent.fields import Entry
from consent.merkle import verify_consistency, verify_inclusion
from consent.note import Verifier, parse_vkey
from consent.policy import Policy
from consent.uses import UseRecord
from party_node.run_files import RunFiles
from party_node.use_numbers import numbered
from protocols import job as jobs
from protocols.errors import ContextMismatch
from protocols.job import JobDescription, ReceiptPart, job_hash


@dataclass(frozen=True, slots=True)
class LedgerPart:
    """What the ledger part of a bundle has shown."""

    policy: Policy | None
    """The trust root: the auditor's, or else the bundle's own."""
    checkpoint: Checkpoint | None
    """Verified under the policy."""
    note: bytes
    """The checkpoint as a signed note."""
    records: Mapping[int, Entry]
    """Opened payloads whose commitment and place in the log were verified."""
    leaf_hashes: Mapping[int, bytes]
    """Leaf hash of each of these."""


def operations(job: JobDescription) -> str | None:
    """Return what the use record of a job must say, as the gate writes it; None for no known kind
    of job.
    """
    return "/".join(jobs.operations_of(job)) if job.kind in jobs.OPERATIONS else None


def own_side(run: RunFiles, ledger: LedgerPart) -> str:
    """Check the side whose ledger this bundle is from; return what was found.

    Its ledger key must be a log of the policy and have signed the bundle's checkpoint; its head in
    the receipt must lead there; its use record must be this job's. Raises: ConsentError,
    ContextMismatch.
    """
    part = _own_part(run, ledger)
    if ledger.checkpoint is None:
        raise LedgerInconsistent("the bundle has no verified checkpoint")
    _check_head(run, part, ledger)
    verify_consistency(
        part.head.size,
        ledger.checkpoint.size,
        run.consistency,
        part.head.root,
        ledger.checkpoint.root,
    )
    record = ledger.records.get(part.index)
    if ledger.leaf_hashes.get(part.index) != part.head.use_record:
        raise LedgerInconsistent("the receipt's use record is not among the proved entries")
    if not isinstance(record, UseRecord):
        raise LedgerInconsistent("the entry that the receipt names is not a use record")
    numbers = dict(numbered(run.job.job, run.job.others(part.party)))
    first, *more = numbers
    _check_use(run, part.party, first, numbers[first], record)
    for peer in more:
        _check_further(run, part, peer, numbers[peer], ledger)
    return f"{part.party}, entry {part.index}: {record.allowed:,} of {record.asked:,} permitted"


def other_sides(run: RunFiles, ledger: LedgerPart) -> str:
    """Check the other parties' parts as far as that can be done without their ledgers.

    Raises: ConsentError, ContextMismatch.
    """
    own, said = _own_part(run, ledger), []
    for part in run.parts():
        if part is not own:
            _check_head(run, part, ledger)
            said.append(
                f"{part.party}, entry {part.index}, witnessed; what it says is shown by "
                f"{part.party}"
            )
    return "; ".join(said)


def _own_part(run: RunFiles, ledger: LedgerPart) -> ReceiptPart:
    """Return the side whose agreed ledger key is a log of the policy and signed the checkpoint."""
    if ledger.policy is None or ledger.checkpoint is None:
        raise LedgerInconsistent("the bundle has no verified checkpoint")
    for part in run.parts():
        log = _log_of(run, part)
        if log in ledger.policy.logs and log.name == ledger.checkpoint.origin:
            open_checkpoint(ledger.note, log)
            return part
    raise LedgerInconsistent("no party of the run keeps the ledger of this bundle")


def _log_of(run: RunFiles, part: ReceiptPart) -> Verifier:
    return parse_vkey(run.member(part.party).ledger_vkey)


def _check_head(run: RunFiles, part: ReceiptPart, ledger: LedgerPart) -> None:
    """Check a head: signed by the agreed ledger, witnessed, and the use record is under it."""
    witnesses = () if ledger.policy is None else tuple(ledger.policy.witnesses.values())
    if not witnesses:
        raise BadSignature("the policy names no witness")
    log, head = _log_of(run, part), part.head
    checkpoint = open_checkpoint(part.note, log, witnesses, quorum=1)
    if (head.origin, head.size, head.root) != (log.name, checkpoint.size, checkpoint.root):
        raise ContextMismatch("the receipt names another ledger head than its checkpoint does")
    verify_inclusion(head.use_record, part.index, head.size, part.inclusion, head.root)


def _check_further(
    run: RunFiles, part: ReceiptPart, peer: str, number: str, ledger: LedgerPart
) -> None:
    """Check that the use towards a further party is recorded, and was before rows were read."""
    found = [
        (index, use)
        for index, use in ledger.records.items()
        if isinstance(use, UseRecord) and use.job == number
    ]
    if not found:
        raise LedgerInconsistent(f"the use towards {peer} is not among the proved entries")
    for _, use in found:
        _check_use(run, part.party, peer, number, use)


def _check_use(run: RunFiles, party: str, peer: str, number: str, use: UseRecord) -> None:
    """Compare what the use record says with what was asked in the job."""
    job = run.job
    dataset = job.dataset_of(party)
    said = (
        use.job, use.system, use.purpose, use.recipient, use.operation, use.requested_by,
        use.datasets,
    )  # fmt: skip
    asked = (
        number, f"job-hash {job_hash(job).hex()}", job.purpose, peer,
        operations(job), job.requester, (dataset,),
    )  # fmt: skip
    if said != asked:
        raise ContextMismatch("the use record is about another use than this job")
