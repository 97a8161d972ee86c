"""The envelope: what the relay carries and cannot read.

    Header in clear   job, sender, recipient, step: all that routing needs
    Sealed body       HPKE (RFC 9180, base mode) with ML-KEM-768 + X25519, HKDF-SHA256, AES-256-GCM;
                      `info` is a label and the encoded header
    Signature         the sender's Ed25519 over the encoded header and the sealed body

The key agreement is a hybrid with a post-quantum half, because traffic recorded today must stay
sealed. The relay learns who, when and how much. It can drop or delay; it cannot read, alter,
re-address or reorder, because the recipient says which header it expects and takes no other. Base
mode does not authenticate the sender: the signature does. Specification: `docs/spec/envelope.md`.
"""

from dataclasses import dataclass
from typing import ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from protocols.codec import Record, decode, encode
from protocols.errors import ForgedEnvelope, LocalError, MalformedMessage
from protocols.keys import PartyKeys, PartyPublic

_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO_LABEL = b"accord/envelope-body/1\x00"
_SIGN_LABEL = b"envelope/1"


@dataclass(frozen=True, slots=True)
class Header(Record):
    """Where a message belongs: everything the relay sees of it but its length."""

    KIND: ClassVar[str] = "header/1"
    job: str
    """32 lower-case hexadecimal digits."""
    sender: str
    recipient: str
    step: int
    """0, 1, 2, …: counts what the sender says to this recipient in this job."""


@dataclass(frozen=True, slots=True)
class Envelope(Record):
    """A header, a sealed body and the sender's signature over both."""

    KIND: ClassVar[str] = "envelope/1"
    header: Header
    sealed: bytes
    """HPKE: encapsulated key (1,120 bytes), then ciphertext, then a tag of 16 bytes."""
    signature: bytes
    """64 bytes."""


def seal(keys: PartyKeys, to: PartyPublic, header: Header, body: bytes) -> bytes:
    """Return an encoded envelope that only `to` can open and that only `keys` can have made.

    Sealing is randomised inside HPKE: the same body gives other bytes each time, so callers store
    what they sealed before they send it.

    Raises: LocalError if the header names other parties than the keys, or a negative step.
    """
    if (header.sender, header.recipient) != (keys.party, to.party) or header.step < 0:
        raise LocalError("the header does not fit the keys")
    clear = encode(header)
    sealed = _SUITE.encrypt(body, to.sealing_key(), info=_INFO_LABEL + clear)
    return encode(Envelope(header, sealed, keys.sign(_SIGN_LABEL, clear + sealed)))


def open_envelope(keys: PartyKeys, sender: PartyPublic, expected: Header, data: bytes) -> bytes:
    """Return the body if `data` is the one envelope that `sender` sealed for `expected`.

    Raises: ForgedEnvelope for everything else; LocalError if `expected` names other parties than
    the keys, which is a mistake of the caller.
    """
    if (expected.sender, expected.recipient) != (sender.party, keys.party):
        raise LocalError("the expected header does not fit the keys")
    try:
        envelope = decode(Envelope, data)
    except MalformedMessage as e:
        raise ForgedEnvelope("these bytes are not an envelope") from e
    if envelope.header != expected:
        raise ForgedEnvelope("the envelope belongs to another place or job")
    clear = encode(expected)
    sender.verify(envelope.signature, _SIGN_LABEL, clear + envelope.sealed)
    try:
        return _SUITE.decrypt(envelope.sealed, keys.opening_key(), info=_INFO_LABEL + clear)
    except (InvalidTag, ValueError) as e:
        raise ForgedEnvelope("the envelope is not sealed to this party for this place") from e


def peek_header(data: bytes) -> Header:
    """Return the header without checking anything about it: for routing, never for trust.

    Raises: MalformedMessage if these bytes are not an envelope.
    """
    return decode(Envelope, data).header
