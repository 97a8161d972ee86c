"""Several witnesses: what each said, which checkpoints are published, and who raised an alarm."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "checkpoints",
        sa.Column("published", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    # Until now there was one witness, so what it had cosigned was published.
    op.execute(sa.text("UPDATE checkpoints SET published = true WHERE cosigned IS NOT NULL"))
    op.execute(sa.text("DELETE FROM cursors WHERE name = 'witnessed-size'"))
    op.create_table(
        "witness_views",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("seen", _BIG, nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("said_ms", _BIG, nullable=False),
        sa.Column("alarm", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_witness_views")),
    )
    op.create_table(
        "witness_alarms",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("size", _BIG, autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("seen", _BIG, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("raised_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("key", "kind", "size", name=op.f("pk_witness_alarms")),
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger never goes back")
