"""Tables of collaborations, rules, jobs, runs and what came of them.

What is secret in a run (its state, its output before release) is sealed with the node's vault.
"""

from sqlalchemy import BigInteger, Integer, LargeBinary, Text
from sqlmodel import Field

from party_node.tables import NodeTable

_BIG = BigInteger().with_variant(Integer(), "sqlite")


class CollaborationRow(NodeTable, table=True):
    """A version of a collaboration, as this node last saw it."""

    __tablename__ = "collaborations"
    collaboration: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    document: bytes = Field(sa_type=LargeBinary)
    digest: bytes = Field(index=True, sa_type=LargeBinary)
    in_force: bool
    signed_by: str
    """Parties that have signed, comma-separated."""
    countersignatures: str = Field(default="{}", sa_type=Text)
    """JSON: party to hexadecimal signature over the document, each verified when it came."""
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class RuleRow(NodeTable, table=True):
    """A standing rule: what this party approves without asking a person."""

    __tablename__ = "rules"
    name: str = Field(primary_key=True)
    collaboration: str
    kind: str
    purpose: str
    max_rho_nano: int = Field(sa_type=_BIG)
    allow_reveal: bool
    created_ms: int = Field(sa_type=_BIG)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class JobRow(NodeTable, table=True):
    """A job, with its state at the coordinator."""

    __tablename__ = "jobs"
    job: str = Field(primary_key=True)
    signed: bytes = Field(sa_type=LargeBinary)
    job_hash: bytes = Field(sa_type=LargeBinary)
    kind: str
    collaboration: str
    requester: str
    counterparties: str
    """The other parties of the job, in its order, with spaces between."""
    state: str = Field(index=True)
    cause: str = ""
    acceptances: str = Field(default="{}", sa_type=Text)
    """JSON: party to hexadecimal encoded `Signed` of its acceptance; this party's own from when it
    is prepared."""
    decision: str = ""
    """`rule:<name>`, `person:<name>`, or empty while nobody has decided here."""
    revision: int = Field(default=0, sa_type=_BIG)
    created_ms: int = Field(sa_type=_BIG)
    updated_ms: int = Field(sa_type=_BIG)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class RunRow(NodeTable, table=True):
    """One side's execution of a job: where it stands, durably."""

    __tablename__ = "runs"
    job: str = Field(primary_key=True)
    phase: str = Field(index=True)
    sent: str = Field(default="{}", sa_type=Text)
    """JSON: peer to the step of the next envelope that this side sends it."""
    received: str = Field(default="{}", sa_type=Text)
    """JSON: peer to the step of the next envelope that this side expects from it."""
    speaking: bool = False
    """True when the protocol has more to say without hearing anything first."""
    awaits: int = 0
    """Number of the party whose message the protocol takes next, while it is not speaking."""
    state: bytes = Field(default=b"", sa_type=LargeBinary)
    transcript: bytes = Field(default=b"", sa_type=LargeBinary)
    output: bytes = Field(default=b"", sa_type=LargeBinary)
    facts: str = Field(default="{}", sa_type=Text)
    """JSON: counts, checkpoint and permission of this run, for results and receipts."""
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class OutboxRow(NodeTable, table=True):
    """A sealed envelope that the relay has not confirmed yet."""

    __tablename__ = "outbox"
    job: str = Field(primary_key=True)
    step: int = Field(primary_key=True)
    recipient: str = Field(primary_key=True)
    envelope: bytes = Field(sa_type=LargeBinary)
    """Empty where it is a chunk of the run, because it is long."""


class PreflightRow(NodeTable, table=True):
    """What each side said before anything was read."""

    __tablename__ = "preflights"
    job: str = Field(primary_key=True)
    party: str = Field(primary_key=True)
    record: bytes = Field(sa_type=LargeBinary)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class ResultRow(NodeTable, table=True):
    """What a job brought this party, as JSON."""

    __tablename__ = "results"
    job: str = Field(primary_key=True)
    document: str = Field(sa_type=Text)
    created_ms: int = Field(sa_type=_BIG)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class AudienceRow(NodeTable, table=True):
    """The members of a joint audience: this party's own people, as a roaring bitmap, sealed."""

    __tablename__ = "audiences"
    job: str = Field(primary_key=True)
    dataset: str
    members: bytes = Field(sa_type=LargeBinary)
    created_ms: int = Field(sa_type=_BIG)


class ReceiptRow(NodeTable, table=True):
    """The run receipt with the signatures of all parties."""

    __tablename__ = "receipts"
    job: str = Field(primary_key=True)
    receipt: bytes = Field(sa_type=LargeBinary)
    signatures: str = Field(sa_type=Text)
    """JSON: party to hexadecimal signature."""
    filed: bool = False


class CursorRow(NodeTable, table=True):
    """How far this node has read a list of the coordinator."""

    __tablename__ = "cursors"
    name: str = Field(primary_key=True)
    position: int = Field(sa_type=_BIG)


class RememberedInputRow(NodeTable, table=True):
    """Whom this node brought to a run, as a roaring bitmap, sealed: see `repeats.py`."""

    __tablename__ = "remembered_inputs"
    job: str = Field(primary_key=True)
    peer: str = Field(primary_key=True, index=True)
    dataset: str
    people: bytes = Field(sa_type=LargeBinary)
    begun_ms: int = Field(sa_type=_BIG)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""
