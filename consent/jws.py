"""Compact JWS with Ed25519 keys (RFC 7515, RFC 8037), in one form only.

The header is exactly `{"alg":"EdDSA","kid":…,"typ":…}` in JCS, where `kid` is the RFC 7638
thumbprint of the key. So there is no choice of algorithm for anybody to abuse.
"""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519

from consent.canonical import Json, canonical_bytes, parse_any
from consent.errors import BadSignature, MalformedRecord

KEY_BYTES = 32
MAX_BYTES = 1 << 20


def sign_jws(payload: bytes, *, seed: bytes, kind: str) -> str:
    """Sign a payload with an Ed25519 seed (32 bytes); `kind` is the header's `typ`.

    Raises: MalformedRecord if the seed has another length.
    """
    key = _private(seed)
    header = _header(key.public_key().public_bytes_raw(), kind)
    signing_input = f"{_encode(header)}.{_encode(payload)}"
    return f"{signing_input}.{_encode(key.sign(signing_input.encode()))}"


def open_jws(jws: str, *, public: bytes, kind: str) -> bytes:
    """Return the payload that the key signed.

    Raises: MalformedRecord if it is no compact JWS; BadSignature if another key signed it, in
    another way, or as another kind.
    """
    parts = jws.split(".", 3)
    if len(jws) > MAX_BYTES or len(parts) != 3 or len(public) != KEY_BYTES:
        raise MalformedRecord("this is no compact JWS")
    header, payload, signature = (_decode(p) for p in parts)
    if header != _header(public, kind):
        raise BadSignature("it is signed by another key, or in another way")
    key = ed25519.Ed25519PublicKey.from_public_bytes(public)
    try:
        key.verify(signature, f"{parts[0]}.{parts[1]}".encode())
    except InvalidSignature as e:
        raise BadSignature("the signature is wrong") from e
    return payload


def public_of(seed: bytes) -> bytes:
    """Return the public half of an Ed25519 seed, 32 bytes.

    Raises: MalformedRecord if the seed has another length.
    """
    return _private(seed).public_key().public_bytes_raw()


def key_thumbprint(public: bytes) -> str:
    """Return the `kid` of an Ed25519 key: its RFC 7638 thumbprint, base64url."""
    key: dict[str, Json] = {"crv": "Ed25519", "kty": "OKP", "x": _encode(public)}
    return _encode(hashlib.sha256(canonical_bytes(key)).digest())


def to_jwk(public: bytes) -> dict[str, str]:
    """Return an Ed25519 key as a JSON Web Key for signatures."""
    return {
        "alg": "EdDSA",
        "crv": "Ed25519",
        "kid": key_thumbprint(public),
        "kty": "OKP",
        "use": "sig",
        "x": _encode(public),
    }


def from_jwk(data: bytes) -> bytes:
    """Return the Ed25519 key in a JSON Web Key, in any spelling; members beside ours are ignored.

    Raises: MalformedRecord if it is none, or is named by the thumbprint of another.
    """
    value = parse_any(data)
    if not isinstance(value, dict) or (value.get("kty"), value.get("crv")) != ("OKP", "Ed25519"):
        raise MalformedRecord("this is no JSON Web Key for Ed25519")
    x = value.get("x")
    public = _decode(x) if isinstance(x, str) else b""
    if len(public) != KEY_BYTES or "d" in value:
        raise MalformedRecord("this is no public key of 32 bytes")
    if value.get("kid", key_thumbprint(public)) != key_thumbprint(public):
        raise MalformedRecord("the key is named by the thumbprint of another")
    return public


def _private(seed: bytes) -> ed25519.Ed25519PrivateKey:
    if len(seed) != KEY_BYTES:
        raise MalformedRecord("a signing seed has 32 bytes")
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)


def _header(public: bytes, kind: str) -> bytes:
    return canonical_bytes({"alg": "EdDSA", "kid": key_thumbprint(public), "typ": kind})


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as e:
        raise MalformedRecord("this is not base64url") from e
    if _encode(data) != text:
        raise MalformedRecord("this is not the one spelling in base64url")
    return data
