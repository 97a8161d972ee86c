"""The uses that one job makes of a party's data: one towards each other party, each recorded.

Consent is given towards a recipient. A job of two parties is one use. In one of more, every other
party learns something, so the gate is asked once for each of them, in the job's order, each time
about those whom it has permitted so far; brought are the people whom every answer permits. Each
answer is a use record of its own: the first under the job's number, which the run receipt names,
the others under `<job>-to-<party>`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pyroaring import BitMap, FrozenBitMap

from party_node.decisions import Price
from party_node.gate import Gate, Permission
from party_node.use_numbers import numbered
from protocols.job import JobDescription, LedgerHead, job_hash
from protocols.question import operations_of


@dataclass(frozen=True, slots=True)
class Uses:
    """The permissions of one job, towards the other parties in their order."""

    each: tuple[Permission, ...]

    @property
    def reading(self) -> Permission:
        """A permission to read rows by: of people in `allowed`, and nobody else."""
        return self.each[0]

    @property
    def allowed(self) -> FrozenBitMap:
        """Who may be used towards all of them."""
        found = BitMap(self.each[0].allowed)
        for permission in self.each[1:]:
            found &= permission.allowed
        return FrozenBitMap(found)

    @property
    def asked(self) -> int:
        """People in the dataset."""
        return self.each[0].grant.asked

    @property
    def denied(self) -> dict[str, int]:
        """People who may not be used, by the reason that was met first."""
        return _added_up(permission.grant.denied for permission in self.each)

    @property
    def head(self) -> LedgerHead:
        """The checkpoint that includes the first use record, and that one's leaf hash."""
        return self.each[0].head

    @property
    def use_entry(self) -> int:
        """Index of the first use record."""
        return self.each[0].grant.use_entry

    @property
    def size(self) -> int:
        """Size of a ledger that has all use records."""
        return max(permission.head.size for permission in self.each)


@dataclass(frozen=True, slots=True)
class Later:
    """A later use of what a job brought: under which number, for what, by whom, of whom."""

    number: str
    operations: tuple[str, ...]
    requester: str
    among: BitMap | None = None
    """Of these people; None for everybody in the dataset."""
    purpose: str = ""
    """Empty: that of the job."""
    dataset: str = ""
    """Empty: that of the job."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the gate would decide now about uses towards all other parties."""

    asked: int
    """People who would be asked about."""
    allowed: BitMap = field(repr=False)
    denied: dict[str, int]
    """People who would not be permitted, by the reason that would be met first."""


def permit(
    gate: Gate,
    job: JobDescription,
    party: str,
    ttl_ms: int,
    *,
    price: Price | None = None,
    break_glass: str = "",
    later: Later | None = None,
    at_round: int | None = None,
) -> Uses:
    """Ask the gate about a job's uses of this party's data, or about a later use of some of these
    people; the same again after a restart.

    Raises: as `Gate.permit`.
    """
    asked = later or Later(job.job, operations_of(job), job.requester)
    found: list[Permission] = []
    among, purpose = asked.among, asked.purpose or job.purpose
    dataset = asked.dataset or job.dataset_of(party)
    for peer, number in numbered(asked.number, job.others(party)):
        permission = gate.permit(
            number, job_hash(job), dataset, purpose, peer, asked.operations,
            asked.requester, ttl_ms, among=among, price=price, break_glass=break_glass,
            at_round=at_round,
        )  # fmt: skip
        found.append(permission)
        among = BitMap(permission.allowed)
    return Uses(tuple(found))


def recheck(gate: Gate, uses: Uses, break_glass: str = "", *, at_round: int | None = None) -> Uses:
    """Ask the gate again about each use, before a round of a training if one is given.

    Raises: as `Gate.recheck`.
    """
    return Uses(
        tuple(gate.recheck(one, at_round=at_round, break_glass=break_glass) for one in uses.each)
    )


def complete(gate: Gate, uses: Uses) -> None:
    """Write that every use is completed. Raises: as `Gate.complete`."""
    for permission in uses.each:
        gate.complete(permission, "completed")


def end(gate: Gate, job: JobDescription, party: str, outcome: str) -> None:
    """Write how every use that was recorded ended."""
    for _, number in numbered(job.job, job.others(party)):
        gate.end(number, job.dataset_of(party), outcome)


def permitted_now(gate: Gate, job: JobDescription, party: str) -> tuple[int, BitMap]:
    """Return how many people would be asked, and who would be permitted now towards all.

    Raises: as `Gate.permitted_now`.
    """
    found = foreseen(gate, job, party)
    return found.asked, found.allowed


def foreseen(gate: Gate, job: JobDescription, party: str, later: Later | None = None) -> Foreseen:
    """Return what `permit` would come to now: nothing is recorded, and no row may be read by it.

    Raises: as `Gate.permitted_now`.
    """
    said = later or Later(job.job, operations_of(job), job.requester)
    dataset, purpose = said.dataset or job.dataset_of(party), said.purpose or job.purpose
    among, first, denied = said.among, 0, list[dict[str, int]]()
    for place, peer in enumerate(job.others(party)):
        asked, among, reasons = gate.foreseen(dataset, purpose, peer, said.operations, among)
        first = first if place else asked
        denied.append(reasons)
    return Foreseen(first, BitMap() if among is None else among, _added_up(denied))


def _added_up(denied: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for reasons in denied:
        for reason, people in reasons.items():
            total[reason] = total.get(reason, 0) + people
    return total
