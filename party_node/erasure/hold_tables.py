"""The tables of holds: payloads that outlive an erasure, sealed so that it takes two roles."""

from sqlalchemy import BigInteger, Integer, LargeBinary, Text
from sqlmodel import Field

from party_node.tables import NodeTable

_BIG = BigInteger().with_variant(Integer(), "sqlite")
_NOT_COUNTED = {"autoincrement": False}


class HoldRow(NodeTable, table=True):
    """One ground on which payloads of an erased person are kept, as its erasure says."""

    __tablename__ = "holds"
    hold: str = Field(primary_key=True, max_length=32)
    erasure: int = Field(index=True, sa_type=_BIG)
    """Index of the erasure's entry."""
    request_id: str = Field(index=True)
    ground: str = Field(sa_type=Text)
    until_ms: int = Field(sa_type=_BIG)
    entries: int
    ended: int | None = Field(default=None, sa_type=_BIG)
    """Index of the entry that says that the hold was destroyed."""
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class HoldHalfRow(NodeTable, table=True):
    """Half of a hold's key, sealed to one person in a role."""

    __tablename__ = "hold_halves"
    hold: str = Field(primary_key=True, max_length=32)
    name: str = Field(primary_key=True)
    role: str
    sealed: bytes = Field(sa_type=LargeBinary)
    check: bytes = Field(sa_type=LargeBinary)
    """Keyed digest of the row: a changed one is found without opening it."""


class HeldPayloadRow(NodeTable, table=True):
    """Salt and payload of one entry, sealed with the key of a hold that it is under."""

    __tablename__ = "held_payloads"
    hold: str = Field(primary_key=True, max_length=32)
    index: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs=_NOT_COUNTED)
    sealed: bytes = Field(sa_type=LargeBinary)
    check: bytes = Field(sa_type=LargeBinary)
    """As in `hold_halves`."""
