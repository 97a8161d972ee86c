"""Every decision of the gate with its sets, not only the last of each job.

What was asked and allowed is kept sealed, so that a decision can be made again at the same size of
the ledger, and a late withdrawal finds the uses that it came too late for. Permissions of jobs that
are on their way are asked for again.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.execute("DELETE FROM use_permissions")
    op.drop_column("use_permissions", "allowed")
    op.create_table(
        "use_decisions",
        sa.Column("entry", _BIG, autoincrement=False, nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("evaluated_ms", _BIG, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_use_decisions")),
    )
    op.create_index(op.f("ix_use_decisions_job"), "use_decisions", ["job"])
    op.create_index(op.f("ix_use_decisions_evaluated_ms"), "use_decisions", ["evaluated_ms"])


def downgrade() -> None:
    raise NotImplementedError("a ledger never goes back")
