"""The table of people's requests: what the ledger's entries about them do not say, and must not."""

from sqlalchemy import BigInteger, Integer, LargeBinary, Text
from sqlmodel import Field

from party_node.tables import NodeTable

_BIG = BigInteger().with_variant(Integer(), "sqlite")


class SubjectRequestRow(NodeTable, table=True):
    """One request as it stands: the last of its entries, and whom it is about."""

    __tablename__ = "subject_requests"
    request_id: str = Field(primary_key=True, max_length=32)
    subject: int | None = Field(default=None, index=True, sa_type=_BIG)
    """Number of the person; None if nobody is known by what they were named by, and once they are
    erased."""
    kind: str
    """A `RequestType`."""
    status: str
    """The last step."""
    verified: bool = False
    extended: bool = False
    ended: bool = Field(default=False, index=True)
    regime: str
    place: str
    """ISO 3166 code of the place whose law sets the time; empty if none is known."""
    channel: str
    """How it came in."""
    relation: str
    """Who asks, as seen from the person."""
    purposes: str = Field(default="[]", sa_type=Text)
    """JSON array of the purposes that it is about; none if it names none."""
    received_ms: int = Field(sa_type=_BIG)
    due_ms: int = Field(index=True, sa_type=_BIG)
    changed_ms: int = Field(sa_type=_BIG)
    verified_by: str | None = Field(default=None, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    results: str = Field(default="[]", sa_type=Text)
    """JSON array of what each system did about it, this node's own part first."""
    fulfilled_ms: int | None = Field(default=None, sa_type=_BIG)
    """When this node did its part."""
    lifted_ms: int | None = Field(default=None, sa_type=_BIG)
    """When a restriction was lifted again."""
    entry: int = Field(sa_type=_BIG)
    """Index of the last of its entries."""
    key: bytes | None = Field(default=None, unique=True, sa_type=LargeBinary)
    """Keyed digest of the caller's own key for it; gone with the person."""
    content: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Keyed digest of what was asked under that key; gone with the person."""
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""
