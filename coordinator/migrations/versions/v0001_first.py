"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    revisions = op.create_table(
        "revisions",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_revisions"),
    )
    op.bulk_insert(revisions, [{"name": "all", "value": 0}])
    _parties()
    _collaborations()
    _jobs()
    _mailboxes()
    _witness()


def _parties() -> None:
    op.create_table(
        "parties",
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("ledger_vkey", sa.String(), nullable=False),
        sa.Column("ledger_origin", sa.String(), nullable=False),
        sa.Column("enrolled_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("party", name="pk_parties"),
        sa.UniqueConstraint("ledger_origin", name="uq_parties_ledger_origin"),
    )
    op.create_table(
        "invitations",
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_invitations"),
    )
    op.create_index("ix_invitations_expires_ms", "invitations", ["expires_ms"])
    op.create_index("ix_invitations_party", "invitations", ["party"])


def _collaborations() -> None:
    op.create_table(
        "collaborations",
        sa.Column("collaboration", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("in_force", sa.Boolean(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("collaboration", "version", name="pk_collaborations"),
    )
    op.create_index("ix_collaborations_revision", "collaborations", ["revision"])
    op.create_table(
        "memberships",
        sa.Column("collaboration", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["party"], ["parties.party"], name="fk_memberships_party"),
        sa.PrimaryKeyConstraint("collaboration", "version", "party", name="pk_memberships"),
    )
    op.create_index("ix_memberships_party", "memberships", ["party"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.Column("job_hash", sa.LargeBinary(), nullable=False),
        sa.Column("collaboration", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("requester", sa.String(), nullable=False),
        sa.Column("counterparty", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("acceptance", sa.LargeBinary(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["counterparty"], ["parties.party"], name="fk_jobs_counterparty"),
        sa.ForeignKeyConstraint(["requester"], ["parties.party"], name="fk_jobs_requester"),
        sa.PrimaryKeyConstraint("job", name="pk_jobs"),
    )
    for column in ("counterparty", "requester", "revision", "state"):
        op.create_index(f"ix_jobs_{column}", "jobs", [column])
    op.create_table(
        "job_events",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("said_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.job"], name="fk_job_events_job"),
        sa.PrimaryKeyConstraint("job", "party", "event", name="pk_job_events"),
    )
    op.create_table(
        "receipts",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.Column("receiver_signature", sa.LargeBinary(), nullable=False),
        sa.Column("sender_signature", sa.LargeBinary(), nullable=False),
        sa.Column("filed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.job"], name="fk_receipts_job"),
        sa.PrimaryKeyConstraint("job", name="pk_receipts"),
    )


def _mailboxes() -> None:
    op.create_table(
        "mailbox_sides",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("sent_bytes", sa.BigInteger(), nullable=False),
        sa.Column("pending_bytes", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["job"], ["jobs.job"], name="fk_mailbox_sides_job"),
        sa.PrimaryKeyConstraint("job", "party", name="pk_mailbox_sides"),
    )
    op.create_table(
        "messages",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.job"], name="fk_messages_job"),
        sa.PrimaryKeyConstraint("job", "sender", "step", name="pk_messages"),
    )
    op.create_table(
        "bodies",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.job"], name="fk_bodies_job"),
        sa.PrimaryKeyConstraint("job", "sender", "step", name="pk_bodies"),
    )


def _witness() -> None:
    op.create_table(
        "witness_heads",
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("origin_hash", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("cosignature", sa.String(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_witness_heads"),
        sa.UniqueConstraint("origin_hash", name="uq_witness_heads_origin_hash"),
    )
    op.create_table(
        "witness_conflicts",
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("held", sa.LargeBinary(), nullable=False),
        sa.Column("offered", sa.LargeBinary(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "digest", name="pk_witness_conflicts"),
    )
