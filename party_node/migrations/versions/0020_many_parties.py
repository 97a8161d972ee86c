"""Jobs of more than two parties: counters by peer, every party's acceptance, inputs by peer.

Rows of jobs that are there cannot be read any more, and go: there is no released version that wrote
any. What they charged and what the ledger says of them stays.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0018"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_OF_OLD_JOBS = ("outbox", "runs", "preflights", "receipts", "jobs")


def upgrade() -> None:
    for table in _OF_OLD_JOBS:
        op.execute(sa.delete(sa.table(table)))
    op.execute(sa.text("DELETE FROM cursors WHERE name = 'jobs'"))
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("counterparty")
        jobs.drop_column("acceptance")
        jobs.add_column(sa.Column("counterparties", sa.String(), nullable=False))
        jobs.add_column(sa.Column("acceptances", sa.Text(), nullable=False))
    with op.batch_alter_table("runs") as runs:
        runs.drop_column("sent")
        runs.drop_column("received")
        runs.add_column(sa.Column("sent", sa.Text(), nullable=False))
        runs.add_column(sa.Column("received", sa.Text(), nullable=False))
        runs.add_column(sa.Column("awaits", sa.Integer(), nullable=False))
    _by_recipient()


def _by_recipient() -> None:
    op.drop_table("outbox")
    op.create_table(
        "outbox",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("job", "step", "recipient", name=op.f("pk_outbox")),
    )
    with op.batch_alter_table("remembered_inputs") as inputs:
        inputs.drop_constraint("pk_remembered_inputs", type_="primary")
        inputs.create_primary_key("pk_remembered_inputs", ["job", "peer"])
