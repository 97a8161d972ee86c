"""A secret that takes two people in two roles to open.

    key    = HKDF(half of compliance ‖ half of operators)
    halves   random; each is sealed to every token of its role (HPKE, as in `protocols/envelope.py`)

One half says nothing about the key. Whoever has the database has the sealed halves and no token.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from party_node.errors import SealBroken
from protocols.codec import decode
from protocols.keys import PartyKeys, PartyPublic

HALF_BYTES = 32
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_LABEL = b"accord/role-half/1\x00"


def seal_half(public: bytes, context: str, half: bytes) -> bytes:
    """Seal a half to a person's public keys (an encoded `PartyPublic`), bound to its place."""
    key = decode(PartyPublic, public).sealing_key()
    return _SUITE.encrypt(half, key, info=_LABEL + context.encode())


def open_half(keys: PartyKeys, context: str, sealed: bytes) -> bytes:
    """Return what was sealed to these keys for this place.

    Raises: SealBroken.
    """
    try:
        return _SUITE.decrypt(sealed, keys.opening_key(), info=_LABEL + context.encode())
    except (InvalidTag, ValueError) as e:
        raise SealBroken("a half of a key does not open with this token") from e


def joined(compliance: bytes, operator: bytes, context: str) -> bytes:
    """Return the key (32 bytes) that two halves make for this place."""
    info = b"accord/two-roles/1\x00" + context.encode()
    return HKDF(SHA256(), 32, salt=None, info=info).derive(compliance + operator)
