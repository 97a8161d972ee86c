"""Who learns what from a job, and what was said before it ran, in plain words.

Everything stands in the signed job and the pre-flight records, so both sides read the same
sentences.
"""

from dataclasses import dataclass

from party_node import count_noise
from protocols.dp.budget import Rho, questions_left
from protocols.job import JobDescription, Preflight
from protocols.job_params import per_person

COORDINATOR = "coordinator"


@dataclass(frozen=True, slots=True)
class Learns:
    """What one of those involved learns."""

    who: str
    what: str


@dataclass(frozen=True, slots=True)
class PreflightView:
    """One side's pre-flight; sizes are rounded down to 0, 1000, 2000, 5000, …"""

    party: str
    asked_step: int
    permitted_step: int
    seconds: int
    memory_mib: int
    traffic_kib: int
    rho_before: str
    rho_after: str
    questions_before: int
    questions_after: int
    """How many counts with ± 100 people at 95 % the budget buys."""
    refusal: str
    """Empty, or the error code for which this side would refuse."""
    earlier: str
    """Empty, or the earlier job whose release this side would answer with again."""


def who_learns(job: JobDescription) -> tuple[Learns, ...]:
    """Return what each party, and the coordinator, learns from `job`."""
    size = f"how many people both have, give or take {count_noise.half_width(job):,} (95 %)"
    below = f"; below {job.minimum_size} people nothing is said"
    if job.kind == "audience":
        receiver = f"which of its own people {job.sender} has too, and so how many{below}"
    else:
        receiver = f"{size}{below}{_who_counts(job)}"
        if (per_person(job) or 1) > 1:
            receiver += ", and how many people match with one identifier, with two and so on"
    return (
        Learns(job.receiver, receiver),
        Learns(job.sender, f"{size}{below}; never which people"),
        Learns(
            COORDINATOR,
            f"that {job.receiver} and {job.sender} ran this job, when, and how many bytes passed, "
            "from which the sizes of both sets can be worked out; never who is in them",
        ),
    )


def _who_counts(job: JobDescription) -> str:
    if count_noise.dummies_of(job):
        return ". The count leaves the matching with noise already"
    return ". Its node counts exactly, adds the noise and forgets the exact count"


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
        questions_before=questions_left(Rho(said.rho_nano_before)),
        questions_after=questions_left(Rho(said.rho_nano_after)),
        refusal=said.refusal,
        earlier=said.earlier,
    )
