"""Who is in a joint audience, as it is kept: sealed beside the salt of the receipt's commitment."""

from pyroaring import BitMap
from sqlmodel import Session, select

from party_node.job_tables import AudienceRow
from party_node.vault import Vault

SALT_BYTES = 32
AUDIENCE = "audience"
"""Chunk of a run with the members of its audience, until all parties have signed."""


def keep_audience(
    session: Session, vault: Vault, job: str, dataset: str, members: bytes, now_ms: int
) -> None:
    """Store an audience in the caller's transaction.

    `members` is the salt that the run receipt's commitment was made with (32 bytes), then the
    serialised bitmap.
    """
    sealed = vault.seal(_context(job), members)
    session.merge(AudienceRow(job=job, dataset=dataset, members=sealed, created_ms=now_ms))


def open_members(vault: Vault, row: AudienceRow) -> BitMap:
    """Return the dense numbers of the members."""
    return BitMap.deserialize(vault.open(_context(row.job), row.members)[SALT_BYTES:])


def forget_member(session: Session, vault: Vault, subject: int) -> None:
    """Take a person out of every audience, for erasure, in the caller's transaction.

    The salt goes too: else whoever has the rest of an audience could try who was in it.
    """
    for row in session.exec(select(AudienceRow)):
        kept = vault.open(_context(row.job), row.members)
        members = BitMap.deserialize(kept[SALT_BYTES:])
        if subject in members:
            members.discard(subject)
            row.members = vault.seal(_context(row.job), bytes(SALT_BYTES) + members.serialize())
            session.add(row)


def _context(job: str) -> str:
    return f"audience/{job}"
