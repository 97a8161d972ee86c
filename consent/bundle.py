"""Evidence bundles: what an outside auditor gets, as a mapping from file names to bytes.

    README.txt                   what this is, how to check it, SHA-256 of every other file
    checkpoint                   the signed note that all proofs lead to
    policy.txt                   the trust root that the sender proposes
    entries/<index>.leaf         the leaf, as it stands in the log
    entries/<index>.tlog-proof   its proof
    entries/<index>.payload      what it commits to, and
    entries/<index>.salt         the salt, 64 hexadecimal digits; or, instead of these two,
    entries/<index>.withheld     why the payload is not shown, or
    entries/<index>.erased       under which request it was erased
    notices/<sha256>             a notice exactly as it was shown

`verify_bundle` says of each check whether it passed. It believes nothing in the bundle, except the
policy if the caller brings none, and then it says so.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consent.audit import BundleReport, Check, Outcome, audit
from consent.bundle_files import CHECKPOINT, POLICY, README, entry_name, readme
from consent.errors import MalformedRecord
from consent.policy import Policy

__all__ = [
    "BundleEntry",
    "BundleReport",
    "Check",
    "Erased",
    "Opened",
    "Outcome",
    "Withheld",
    "make_bundle",
    "verify_bundle",
]


@dataclass(frozen=True, slots=True)
class Opened:
    """The payload is shown: its JCS bytes and its salt (32 bytes)."""

    payload: bytes
    salt: bytes


@dataclass(frozen=True, slots=True)
class Withheld:
    """The payload exists and is not shown; one line that says why."""

    why: str


@dataclass(frozen=True, slots=True)
class Erased:
    """The payload was erased; the name of the request."""

    request: str


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """One entry of the log for a bundle."""

    index: int
    leaf: bytes
    proof: str
    """Text of its `.tlog-proof` file, with the bundle's checkpoint."""
    content: Opened | Withheld | Erased


def make_bundle(
    entries: Sequence[BundleEntry],
    *,
    checkpoint: str,
    policy: str,
    notices: Sequence[bytes] = (),
    title: str = "Evidence from a consent ledger",
) -> dict[str, bytes]:
    """Return the files of a bundle, by name.

    Raises: MalformedRecord if two entries have one index, or a reason has several lines.
    """
    files = {CHECKPOINT: checkpoint.encode(), POLICY: policy.encode()}
    for entry in entries:
        if entry_name(entry.index, "leaf") in files:
            raise MalformedRecord("two entries of a bundle have one index")
        files[entry_name(entry.index, "leaf")] = entry.leaf
        files[entry_name(entry.index, "tlog-proof")] = entry.proof.encode()
        files |= _content(entry)
    for notice in notices:
        files[f"notices/{hashlib.sha256(notice).hexdigest()}"] = notice
    files[README] = readme(title, files).encode()
    return files


def verify_bundle(files: Mapping[str, bytes], policy: Policy | None = None) -> BundleReport:
    """Check everything in a bundle and report each check; never raises for what the files hold.

    With `policy`, that is the trust root. Without, the bundle's own policy is used, and the report
    notes that its keys must be compared by other means. `report.require()` raises if a check
    failed.
    """
    return audit(files, policy)


def _content(entry: BundleEntry) -> dict[str, bytes]:
    match entry.content:
        case Opened(payload, salt):
            return {
                entry_name(entry.index, "payload"): payload,
                entry_name(entry.index, "salt"): salt.hex().encode() + b"\n",
            }
        case Withheld(why):
            return {entry_name(entry.index, "withheld"): _line(why)}
        case Erased(request):
            return {entry_name(entry.index, "erased"): _line(request)}


def _line(text: str) -> bytes:
    if not text or any(c < " " for c in text):
        raise MalformedRecord("a reason is one line")
    return text.encode() + b"\n"
