"""Signed notes (C2SP signed-note): a text, and lines that say who signs it.

    This is an example message.

    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=

A signature that no known key is named in is ignored; one that a known key is named in and that does
not verify spoils the whole note. Key types: Ed25519 for logs, and the two cosignatures of witnesses
(C2SP tlog-cosignature): Ed25519 and ML-DSA-44.
"""  # noqa: E501

import base64
import binascii
import enum
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa

from consent.errors import BadSignature, MalformedRecord

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 64
_DASH = "\u2014"
_KEY_ID_BYTES = 4
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
MAX_SECONDS = 2**63 - 1


class KeyType(enum.IntEnum):
    """The byte that says how a key signs."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04
    MLDSA44_COSIGNATURE = 0x06


_PUBLIC_BYTES = {
    KeyType.ED25519: 32,
    KeyType.ED25519_COSIGNATURE: 32,
    KeyType.MLDSA44_COSIGNATURE: 1312,
}
_SIGNATURE_BYTES = {
    KeyType.ED25519: 64,
    KeyType.ED25519_COSIGNATURE: 8 + 64,
    KeyType.MLDSA44_COSIGNATURE: 8 + 2420,
}


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: a name, the id of one of its keys (4 bytes), and what the key made."""

    name: str
    key_id: bytes
    blob: bytes

    def line(self) -> str:
        """Return the line with its newline."""
        return f"{_DASH} {self.name} {base64.b64encode(self.key_id + self.blob).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. Nothing in it is verified yet."""

    text: str
    """Ends in a newline."""
    signatures: tuple[Signature, ...]

    def encode(self) -> str:
        """Return the note as text."""
        return self.text + "\n" + "".join(s.line() for s in self.signatures)


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under a name. The vkey is `name+key id+base64(type ‖ key)`."""

    name: str
    kind: KeyType
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public) != _PUBLIC_BYTES[self.kind]:
            raise MalformedRecord("the key has the wrong length")

    @property
    def key_id(self) -> bytes:
        """Four bytes: the start of SHA-256(name ‖ newline ‖ type ‖ key)."""
        seed = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(seed).digest()[:_KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as text."""
        key = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"

    def verify(self, text: str, signature: Signature) -> int | None:
        """Check one signature over `text`; return its time in seconds where it has one.

        Raises: BadSignature.
        """
        blob = signature.blob
        if (signature.name, signature.key_id) != (self.name, self.key_id):
            raise BadSignature("the signature names another key")
        if len(blob) != _SIGNATURE_BYTES[self.kind]:
            raise BadSignature("the signature has the wrong length")
        seconds = None
        if self.kind is not KeyType.ED25519:
            seconds, blob = int.from_bytes(blob[:8], "big"), blob[8:]
            if not 0 < seconds <= MAX_SECONDS:
                raise BadSignature("the time of the cosignature is out of range")
        try:
            message = signed_message(self.kind, self.name, text, seconds)
            _public_key(self.kind, self.public).verify(blob, message)
        except (InvalidSignature, ValueError, MalformedRecord) as e:
            raise BadSignature(f"the signature of {self.name} is wrong") from e
        return seconds


class Signer:
    """A private key under a name; `seed` has 32 bytes."""

    __slots__ = ("_key", "verifier")

    def __init__(self, name: str, seed: bytes, kind: KeyType = KeyType.ED25519) -> None:
        if len(seed) != 32:
            raise MalformedRecord("a signing seed has 32 bytes")
        self._key: ed25519.Ed25519PrivateKey | mldsa.MLDSA44PrivateKey
        if kind is KeyType.MLDSA44_COSIGNATURE:
            self._key = mldsa.MLDSA44PrivateKey.from_seed_bytes(seed)
        else:
            self._key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, kind, self._key.public_key().public_bytes_raw())
        """The public half."""

    def sign(self, text: str, seconds: int | None = None) -> Signature:
        """Return this key's signature over `text`; cosignatures want the time in POSIX seconds.

        Raises: MalformedRecord if the text cannot be that of a note, or the time is out of range.
        """
        _check_text(text)
        kind, name = self.verifier.kind, self.verifier.name
        stamp = b""
        if kind is KeyType.ED25519:
            if seconds is not None:
                raise MalformedRecord("this type of signature holds no time")
        elif seconds is None or not 0 < seconds <= MAX_SECONDS:
            raise MalformedRecord("a cosignature holds a time in seconds")
        else:
            stamp = seconds.to_bytes(8, "big")
        blob = stamp + self._key.sign(signed_message(kind, name, text, seconds))
        return Signature(name, self.verifier.key_id, blob)


def signed_message(kind: KeyType, name: str, text: str, seconds: int | None) -> bytes:
    """Return the bytes that a key of this type signs for a note with this text.

    Raises: MalformedRecord where an ML-DSA-44 cosignature is asked for a text that is no
    checkpoint.
    """
    if kind is KeyType.ED25519:
        return text.encode()
    if kind is KeyType.ED25519_COSIGNATURE:
        return f"cosignature/v1\ntime {seconds}\n{text}".encode()
    lines = text.split("\n")
    if len(lines) < 4:
        raise MalformedRecord("only checkpoints are cosigned")
    origin, size, root = lines[0].encode(), parse_decimal(lines[1]), decode_base64(lines[2])
    who = name.encode()
    if len(root) != 32 or not 1 <= len(origin) <= 255 or not 1 <= len(who) <= 255:
        raise MalformedRecord("only checkpoints are cosigned")
    return b"".join(
        (
            b"subtree/v1\n\x00",
            bytes([len(who)]) + who,
            (seconds or 0).to_bytes(8, "big"),
            bytes([len(origin)]) + origin,
            (0).to_bytes(8, "big"),
            size.to_bytes(8, "big"),
            root,
        )
    )


