"""Accounts of the privacy budget, lineages of datasets, and answers that are given again.

Charges of before belong to no account and have another stamp: they are refused. There is no
released version that made any.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    for name in ("dataset", "lineage", "unit", "month"):
        text = sa.Column(name, sa.String(), nullable=False, server_default="")
        op.add_column("budget_charges", text)
    for name in ("nth", "spent_nano"):
        op.add_column("budget_charges", sa.Column(name, big, nullable=False, server_default="0"))
    op.create_table(
        "budget_accounts",
        sa.Column("counterparty", sa.String(), nullable=False),
        sa.Column("lineage", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("charges", big, nullable=False),
        sa.Column("spent_nano", big, nullable=False),
        sa.Column("limit_nano", big, nullable=False),
        sa.Column("last_charge", big, nullable=False),
        sa.Column("stamp", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "counterparty", "lineage", "unit", "month", name=op.f("pk_budget_accounts")
        ),
    )
    op.create_table(
        "budget_renewals",
        sa.Column("counterparty", sa.String(), nullable=False),
        sa.Column("lineage", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("entry", big, nullable=False),
        sa.Column("stamp", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "counterparty", "lineage", "month", name=op.f("pk_budget_renewals")
        ),
    )
    op.create_table(
        "dataset_lineages",
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("lineage", sa.String(), nullable=False),
        sa.Column("people", sa.LargeBinary(), nullable=False),
        sa.Column("since_ms", big, nullable=False),
        sa.Column("stamp", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", name=op.f("pk_dataset_lineages")),
    )
    op.create_index(op.f("ix_dataset_lineages_lineage"), "dataset_lineages", ["lineage"])
    op.create_table(
        "released_answers",
        sa.Column("answer", sa.Integer(), nullable=False),
        sa.Column("counterparty", sa.String(), nullable=False),
        sa.Column("lineage", sa.String(), nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.Column("snapshot", sa.LargeBinary(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("rho_nano", big, nullable=False),
        sa.Column("release", sa.LargeBinary(), nullable=False),
        sa.Column("released_ms", big, nullable=False),
        sa.Column("stamp", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("answer", name=op.f("pk_released_answers")),
        sa.UniqueConstraint(
            "counterparty", "lineage", "question", "snapshot", "turn",
            name=op.f("uq_released_answers_counterparty_lineage_question_snapshot_turn"),
        ),
    )  # fmt: skip
    op.create_table(
        "answer_refreshes",
        sa.Column("answer", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry", big, nullable=False),
        sa.Column("stamp", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("answer", name=op.f("pk_answer_refreshes")),
    )


def downgrade() -> None:
    raise NotImplementedError("a database never goes back")
