"""Checking one run of an evidence bundle: who agreed, who asked, who accepted, who signed.

Pure: bytes in, checks out. Nothing is believed but what a signature or a hash shows, and a
signature shows only what the keys in the countersigned agreement are worth: whose keys these are is
for the reader to compare (`bundle_audit` says the fingerprints).
"""

from collections.abc import Callable, Mapping

from consent.audit import Check, Outcome
from consent.errors import ConsentError
from coordinator.wire import RECEIPT_LABEL
from party_node import job_checks
from party_node.errors import JobRefused, NodeError
from party_node.evidence.run_ledger import LedgerPart, other_sides, own_side
from party_node.run_files import RunFiles, decoded
from protocols import registry
from protocols.codec import encode
from protocols.collaboration import Collaboration, Permitted, digest
from protocols.context import context
from protocols.errors import ContextMismatch, ProtocolError
from protocols.federated.signers import signers
from protocols.job import Acceptance, JobDescription, job_hash
from protocols.signed import verify

Step = tuple[str, Callable[[], str]]


def audit_run(
    name: str, files: Mapping[str, bytes], ledger: LedgerPart
) -> tuple[list[Check], RunFiles | None]:
    """Check the run in folder `name`; return the checks, and the run if its files can be read.

    `ledger` is what the bundle's ledger part has shown.
    """
    label = f"run {name[:8]}"
    readable = f"{label}: all its files are there and can be read"
    try:
        run = decoded(name, files)
    except (ProtocolError, NodeError) as e:
        return [Check(readable, Outcome.FAILED, str(e), e.code)], None
    checks = [Check(readable, Outcome.PASSED, f"{len(files)} files")]
    checks.append(_check(f"{label}: all parties signed the agreement", lambda: _agreement(run)))
    if checks[-1].outcome is Outcome.FAILED:  # the rest would rest on keys that nobody agreed to
        return checks, run
    steps: list[Step] = [
        ("the job is signed by its requester and fits the agreement", lambda: _job(run)),
        ("every data owner accepted exactly this job", lambda: _acceptances(run)),
        ("the receipt is about this job and these keys", lambda: _receipt(run)),
        ("all parties signed the same receipt", lambda: _signatures(run)),
        ("the use record of this ledger is about this job", lambda: own_side(run, ledger)),
        ("every other ledger holds the use record it names", lambda: other_sides(run, ledger)),
    ]
    return checks + [_check(f"{label}: {what}", step) for what, step in steps], run


def _check(what: str, step: Callable[[], str]) -> Check:
    try:
        return Check(what, Outcome.PASSED, step())
    except (ProtocolError, ConsentError, NodeError) as e:
        return Check(what, Outcome.FAILED, str(e), e.code)


def _agreement(run: RunFiles) -> str:
    agreed, encoded = run.agreement, encode(run.agreement)
    parties = {m.party for m in agreed.members}
    if parties != set(run.job.parties()) or parties != set(run.countersignatures):
        raise ContextMismatch("the agreement is not between, or not signed by, these parties")
    distinct = ({m.public.signing for m in agreed.members}, {m.ledger_vkey for m in agreed.members})
    if any(len(keys) != len(agreed.members) for keys in distinct):
        raise ContextMismatch("two parties of the agreement share a key")
    for member in agreed.members:
        if member.public.party != member.party:
            raise ContextMismatch("the agreement names keys that are made out to somebody else")
        member.public.verify(
            run.countersignatures[member.party], Collaboration.KIND.encode(), encoded
        )
    return f"{agreed.collaboration} version {agreed.version}, {' and '.join(sorted(parties))}"


def _job(run: RunFiles) -> str:
    if run.job.collaboration_hash != digest(run.agreement):
        raise ContextMismatch("the job names another agreement than the one in this bundle")
    verify(JobDescription, run.signed_job, run.member(run.job.requester).public)
    said = f"{run.job.kind} for {run.job.purpose}, asked by {run.job.requester}"
    if not registry.runs(run.job.protocol):
        _clause(run)
        return f"{said}; by {run.job.protocol}, whose parameters this version does not know"
    job_checks.check(run.job, run.agreement, run.job.created_ms)
    return said


def _clause(run: RunFiles) -> Permitted:
    """Return the clause that permits the job, of whatever version of Accord its protocol is."""
    return job_checks.check_agreed(run.job, run.agreement, run.job.created_ms)


def _acceptances(run: RunFiles) -> str:
    owners = run.job.others(run.job.requester)
    if len(run.acceptances) != len(owners):
        raise ContextMismatch("there is one acceptance of each party that did not ask")
    clause = _clause(run)
    said = []
    for owner, signed in zip(map(run.member, owners), run.acceptances, strict=True):
        accepted = verify(Acceptance, signed, owner.public)
        if (accepted.job_hash, accepted.party) != (job_hash(run.job), owner.party):
            raise ContextMismatch("the acceptance is for another job, or by another party")
        if accepted.reveal != clause.reveal:
            raise JobRefused("the acceptance does not say what is revealed")
        said.append(f"{owner.party}, by {accepted.by}")
    return "; ".join(said) + (", reveal countersigned" if clause.reveal else "")


def _receipt(run: RunFiles) -> str:
    keys = [run.member(party).public for party in run.job.parties()]
    same = (
        run.receipt.job_hash == job_hash(run.job)
        and run.receipt.ctx == context(run.job, *keys)
        and tuple(part.party for part in run.parts()) == signers(run.job, run.signatures)
        and run.receipt.is_consistent()
    )
    if not same:
        raise ContextMismatch("the receipt is about something else")
    released = (f"{r.what} to {r.to}" for part in run.parts() for r in part.released)
    return "; ".join(dict.fromkeys(released))


def _signatures(run: RunFiles) -> str:
    due = signers(run.job, run.signatures)
    if set(run.signatures) != set(due):
        raise ContextMismatch("a receipt has the signatures of its parties")
    for party in due:
        run.member(party).public.verify(run.signatures[party], RECEIPT_LABEL, run.receipt_bytes)
    left = sorted(set(run.job.parties()) - set(due))
    return " and ".join(due) + (f"; {' and '.join(left)} dropped out" if left else "")
