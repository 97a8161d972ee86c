"""Errors that are nobody's fault in a job: what failed for them is tried again, with pauses."""

from party_node.errors import (
    ClockSkewed,
    CoordinatorUnreachable,
    DatabaseUnreachable,
    DiskFull,
    QuorumMissed,
)
from party_node.workers.errors import WorkerLost, WorkersUnavailable

PASSING = (
    CoordinatorUnreachable, ClockSkewed, DiskFull, DatabaseUnreachable, QuorumMissed,
    WorkerLost, WorkersUnavailable,
)  # fmt: skip
