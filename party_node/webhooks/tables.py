"""The tables of webhooks: who is told, what is to be told, and how each telling stands.

Secrets and payloads are sealed with the node's vault. What an event is about (its *group*) stands
only as a keyed digest: enough to keep an order and to erase, not to name anybody.
"""

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, Text
from sqlmodel import Field

from party_node.stamps import UNSTAMPED
from party_node.tables import NodeTable

_BIG = BigInteger().with_variant(Integer(), "sqlite")
_NOT_COUNTED = {"autoincrement": False}


class WebhookRow(NodeTable, table=True):
    """A receiver: where it is, what it wants to know, and how it has been doing."""

    __tablename__ = "webhooks"
    webhook: str = Field(primary_key=True)
    url: str = Field(sa_type=Text)
    events: str = Field(sa_type=Text)
    """Event types, sorted and comma-separated; empty for every type."""
    loopback: bool
    state: str = Field(sa_column_kwargs=UNSTAMPED)
    reason: str = Field(default="", sa_column_kwargs=UNSTAMPED)
    """Why it is disabled."""
    secret: bytes = Field(sa_type=LargeBinary)
    previous_secret: bytes = Field(default=b"", sa_type=LargeBinary, sa_column_kwargs=UNSTAMPED)
    """The secret before, as long as it signs too."""
    previous_until_ms: int = Field(default=0, sa_type=_BIG, sa_column_kwargs=UNSTAMPED)
    created_ms: int = Field(sa_type=_BIG)
    failures: int = Field(default=0, sa_column_kwargs=UNSTAMPED)
    """In a row."""
    failing_since_ms: int = Field(default=0, sa_type=_BIG, sa_column_kwargs=UNSTAMPED)
    hold_until_ms: int = Field(default=0, sa_type=_BIG, sa_column_kwargs=UNSTAMPED)
    """Nothing is sent before."""
    delivered_ms: int = Field(default=0, sa_type=_BIG, sa_column_kwargs=UNSTAMPED)
    """When it last took something."""
    last_status: int = Field(default=0, sa_column_kwargs=UNSTAMPED)
    last_cause: str = Field(default="", sa_column_kwargs=UNSTAMPED)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class WebhookEventRow(NodeTable, table=True):
    """Something that happened, to be told: the outbox. There is none without a delivery."""

    __tablename__ = "webhook_events"
    seq: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs=_NOT_COUNTED)
    message: str
    """What the header `webhook-id` says."""
    type: str
    body: bytes = Field(sa_type=LargeBinary)
    """Sealed; empty once every receiver has it."""
    created_ms: int = Field(sa_type=_BIG)


class WebhookDeliveryRow(NodeTable, table=True):
    """One event for one receiver."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(None, "webhook", "state", "due_ms", "seq"),
        Index(None, "grouped", "webhook", "state", "seq"),
    )
    seq: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs=_NOT_COUNTED)
    webhook: str = Field(primary_key=True)
    grouped: bytes = Field(sa_type=LargeBinary)
    """Keyed digest of the group, 32 bytes."""
    state: str
    attempts: int = 0
    due_ms: int = Field(sa_type=_BIG)
    """Not tried before; 0 for at once. Whether it is next in its group is another question."""
    status: int = 0
    """What the receiver last answered; 0 for nothing."""
    cause: str = ""
    """Why the last attempt failed, or why it was given up."""
    perhaps_taken: bool = False
    """The receiver has it, or had it and its answer was lost."""
    updated_ms: int = Field(sa_type=_BIG)
