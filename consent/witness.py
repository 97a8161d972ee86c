"""What a witness decides (C2SP tlog-witness): cosign a checkpoint only if it continues the last
one.

    old 20852014
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=

    example.com/behind-the-sofa
    20852163
    …

Pure: the caller looks up the stored checkpoint, asks, and stores the new one in the same
transaction, before it replies. Otherwise two requests can roll a witness back.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from consent.checkpoint import Checkpoint, checkpoint_of, open_checkpoint
from consent.errors import BadSignature, LedgerInconsistent, MalformedRecord
from consent.merkle import EMPTY_ROOT, HASH_BYTES, verify_consistency
from consent.note import MAX_NOTE_BYTES, Verifier, decode_base64, parse_decimal, parse_note

MAX_PROOF_LINES = 63
TEXT = "text/plain; charset=utf-8"
SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A parsed request; nothing in it is verified."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Accepted:
    """Store `checkpoint` and `note`, then answer 200 with the cosignature line."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Answer with this status, body and content type; store nothing."""

    status: int
    body: str
    content_type: str = TEXT


def add_checkpoint_request(old_size: int, proof: Sequence[bytes], note: str) -> str:
    """Return the body of a request to a witness that last saw `old_size` leaves.

    Raises: MalformedRecord if it would be no request.
    """
    lines = [f"old {old_size}"] + [base64.b64encode(h).decode() for h in proof]
    body = "\n".join(lines) + "\n\n" + note
    parse_add_checkpoint(body)
    return body


def parse_add_checkpoint(body: str | bytes) -> AddCheckpoint:
    """Read a request body.

    Raises: MalformedRecord if it is none; the answer is then 400.
    """
    if len(body) > MAX_NOTE_BYTES:
        raise MalformedRecord("the request is too large")
    try:
        text = body if isinstance(body, str) else body.decode("utf-8")
    except UnicodeDecodeError as e:
        raise MalformedRecord("the request is not UTF-8") from e
    head, blank, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    if not blank or not first.startswith("old "):
        raise MalformedRecord("a request has an old size, a proof and a checkpoint")
    old_size = parse_decimal(first.removeprefix("old "))
    proof = tuple(decode_base64(line) for line in lines)
    if len(proof) > MAX_PROOF_LINES or any(len(h) != HASH_BYTES for h in proof):
        raise MalformedRecord("a proof has at most 63 hashes of 32 bytes")
    return AddCheckpoint(old_size, proof, parse_note(note).encode(), checkpoint_of(note))


def consider(
    stored: Checkpoint | None, request: AddCheckpoint, log_vkeys: Iterable[Verifier]
) -> Accepted | Refused:
    """Decide about a request, given the last checkpoint that was cosigned for its origin."""
    logs = [v for v in log_vkeys if v.name == request.checkpoint.origin]
    if not logs:
        return Refused(404, "unknown origin\n")
    try:
        checkpoint = _signed(request, logs)
    except BadSignature:
        return Refused(403, "no valid signature by a trusted key\n")
    if request.old_size > checkpoint.size:
        return Refused(400, "the old size is above the size of the checkpoint\n")
    last = stored or Checkpoint(checkpoint.origin, 0, EMPTY_ROOT)
    if request.old_size != last.size:
        return Refused(409, f"{last.size}\n", SIZE_TYPE)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        return Refused(422, "the empty tree has another root\n")
    try:
        verify_consistency(last.size, checkpoint.size, request.proof, last.root, checkpoint.root)
    except LedgerInconsistent:
        return Refused(422, "the checkpoint is not shown to continue the last one\n")
    return Accepted(checkpoint, request.note)


def _signed(request: AddCheckpoint, logs: Sequence[Verifier]) -> Checkpoint:
    """Return the checkpoint if a trusted key signed it and no trusted key's signature is wrong."""
    verified: Checkpoint | None = None
    named = {(s.name, s.key_id) for s in parse_note(request.note).signatures}
    for log in logs:
        if (log.name, log.key_id) in named:
            verified = open_checkpoint(request.note, log)
    if verified is None:
        raise BadSignature("no trusted key has signed this checkpoint")
    return verified
