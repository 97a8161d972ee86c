"""The tables of a party node's storage: ledger, persons, datasets, budgets, permissions.

One registry for this node, apart from every other set of tables in the process. What must be
erasable lies in tables of its own (payloads, subject keys, identifiers), beside the entries that
stay. Times are milliseconds since 1970 in UTC.
"""

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData, Text, UniqueConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
_BIG = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits in both databases; in SQLite such a key is the row number itself and costs no index."""
_NOT_COUNTED = {"autoincrement": False}
_CLUSTERED = {"sqlite_with_rowid": False}


class NodeTable(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """Base of every table of a party node."""


class EntryRow(NodeTable, table=True):
    """One leaf of the consent ledger. Its primary key is what makes a second writer's fork fail."""

    __tablename__ = "ledger_entries"
    index: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs=_NOT_COUNTED)
    leaf: bytes = Field(sa_type=LargeBinary)
    leaf_hash: bytes = Field(sa_type=LargeBinary)
    subject: int | None = Field(default=None, index=True, sa_type=_BIG)
    type: str
    recorded_ms: int = Field(sa_type=_BIG)
    erased: int | None = Field(default=None, sa_type=_BIG)
    """Index of the erasure that took its payload; `subject` is empty then."""


class PayloadRow(NodeTable, table=True):
    """What an entry commits to, sealed; deleted on erasure while the entry stays."""

    __tablename__ = "ledger_payloads"
    index: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs=_NOT_COUNTED)
    salt: bytes = Field(sa_type=LargeBinary)
    nonce: bytes = Field(sa_type=LargeBinary)
    ciphertext: bytes = Field(sa_type=LargeBinary)


class SubjectKeyRow(NodeTable, table=True):
    """A person's keys, wrapped by the node's; destroying them makes the payloads unreadable."""

    __tablename__ = "subject_keys"
    subject: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs=_NOT_COUNTED)
    wrapped: bytes = Field(sa_type=LargeBinary)


class SubjectRow(NodeTable, table=True):
    """A person: a dense number inside this node, and a random id that names them in records."""

    __tablename__ = "subjects"
    dense: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs=_NOT_COUNTED)
    subject_id: str = Field(unique=True, max_length=32)
    check: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Keyed digest of the row: a changed one is found. None in rows from before it was kept."""


class IdentifierRow(NodeTable, table=True):
    """An e-mail address or telephone number, only as a digest under a key of this node."""

    __tablename__ = "identifiers"
    __table_args__ = _CLUSTERED
    kind: str = Field(primary_key=True)
    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    subject: int = Field(index=True, sa_type=_BIG)
    check: bytes | None = Field(default=None, sa_type=LargeBinary)
    """As in `subjects`."""


class CheckpointRow(NodeTable, table=True):
    """A signed checkpoint: one for each size, kept before anybody sees it."""

    __tablename__ = "checkpoints"
    size: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs=_NOT_COUNTED)
    root: bytes = Field(sa_type=LargeBinary)
    note: str = Field(sa_type=Text)
    cosigned: str | None = Field(default=None, sa_type=Text)
    """The note with the witnesses' cosignatures, once there is one."""
    published: bool = False
    """True when a quorum of the trust policy has cosigned it."""


class HeadRow(NodeTable, table=True):
    """The ledger's own statement of how far it is, sealed: one row, rewritten by each append."""

    __tablename__ = "ledger_head"
    one: int = Field(primary_key=True, sa_column_kwargs=_NOT_COUNTED)
    sealed: bytes = Field(sa_type=LargeBinary)


class TileRow(NodeTable, table=True):
    """A full tile of the tree: 256 hashes; it never changes."""

    __tablename__ = "ledger_tiles"
    level: int = Field(primary_key=True, sa_column_kwargs=_NOT_COUNTED)
    number: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs=_NOT_COUNTED)
    hashes: bytes = Field(sa_type=LargeBinary)


class FactsRow(NodeTable, table=True):
    """The facts of some entries, sealed: what the state of consent is folded from."""

    __tablename__ = "ledger_facts"
    first: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs=_NOT_COUNTED)
    """Number of the first of them among all facts; a row may have fewer than reach the next."""
    facts: int
    lowest: int = Field(sa_type=_BIG)
    highest: int = Field(sa_type=_BIG)
    """Indices of the entries that they are of, from and to."""
    sealed: bytes = Field(sa_type=LargeBinary)


class WhatRow(NodeTable, table=True):
    """What many facts have in common, once, sealed."""

    __tablename__ = "ledger_whats"
    number: int = Field(primary_key=True, sa_column_kwargs=_NOT_COUNTED)
    sealed: bytes = Field(sa_type=LargeBinary)


class PolicyRow(NodeTable, table=True):
    """A vocabulary that was once decided by: needed to make its decisions again."""

    __tablename__ = "policies"
    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    document: str = Field(sa_type=Text)
    entry: int = Field(sa_type=_BIG)
    """Index of the entry that put it in force."""


class NoticeRow(NodeTable, table=True):
    """The text of a notice, byte for byte as people were shown it."""

    __tablename__ = "notices"
    notice_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    text: bytes = Field(sa_type=LargeBinary)
    entry: int = Field(sa_type=_BIG)


