"""Stamps on rows that decide something, and what else binds them to the ledger.

Rows that are there get none, and are refused: there is no released version that wrote any.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_STAMPED = (
    "budget_charges",
    "collaborations",
    "counters",
    "datasets",
    "emergencies",
    "erasures",
    "holds",
    "jobs",
    "preflights",
    "results",
    "roles",
    "rules",
    "runs",
    "subject_requests",
    "use_permissions",
    "webhooks",
)


def upgrade() -> None:
    for table in _STAMPED:
        none = sa.Column("stamp", sa.LargeBinary(), nullable=False, server_default="")
        op.add_column(table, none)
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("roles", sa.Column("entry", big, nullable=False, server_default="-1"))
    op.add_column(
        "erasures", sa.Column("suppressed", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_table(
        "suppression_sets",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("first", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("stamp", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "first", name=op.f("pk_suppression_sets")),
    )


def downgrade() -> None:
    raise NotImplementedError("a database never goes back")
