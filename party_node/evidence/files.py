"""Names and line formats inside an evidence bundle, shared by the one who packs it and the one who
checks it.

Every text that is checked has one spelling: reading writes it again and compares, so that no byte
of a bundle can change unnoticed.
"""

import enum
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from protocols.errors import MalformedMessage

T = TypeVar("T")

README = "README.txt"
MANIFEST = "MANIFEST.txt"
RECEIPT_KEY = "receipt-key.jwk"
LEDGER = "ledger/"
RUNS = "runs/"
INCOMPLETE = "incomplete.txt"
"""Stands alone in the folder of a run whose receipt lacks a signature."""

_SIGNATURE = re.compile(r"([a-z0-9][a-z0-9-]{0,62}) ([0-9a-f]{128})", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LISTED = re.compile(r"([0-9a-f]{64})  ([\x21-\x7e]+)", re.ASCII)
_RUN_FILE = re.compile(r"runs/([0-9a-f]{32})/([a-z.]+)", re.ASCII)


class RunFile(enum.StrEnum):
    """The files of one run that all parties signed."""

    JOB = "job.cbor"
    """`Signed` job description."""
    ACCEPTANCES = "acceptances.cbor"
    """The `Signed` acceptance of every party that did not ask."""
    AGREEMENT = "agreement.cbor"
    """The collaboration, with all parties' keys."""
    COUNTERSIGNATURES = "countersignatures.txt"
    """Each member and its signature over the agreement, one a line."""
    RECEIPT = "receipt.cbor"
    SIGNATURES = "signatures.txt"
    """Each party and its signature over the receipt, one a line."""
    CONSISTENCY = "consistency.txt"
    """Hashes from the receipt's ledger head to the bundle's checkpoint, one a line."""


def split_run_name(name: str) -> tuple[str, str] | None:
    """Return (job, file) if `name` is that of a file of a run."""
    found = _RUN_FILE.fullmatch(name)
    known = found is not None and (found[2] in set(RunFile) or found[2] == INCOMPLETE)
    return (found[1], found[2]) if found is not None and known else None


def write_signatures(signatures: Mapping[str, bytes]) -> bytes:
    """Return one line for each party: its name and its signature, 128 hexadecimal digits."""
    return "".join(f"{party} {signatures[party].hex()}\n" for party in sorted(signatures)).encode()


def read_signatures(data: bytes) -> dict[str, bytes]:
    """Read what `write_signatures` made. Raises: MalformedMessage for any other bytes."""
    found = (_SIGNATURE.fullmatch(line) for line in _lines(data))
    read = {match[1]: bytes.fromhex(match[2]) for match in found if match is not None}
    return _same(read, write_signatures(read), data)


def write_hashes(hashes: Sequence[bytes]) -> bytes:
    """Return one line of 64 hexadecimal digits for each hash."""
    return "".join(f"{h.hex()}\n" for h in hashes).encode()


def read_hashes(data: bytes) -> tuple[bytes, ...]:
    """Read what `write_hashes` made. Raises: MalformedMessage for any other bytes."""
    read = tuple(bytes.fromhex(line) for line in _lines(data) if _HASH.fullmatch(line))
    return _same(read, write_hashes(read), data)


def manifest(files: Mapping[str, bytes]) -> bytes:
    """Return the SHA-256 and name of every file, in the form that `sha256sum -c` reads."""
    hashes = {n: hashlib.sha256(d).hexdigest() for n, d in files.items() if n != MANIFEST}
    return _listed(hashes)


def read_manifest(data: bytes) -> dict[str, str]:
    """Return the SHA-256 (hexadecimal) of every listed file.

    Raises: MalformedMessage for bytes that `manifest` cannot have made.
    """
    found = (_LISTED.fullmatch(line) for line in _lines(data))
    read = {match[2]: match[1] for match in found if match is not None}
    return _same(read, _listed(read), data)


def _listed(hashes: Mapping[str, str]) -> bytes:
    return "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes)).encode()


def _lines(data: bytes) -> list[str]:
    return data.decode("ascii", "replace").split("\n")


def _same(read: T, written: bytes, data: bytes) -> T:
    if written != data:
        raise MalformedMessage("a file of the bundle is not in its one form")
    return read
