"""The files of one run of an evidence bundle, decoded. What they claim is checked by `run_audit`
and `run_ledger`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from party_node import job_checks
from party_node.evidence.files import RunFile, read_hashes, read_signatures
from protocols.codec import decode
from protocols.collaboration import Collaboration, Member
from protocols.errors import ContextMismatch, MalformedMessage
from protocols.job import JobDescription, ReceiptPart, RunReceipt
from protocols.signed import Signed, SignedBySeveral, peek


@dataclass(frozen=True, slots=True)
class RunFiles:
    """One run."""

    job: JobDescription
    signed_job: Signed
    acceptances: tuple[Signed, ...]
    agreement: Collaboration
    countersignatures: Mapping[str, bytes]
    receipt: RunReceipt
    receipt_bytes: bytes
    signatures: Mapping[str, bytes]
    consistency: tuple[bytes, ...]

    def member(self, party: str) -> Member:
        """Return a party as the agreement names it. Raises: JobRefused."""
        return job_checks.member(self.agreement, party)

    def parts(self) -> tuple[ReceiptPart, ...]:
        """Return what the parties say in the receipt: the receiver's part, then the senders'."""
        return self.receipt.parts


def decoded(job: str, files: Mapping[str, bytes]) -> RunFiles:
    """Read the files of the run in folder `job`.

    Raises: MalformedMessage if one is missing, unexpected, or not in its one form; ContextMismatch
    if they are those of another job.
    """
    if set(files) != set(RunFile):
        raise MalformedMessage("a run has exactly these files: " + ", ".join(RunFile))
    signed_job = decode(Signed, files[RunFile.JOB])
    run = RunFiles(
        job=peek(JobDescription, signed_job),
        signed_job=signed_job,
        acceptances=decode(SignedBySeveral, files[RunFile.ACCEPTANCES]).each,
        agreement=decode(Collaboration, files[RunFile.AGREEMENT]),
        countersignatures=read_signatures(files[RunFile.COUNTERSIGNATURES]),
        receipt=decode(RunReceipt, files[RunFile.RECEIPT]),
        receipt_bytes=files[RunFile.RECEIPT],
        signatures=read_signatures(files[RunFile.SIGNATURES]),
        consistency=read_hashes(files[RunFile.CONSISTENCY]),
    )
    if run.job.job != job:
        raise ContextMismatch("the files are those of another job")
    return run
