"""What the ledger comes to, beside it: tiles of the tree, facts, policies, decisions, erasures.

The snapshot goes: facts are read as fast, and serve every policy. For a ledger from before, tiles
and facts are made at the next start.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(name: str, kind: Any) -> Any:
    return sa.Column(name, kind, autoincrement=False, nullable=False)


def upgrade() -> None:
    op.drop_table("ledger_snapshots")
    op.add_column("ledger_entries", sa.Column("erased", _BIG, nullable=True))
    op.add_column("subjects", sa.Column("check", sa.LargeBinary(), nullable=True))
    op.add_column("identifiers", sa.Column("check", sa.LargeBinary(), nullable=True))
    op.create_table(
        "ledger_head",
        _key("one", sa.Integer()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_ledger_head")),
    )
    op.create_table(
        "ledger_tiles",
        _key("level", sa.Integer()),
        _key("number", _BIG),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_ledger_tiles")),
    )
    op.create_table(
        "ledger_facts",
        _key("first", _BIG),
        sa.Column("facts", sa.Integer(), nullable=False),
        sa.Column("lowest", _BIG, nullable=False),
        sa.Column("highest", _BIG, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("first", name=op.f("pk_ledger_facts")),
    )
    op.create_table(
        "ledger_whats",
        _key("number", sa.Integer()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ledger_whats")),
    )
    op.create_table(
        "policies",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("entry", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_policies")),
    )
    op.create_table(
        "notices",
        sa.Column("notice_hash", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("entry", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("notice_hash", name=op.f("pk_notices")),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "erasures",
        _key("entry", _BIG),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("pending", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_erasures")),
    )
    op.create_table(
        "suppressions",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("entry", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("kind", "token", name=op.f("pk_suppressions")),
    )


def downgrade() -> None:
    raise NotImplementedError("a ledger never goes back")
