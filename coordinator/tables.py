"""The tables, and nothing else. Times are milliseconds since 1970 (UTC).

Nothing here is about a person: parties, signed documents, opaque sealed bytes until they are
acknowledged, and how much was sent when. Changing a table needs a migration; a test compares both.
"""

from sqlalchemy import BigInteger, Index, LargeBinary, MetaData, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from coordinator.wire import JobEvent, JobState

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Table(SQLModel, registry=registry(metadata=METADATA)):
    """Base of the tables: a registry of their own, apart from other packages' tables."""


class RevisionRow(Table, table=True):
    """The one counter that orders all changes of jobs and collaborations."""

    __tablename__ = "revisions"
    name: str = Field(primary_key=True)
    value: int = Field(sa_type=BigInteger)


class PartyRow(Table, table=True):
    """An enrolled party."""

    __tablename__ = "parties"
    party: str = Field(primary_key=True)
    name: str
    public: bytes = Field(sa_type=LargeBinary)
    ledger_vkey: str
    ledger_origin: str = Field(unique=True)
    """Name of the ledger's key, which is the origin line of its checkpoints."""
    enrolled_ms: int = Field(sa_type=BigInteger)


class InvitationRow(Table, table=True):
    """An invitation; the secret itself is not kept."""

    __tablename__ = "invitations"
    secret_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    party: str = Field(index=True)
    created_ms: int = Field(sa_type=BigInteger)
    expires_ms: int = Field(sa_type=BigInteger, index=True)
    used_ms: int | None = Field(default=None, sa_type=BigInteger)


class CollaborationRow(Table, table=True):
    """A version of a collaboration."""

    __tablename__ = "collaborations"
    collaboration: str = Field(primary_key=True)
    version: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    document: bytes = Field(sa_type=LargeBinary)
    in_force: bool
    expires_ms: int = Field(sa_type=BigInteger)
    created_ms: int = Field(sa_type=BigInteger)
    revision: int = Field(sa_type=BigInteger, index=True)


class MembershipRow(Table, table=True):
    """A member of a version, with its countersignature once it has signed."""

    __tablename__ = "memberships"
    collaboration: str = Field(primary_key=True)
    version: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    party: str = Field(primary_key=True, foreign_key="parties.party", index=True)
    signed: bytes | None = Field(default=None, sa_type=LargeBinary)


class JobRow(Table, table=True):
    """A job: what was asked, where it is, and why it ended."""

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "requester", "state"),)
    job: str = Field(primary_key=True)
    signed: bytes = Field(sa_type=LargeBinary)
    job_hash: bytes = Field(sa_type=LargeBinary)
    collaboration: str
    version: int = Field(sa_type=BigInteger)
    requester: str = Field(foreign_key="parties.party", index=True)
    counterparties: str
    """The other parties in the job's order, with spaces between: read with the job itself."""
    state: str = Field(default=JobState.PROPOSED.value, index=True)
    cause: str = ""
    acceptances: str = Field(default="{}", sa_type=Text)
    """JSON: party to hexadecimal encoded `Signed` of its acceptance."""
    revision: int = Field(sa_type=BigInteger, index=True)
    created_ms: int = Field(sa_type=BigInteger)
    updated_ms: int = Field(sa_type=BigInteger)
    expires_ms: int = Field(sa_type=BigInteger)


class JobPartyRow(Table, table=True):
    """That a party takes part in a job: what its list of jobs is found by."""

    __tablename__ = "job_parties"
    party: str = Field(primary_key=True, foreign_key="parties.party")
    job: str = Field(primary_key=True, foreign_key="jobs.job")


class JobEventRow(Table, table=True):
    """What a party said about a job; one row per party and event."""

    __tablename__ = "job_events"
    job: str = Field(primary_key=True, foreign_key="jobs.job")
    party: str = Field(primary_key=True)
    event: str = Field(primary_key=True, description=f"one of {', '.join(JobEvent)}")
    digest: bytes = Field(sa_type=LargeBinary)
    """SHA-256 of what came with the event, to tell a repetition from a contradiction."""
    said_ms: int = Field(sa_type=BigInteger)


class MailboxSideRow(Table, table=True):
    """What one party of a job says to another: how much it has sent, and how it closed.

    A party closes towards all at once.
    """

    __tablename__ = "mailbox_sides"
    __table_args__ = (Index(None, "party", "pending_bytes"),)
    job: str = Field(primary_key=True, foreign_key="jobs.job")
    party: str = Field(primary_key=True)
    recipient: str = Field(primary_key=True)
    sent: int = Field(default=0, sa_type=BigInteger)
    sent_bytes: int = Field(default=0, sa_type=BigInteger)
    pending_bytes: int = Field(default=0, sa_type=BigInteger)
    outcome: str | None = None


class MessageRow(Table, table=True):
    """That a message was sent; its bytes are elsewhere and go first."""

    __tablename__ = "messages"
    job: str = Field(primary_key=True, foreign_key="jobs.job")
    sender: str = Field(primary_key=True)
    recipient: str = Field(primary_key=True)
    step: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    size: int = Field(sa_type=BigInteger)
    digest: bytes = Field(sa_type=LargeBinary)
    acknowledged: bool = False


class BodyRow(Table, table=True):
    """The sealed bytes of a message, until it is acknowledged."""

    __tablename__ = "bodies"
    job: str = Field(primary_key=True, foreign_key="jobs.job")
    sender: str = Field(primary_key=True)
    recipient: str = Field(primary_key=True)
    step: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    body: bytes = Field(sa_type=LargeBinary)


class ReceiptRow(Table, table=True):
    """The run receipt of a job with the signatures of all parties."""

    __tablename__ = "receipts"
    job: str = Field(primary_key=True, foreign_key="jobs.job")
    receipt: bytes = Field(sa_type=LargeBinary)
    signatures: str = Field(sa_type=Text)
    """JSON: party to hexadecimal signature."""
    filed_ms: int = Field(sa_type=BigInteger)


class WitnessHeadRow(Table, table=True):
    """The latest checkpoint of a ledger that the witness has cosigned."""

    __tablename__ = "witness_heads"
    origin: str = Field(primary_key=True)
    origin_hash: str = Field(unique=True)
    size: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    note: bytes = Field(sa_type=LargeBinary)
    """The log's signed note as it came."""
    cosignature: str
    """The witness's signature line over it."""
    seen_ms: int = Field(sa_type=BigInteger)


class WitnessConflictRow(Table, table=True):
    """Evidence that a ledger may have signed two histories: both signed heads."""

    __tablename__ = "witness_conflicts"
    origin: str = Field(primary_key=True)
    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    """SHA-256 of the offered note: the same offer twice is one row."""
    kind: str
    """`fork` or `unproven`, see `witness.py`."""
    held: bytes = Field(sa_type=LargeBinary)
    offered: bytes = Field(sa_type=LargeBinary)
    seen_ms: int = Field(sa_type=BigInteger)
