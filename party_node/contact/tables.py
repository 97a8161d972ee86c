"""The table of contacts: one row for each message that was reserved, and what became of it."""

import enum

from sqlalchemy import BigInteger, Index, Integer, LargeBinary
from sqlmodel import Field

from party_node.tables import NodeTable

_BIG = BigInteger().with_variant(Integer(), "sqlite")


class ContactState(enum.StrEnum):
    """Where a contact stands."""

    RESERVED = "reserved"
    CONFIRMED = "confirmed"
    """It went out."""
    RELEASED = "released"
    """It will not go out."""


class ContactRow(NodeTable, table=True):
    """A contact with a person; what counts towards their caps is found by one index."""

    __tablename__ = "contacts"
    __table_args__ = (Index(None, "subject", "channel", "purpose_group", "counted", "latest_ms"),)
    token: bytes = Field(primary_key=True, sa_type=LargeBinary)
    subject: int = Field(sa_type=_BIG)
    channel: str
    purpose_group: str
    state: str
    """A `ContactState`."""
    exempt: bool
    """Transactional: no cap counts it and none refuses it."""
    counted: bool
    """False for what is exempt, released, or was seen to have expired."""
    reserved_ms: int = Field(sa_type=_BIG)
    latest_ms: int = Field(index=True, sa_type=_BIG)
    """When it went out; before it is confirmed, when its reservation expires."""
    late: bool = False
    """It was confirmed when nothing was reserved any more."""
    key_digest: bytes | None = Field(default=None, unique=True, sa_type=LargeBinary)
    """Keyed digest of the sender's own key for the message, 32 bytes."""
