"""Indexes for what is counted at each message and each proposal."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_jobs_requester_state", "jobs", ["requester", "state"])
    op.create_index(
        "ix_mailbox_sides_party_pending_bytes", "mailbox_sides", ["party", "pending_bytes"]
    )
