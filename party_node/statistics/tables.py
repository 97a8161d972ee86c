"""The table of releases: what this party has said about its own people, and to whom."""

from sqlalchemy import BigInteger, Integer, LargeBinary, Text
from sqlmodel import Field

from party_node.tables import NodeTable

_BIG = BigInteger().with_variant(Integer(), "sqlite")


class ReleaseRow(NodeTable, table=True):
    """One answer with noise, as it was given."""

    __tablename__ = "releases"
    release: str = Field(primary_key=True)
    question: bytes = Field(sa_type=LargeBinary)
    """Encoding of the `Query`."""
    document: str = Field(sa_type=Text)
    """JSON: the answer with its intervals, cost and provenance."""
    created_ms: int = Field(index=True, sa_type=_BIG)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""
