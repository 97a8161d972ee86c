"""What a check of the ledger found: where, and what is wrong there. Never what somebody said."""

from dataclasses import dataclass, field

MOST = 1_000
"""Findings that are listed; all are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit."""

    where: str
    """As `entry 17`, `tile/0/001`, `checkpoint 53`, `payload of entry 17`."""
    what: str


@dataclass(slots=True)
class Findings:
    """All of them."""

    listed: list[Finding] = field(default_factory=list)
    total: int = 0

    def add(self, where: str, what: str) -> None:
        """Take note of one."""
        self.total += 1
        if len(self.listed) < MOST:
            self.listed.append(Finding(where, what))

    def __bool__(self) -> bool:
        return self.total > 0
