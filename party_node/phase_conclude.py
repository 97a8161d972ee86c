"""The last phases of a run: release, receipt, signatures, filing.

Nothing is shown to anyone before all parties have signed the same receipt: a run that fails on the
way leaves no result and no audience.

The size of a list lives only here, sealed, between the protocol's end and the release; a count has
come out of the protocol with noise. What is kept afterwards is the noisy size, its commitment and,
at the activating party, the list of its own people.
"""

import contextlib
import hashlib

from coordinator.wire import JobEvent
from party_node import count_noise, in_turn, receipts, results, uses
from party_node.audience_members import AUDIENCE, SALT_BYTES, keep_audience
from party_node.errors import CoordinatorRefused
from party_node.execution import Execution
from party_node.insight import telling
from party_node.job_kinds import ASKING, JOINT
from party_node.joint import concluding as joint
from party_node.lookalike import card_words, concluding
from party_node.matching_input import ORDER, TYPES
from party_node.phase_compute import recheck, uses_of
from party_node.phase_recall import keep_answer
from party_node.prepared import in_runs
from party_node.receipt_parts import facts_with, part_of
from party_node.results import NOTHING, Brought
from party_node.runs import DONE, Run
from protocols.codec import Record, decode, encode
from protocols.errors import ContextMismatch
from protocols.job import ReceiptPart, ReceiptSignature
from protocols.psi.chunks import MATCHED
from protocols.psi.params import Cardinality, Members
from protocols.release import (
    ModelRelease,
    StatisticsRelease,
    check,
    commitment,
    draw,
    given,
    made_out,
    outcome,
    read_told,
)
from protocols.sums.records import Sums

PARTS = "parts"
"""Fact of a run: what the others have said in the receipt, where more than one says something."""


def release(execution: Execution, run: Run) -> Run | None:
    """Release at the receiver; hear of it at the sender."""
    if not execution.is_receiver:
        return _hear_release(execution, run)
    match execution.job.kind:
        case "insight":
            return _give_statistics(execution, run)
        case "lookalike":
            return concluding.give_model(execution, run)
        case "joint":
            return joint.give_size(execution, run)
        case _:
            return _release_ours(execution, run)


def _give_statistics(execution: Execution, run: Run) -> Run:
    """Make the answer of the sums, which have the sender's noise; tell the sender that it is given.

    Asked again: people who withdrew since are in the sums, and the narrowed use record says so.
    """
    recheck(execution, run)
    job, parts, sums = execution.job, execution.services, decode(Sums, run.output)
    opening = StatisticsRelease(job.receiver, job.rho_nano, sums, parts.rng(SALT_BYTES))
    told = given(opening)
    part = part_of(execution, run, receipts.released(execution.job, told, execution.me, None))
    answered = telling.answered(job, sums, run.facts)
    # Opens the commitment in the receipt; sealed, because cells that are hidden are in it.
    answered["opening"] = parts.vault.seal(f"opening/{job.job}", encode(opening)).hex()
    facts = facts_with(execution, run, part, told, Brought(statistics=answered))
    return execution.go(run, [told, part], phase="receipt", **facts)


def _release_ours(execution: Execution, run: Run) -> Run:
    """Draw the noise once, decide on the noisy size alone, and release; people who withdrew are
    left out.
    """
    parts, job = execution.services, execution.job
    in_runs.adopt(execution)
    output = decode((Cardinality, Members), run.output)
    assert isinstance(output, Cardinality | Members)
    # Asked again: who withdrew since is taken off a list, and a count that they were in is recorded
    # as such by the narrowed use record.
    allowed = recheck(execution, run).allowed
    members = matched_by = None
    if isinstance(output, Members):
        order, types, matched = map(execution.chunks.fetch, (ORDER, TYPES, MATCHED))
        members = results.members(order, matched, allowed)
        matched_by = results.matched_by(order, types, matched, members, job.identifiers)
    dummies = count_noise.dummies_of(job)
    noisy = draw(output.count if members is None else len(members), job, dummies)
    if noisy is None:
        members = matched_by = None
    salt = parts.rng(32)
    told = outcome(noisy, job, job.senders[0].party, salt)
    ours: bytes | None = None
    if members is not None:
        # A salt of its own: the other party holds the one of the noisy size.
        salted = parts.rng(SALT_BYTES) + members.serialize()
        ours = hashlib.sha256(salted).digest()
        execution.chunks.keep({AUDIENCE: salted})
    elif job.kind == "overlap":
        ours = commitment(made_out(told, job.receiver))
    part = part_of(execution, run, receipts.released(job, told, job.receiver, ours))
    brought = NOTHING
    if matched_by is not None:
        brought = Brought(audience=sum(matched_by.values()), matched_by=matched_by)
    letters = [(peer, made_out(told, peer.party)) for peer in execution.peers]
    return execution.go(
        run,
        [*letters, part],
        phase="receipt",
        **facts_with(execution, run, part, told, brought),
    )


