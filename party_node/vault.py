"""Sealing of small secrets with the node's key, each bound to the place where it belongs.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; the context string is the associated
data, so a sealed value that was moved to another row does not open. Other keys are derived from
the same key by HKDF-SHA-256 (RFC 5869), one for each label.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from party_node.errors import SealBroken
from protocols.session import Rng

_NONCE_BYTES = 12


class Vault:
    """Seals and opens with the key-encryption key of one node (32 bytes)."""

    def __init__(self, kek: bytes, rng: Rng = secrets.token_bytes) -> None:
        self._kek, self._rng = kek, rng
        self._aead = AESGCM(self.derive("vault-seal/1"))

    def seal(self, context: str, secret: bytes) -> bytes:
        """Return nonce and ciphertext: 28 bytes more than `secret`."""
        nonce = self._rng(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, secret, context.encode())

    def open(self, context: str, sealed: bytes) -> bytes:
        """Return what `seal` was given under the same context.

        Raises: SealBroken.
        """
        try:
            return self._aead.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode()
            )
        except (InvalidTag, ValueError) as e:
            raise SealBroken from e

    def derive(self, label: str) -> bytes:
        """Return the 32-byte key that belongs to `label`."""
        info = b"accord/vault/" + label.encode()
        return HKDF(SHA256(), 32, salt=None, info=info).derive(self._kek)
