"""The tables of the privacy budget beside its charges: accounts, lineages, renewals, answers.

The charges themselves are in `tables.py`. What is told of people here is sealed; the rest is whose
budget stands how, and decides what may still be said: every row is stamped.
"""

from sqlalchemy import BigInteger, Integer, LargeBinary, UniqueConstraint
from sqlmodel import Field

from party_node.tables import NodeTable

_BIG = BigInteger().with_variant(Integer(), "sqlite")


class BudgetAccountRow(NodeTable, table=True):
    """How much was ever charged to one account in one of its months: see `budgets.py`."""

    __tablename__ = "budget_accounts"
    counterparty: str = Field(primary_key=True)
    lineage: str = Field(primary_key=True)
    """Name of the dataset that the lineage began with; empty for all of this party's data."""
    unit: str = Field(primary_key=True)
    month: str = Field(primary_key=True)
    """Empty from the beginning; `2026-12` since two people renewed it in that month."""
    charges: int = Field(sa_type=_BIG)
    spent_nano: int = Field(sa_type=_BIG)
    limit_nano: int = Field(sa_type=_BIG)
    """What the newest charge was held against."""
    last_charge: int = Field(sa_type=_BIG)
    """Number of the newest charge."""
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class BudgetRenewalRow(NodeTable, table=True):
    """Two people let an account begin a new month: an entry of the ledger says so."""

    __tablename__ = "budget_renewals"
    counterparty: str = Field(primary_key=True)
    lineage: str = Field(primary_key=True)
    month: str = Field(primary_key=True)
    entry: int = Field(sa_type=_BIG)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class LineageRow(NodeTable, table=True):
    """Which lineage a dataset is of, and who has ever been in it: see `lineages.py`."""

    __tablename__ = "dataset_lineages"
    dataset: str = Field(primary_key=True)
    lineage: str = Field(index=True)
    people: bytes = Field(sa_type=LargeBinary)
    """As a roaring bitmap of dense numbers, sealed."""
    since_ms: int = Field(sa_type=_BIG)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class AnswerRow(NodeTable, table=True):
    """A release that answers the same question again: see `answers.py`."""

    __tablename__ = "released_answers"
    __table_args__ = (UniqueConstraint("counterparty", "lineage", "question", "snapshot", "turn"),)
    answer: int | None = Field(default=None, primary_key=True)
    counterparty: str
    lineage: str
    question: bytes = Field(sa_type=LargeBinary)
    """SHA-256 of the canonical question."""
    snapshot: bytes = Field(sa_type=LargeBinary)
    """Keyed digest of the rows and the people that it was asked about."""
    turn: int
    """0 for the first answer; one more for each that was paid anew."""
    job: str
    rho_nano: int = Field(sa_type=_BIG)
    release: bytes = Field(sa_type=LargeBinary)
    """What was released, as it was told; empty for a job, whose result says it."""
    released_ms: int = Field(sa_type=_BIG)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""


class AnswerRefreshRow(NodeTable, table=True):
    """Two people let a question be asked anew: its answer of before answers no more."""

    __tablename__ = "answer_refreshes"
    answer: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    entry: int = Field(sa_type=_BIG)
    stamp: bytes = Field(default=b"", sa_type=LargeBinary)
    """See `stamps.py`."""
