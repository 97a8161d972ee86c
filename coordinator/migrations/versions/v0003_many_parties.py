"""Jobs of more than two parties: who takes part, who has accepted, who says what to whom.

Jobs that are there go, with what belongs to them: no node of this version reads them, and there is
no released version that wrote any. Parties and agreements stay.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


_OF_OLD_JOBS = ("job_events", "receipts", "bodies", "messages", "mailbox_sides", "jobs")


def upgrade() -> None:
    for table in _OF_OLD_JOBS:
        op.execute(sa.delete(sa.table(table)))
    _jobs()
    _mailboxes()
    _receipts()


def _jobs() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_index("ix_jobs_counterparty")
        jobs.drop_constraint("fk_jobs_counterparty", type_="foreignkey")
        jobs.drop_column("counterparty")
        jobs.drop_column("acceptance")
        jobs.add_column(sa.Column("counterparties", sa.String(), nullable=False))
        jobs.add_column(sa.Column("acceptances", sa.Text(), nullable=False))
    op.create_table(
        "job_parties",
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["party"], ["parties.party"], name="fk_job_parties_party"),
        sa.ForeignKeyConstraint(["job"], ["jobs.job"], name="fk_job_parties_job"),
        sa.PrimaryKeyConstraint("party", "job", name="pk_job_parties"),
    )


def _mailboxes() -> None:
    op.drop_table("bodies")
    op.drop_table("messages")
    op.drop_index("ix_mailbox_sides_party_pending_bytes", "mailbox_sides")
    op.drop_table("mailbox_sides")
    op.create_table(
        "mailbox_sides",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("sent_bytes", sa.BigInteger(), nullable=False),
        sa.Column("pending_bytes", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["job"], ["jobs.job"], name="fk_mailbox_sides_job"),
        sa.PrimaryKeyConstraint("job", "party", "recipient", name="pk_mailbox_sides"),
    )
    op.create_index(
        "ix_mailbox_sides_party_pending_bytes", "mailbox_sides", ["party", "pending_bytes"]
    )
    for table, columns in (
        (
            "messages",
            (
                sa.Column("size", sa.BigInteger(), nullable=False),
                sa.Column("digest", sa.LargeBinary(), nullable=False),
                sa.Column("acknowledged", sa.Boolean(), nullable=False),
            ),
        ),
        ("bodies", (sa.Column("body", sa.LargeBinary(), nullable=False),)),
    ):
        op.create_table(
            table,
            sa.Column("job", sa.String(), nullable=False),
            sa.Column("sender", sa.String(), nullable=False),
            sa.Column("recipient", sa.String(), nullable=False),
            sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
            *columns,
            sa.ForeignKeyConstraint(["job"], ["jobs.job"], name=f"fk_{table}_job"),
            sa.PrimaryKeyConstraint("job", "sender", "recipient", "step", name=f"pk_{table}"),
        )


def _receipts() -> None:
    op.drop_table("receipts")
    op.create_table(
        "receipts",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.Column("signatures", sa.Text(), nullable=False),
        sa.Column("filed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.job"], name="fk_receipts_job"),
        sa.PrimaryKeyConstraint("job", name="pk_receipts"),
    )
