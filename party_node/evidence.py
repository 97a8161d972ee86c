"""The evidence bundle: what an auditor gets, in one ZIP file that verifies without us.

    README.txt            what this is and how to check it
    ledger/…              use records with inclusion proofs, the cosigned checkpoint, the policy
                          (`consent.bundle`): which consent state was used for what
    runs/<job>/…          for each run: job, acceptance, agreement, run receipt, both signatures,
                          and the proof that the receipt's ledger head leads to the checkpoint

Use records hold counts and salted commitments, no person. `accord-verify` checks all of it.
"""

import contextlib
import io
import json
import zipfile
from collections.abc import Iterator

from consent.bundle import BundleEntry, Opened, Withheld, make_bundle
from consent.checkpoint import checkpoint_of
from consent.note import parse_vkey
from consent.policy import write_policy
from consent.proof import Proof
from consent.records import ConsentEvent, payload_bytes
from party_node import receipts
from party_node.errors import CoordinatorUnreachable, NotFound
from party_node.evidence_files import LEDGER, README, RUNS, RunFile
from party_node.ledger_entries import LedgerEntry
from party_node.services import Services
from protocols.codec import encode
from protocols.job import RunReceipt

_README_TEXT = """\
Evidence from the consent ledger of {party}

Made at tree size {size} of {origin}.
ledger/ holds use records, each with a proof that it is in the ledger under the checkpoint, which a
witness has cosigned. runs/ holds, for each run, what was asked and accepted, and the receipt that
both parties signed.

Check it:   accord-verify THIS-FILE.zip [--policy POLICY.txt]
The policy in ledger/policy.txt is what the sender proposes to trust. Compare its keys with what you
got by another way, or bring your own policy.
"""


def bundle(services: Services, job: str | None = None) -> bytes:
    """Return the evidence of one job, or of all of them, as a ZIP file.

    Raises: NotFound if nothing was witnessed yet or there is no such job; LedgerDamaged.
    """
    note = _witnessed(services)
    checkpoint = checkpoint_of(note)
    entries = [e for e in services.ledger.entries(0, checkpoint.size) if _wanted(e, job)]
    if job is not None and not entries:
        raise NotFound(f"the ledger has no use record of job {job}")
    policy = write_policy(
        [parse_vkey(services.ledger.vkey)],
        {"coordinator": parse_vkey(services.home.settings.witness_vkey)},
        1,
    )
    files = {
        f"{LEDGER}{name}": data
        for name, data in make_bundle(
            [_entry(services, e, checkpoint.size, note) for e in entries],
            checkpoint=note,
            policy=policy,
        ).items()
    }
    files |= dict(_runs(services, job, checkpoint.size))
    text = _README_TEXT.format(
        party=services.home.keys.party, size=checkpoint.size, origin=checkpoint.origin
    )
    return _zipped({README: text.encode(), **files})


def _witnessed(services: Services) -> str:
    """Return the newest cosigned checkpoint, asking the witness for one that covers everything."""
    with contextlib.suppress(CoordinatorUnreachable):  # an older checkpoint is evidence too
        services.witnessing.witness(services.ledger.head()[0])
    note = services.ledger.latest_cosigned()
    if note is None:
        raise NotFound("no checkpoint of this ledger has been witnessed yet")
    return note


def _wanted(entry: LedgerEntry, job: str | None) -> bool:
    """Use records and milestones; what single persons said stays here."""
    if isinstance(entry.record, ConsentEvent) or entry.record is None:
        return False
    named = getattr(entry.record, "job", None)
    return job is None or (named is not None and (named == job or named.startswith(f"{job}-")))


def _entry(services: Services, entry: LedgerEntry, size: int, note: str) -> BundleEntry:
    hashes = tuple(services.ledger.inclusion_proof(entry.index, size))
    proof = Proof(entry.index, hashes, note).encode()
    if entry.record is None or entry.salt is None:
        return BundleEntry(entry.index, entry.leaf, proof, Withheld("not shown"))
    content = Opened(payload_bytes(entry.record), entry.salt)
    return BundleEntry(entry.index, entry.leaf, proof, content)


def _runs(services: Services, job: str | None, size: int) -> Iterator[tuple[str, bytes]]:
    for name in receipts.all_jobs(services.db):
        if job is not None and name != job:
            continue
        receipt, signatures = receipts.load(services.db, name)
        row = services.jobs.get(name)
        description = services.jobs.description(name)
        folder = f"{RUNS}{name}/"
        yield folder + RunFile.JOB, row.signed
        yield folder + RunFile.ACCEPTANCE, row.acceptance
        yield folder + RunFile.AGREEMENT, encode(services.jobs.agreement(description))
        yield folder + RunFile.RECEIPT, encode(receipt)
        stated = {party: signature.hex() for party, signature in signatures.items()}
        yield folder + RunFile.SIGNATURES, json.dumps(stated, sort_keys=True).encode() + b"\n"
        head = _own_head(receipt, services.home.keys.party)
        hashes = services.ledger.consistency_proof(head, size) if head < size else ()
        yield folder + RunFile.CONSISTENCY, "".join(f"{h.hex()}\n" for h in hashes).encode()


def _own_head(receipt: RunReceipt, party: str) -> int:
    part = receipt.receiver if receipt.receiver.party == party else receipt.sender
    return part.head.size


def _zipped(files: dict[str, bytes]) -> bytes:
    """Pack files in name order with a fixed date, so that the same evidence is the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()
