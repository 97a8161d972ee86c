"""Tables of collaborations, rules, jobs, runs and what came of them.

What is secret in a run (its state, its output before release) is sealed with the node's vault.
"""

from sqlmodel import Field, SQLModel


class CollaborationRow(SQLModel, table=True):
    """A version of a collaboration, as this node last saw it."""

    __tablename__ = "collaboration"
    collaboration: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    document: bytes
    digest: bytes = Field(index=True)
    in_force: bool
    signed_by: str
    """Parties that have signed, comma-separated."""


class RuleRow(SQLModel, table=True):
    """A standing rule: what this party approves without asking a person."""

    __tablename__ = "rule"
    name: str = Field(primary_key=True)
    collaboration: str
    kind: str
    purpose: str
    max_rho_nano: int
    allow_reveal: bool
    created_ms: int


class JobRow(SQLModel, table=True):
    """A job, with its state at the coordinator."""

    __tablename__ = "job"
    job: str = Field(primary_key=True)
    signed: bytes
    job_hash: bytes
    kind: str
    collaboration: str
    requester: str
    counterparty: str
    state: str = Field(index=True)
    cause: str = ""
    acceptance: bytes = b""
    decision: str = ""
    """`rule:<name>`, `person:<name>`, or empty while nobody has decided here."""
    revision: int = 0
    created_ms: int
    updated_ms: int


class RunRow(SQLModel, table=True):
    """One side's execution of a job: where it stands, durably."""

    __tablename__ = "run"
    job: str = Field(primary_key=True)
    phase: str = Field(index=True)
    sent: int = 0
    """Step of the next envelope that this side sends."""
    received: int = 0
    """Step of the next envelope that this side expects."""
    speaking: bool = False
    """True when the protocol has more to say without hearing anything first."""
    state: bytes = b""
    transcript: bytes = b""
    output: bytes = b""
    facts: str = "{}"
    """JSON: counts, checkpoint and permission of this run, for results and receipts."""


class OutboxRow(SQLModel, table=True):
    """A sealed envelope that the relay has not confirmed yet."""

    __tablename__ = "outbox"
    job: str = Field(primary_key=True)
    step: int = Field(primary_key=True)
    envelope: bytes


class PreflightRow(SQLModel, table=True):
    """What each side said before anything was read."""

    __tablename__ = "preflight"
    job: str = Field(primary_key=True)
    party: str = Field(primary_key=True)
    record: bytes


class ResultRow(SQLModel, table=True):
    """What a job brought this party, as JSON."""

    __tablename__ = "result"
    job: str = Field(primary_key=True)
    document: str
    created_ms: int


class AudienceRow(SQLModel, table=True):
    """The members of a joint audience: this party's own people, as a roaring bitmap, sealed."""

    __tablename__ = "audience"
    job: str = Field(primary_key=True)
    dataset: str
    members: bytes
    created_ms: int


class ReceiptRow(SQLModel, table=True):
    """The run receipt with both signatures."""

    __tablename__ = "receipt"
    job: str = Field(primary_key=True)
    receipt: bytes
    signatures: str
    """JSON: party to hexadecimal signature."""
    filed: bool = False


class CursorRow(SQLModel, table=True):
    """How far this node has read a list of the coordinator."""

    __tablename__ = "cursor"
    name: str = Field(primary_key=True)
    position: int
