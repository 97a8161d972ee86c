"""Standing rules: what a data owner approves without being asked each time.

A rule names a collaboration, a job kind, a purpose and the most that a job may cost; a job that
reveals which records match needs a rule that says so. No rule, no automatic yes: the job then
waits for a person.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session, select

from party_node import count_noise
from party_node.database import Database, Within
from party_node.errors import NotFound
from party_node.job_tables import RuleRow
from protocols.collaboration import Permitted
from protocols.job import JobDescription


@dataclass(frozen=True, slots=True)
class Rule:
    """A standing approval."""

    name: str
    collaboration: str
    kind: str
    purpose: str
    max_rho_nano: int
    allow_reveal: bool

    def covers(self, job: JobDescription, permitted: Permitted) -> bool:
        """Tell whether this rule approves `job`.

        Never a count that has no noise inside the other node: that needs a person's yes.
        """
        return (
            (self.collaboration, self.kind, self.purpose)
            == (job.collaboration, job.kind, job.purpose)
            and job.rho_nano <= self.max_rho_nano
            and (self.allow_reveal or not permitted.reveal)
            and not count_noise.is_exact_inside(job)
        )


class Rules:
    """The standing rules of this node."""

    def __init__(self, db: Database, clock_ms: Callable[[], int]) -> None:
        self._db, self._clock_ms = db, clock_ms

    def put(self, rule: Rule, within: Within | None = None) -> None:
        """Add a rule, or replace the one of that name."""
        row = RuleRow(
            name=rule.name, collaboration=rule.collaboration, kind=rule.kind, purpose=rule.purpose,
            max_rho_nano=rule.max_rho_nano, allow_reveal=rule.allow_reveal,
            created_ms=self._clock_ms(),
        )  # fmt: skip

        def keep(session: Session) -> None:
            session.merge(row)

        (within or self._db.work)(keep)

    def remove(self, name: str, within: Within | None = None) -> None:
        """Remove a rule. Raises: NotFound."""

        def drop(session: Session) -> None:
            row = session.get(RuleRow, name)
            if row is None:
                raise NotFound(f"there is no rule {name}")
            session.delete(row)

        (within or self._db.work)(drop)

    def all(self) -> list[Rule]:
        """Return all rules by name."""
        with self._db.reading() as session:
            rows = session.exec(select(RuleRow).order_by(RuleRow.name)).all()
            return [
                Rule(r.name, r.collaboration, r.kind, r.purpose, r.max_rho_nano, r.allow_reveal)
                for r in rows
            ]

    def approving(self, job: JobDescription, permitted: Permitted) -> Rule | None:
        """Return the first rule that approves `job`, or None."""
        return next((rule for rule in self.all() if rule.covers(job, permitted)), None)
