"""What the SuperLink and those who speak with it on this machine share: a certificate, a secret.

Both are made anew at each start. The certificate is for 127.0.0.1 and nobody outside sees it: TLS
towards parties is that of the coordinator itself.
"""

import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from protocols.session import Rng

VALID = datetime.timedelta(days=3650)
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Shared:
    """The files, and what is in those that are read here."""

    certificate_file: Path
    key_file: Path
    secret_file: Path
    certificate: bytes
    secret: bytes


def make(folder: Path, rng: Rng, now_ms: int) -> Shared:
    """Write a fresh certificate with its key, and a secret of 32 bytes, into the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "accord superlink")])
    now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC)
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(addresses, critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = made.public_bytes(serialization.Encoding.PEM), rng(32)
    shared = Shared(
        folder / "superlink.pem", folder / "superlink.key", folder / "secret", certificate, secret
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for path, data in (
        (shared.certificate_file, certificate),
        (shared.key_file, private),
        (shared.secret_file, secret),
    ):
        _write_private(path, data)
    return shared


def _write_private(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
