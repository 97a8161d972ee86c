"""Webhooks: receivers, the outbox, deliveries."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("webhook", sa.String(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("loopback", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_until_ms", _big(), nullable=False),
        sa.Column("created_ms", _big(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since_ms", _big(), nullable=False),
        sa.Column("hold_until_ms", _big(), nullable=False),
        sa.Column("delivered_ms", _big(), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=False),
        sa.Column("last_cause", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("webhook", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "webhook_events",
        sa.Column("seq", _big(), autoincrement=False, nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", _big(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_webhook_events")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("seq", _big(), autoincrement=False, nullable=False),
        sa.Column("webhook", sa.String(), nullable=False),
        sa.Column("grouped", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_ms", _big(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("perhaps_taken", sa.Boolean(), nullable=False),
        sa.Column("updated_ms", _big(), nullable=False),
        sa.PrimaryKeyConstraint("seq", "webhook", name=op.f("pk_webhook_deliveries")),
    )
    for columns in (
        ["webhook", "state", "due_ms", "seq"],
        ["grouped", "webhook", "state", "seq"],
    ):
        name = op.f(f"ix_webhook_deliveries_{'_'.join(columns)}")
        op.create_index(name, "webhook_deliveries", columns, unique=False)


def downgrade() -> None:
    raise NotImplementedError("a database never goes back")
