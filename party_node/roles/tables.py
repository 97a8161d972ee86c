"""The table of people in roles."""

from sqlalchemy import BigInteger, Integer, LargeBinary
from sqlmodel import Field

from party_node.tables import NodeTable

_BIG = BigInteger().with_variant(Integer(), "sqlite")


class RoleRow(NodeTable, table=True):
    """One person in a role; the row goes when the role is revoked."""

    __tablename__ = "roles"
    name: str = Field(primary_key=True)
    role: str
    digest: bytes = Field(unique=True, sa_type=LargeBinary)
    """Digest of the token, 32 bytes."""
    public: bytes = Field(sa_type=LargeBinary)
    """Encoded public keys that follow from the token: what a hold is sealed to."""
    added_ms: int = Field(sa_type=_BIG)
    added_by: str
    entry: int = Field(default=-1, sa_type=_BIG)
    """Index of the entry that says that the role was given."""
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""
