"""Checking a whole evidence bundle: its files, its ledger part, its runs, and whose keys it shows.

Pure: files in, checks out, for any bytes. It believes nothing in the bundle except the policy if
the auditor brings none, and keys that it cannot know: both are noted, for the reader to compare.
"""

import hashlib
from collections.abc import Iterable, Mapping

from consent.audit import Check, Outcome
from consent.bundle import BundleReport, verify_bundle
from consent.bundle_files import CHECKPOINT, POLICY, entry_name
from consent.errors import ConsentError, LedgerInconsistent
from consent.jws import from_jwk, key_thumbprint
from consent.merkle import leaf_hash
from consent.policy import Policy, parse_policy
from consent.uses import Outcome as UseEnd
from consent.uses import UseOutcome, UseRecord
from party_node.evidence.files import (
    INCOMPLETE,
    LEDGER,
    MANIFEST,
    README,
    RECEIPT_KEY,
    read_manifest,
    split_run_name,
)
from party_node.evidence.run_audit import audit_run
from party_node.evidence.run_ledger import LedgerPart
from party_node.run_files import RunFiles
from protocols.errors import ContextMismatch, MalformedMessage, ProtocolError

_JOB_DIGITS = 32


def audit_bundle(
    files: Mapping[str, bytes],
    policy: Policy | None = None,
    fingerprints: Mapping[str, str] | None = None,
) -> list[Check]:
    """Run every check of a bundle's files; never raises for what they hold.

    `policy` is the auditor's trust root, `fingerprints` the parties' fingerprints as the auditor
    got them by another way.
    """
    checks = [_files(files)]
    inside = {n.removeprefix(LEDGER): d for n, d in files.items() if n.startswith(LEDGER)}
    report = verify_bundle(inside, policy)
    checks += report.checks
    runs: dict[str, dict[str, bytes]] = {}
    for name, data in files.items():
        found = split_run_name(name)
        if found is not None:
            runs.setdefault(found[0], {})[found[1]] = data
    ledger = _ledger_part(inside, report, policy)
    checks += _uses(ledger, runs)
    read = []
    for job in sorted(runs):
        if INCOMPLETE in runs[job]:
            checks.append(_incomplete(job, runs[job]))
            continue
        found_checks, run = audit_run(job, runs[job], ledger)
        checks += found_checks
        read += [] if run is None else [run]
    return checks + _keys(read, fingerprints or {}) + _receipt_key(files)


def _files(files: Mapping[str, bytes]) -> Check:
    """Check that the manifest lists exactly these files, and that each has a place in a bundle."""
    what = "files: all are there, unchanged, and nothing else"
    try:
        listed = read_manifest(files.get(MANIFEST, b""))
    except ProtocolError as e:
        return Check(what, Outcome.FAILED, f"{MANIFEST} cannot be read", e.code)
    present = set(files) - {MANIFEST}
    wrong = dict.fromkeys(set(listed) - present, "is missing")
    wrong |= dict.fromkeys(present - set(listed), "is not in the manifest")
    for name in present & set(listed):
        if hashlib.sha256(files[name]).hexdigest() != listed[name]:
            wrong[name] = "was changed"
    for name in present:
        if (
            name not in (README, RECEIPT_KEY)
            and not name.startswith(LEDGER)
            and split_run_name(name) is None
        ):
            wrong[name] = "has no place in a bundle"
    if wrong or README not in files:
        first = min(wrong, default=README)
        detail = f"{first} {wrong.get(first, 'is missing')}"
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return Check(what, Outcome.FAILED, detail + more, MalformedMessage.code)
    return Check(what, Outcome.PASSED, f"{len(present):,} files")


def _ledger_part(
    inside: Mapping[str, bytes], report: BundleReport, policy: Policy | None
) -> LedgerPart:
    """Gather what the ledger part has shown: only entries of which no check failed."""
    if policy is None:
        try:
            policy = parse_policy(inside.get(POLICY, b""))
        except ConsentError:
            policy = None
    failed = {check.what for check in report.failures}
    records = {i: r for i, r in report.records.items() if f"entry {i}" not in failed}
    return LedgerPart(
        policy=policy,
        checkpoint=report.checkpoint,
        note=inside.get(CHECKPOINT, b""),
        records=records if report.checkpoint is not None else {},
        leaf_hashes={i: leaf_hash(inside[entry_name(i, "leaf")]) for i in records},
    )


def _uses(ledger: LedgerPart, runs: Mapping[str, Mapping[str, bytes]]) -> list[Check]:
    """Check that there is a use at all, and that each has its run: a finished one must have it."""
    what = "uses: the bundle shows what data was used for"
    uses = [r for r in ledger.records.values() if isinstance(r, UseRecord)]
    if not uses:
        detail = "it holds no proved use record: it is evidence of nothing"
        return [Check(what, Outcome.FAILED, detail, LedgerInconsistent.code)]
    checks = [Check(what, Outcome.PASSED, f"{len(uses):,} use records")]
    ends = {(r.job, r.outcome): r for r in ledger.records.values() if isinstance(r, UseOutcome)}
    for job in sorted({u.job for u in uses if len(u.job) == _JOB_DIGITS}):
        label, aborted = f"use {job[:8]}: it has its run receipt", ends.get((job, UseEnd.ABORTED))
        missing = job not in runs or INCOMPLETE in runs[job]
        if missing and (job, UseEnd.COMPLETED) in ends:
            detail = "the ledger says that the run was completed, and its receipt is not here"
            checks.append(Check(label, Outcome.FAILED, detail, LedgerInconsistent.code))
        elif job not in runs:
            how = "it had not ended" if aborted is None else f"it was aborted ({aborted.cause})"
            checks.append(Check(label, Outcome.NOTED, f"no receipt: the ledger says {how}"))
    return checks


def _incomplete(job: str, files: Mapping[str, bytes]) -> Check:
    what = f"run {job[:8]}: is not shown as a run"
    if set(files) != {INCOMPLETE}:
        detail = "a run is either complete or not"
        return Check(what, Outcome.FAILED, detail, MalformedMessage.code)
    said = files[INCOMPLETE].decode("utf-8", "replace").strip()
    return Check(what, Outcome.NOTED, said)


def _receipt_key(files: Mapping[str, bytes]) -> list[Check]:
    """Say which key signs receipts, where the bundle has it."""
    if RECEIPT_KEY not in files:
        return []
    try:
        found = key_thumbprint(from_jwk(files[RECEIPT_KEY]))
    except ConsentError as e:
        return [Check("receipt key", Outcome.FAILED, str(e), e.code)]
    return [Check("receipt key", Outcome.PASSED, f"can be read; its thumbprint is {found}")]


def _keys(runs: Iterable[RunFiles], expected: Mapping[str, str]) -> list[Check]:
    """Compare the parties' keys with the fingerprints that the auditor has, or say them."""
    shown = {(m.party, m.public.fingerprint()) for run in runs for m in run.agreement.members}
    checks = []
    for party, found in sorted(shown):
        what = f"keys of {party}: fingerprint {found}"
        if party not in expected:
            checks.append(Check(what, Outcome.NOTED, "compare it with the party by other means"))
        elif expected[party] == found:
            checks.append(Check(what, Outcome.PASSED, "is the one you gave"))
        else:
            detail = f"you gave {expected[party]}"
            checks.append(Check(what, Outcome.FAILED, detail, ContextMismatch.code))
    for party in sorted(set(expected) - {p for p, _ in shown}):
        detail = "no run in this bundle shows this party's keys"
        checks.append(Check(f"keys of {party}", Outcome.FAILED, detail, ContextMismatch.code))
    return checks
