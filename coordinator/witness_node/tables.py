"""The tables of a stand-alone witness: the ledgers that it trusts, and what it saw of them.

Heads and conflicts have the coordinator's tables, so that one set of rules serves both.
"""

from sqlalchemy import BigInteger, MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from coordinator import tables
from coordinator.tables import WitnessConflictRow, WitnessHeadRow

METADATA = MetaData(naming_convention=tables.METADATA.naming_convention)


class WitnessTable(SQLModel, registry=registry(metadata=METADATA)):
    """Base of the tables: a registry of their own, apart from the coordinator's."""


class TrustedLogRow(WitnessTable, table=True):
    """A key that the operator trusts to sign for a ledger; a ledger may have several."""

    __tablename__ = "trusted_logs"
    vkey: str = Field(primary_key=True)
    origin: str = Field(index=True)
    added_ms: int = Field(sa_type=BigInteger)


for _row in (WitnessHeadRow, WitnessConflictRow):
    _row.metadata.tables[str(_row.__tablename__)].to_metadata(METADATA)