class CounterRow(NodeTable, table=True):
    """A number that only rises, also when what it counted is deleted."""

    __tablename__ = "counters"
    name: str = Field(primary_key=True)
    value: int = Field(sa_type=_BIG)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class ErasureRow(NodeTable, table=True):
    """What an erasure needs beside its entry: the salt of its commitment, what is left to do."""

    __tablename__ = "erasures"
    entry: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs=_NOT_COUNTED)
    request_id: str
    salt: bytes = Field(sa_type=LargeBinary)
    pending: str = Field(sa_type=Text)
    """Whose rows in files are not cleaned yet (`erasure/pending.py`); empty when all are."""
    suppressed: int = 0
    """How many tokens of identifiers stand in `suppressions` for it."""
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class SuppressionRow(NodeTable, table=True):
    """A token of an erased person's identifier: who was erased does not come back by an import."""

    __tablename__ = "suppressions"
    kind: str = Field(primary_key=True)
    token: bytes = Field(primary_key=True, sa_type=LargeBinary)
    entry: int = Field(sa_type=_BIG)
    """Index of the erasure."""


class SuppressionSetRow(NodeTable, table=True):
    """Which tokens of a kind begin with one byte: one that was taken away or put in is found."""

    __tablename__ = "suppression_sets"
    kind: str = Field(primary_key=True)
    first: int = Field(primary_key=True, sa_column_kwargs=_NOT_COUNTED)
    tokens: int
    digest: bytes = Field(sa_type=LargeBinary)
    """Over the tokens in their order and their erasures, 32 bytes."""
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class SourceEventRow(NodeTable, table=True):
    """Which entry an event of a source became: the same event again becomes no second entry."""

    __tablename__ = "source_events"
    __table_args__ = _CLUSTERED
    source_id: str = Field(primary_key=True)
    source_event_id: str = Field(primary_key=True)
    content: bytes = Field(sa_type=LargeBinary)
    """Keyed digest of the record as it was first sent, 32 bytes."""
    entry: int = Field(sa_type=_BIG)


class ImportBatchRow(NodeTable, table=True):
    """One import of a consent file: its digest and its counts."""

    __tablename__ = "import_batches"
    batch: int | None = Field(default=None, primary_key=True)
    source_id: str
    sha256: str = Field(max_length=64)
    accepted: int
    repeated: int
    refused: int
    imported_ms: int = Field(sa_type=_BIG)


class DatasetRow(NodeTable, table=True):
    """A registered file: where it lies, which bytes it had, which columns name persons."""

    __tablename__ = "datasets"
    dataset: str = Field(primary_key=True)
    path: str
    sha256: str = Field(max_length=64)
    index_id: str = Field(max_length=32)
    """Name of the folder under `datasets/` that holds the index."""
    key_column: str
    columns: str = Field(sa_type=Text)
    """JSON array of the names of all columns."""
    report: str = Field(sa_type=Text)
    """JSON object of the counts of the registration."""
    registered_ms: int = Field(sa_type=_BIG)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class BudgetChargeRow(NodeTable, table=True):
    """One charge to the privacy budget; never changed and never deleted."""

    __tablename__ = "budget_charges"
    __table_args__ = (UniqueConstraint("job", "to_party", "what"),)
    charge: int | None = Field(default=None, primary_key=True)
    job: str
    collaboration: str = Field(index=True)
    to_party: str
    what: str
    rho_nano: int = Field(sa_type=_BIG)
    charged_ms: int = Field(sa_type=_BIG)
    dataset: str = ""
    """The dataset that was read; empty where it is about all of this party's data."""
    lineage: str = ""
    unit: str = ""
    month: str = ""
    """With `to_party` and `lineage` the account, as in `budget_accounts`."""
    nth: int = Field(default=0, sa_type=_BIG)
    """Which charge to its account this is, from 1."""
    spent_nano: int = Field(default=0, sa_type=_BIG)
    """What all charges to its account came to with this one."""
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class UsePermissionRow(NodeTable, table=True):
    """A permission that the gate gave: what a restarted node gives back for the same job."""

    __tablename__ = "use_permissions"
    job: str = Field(primary_key=True)
    dataset: str = Field(primary_key=True)
    request: bytes = Field(sa_type=LargeBinary)
    """SHA-256 of everything that was asked; another question under the same job is refused."""
    index_id: str = Field(max_length=32)
    use_entry: int = Field(sa_type=_BIG)
    """The decision that holds now."""
    tree_size: int = Field(sa_type=_BIG)
    """Size of the ledger that the decision was made at."""
    expires_ms: int = Field(sa_type=_BIG)
    outcome: str = ""
    """Empty, or how the use ended."""
    break_glass: str = ""
    """Empty, or the emergency approval that the use record names."""
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class DecisionRow(NodeTable, table=True):
    """One decision of the gate, by the index of its use record: its sets and salts, sealed."""

    __tablename__ = "use_decisions"
    entry: int = Field(primary_key=True, sa_type=_BIG, sa_column_kwargs=_NOT_COUNTED)
    job: str = Field(index=True)
    dataset: str
    purpose: str
    recipient: str
    evaluated_ms: int = Field(index=True, sa_type=_BIG)
    sealed: bytes = Field(sa_type=LargeBinary)


class EmergencyRow(NodeTable, table=True):
    """An approval by two people that lets one job go on without a quorum of witnesses."""

    __tablename__ = "emergencies"
    approval_id: str = Field(primary_key=True, max_length=32)
    job: str = Field(index=True)
    entry: int = Field(sa_type=_BIG)
    expires_ms: int = Field(sa_type=_BIG)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""
