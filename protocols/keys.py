"""A party's keys: Ed25519 to sign, ML-KEM-768 with X25519 to receive sealed messages.

The private half is three seeds (FIPS 203 §7.1, RFC 7748 §6.1, RFC 8032 §5.1.5), so that a key is
bytes with one encoding. The fingerprint is what two people compare over the telephone.
"""

import hashlib
from dataclasses import dataclass, field
from typing import ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519, mlkem, x25519
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from protocols.codec import Record, encode
from protocols.errors import ForgedEnvelope, LocalError
from protocols.session import Rng

_SIGN_LABEL = b"accord/signature/1\x00"


@dataclass(frozen=True, slots=True)
class PartyPublic(Record):
    """The public half of a party's keys."""

    KIND: ClassVar[str] = "party-public/1"
    party: str
    signing: bytes
    """Ed25519, 32 bytes."""
    mlkem: bytes
    """ML-KEM-768 encapsulation key, 1184 bytes."""
    x25519: bytes
    """32 bytes."""

    def fingerprint(self) -> str:
        """Return 32 hexadecimal digits in groups of four: the first 128 bits of a SHA-256."""
        digest = hashlib.sha256(b"accord/fingerprint/1\x00" + encode(self)).hexdigest()[:32]
        return " ".join(digest[i : i + 4] for i in range(0, 32, 4))

    def sealing_key(self) -> MLKEM768X25519PublicKey:
        """Return the key that envelopes to this party are sealed with.

        Raises: LocalError if the bytes are no keys.
        """
        try:
            return MLKEM768X25519PublicKey(
                mlkem.MLKEM768PublicKey.from_public_bytes(self.mlkem),
                x25519.X25519PublicKey.from_public_bytes(self.x25519),
            )
        except ValueError as e:
            raise LocalError(f"the sealing key of {self.party} is not a key") from e

    def verify(self, signature: bytes, label: bytes, message: bytes) -> None:
        """Check a signature that `PartyKeys.sign` made.

        Raises: ForgedEnvelope if it is not this party's over exactly this label and message.
        """
        try:
            key = ed25519.Ed25519PublicKey.from_public_bytes(self.signing)
            key.verify(signature, _framed(label, message))
        except (InvalidSignature, ValueError) as e:
            raise ForgedEnvelope(f"the signature is not that of {self.party}") from e


@dataclass(frozen=True, slots=True)
class PartyKeys(Record):
    """All of a party's keys; the seeds are secret."""

    KIND: ClassVar[str] = "party-keys/1"
    party: str
    signing_seed: bytes = field(repr=False)
    mlkem_seed: bytes = field(repr=False)
    x25519_seed: bytes = field(repr=False)

    @classmethod
    def generate(cls, party: str, rng: Rng) -> "PartyKeys":
        """Draw fresh keys for the party of that name."""
        return cls(party, rng(32), rng(64), rng(32))

    def public(self) -> PartyPublic:
        """Return the half that everyone may see."""
        sealing = mlkem.MLKEM768PrivateKey.from_seed_bytes(self.mlkem_seed).public_key()
        agreement = x25519.X25519PrivateKey.from_private_bytes(self.x25519_seed).public_key()
        signing = ed25519.Ed25519PrivateKey.from_private_bytes(self.signing_seed).public_key()
        return PartyPublic(
            self.party,
            signing.public_bytes_raw(),
            sealing.public_bytes_raw(),
            agreement.public_bytes_raw(),
        )

    def opening_key(self) -> MLKEM768X25519PrivateKey:
        """Return the key that opens envelopes to this party."""
        return MLKEM768X25519PrivateKey(
            mlkem.MLKEM768PrivateKey.from_seed_bytes(self.mlkem_seed),
            x25519.X25519PrivateKey.from_private_bytes(self.x25519_seed),
        )

    def sign(self, label: bytes, message: bytes) -> bytes:
        """Sign `message` for the use that `label` names; 64 bytes."""
        key = ed25519.Ed25519PrivateKey.from_private_bytes(self.signing_seed)
        return key.sign(_framed(label, message))


def _framed(label: bytes, message: bytes) -> bytes:
    """Join unambiguously, so that a signature for one use can never serve another."""
    return _SIGN_LABEL + len(label).to_bytes(2, "big") + label + message
