"""Checkpoints (C2SP tlog-checkpoint): a log's signed statement of its size and root.

    accord.example/brand/consent
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — accord.example/brand/consent Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=

A log must never sign two of them that are not consistent. A witness adds a cosignature: at that
time this was the largest tree it had seen, and each continued the one before.
"""  # noqa: E501

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

from consent.errors import BadSignature, MalformedRecord
from consent.merkle import HASH_BYTES
from consent.note import (
    KeyType,
    Note,
    Signer,
    Verified,
    Verifier,
    decode_base64,
    parse_decimal,
    parse_note,
    sign_note,
    verify_known,
    verify_note,
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says. From `open_checkpoint` it is verified; from `checkpoint_of` it is
    not.
    """

    origin: str
    """Name of the log: a URL without its scheme."""
    size: int
    root: bytes
    """32 bytes."""
    cosignatures: tuple[Verified, ...] = field(default=(), compare=False)
    """Verified cosignatures of known witnesses, each with its time in seconds."""

    def text(self) -> str:
        """Return the three lines that are signed.

        Raises: MalformedRecord if a field is out of range.
        """
        if not self.origin or any(c < " " for c in self.origin):
            raise MalformedRecord("the origin is one line of text")
        if not 0 <= self.size < 2**63 or len(self.root) != HASH_BYTES:
            raise MalformedRecord("size or root is out of range")
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class LogSigner:
    """The key of a log (Ed25519, `seed` of 32 bytes), under the log's origin."""

    __slots__ = ("_signer",)

    def __init__(self, origin: str, seed: bytes) -> None:
        self._signer = Signer(origin, seed)

    @property
    def origin(self) -> str:
        """Name of the log."""
        return self._signer.verifier.name

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return self._signer.verifier

    @property
    def vkey(self) -> str:
        """The public half as text."""
        return self._signer.verifier.vkey

    def sign(self, size: int, root: bytes) -> str:
        """Return the signed note of a checkpoint of this log."""
        return sign_note(Checkpoint(self.origin, size, root).text(), self._signer).encode()


class Cosigner:
    """The key of a witness; one key for each name. `seed` has 32 bytes."""

    __slots__ = ("_signer",)

    def __init__(self, name: str, seed: bytes, kind: KeyType = KeyType.ED25519_COSIGNATURE) -> None:
        if kind is KeyType.ED25519:
            raise MalformedRecord("a witness signs cosignatures")
        self._signer = Signer(name, seed, kind)

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return self._signer.verifier

    @property
    def vkey(self) -> str:
        """The public half as text."""
        return self._signer.verifier.vkey

    def cosign(self, note: str | bytes, time_seconds: int) -> str:
        """Return the signature line for a checkpoint that the witness has checked already.

        Raises: MalformedRecord if the note is no checkpoint.
        """
        checkpoint_of(note)
        return self._signer.sign(parse_note(note).text, time_seconds).line()


def cosign(note: str | bytes, name: str, seed: bytes, time_seconds: int) -> str:
    """Return the Ed25519 cosignature line (cosignature/v1) of the witness `name` for a checkpoint.

    Raises: MalformedRecord if the note is no checkpoint.
    """
    return Cosigner(name, seed).cosign(note, time_seconds)


def checkpoint_of(note: str | bytes) -> Checkpoint:
    """Read what a note says as a checkpoint, WITHOUT verifying any signature.

    Raises: MalformedRecord if it is no checkpoint.
    """
    return parse_checkpoint_text(parse_note(note).text)


def parse_checkpoint_text(text: str) -> Checkpoint:
    """Read the text of a checkpoint; lines after the third are allowed and mean nothing here.

    Raises: MalformedRecord if it is none.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise MalformedRecord("a checkpoint has an origin, a size and a root")
    root = decode_base64(lines[2])
    if len(root) != HASH_BYTES:
        raise MalformedRecord("a root has 32 bytes")
    return Checkpoint(lines[0], parse_decimal(lines[1]), root)


def with_cosignatures(note: str | bytes, lines: str) -> str:
    """Return the note with the signature lines of a witness's answer added.

    Raises: MalformedRecord if the result is no note.
    """
    parsed = parse_note(note).encode() + lines
    return parse_note(parsed).encode()


def open_checkpoint(
    note: str | bytes, log: Verifier, witnesses: Sequence[Verifier] = (), quorum: int = 0
) -> Checkpoint:
    """Verify a checkpoint of `log` that at least `quorum` of `witnesses` have cosigned.

    Raises: MalformedRecord if it is no checkpoint; BadSignature if the log's signature is missing
    or wrong, a known witness's is wrong, another log's name stands in it, or too few have cosigned.
    """
    parsed = parse_note(note)
    checkpoint = parse_checkpoint_text(parsed.text)
    if checkpoint.origin != log.name:
        raise BadSignature("this is a checkpoint of another log")
    if any(w.kind is KeyType.ED25519 for w in witnesses) or log.kind is not KeyType.ED25519:
        raise BadSignature("a log signs and witnesses cosign: these keys are of the wrong type")
    verify_note(parsed, [log])
    cosignatures = verify_known(parsed, witnesses)
    if len({c.verifier.public for c in cosignatures}) < quorum:
        raise BadSignature("too few witnesses have cosigned this checkpoint")
    return Checkpoint(checkpoint.origin, checkpoint.size, checkpoint.root, cosignatures)


def attach(note: Note, *verified: Verified) -> Note:
    """Return the note with these signatures, where it does not have them yet."""
    missing = tuple(v.signature for v in verified if v.signature not in note.signatures)
    return Note(note.text, note.signatures + missing)
