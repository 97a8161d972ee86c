"""The phases of a federated job between the owners' yes and the filing of the receipt.

    enter        the gate decides and records it; the budget must cover all rounds; the terms follow
                 from the pre-flights; the coordinator is told that this side takes part
    train        Flower brings the questions of the rounds (`trainings.py`, `rounds.py`)
    attest       say what was trained, hear the same from all who were there at the end
    countersign  hear their signatures over the receipt; only then is there a result

Who dropped out for good is waited for neither in a round nor here: the receipt is signed by those
who helped to open the last sum. One that comes back later hears it, and has the model too.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

from consent.errors import ConsentError
from coordinator.wire import JobEvent
from party_node import in_turn, job_checks, phase_compute, receipts, results
from party_node.errors import JobExpired, NodeError, NotFound
from party_node.execution import WAIT_SECONDS, Execution
from party_node.federated import model_words, reading, rounds
from party_node.federated.errors import UnknownTraining
from party_node.federated.judging import Judged
from party_node.federated.reading import SALT_BYTES
from party_node.job_tables import PreflightRow
from party_node.memory import give_back
from party_node.phase_conclude import PARTS
from party_node.receipt_parts import part_of
from party_node.results import Brought
from party_node.runs import Run
from protocols.codec import Record, decode, encode
from protocols.dp.budget import Rho, epsilon
from protocols.errors import BudgetExceeded, ContextMismatch, ProtocolError, SmallCohort
from protocols.federated import terms as federated
from protocols.federated.asked import Federated, params_for, size_of, terms_for
from protocols.federated.release import FEDERATED_MODEL, TrainedModel
from protocols.job import Preflight, ReceiptPart, ReceiptSignature, Released, RunReceipt, job_hash
from protocols.question import read as read_question

TRAINED = "trained"
"""Fact of a run: what the training ended with."""


def enter(execution: Execution, run: Run) -> Run:
    """Decide, record, have it witnessed; then take part in the training.

    Raises: SmallCohort, BudgetExceeded, ConsentError, JobRefused, SupernodeUnavailable;
    CoordinatorUnreachable, QuorumMissed (try again).
    """
    parts, job = execution.services, execution.job
    give_back()
    permitted = phase_compute.uses_of(execution)
    job_checks.check_sizes(job, len(permitted.allowed))
    people = parts.repeats.admit(job, execution.me, permitted.allowed, parts.clock_ms())
    try:
        rounds.require_many(execution, len(people))
        limit_nano = parts.collaborations.limit_nano(execution.agreed)
        phase_compute.require_budgets(execution, limit_nano)
    except (BudgetExceeded, SmallCohort):
        if not _has_joined(execution):  # nothing has left, not even before a crash
            parts.repeats.forget_run(job.job)
        raise
    permitted, under = phase_compute.witnessed(execution, permitted)
    parts.jobs.report(job.job, JobEvent.START)
    joined = run_of(execution)
    salt = parts.rng(SALT_BYTES)
    execution.chunks.keep({rounds.PEOPLE: salt + people.serialize()})
    facts = {
        "asked": permitted.asked,
        "permitted": len(permitted.allowed),
        "withheld": permitted.denied,
        "matchable": len(permitted.allowed),
        "waiting": len(permitted.allowed - people),
        "items": 0,
        "identifiers": {},
        "beyond": 0,
        "head": encode(permitted.head).hex(),
        "use_entry": permitted.use_entry,
        **under,
    }
    stored = execution.go(run, facts=facts)
    parts.trainings.join(joined)
    parts.supernode.ensure()
    parts.client.join_training(job.job, encode(joined))
    return execution.go(stored, phase="train")


def run_of(execution: Execution) -> federated.Run:
    """Return the terms of the training, as they follow from the pre-flights, with all keys."""
    job = execution.job
    with execution.services.db.reading() as session:
        rows = [session.get(PreflightRow, (job.job, party)) for party in job.parties()]
    said = [decode(Preflight, row.record) for row in rows if row is not None]
    sizes = {one.party: size_of(one.permitted_step) for one in said}
    asked = read_question(job.question)
    assert isinstance(asked, Federated)
    terms = terms_for(job, params_for(asked), sizes)
    keys = {public.party: public for public in execution.keys}
    return federated.Run(terms, tuple(keys[party] for party in terms.parties))


def train(execution: Execution, run: Run) -> Run | None:
    """Wait for the end of the training; then say what it ended with.

    Raises: JobExpired; whatever keeps this party from learning.
    """
    parts, job = execution.services, execution.job
    if parts.clock_ms() >= job.expires_ms:
        raise JobExpired
    made = parts.trainings.await_end(job.job, 0)
    if made is None:
        # Flower does not bring it to one that was away when it was told.
        told = parts.client.training_ended(job.job)
        if told is not None:
            parts.trainings.answer(told)
            return run
        parts.supernode.ensure()
        made = parts.trainings.await_end(job.job, WAIT_SECONDS)
        if made is None:
            return None
    with contextlib.suppress(NodeError, ConsentError, ProtocolError):
        _judge_last(execution, made)  # what only this party looks at ends no training
    facts: dict[str, Any] = {**run.facts, TRAINED: encode(made).hex()}
    says: list[Record] = []
    if execution.me in made.signers():
        part = part_of(execution, run, released(execution, made, execution.me), _seen(made))
        facts["part"] = encode(part).hex()
        says = [part]
    facts["result"] = _result(execution, facts, made)
    return execution.go(run, says, phase="attest", facts=facts)


def released(execution: Execution, made: TrainedModel, party: str) -> tuple[Released, ...]:
    """Return what a party releases: its updates in the model, to each other one."""
    price, stands_for_it = made.paid(party), made.commitment()
    others = execution.job.others(party)
    return tuple(Released(to, FEDERATED_MODEL, price, stands_for_it) for to in others)


def attest(execution: Execution, run: Run) -> Run | None:
    """Hear what the others say that was trained; then sign the receipt.

    Raises: ContextMismatch if one of them says something else.
    """
    made = _trained(run)
    due = in_turn.due(execution, run, made.signers())
    body = execution.hear(run, due.peer)
    if body is None:
        return None
    theirs = decode(ReceiptPart, body)
    same = (theirs.party, theirs.transcripts, theirs.released)
    if same != (due.peer, _seen(made), released(execution, made, due.peer)):
        raise ContextMismatch("the other side trained something else")
    receipts.check_head(execution, theirs, due.peer)
    said = {**run.facts.get(PARTS, {}), due.peer: body.hex()}
    if not due.is_last:
        stored = execution.go(due.heard, facts={**due.heard.facts, PARTS: said})
        execution.mail.acknowledge(stored, due.peer)
        return stored
    whole = _compose(execution, made, said | _own(execution, run))
    says: list[Record] = []
    signatures = {}
    if execution.me in made.signers():
        signatures[execution.me] = receipts.sign(execution.services.home.keys, whole)
        says = [ReceiptSignature(execution.me, signatures[execution.me])]
    with execution.services.db.writing() as session:
        receipts.keep(session, run.job, whole, signatures)
        stored = execution.store(session, due.heard, says, phase="countersign")
    execution.mail.acknowledge(stored, due.peer)
    return stored


def countersign(execution: Execution, run: Run) -> Run | None:
    """Take the others' signatures over the same receipt; only then is there a result.

    Raises: ForgedEnvelope if one of them signed anything else.
    """
    parts, made = execution.services, _trained(run)
    due = in_turn.due(execution, run, made.signers())
    body = execution.hear(run, due.peer)
    if body is None:
        return None
    theirs = decode(ReceiptSignature, body)
    whole, signatures = receipts.load(parts.db, run.job)
    signer = next(peer for peer in execution.peers if peer.party == due.peer)
    receipts.check(whole, theirs.signature, signer)
    signatures[due.peer] = theirs.signature
    if due.is_last:
        parts.trained.keep(run.job, made)
    with parts.db.writing() as session:
        receipts.keep(session, run.job, whole, signatures)
        if due.is_last:
            results.keep(session, run.job, run.facts["result"], parts.clock_ms())
        stored = execution.store(session, due.heard, **due.then("file"))
    execution.mail.acknowledge(stored, due.peer)
    return stored


# -- inside --------------------------------------------------------------------------------------


def _has_joined(execution: Execution) -> bool:
    with contextlib.suppress(UnknownTraining):
        execution.services.trainings.state(execution.job.job)
        return True
    return False


def _trained(run: Run) -> TrainedModel:
    return decode(TrainedModel, bytes.fromhex(run.facts[TRAINED]))


def _seen(made: TrainedModel) -> tuple[bytes, ...]:
    """Return what stands in the place of transcripts: all who sign have seen the same training."""
    return (made.commitment(),) * (len(made.present) - 1)


def _own(execution: Execution, run: Run) -> dict[str, str]:
    return {execution.me: run.facts["part"]} if "part" in run.facts else {}


def _compose(execution: Execution, made: TrainedModel, said: Mapping[str, str]) -> RunReceipt:
    in_order = [party for party in execution.job.parties() if party in made.signers()]
    parts = tuple(decode(ReceiptPart, bytes.fromhex(said[party])) for party in in_order)
    return RunReceipt(job_hash(execution.job), execution.ctx, parts)


def _judge_last(execution: Execution, made: TrainedModel) -> None:
    """Judge the last model by the people held out, if they may still be read."""
    parts, job = execution.services, execution.job
    asked = read_question(job.question)
    assert isinstance(asked, Federated)
    uses = phase_compute.recheck(execution, parts.runs.load(job.job))
    salt, people = rounds.people_of(execution)
    allowed = people & uses.allowed
    found = reading.read(parts, uses.reading, allowed, asked, salt)
    rounds.judge(execution, made.terms, len(made.turns), made.weights, found)


def _result(execution: Execution, facts: dict[str, Any], made: TrainedModel) -> dict[str, Any]:
    parts, job = execution.services, execution.job
    asked = read_question(job.question)
    assert isinstance(asked, Federated)
    judged = [_judged(execution, n + 1) for n in range(len(made.turns))]
    brought = Brought(model=model_words.document(made, asked, judged))
    found = results.document(execution, facts, made, brought)
    first = execution.peers[0].party
    charged = parts.budgets.history(job.collaboration)
    spent = sum(c.rho_nano for c in charged if (c.job, c.to_party) == (job.job, first))
    cost = {"rho": str(Rho(spent)), "epsilon_alone": 0.0}
    if spent:
        cost["epsilon_alone"] = epsilon(spent, execution.agreed.delta_exponent)
    return found | {"cost": found["cost"] | cost}


def _judged(execution: Execution, after: int) -> Judged | None:
    """Return how good the model was after so many rounds, over this party's own people; None if
    nobody has judged it.
    """
    try:
        return decode(Judged, execution.chunks.fetch(f"{rounds.JUDGED}{after}"))
    except NotFound:
        return None
