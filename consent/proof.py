"""Proof files (C2SP tlog-proof): that one leaf is in the log, in a file that verifies offline.

    c2sp.org/tlog-proof@v1
    index 109482
    sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

    accord.example/brand/consent
    109483
    …

The checkpoint stands at the end, with the log's signature and its witnesses' cosignatures.
"""

import base64
from dataclasses import dataclass

from consent.checkpoint import Checkpoint, checkpoint_of
from consent.errors import MalformedRecord
from consent.merkle import HASH_BYTES, verify_inclusion
from consent.note import MAX_NOTE_BYTES, decode_base64, parse_decimal, parse_note
from consent.policy import Policy

HEADER = "c2sp.org/tlog-proof@v1"
MAX_HASHES = 63


@dataclass(frozen=True, slots=True)
class Proof:
    """A parsed proof file. Nothing in it is verified until `verify_proof` has returned."""

    index: int
    hashes: tuple[bytes, ...]
    """From the leaf's sibling up to the child of the root, 32 bytes each."""
    checkpoint: str
    """The signed note."""
    extra: bytes | None = None
    """Not authenticated by anything."""

    def encode(self) -> str:
        """Return the file's text.

        Raises: MalformedRecord if it would be no proof file.
        """
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(h).decode() for h in self.hashes]
        text = "\n".join(lines) + "\n\n" + self.checkpoint
        if parse_proof(text) != self:
            raise MalformedRecord("this proof has no text")
        return text


def parse_proof(data: str | bytes) -> Proof:
    """Read a proof file.

    Raises: MalformedRecord if it is none.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedRecord("the proof is too large")
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise MalformedRecord("the proof is not UTF-8") from e
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines.pop(0) != HEADER:
        raise MalformedRecord(f"a proof starts with {HEADER} and ends with a checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "))
    if not lines or not lines[0].startswith("index "):
        raise MalformedRecord("a proof has an index")
    index = parse_decimal(lines.pop(0).removeprefix("index "))
    hashes = tuple(decode_base64(line) for line in lines)
    if len(hashes) > MAX_HASHES or any(len(h) != HASH_BYTES for h in hashes):
        raise MalformedRecord("a proof has at most 63 hashes of 32 bytes")
    checkpoint_of(note)
    if parse_note(note).encode() != note:
        raise MalformedRecord("the checkpoint is not in its one form")
    return Proof(index, hashes, note, extra)


def verify_proof(proof: Proof, leaf_hash: bytes, policy: Policy) -> Checkpoint:
    """Return the verified checkpoint of a log that holds this leaf at `proof.index`.

    Raises: BadSignature if the checkpoint does not satisfy the policy; LedgerInconsistent if the
    leaf is not in the tree at that place.
    """
    checkpoint = policy.open(proof.checkpoint)
    verify_inclusion(leaf_hash, proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return checkpoint
