"""The evidence bundle: what an auditor gets, in one ZIP file that verifies without us.

    README.txt            what this is and how to check it
    MANIFEST.txt          SHA-256 of every other file
    receipt-key.jwk       the key that signs the receipts that people get
    ledger/…              use records with inclusion proofs, the published checkpoint, the policy
                          (`consent.bundle`): which consent state was used for what
    runs/<job>/…          for each run that all parties signed: job, acceptances, agreement with
                          countersignatures, run receipt with signatures, and the proof that the
                          receipt's ledger head leads to the checkpoint
    runs/<job>/incomplete.txt   instead, for a run whose receipt lacks a signature: who signed

Use records hold counts and salted commitments, no person. `accord-verify` checks all of it.
"""

import contextlib
import io
import zipfile
from collections.abc import Iterator, Sequence

from consent.bundle import BundleEntry, Opened, Withheld, make_bundle
from consent.canonical import canonical_bytes
from consent.checkpoint import checkpoint_of
from consent.proof import Proof
from consent.records import payload_bytes
from consent.statements import SubjectEntry
from party_node import receipts
from party_node.errors import CoordinatorUnreachable, NotFound, QuorumMissed
from party_node.evidence.bundle_readme import readme
from party_node.evidence.files import (
    INCOMPLETE,
    LEDGER,
    MANIFEST,
    README,
    RECEIPT_KEY,
    RUNS,
    RunFile,
    manifest,
    write_hashes,
    write_signatures,
)
from party_node.jobs import acceptances_of
from party_node.ledger.entries import LedgerEntry
from party_node.ledger.policies import load_notice
from party_node.services import Services
from protocols.codec import decode, encode
from protocols.federated.signers import signers
from protocols.job import RunReceipt
from protocols.signed import Signed, SignedBySeveral


def bundle(services: Services, job: str | None = None) -> bytes:
    """Return the evidence of one job, or of all of them, as a ZIP file.

    Raises: NotFound if nothing was published yet or there is no such job; LedgerDamaged;
    LedgerInconsistent if a witness knows another history of this ledger.
    """
    note = _published(services)
    checkpoint = checkpoint_of(note)
    entries = [e for e in services.ledger.entries(0, checkpoint.size) if _wanted(e, job)]
    if job is not None and not entries:
        raise NotFound(f"the ledger has no use record of job {job}")
    files = {
        f"{LEDGER}{name}": data
        for name, data in make_bundle(
            [_entry(services, e, checkpoint.size, note) for e in entries],
            notices=_notices(services, entries),
            checkpoint=note,
            policy=services.witnessing.trust.text,
        ).items()
    }
    files |= dict(_runs(services, job, checkpoint.size))
    files[RECEIPT_KEY] = canonical_bytes(services.consent_receipts.jwk())
    text = readme(services.home.keys.party, checkpoint.origin, checkpoint.size, files)
    files = {README: text, **files}
    return _zipped({MANIFEST: manifest(files), **files})


def _published(services: Services) -> str:
    """Return the newest published checkpoint, asking for one that covers everything."""
    # An older checkpoint is evidence too.
    with contextlib.suppress(CoordinatorUnreachable, QuorumMissed):
        services.witnessing.publish(services.ledger.head()[0])
    note = services.witnessing.published()
    if note is None:
        raise NotFound("no checkpoint of this ledger has been published yet")
    return note


def _wanted(entry: LedgerEntry, job: str | None) -> bool:
    """Use records and milestones; what single persons said stays here."""
    if isinstance(entry.record, SubjectEntry) or entry.record is None:
        return False
    named = getattr(entry.record, "job", None)
    return job is None or (named is not None and (named == job or named.startswith(f"{job}-")))


def _notices(services: Services, entries: Sequence[LedgerEntry]) -> list[bytes]:
    """Return the texts of the notices that these entries name, where they are kept here."""
    named = {e.record.leaf_hash_of("notice_hash") for e in entries if e.record is not None}
    with services.db.reading() as session:
        found = [load_notice(session, digest) for digest in named if digest is not None]
    return [text for text in found if text is not None]


def _entry(services: Services, entry: LedgerEntry, size: int, note: str) -> BundleEntry:
    hashes = tuple(services.ledger.inclusion_proof(entry.index, size))
    proof = Proof(entry.index, hashes, note).encode()
    if entry.record is None or entry.salt is None:
        return BundleEntry(entry.index, entry.leaf, proof, Withheld("not shown"))
    content = Opened(payload_bytes(entry.record), entry.salt)
    return BundleEntry(entry.index, entry.leaf, proof, content)


def _runs(services: Services, job: str | None, size: int) -> Iterator[tuple[str, bytes]]:
    for name in receipts.all_jobs(services.db):
        if job is None or name == job:
            for file, data in _run(services, name, size):
                yield f"{RUNS}{name}/{file}", data


def _run(services: Services, job: str, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield the files of one run; only who signed, unless all parties did."""
    receipt, signatures = receipts.load(services.db, job)
    row, description = services.jobs.get(job), services.jobs.description(job)
    unsigned = sorted(set(signers(description, signatures)) - set(signatures))
    if receipt.part_of(services.home.keys.party) is None:
        unsigned = [services.home.keys.party]  # it dropped out of a training
    if unsigned:
        signed = " and ".join(sorted(signatures)) or "nobody"
        said = f"signed by {signed}, not by {' and '.join(unsigned)}: there is no result\n"
        yield INCOMPLETE, said.encode()
        return
    agreed, countersignatures = services.collaborations.countersigned(
        description.collaboration_hash
    )
    head = _own_head(receipt, services.home.keys.party)
    hashes = services.ledger.consistency_proof(head, size) if head < size else ()
    yield RunFile.JOB, row.signed
    yes = acceptances_of(row)
    accepted = (decode(Signed, yes[p]) for p in description.others(description.requester))
    yield RunFile.ACCEPTANCES, encode(SignedBySeveral(tuple(accepted)))
    yield RunFile.AGREEMENT, encode(agreed)
    yield RunFile.COUNTERSIGNATURES, write_signatures(countersignatures)
    yield RunFile.RECEIPT, encode(receipt)
    yield RunFile.SIGNATURES, write_signatures(signatures)
    yield RunFile.CONSISTENCY, write_hashes(hashes)


def _own_head(receipt: RunReceipt, party: str) -> int:
    part = receipt.part_of(party)
    if part is None:
        raise NotFound("the receipt says nothing of this party")
    return part.head.size


def _zipped(files: dict[str, bytes]) -> bytes:
    """Pack files in name order with a fixed date, so that the same evidence is the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()
