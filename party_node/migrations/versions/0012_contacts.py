"""Contacts with persons, reserved and sent, for their frequency caps."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "contacts",
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("purpose_group", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("exempt", sa.Boolean(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column(
            "reserved_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "latest_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("key_digest", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_contacts")),
        sa.UniqueConstraint("key_digest", name=op.f("uq_contacts_key_digest")),
    )
    op.create_index(op.f("ix_contacts_latest_ms"), "contacts", ["latest_ms"], unique=False)
    op.create_index(
        op.f("ix_contacts_subject_channel_purpose_group_counted_latest_ms"),
        "contacts",
        ["subject", "channel", "purpose_group", "counted", "latest_ms"],
        unique=False,
    )


def downgrade() -> None:
    raise NotImplementedError("a database never goes back")
