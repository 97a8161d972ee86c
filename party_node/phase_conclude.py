"""The last phases of a run: release, receipt, signatures, filing.

Nothing is shown to anyone before both sides have signed the same receipt: a run that fails on the
way leaves no result and no audience.

The size of a list lives only here, sealed, between the protocol's end and the release; a count has
come out of the protocol with noise. What is kept afterwards is the noisy size, its commitment and,
at the activating party, the list of its own people.
"""

import contextlib
import hashlib

from consent.checkpoint import checkpoint_of
from coordinator.wire import JobEvent
from party_node import count_noise, receipts, results
from party_node.audience_members import SALT_BYTES, keep_audience
from party_node.errors import CoordinatorRefused, IllegalState
from party_node.execution import Execution
from party_node.matching_input import ORDER, TYPES
from party_node.phase_compute import UNDER, permission_for, recheck
from party_node.runs import DONE, Run
from protocols.codec import Record, decode, encode
from protocols.dp.count import SizeRelease
from protocols.errors import ContextMismatch
from protocols.job import LedgerHead, ReceiptPart, ReceiptSignature, Released
from protocols.psi.chunks import MATCHED
from protocols.psi.params import Cardinality, Members
from protocols.release import SizeOutcome, Withheld, check, commitment, draw, outcome
from protocols.session import Role
from protocols.transcript import Transcript

AUDIENCE = "audience"
"""Chunk with the members of the audience, until both sides have signed."""


def release(execution: Execution, run: Run) -> Run | None:
    """Release at the receiver; hear of it at the sender."""
    if execution.role is Role.INITIATOR:
        return _release_ours(execution, run)
    return _hear_release(execution, run)


def _release_ours(execution: Execution, run: Run) -> Run:
    """Draw the noise once, decide on the noisy size alone, and release; people who withdrew are
    left out.
    """
    parts, job = execution.services, execution.job
    output = decode((Cardinality, Members), run.output)
    assert isinstance(output, Cardinality | Members)
    # Asked again: who withdrew since is taken off a list, and a count that they were in is recorded
    # as such by the narrowed use record.
    permission = recheck(execution, run)
    members = matched_by = None
    if isinstance(output, Members):
        order, types, matched = map(execution.chunks.fetch, (ORDER, TYPES, MATCHED))
        members = results.members(order, matched, permission.allowed)
        matched_by = results.matched_by(order, types, matched, members, job.identifiers)
    dummies = count_noise.dummies_of(job)
    noisy = draw(output.count if members is None else len(members), job, dummies)
    if noisy is None:
        members = matched_by = None
    salt = parts.rng(32)
    told = outcome(noisy, job, job.sender, salt)
    ours: bytes | None = None
    if members is not None:
        # A salt of its own: the other party holds the one of the noisy size.
        salted = parts.rng(SALT_BYTES) + members.serialize()
        ours = hashlib.sha256(salted).digest()
        execution.chunks.keep({AUDIENCE: salted})
    elif job.kind == "overlap":
        ours = commitment(outcome(noisy, job, job.receiver, salt))
    part = _part(execution, run, receipts.released(job, told, job.receiver, ours))
    return execution.go(
        run, [told, part], phase="receipt", **_part_facts(execution, run, part, told, matched_by)
    )


def _hear_release(execution: Execution, run: Run) -> Run | None:
    """Take the noisy size from the receiver and answer with this side's part of the receipt."""
    body = execution.hear(run)
    if body is None:
        return None
    job = execution.job
    told = decode((SizeRelease, Withheld), body)
    assert isinstance(told, SizeRelease | Withheld)
    check(told, job, execution.me, count_noise.dummies_of(job))
    part = _part(execution, run, receipts.released(job, told, job.sender, None))
    changes = _part_facts(execution, run, part, told, None)
    stored = execution.go(run, [part], phase="receipt", received=run.received + 1, **changes)
    execution.mail.acknowledge(stored)
    return stored


