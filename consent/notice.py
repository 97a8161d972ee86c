"""Notices: the text that people were shown, by the hash of its exact bytes."""

from dataclasses import dataclass

from consent import fields
from consent.fields import Payload, field, sequence

_NAMES = sequence(fields.name, ascending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Payload):
    """One version of one notice in one language (27560 `privacy notice`, `language`)."""

    notice_hash: bytes = field(fields.digest)
    """SHA-256 of the text exactly as it was shown."""
    notice_id: str = field(fields.name)
    version: int = field(fields.integer(1, 1_000_000))
    language: str = field(fields.words)
    """BCP 47."""
    purposes: tuple[str, ...] = field(_NAMES)
    """All that it tells about: consent on it to anything else does not hold."""
    recipients: tuple[str, ...] = field(_NAMES, ())
    """All that it names, besides the controller itself."""
    jurisdiction: str | None = field(fields.words, None)
    layout_hash: bytes | None = field(fields.digest, None)
    """SHA-256 of a picture of it."""
    withdrawal_method: str | None = field(fields.words, None)
    rights_url: str | None = field(fields.words, None)
    policy_url: str | None = field(fields.words, None)
    valid_from_ms: int = field(fields.time, 0)
    valid_to_ms: int | None = field(fields.time, None)
    supersedes: bytes | None = field(fields.digest, None)
    """Hash of the version before. Consent on that one holds on, unless `requires_renewal`."""
    requires_renewal: bool = field(fields.flag, False)
    """It changes purpose, method or kind of data: consent on earlier versions ends (PIPL 14)."""
    experiment: str | None = field(fields.name, None)
    variant: str | None = field(fields.name, None)