def _hear_release(execution: Execution, run: Run) -> Run | None:
    """Take the noisy size from the receiver; say this side's part of the receipt to all."""
    job = execution.job
    body = execution.hear(run, job.receiver)
    if body is None:
        return None
    if job.kind in ASKING:
        # The sums are out; who withdrew while they were made is recorded as such.
        recheck(execution, run)
    told = read_told(body)
    check(told, job, execution.me, count_noise.dummies_of(job))
    part = part_of(execution, run, receipts.released(job, told, execution.me, None))
    brought = NOTHING
    if isinstance(told, ModelRelease):
        if told.card.delta_exponent != execution.agreed.delta_exponent:
            raise ContextMismatch("the card states the price at another delta than was agreed")
        brought = Brought(model=card_words.document(told.card))
    if job.kind == JOINT:
        brought = joint.heard(execution, run)
    changes = facts_with(execution, run, part, told, brought)
    stored = execution.go(run.heard(job.receiver), [part], phase="receipt", **changes)
    execution.mail.acknowledge(stored, job.receiver)
    return stored


def receipt(execution: Execution, run: Run) -> Run | None:
    """Compare what the others say with what this side saw; then sign the run receipt.

    Raises: ContextMismatch if two parties did not see the same run.
    """
    due = in_turn.due(execution, run)
    body = execution.hear(run, due.peer)
    if body is None:
        return None
    theirs = decode(ReceiptPart, body)
    told = read_told(bytes.fromhex(run.facts["told"]))
    receipts.check_part(execution, theirs, due.peer, told)
    said = {**run.facts.get(PARTS, {}), due.peer: body.hex()}
    if not due.is_last:
        facts = {**due.heard.facts, PARTS: said}
        stored = execution.go(due.heard, facts=facts)
        execution.mail.acknowledge(stored, due.peer)
        return stored
    parts = {party: decode(ReceiptPart, bytes.fromhex(part)) for party, part in said.items()}
    parts[execution.me] = decode(ReceiptPart, bytes.fromhex(run.facts["part"]))
    whole = receipts.compose(execution, parts)
    signature = receipts.sign(execution.services.home.keys, whole)
    message: Record = ReceiptSignature(execution.me, signature)
    with execution.services.db.writing() as session:
        receipts.keep(session, run.job, whole, {execution.me: signature})
        stored = execution.store(session, due.heard, [message], phase="sign")
    execution.mail.acknowledge(stored, due.peer)
    return stored


def sign(execution: Execution, run: Run) -> Run | None:
    """Take the others' signatures over the same receipt; only then is there a result.

    Raises: ForgedEnvelope if one of them signed anything else.
    """
    due = in_turn.due(execution, run)
    body = execution.hear(run, due.peer)
    if body is None:
        return None
    theirs = decode(ReceiptSignature, body)
    whole, signatures = receipts.load(execution.services.db, run.job)
    signer = next(peer for peer in execution.peers if peer.party == due.peer)
    receipts.check(whole, theirs.signature, signer)
    signatures[due.peer] = theirs.signature
    parts = execution.services
    if not due.is_last:
        with parts.db.writing() as session:
            receipts.keep(session, run.job, whole, signatures)
            stored = execution.store(session, due.heard)
        execution.mail.acknowledge(stored, due.peer)
        return stored
    result, now = run.facts["result"], parts.clock_ms()
    brought = result["audience"] and result["audience"]["people"]
    members = execution.chunks.fetch(AUDIENCE) if brought else None
    concluding.keep_model(execution)
    joint.keep(execution, told=result["size"] is not None)
    with parts.db.writing() as session:
        receipts.keep(session, run.job, whole, signatures)
        results.keep(session, run.job, result, now)
        keep_answer(session, execution, now)
        if members is not None:
            keep_audience(session, parts.vault, run.job, execution.dataset, members, now)
        stored = execution.store(session, due.heard, phase="file")
    execution.mail.acknowledge(stored, due.peer)
    return stored


def file(execution: Execution, run: Run) -> Run:
    """Hand in the receipt, say that this side is done, and erase what the run needed."""
    parts = execution.services
    execution.mail.flush(run.job)
    whole, signatures = receipts.load(parts.db, run.job)
    parts.client.file_receipt(run.job, receipts.filing(whole, signatures))
    uses.complete(parts.gate, uses_of(execution))
    # All have signed: should somebody have called it off meanwhile, the receipt stands.
    with contextlib.suppress(CoordinatorRefused):
        parts.jobs.report(run.job, JobEvent.COMPLETE)
        parts.client.close_mailbox(run.job, "completed")
    with parts.db.writing() as session:
        parts.runs.end(session, run.job)
    execution.chunks.erase()
    parts.trainings.leave(run.job)
    return Run(run.job, DONE)
