"""What this node brought to earlier runs, so that nearly the same question is noticed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "remembered_inputs",
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("people", sa.LargeBinary(), nullable=False),
        sa.Column("begun_ms", big, nullable=False),
        sa.Column("stamp", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_remembered_inputs")),
    )
    op.create_index(op.f("ix_remembered_inputs_peer"), "remembered_inputs", ["peer"])


def downgrade() -> None:
    raise NotImplementedError("a database never goes back")
