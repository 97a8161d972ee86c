"""Masks that hide an update, and the keys that they come from.

X25519 (RFC 7748), HKDF with SHA-256 (RFC 5869), AES-256 in counter mode. Each key serves one run,
one round and one pair or party: all of that is in its `info`, and the run's context in its salt. So
counters start at zero.
"""

import hashlib

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocols.errors import ForgedEnvelope, InvalidElement
from protocols.federated.fixed_point import Modular

SEED_BYTES = 32
_CHECK_LABEL = b"accord/federated-self/1\x00"


def public_of(seed: bytes) -> bytes:
    """Return the public key of 32 secret bytes."""
    return X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def is_key(public: bytes) -> bool:
    """Return whether these bytes are a public key that something can be agreed on with: not one of
    the few points with which every secret comes to the same.
    """
    try:
        _agreed(bytes(32), b"", bytes(32), public)
    except InvalidElement:
        return False
    return True


def check_of(ctx: bytes, number: int, turn: int, seed: bytes) -> bytes:
    """Return what a partner says of its self-mask before: only the right seed fits it later."""
    place = bytes([number, turn])
    return hashlib.sha256(_CHECK_LABEL + ctx + place + seed).digest()


def pair_mask(
    ctx: bytes, turn: int, ours: tuple[int, bytes], theirs: tuple[int, bytes], count: int
) -> Modular:
    """Return the mask that partner `ours` (number, seed) adds for `theirs` (number, public key).

    The other one adds its negative. Raises: InvalidElement for a key that must not be used.
    """
    low, high = sorted((ours[0], theirs[0]))
    info = b"accord/federated-pair/1\x00" + bytes([turn, low, high])
    mask = _stream(_agreed(ctx, info, ours[1], theirs[1]), count)
    return mask if ours[0] < theirs[0] else np.negative(mask)


def self_mask(ctx: bytes, turn: int, number: int, seed: bytes, count: int) -> Modular:
    """Return the mask that a partner adds for itself: what a late update stays hidden by."""
    info = b"accord/federated-own/1\x00" + bytes([turn, number])
    return _stream(_derived(ctx, info, seed), count)


def seal_shares(
    ctx: bytes, ours: tuple[int, bytes], theirs: tuple[int, bytes], body: bytes
) -> bytes:
    """Return `body` so that only partner `theirs` (number, public key) can read it.

    The key serves this one message. Raises: InvalidElement.
    """
    info = b"accord/federated-shares/1\x00" + bytes([ours[0], theirs[0]])
    return AESGCM(_agreed(ctx, info, ours[1], theirs[1])).encrypt(bytes(12), body, ctx)


def open_shares(
    ctx: bytes, ours: tuple[int, bytes], theirs: tuple[int, bytes], sealed: bytes
) -> bytes:
    """Return what partner `theirs` sealed for us. Raises: ForgedEnvelope, InvalidElement."""
    info = b"accord/federated-shares/1\x00" + bytes([theirs[0], ours[0]])
    try:
        return AESGCM(_agreed(ctx, info, ours[1], theirs[1])).decrypt(bytes(12), sealed, ctx)
    except (InvalidTag, ValueError) as e:
        raise ForgedEnvelope("the shares are not sealed to this partner for this run") from e


def _agreed(ctx: bytes, info: bytes, seed: bytes, public: bytes) -> bytes:
    try:
        other = X25519PublicKey.from_public_bytes(public)
        shared = X25519PrivateKey.from_private_bytes(seed).exchange(other)
    except ValueError as e:
        raise InvalidElement("a partner's key must not be used") from e
    return _derived(ctx, info, shared)


def _derived(ctx: bytes, info: bytes, secret: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=ctx, info=info).derive(secret)


def _stream(key: bytes, count: int) -> Modular:
    encryptor = Cipher(AES(key), CTR(bytes(16))).encryptor()
    return np.frombuffer(encryptor.update(bytes(8 * count)), "<u8").astype(np.uint64)
