"""Who learns what from a job, and what was said before it ran, in plain words.

Everything stands in the signed job and the pre-flight records, so both sides read the same
sentences.
"""

from dataclasses import dataclass

from protocols.dp import budget, noise
from protocols.dp.budget import Rho
from protocols.job import JobDescription, Preflight

COORDINATOR = "coordinator"


@dataclass(frozen=True, slots=True)
class Learns:
    """What one of those involved learns."""

    who: str
    what: str


@dataclass(frozen=True, slots=True)
class PreflightView:
    """One side's pre-flight; sizes are rounded down to 0, 100, 200, 500, 1000, …"""

    party: str
    asked_step: int
    permitted_step: int
    seconds: int
    memory_mib: int
    traffic_kib: int
    rho_before: str
    rho_after: str
    refusal: str
    """Empty, or the error code for which this side would refuse."""


def who_learns(job: JobDescription) -> tuple[Learns, ...]:
    """Return what each party, and the coordinator, learns from `job`."""
    size = f"how many people both have, give or take {half_width(job.rho_nano):,} (95 %)"
    below = f"; below {job.minimum_size} people nothing is said"
    if job.kind == "audience":
        receiver = f"which of its own people {job.sender} has too, and so how many{below}"
    else:
        receiver = (
            f"{size}{below}. Its node counts exactly, adds the noise and forgets the exact count"
        )
    return (
        Learns(job.receiver, receiver),
        Learns(job.sender, f"{size}{below}; never which people"),
        Learns(
            COORDINATOR,
            f"that {job.receiver} and {job.sender} ran this job, when, and how many bytes passed, "
            "from which the sizes of both sets can be worked out; never who is in them",
        ),
    )


def half_width(rho_nano: int) -> int:
    """Return how far, at 95 %, noise of this price reaches, in people."""
    return noise.half_width(budget.sigma_for(rho_nano))


def view(said: Preflight) -> PreflightView:
    """Return a pre-flight record for people."""
    return PreflightView(
        party=said.party,
        asked_step=said.asked_step,
        permitted_step=said.permitted_step,
        seconds=said.seconds,
        memory_mib=said.memory_mib,
        traffic_kib=said.traffic_kib,
        rho_before=Rho(said.rho_nano_before).decimal(),
        rho_after=Rho(said.rho_nano_after).decimal(),
        refusal=said.refusal,
    )
