"""People's requests, people in roles, holds, and emergency approvals of uses."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "subject_requests",
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("subject", _big(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("extended", sa.Boolean(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("regime", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("purposes", sa.Text(), nullable=False),
        sa.Column("received_ms", _big(), nullable=False),
        sa.Column("due_ms", _big(), nullable=False),
        sa.Column("changed_ms", _big(), nullable=False),
        sa.Column("verified_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("results", sa.Text(), nullable=False),
        sa.Column("fulfilled_ms", _big(), nullable=True),
        sa.Column("lifted_ms", _big(), nullable=True),
        sa.Column("entry", _big(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_subject_requests")),
        sa.UniqueConstraint("key", name=op.f("uq_subject_requests_key")),
    )
    for column in ("due_ms", "ended", "subject"):
        name = op.f(f"ix_subject_requests_{column}")
        op.create_index(name, "subject_requests", [column], unique=False)
    op.create_table(
        "roles",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("added_ms", _big(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_roles")),
        sa.UniqueConstraint("digest", name=op.f("uq_roles_digest")),
    )
    op.create_table(
        "holds",
        sa.Column("hold", sa.String(length=32), nullable=False),
        sa.Column("erasure", _big(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("until_ms", _big(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("ended", _big(), nullable=True),
        sa.PrimaryKeyConstraint("hold", name=op.f("pk_holds")),
    )
    for column in ("erasure", "request_id"):
        op.create_index(op.f(f"ix_holds_{column}"), "holds", [column], unique=False)
    op.create_table(
        "hold_halves",
        sa.Column("hold", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("check", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hold", "name", name=op.f("pk_hold_halves")),
    )
    op.create_table(
        "held_payloads",
        sa.Column("hold", sa.String(length=32), nullable=False),
        sa.Column("index", _big(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("check", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hold", "index", name=op.f("pk_held_payloads")),
    )
    op.create_table(
        "emergencies",
        sa.Column("approval_id", sa.String(length=32), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("entry", _big(), nullable=False),
        sa.Column("expires_ms", _big(), nullable=False),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_emergencies")),
    )
    op.create_index(op.f("ix_emergencies_job"), "emergencies", ["job"], unique=False)
    op.add_column(
        "use_permissions",
        sa.Column("break_glass", sa.String(), nullable=False, server_default=""),
    )


def downgrade() -> None:
    raise NotImplementedError("a database never goes back")