def _part(execution: Execution, run: Run, released: tuple[Released, ...]) -> ReceiptPart:
    """Return what this side says in the receipt: its ledger's proof, transcript, releases."""
    ledger, entry = execution.services.ledger, int(run.facts["use_entry"])
    note = ledger.checkpoints.latest_published()
    head = decode(LedgerHead, bytes.fromhex(run.facts["head"]))
    if note is None or checkpoint_of(note).size <= entry:
        note = run.facts.get(UNDER)  # the quorum is missing still: the approval's checkpoint
    if note is None:
        raise IllegalState("the use record is not under a published checkpoint")
    checkpoint = checkpoint_of(note)
    return ReceiptPart(
        party=execution.me,
        head=LedgerHead(head.origin, checkpoint.size, checkpoint.root, head.use_record),
        transcript=decode(Transcript, run.transcript).digest(),
        released=released,
        note=note,
        index=entry,
        inclusion=tuple(ledger.inclusion_proof(entry, checkpoint.size)),
    )


def _part_facts(
    execution: Execution,
    run: Run,
    part: ReceiptPart,
    told: SizeOutcome,
    matched_by: dict[str, int] | None,
) -> dict[str, object]:
    """Keep what this side will say and show; the result counts once both have signed."""
    result = results.document(execution, run.facts, told, matched_by)
    said = {"part": encode(part).hex(), "told": encode(told).hex(), "result": result}
    facts = {**run.facts, **said}
    return {"output": b"", "facts": facts}


def receipt(execution: Execution, run: Run) -> Run | None:
    """Compare what the peer says with what this side saw, and sign the run receipt.

    Raises: ContextMismatch if the two sides did not see the same run.
    """
    body = execution.hear(run)
    if body is None:
        return None
    theirs = decode(ReceiptPart, body)
    mine = decode(ReceiptPart, bytes.fromhex(run.facts["part"]))
    if theirs.party != execution.peer.party or theirs.transcript != mine.transcript:
        raise ContextMismatch("the two sides saw different messages")
    told = decode((SizeRelease, Withheld), bytes.fromhex(run.facts["told"]))
    assert isinstance(told, SizeRelease | Withheld)
    receipts.check_part(execution, theirs, told)
    whole = receipts.compose(execution, mine, theirs)
    signature = receipts.sign(execution.services.home.keys, whole)
    message: Record = ReceiptSignature(execution.me, signature)
    with execution.services.db.writing() as session:
        receipts.keep(session, run.job, whole, {execution.me: signature})
        stored = execution.store(session, run, [message], phase="sign", received=run.received + 1)
    execution.mail.acknowledge(stored)
    return stored


def sign(execution: Execution, run: Run) -> Run | None:
    """Take the peer's signature over the same receipt.

    Raises: ForgedEnvelope if it signed anything else.
    """
    body = execution.hear(run)
    if body is None:
        return None
    theirs = decode(ReceiptSignature, body)
    whole, signatures = receipts.load(execution.services.db, run.job)
    receipts.check(whole, theirs.signature, execution.peer)
    signatures[execution.peer.party] = theirs.signature
    parts = execution.services
    result, now = run.facts["result"], parts.clock_ms()
    members = execution.chunks.fetch(AUDIENCE) if result["audience"] else None
    with parts.db.writing() as session:
        receipts.keep(session, run.job, whole, signatures)
        results.keep(session, run.job, result, now)
        if members is not None:
            keep_audience(session, parts.vault, run.job, execution.dataset, members, now)
        stored = execution.store(session, run, phase="file", received=run.received + 1)
    execution.mail.acknowledge(stored)
    return stored


def file(execution: Execution, run: Run) -> Run:
    """Hand in the receipt, say that this side is done, and erase what the run needed."""
    parts = execution.services
    execution.mail.flush(run.job)
    whole, signatures = receipts.load(parts.db, run.job)
    parts.client.file_receipt(run.job, receipts.filing(whole, signatures))
    parts.gate.complete(permission_for(execution), "completed")
    # Both have signed: should somebody have called it off meanwhile, the receipt stands.
    with contextlib.suppress(CoordinatorRefused):
        parts.jobs.report(run.job, JobEvent.COMPLETE)
        parts.client.close_mailbox(run.job, "completed")
    with parts.db.writing() as session:
        parts.runs.end(session, run.job)
    execution.chunks.erase()
    return Run(run.job, DONE)
