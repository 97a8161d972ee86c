"""Tables of what this node's witnesses said about its ledger."""

from sqlalchemy import BigInteger, Integer, Text
from sqlmodel import Field

from party_node.tables import NodeTable

_BIG = BigInteger().with_variant(Integer(), "sqlite")


class WitnessViewRow(NodeTable, table=True):
    """What one witness last said."""

    __tablename__ = "witness_views"
    key: str = Field(primary_key=True, max_length=64)
    """SHA-256 of its verifier key, in hexadecimal."""
    name: str
    """Name that it signs under."""
    seen: int = Field(default=0, sa_type=_BIG)
    """Size of this ledger that it last cosigned, as far as is known here."""
    said: str
    """One of `asking.Said`."""
    detail: str = Field(default="", sa_type=Text)
    said_ms: int = Field(sa_type=_BIG)
    alarm: str = ""
    """`ahead` or `refused` while its last word about this ledger's history is a no."""


class WitnessAlarmRow(NodeTable, table=True):
    """Evidence that something is wrong: a witness does not accept this ledger's history."""

    __tablename__ = "witness_alarms"
    key: str = Field(primary_key=True, max_length=64)
    kind: str = Field(primary_key=True)
    """`ahead` or `refused`."""
    size: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs={"autoincrement": False})
    """Size of the checkpoint that it was shown."""
    name: str
    seen: int = Field(sa_type=_BIG)
    """Size that it says it has seen."""
    note: str = Field(sa_type=Text)
    """The checkpoint that it was shown, as signed here."""
    answer: str = Field(sa_type=Text)
    """What it answered; the start of it, if it was long."""
    raised_ms: int = Field(sa_type=_BIG)