def sign_note(text: str, *signers: Signer) -> Note:
    """Return a note with one signature of each signer.

    Raises: MalformedRecord if the text cannot be that of a note.
    """
    return Note(text, tuple(s.sign(text) for s in signers))


def parse_note(data: str | bytes) -> Note:
    """Read a note.

    Raises: MalformedRecord if it is none, or has more than 64 signatures.
    """
    text = _decode(data)
    body, blank, tail = text.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise MalformedRecord("a note has a text, a blank line and signature lines")
    _check_text(body + "\n")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedRecord("the note has too many signatures")
    return Note(body + "\n", tuple(parse_signature_line(line) for line in lines))


def parse_signature_line(line: str) -> Signature:
    """Read one signature line, without its newline.

    Raises: MalformedRecord.
    """
    dash, _, rest = line.partition(" ")
    name, space, encoded = rest.partition(" ")
    if dash != _DASH or not space:
        raise MalformedRecord("this is no signature line")
    _check_name(name)
    blob = decode_base64(encoded)
    if len(blob) <= _KEY_ID_BYTES:
        raise MalformedRecord("the signature is too short")
    return Signature(name, blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:])


def parse_vkey(text: str) -> Verifier:
    """Read a verifier key.

    Raises: MalformedRecord if it is none, or its key id is not that of its key.
    """
    name, plus, rest = text.partition("+")
    key_id, second, encoded = rest.partition("+")
    if not plus or not second:
        raise MalformedRecord("a vkey is name+key id+key")
    key = decode_base64(encoded)
    try:
        verifier = Verifier(name, KeyType(key[0] if key else 0), key[1:])
    except ValueError as e:
        raise MalformedRecord("this type of key is not known") from e
    if verifier.key_id.hex() != key_id:
        raise MalformedRecord("the key id is not that of this key")
    return verifier


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that was verified, with the key that did it and its time where it has one."""

    verifier: Verifier
    signature: Signature
    seconds: int | None


def verify_note(note: Note, verifiers: Iterable[Verifier]) -> tuple[Verified, ...]:
    """Check every signature by a known key; return these, each key once, in the note's order.

    Raises: BadSignature if one fails, or if there is none.
    """
    verified = verify_known(note, verifiers)
    if not verified:
        raise BadSignature("no known key has signed this note")
    return verified


def verify_known(note: Note, verifiers: Iterable[Verifier]) -> tuple[Verified, ...]:
    """Check every signature by a known key; return these, possibly none.

    Raises: BadSignature if one fails.
    """
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise BadSignature("two known keys have one name and key id")
    found: dict[tuple[str, bytes], Verified] = {}
    for signature in note.signatures:
        key = (signature.name, signature.key_id)
        if key in known:
            seconds = known[key].verify(note.text, signature)
            found.setdefault(key, Verified(known[key], signature, seconds))
    return tuple(found.values())


def parse_decimal(text: str) -> int:
    """Read a decimal number below 2^63 without leading zeros.

    Raises: MalformedRecord.
    """
    if _DECIMAL.fullmatch(text) is None or int(text) > MAX_SECONDS:
        raise MalformedRecord("expected a decimal number without leading zeros")
    return int(text)


def decode_base64(text: str) -> bytes:
    """Read standard base64 with padding, in its one spelling (RFC 4648 §4).

    Raises: MalformedRecord.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as e:
        raise MalformedRecord("this is not base64") from e
    if base64.b64encode(data).decode() != text:
        raise MalformedRecord("this is not the one spelling in base64")
    return data


def _decode(data: str | bytes) -> str:
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedRecord("the note is too large")
    try:
        return data if isinstance(data, str) else data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise MalformedRecord("the note is not UTF-8") from e


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise MalformedRecord("the text of a note ends in a newline")
    for char in text:
        if (char < " " and char != "\n") or "\ud800" <= char <= "\udfff":
            raise MalformedRecord("the text of a note has no control characters")


def _check_name(name: str) -> None:
    if not name or "+" in name or len(name) > 255:
        raise MalformedRecord("a key name is not empty and has no +")
    for char in name:
        if char.isspace() or unicodedata.category(char) in ("Cc", "Cs", "Zs", "Zl", "Zp"):
            raise MalformedRecord("a key name has no spaces")


def _public_key(kind: KeyType, public: bytes) -> ed25519.Ed25519PublicKey | mldsa.MLDSA44PublicKey:
    if kind is KeyType.MLDSA44_COSIGNATURE:
        return mldsa.MLDSA44PublicKey.from_public_bytes(public)
    return ed25519.Ed25519PublicKey.from_public_bytes(public)
