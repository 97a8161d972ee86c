"""The members' signatures over a collaboration, for the evidence of runs under it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    # Empty for versions that are known already: the next look at the coordinator fills it.
    op.add_column(
        "collaborations",
        sa.Column("countersignatures", sa.Text(), nullable=False, server_default="{}"),
    )


def downgrade() -> None:
    raise NotImplementedError("a database never goes back")
