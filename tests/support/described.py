"""A job's description with every field: a test says only those that it is about."""

import dataclasses
from typing import Any

from protocols.job import JobDescription, Source

BASE = JobDescription(
    job="0" * 32,
    collaboration="spring",
    version=1,
    collaboration_hash=bytes(32),
    kind="overlap",
    protocol="psi-dh-cardinality/2",
    params=b"",
    purpose="measurement",
    requester="brand",
    receiver="brand",
    receiver_dataset="customers",
    senders=(Source("publisher", "audience"),),
    identifiers=("email",),
    minimum_size=50,
    rho_nano=1,
    created_ms=0,
    expires_ms=1,
)


def described(**changes: Any) -> JobDescription:
    """Return a job between a brand, which receives, and a publisher; with these fields changed."""
    return dataclasses.replace(BASE, **changes)
