"""What was aimed at, and where in the figures it stands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Claim:
    """One figure with its bound; `path` leads to it, and `*` stands for each key at its place."""

    what: str
    path: str
    bound: float
    at_least: bool = False
    """Else it is to be at most the bound."""

    def met(self, value: float) -> bool:
        """Return whether a figure is within the bound."""
        return value >= self.bound if self.at_least else value <= self.bound


CLAIMS = (
    Claim("psi-dh multi-buffer, CPU-s of both", "overlap/multibuffer/cpu_seconds_both_parties", 6),
    Claim("psi-dh PyNaCl, CPU-s of both", "overlap/pynacl/cpu_seconds_both_parties", 30),
    Claim("overlap, peak memory of a node, MiB", "overlap/*/peak_mib/*", 300),
    Claim("start of a node until ready, s", "overlap/*/ready_seconds/*", 3),
    Claim("gate over a dataset (of 100,000), s", "gate/seconds", 0.5),
    Claim("durable appends a second", "appends/*/events_a_second", 5_000, at_least=True),
    Claim(
        "withdrawal seen by another gate, worst ms",
        "appends/*/withdrawal_to_gate/worst_ms",
        100,
    ),
    Claim("import of a file (of 1 M events), s", "import/*/seconds", 60),
    Claim("decision over HTTP, p99 ms", "answers/contact/p99_ms", 20),
    Claim("row keys over HTTP (1 M), worst ms", "answers/bulk/worst_ms", 1_000),
    Claim("opening the ledger (of 20 M entries), s", "ledger/opening/wall_s", 60),
    Claim("everybody (10 M) with commitments, worst ms", "ledger/everybody/worst_ms", 250),
    Claim("one decision in process, p99 ms", "ledger/one_person/p99_ms", 1),
    Claim("verifying the ledger (20 M leaves), s", "ledger/verifying/wall_s", 300),
)


def table(found: Mapping[str, Any], claims: Sequence[Claim]) -> str:
    """Return a line for each figure that there is: what, measured, aimed at, whether it is met."""
    lines = [f"{'figure':58} {'measured':>12} {'aimed at':>12}"]
    for claim in claims:
        for where, value in _values(found, claim.path.split("/")):
            name = claim.what + (f" ({where})" if where else "")
            sign = "≥" if claim.at_least else "≤"
            aim = f"{sign} {claim.bound:,}"
            lines.append(f"{name:58} {value:>12,} {aim:>12} {'' if claim.met(value) else 'MISSED'}")
    return "\n".join(line.rstrip() for line in lines)


def _values(found: Any, path: Sequence[str], where: str = "") -> Iterator[tuple[str, float]]:
    """Return each figure at the end of a path, with the keys that stood for a `*`."""
    if not path:
        yield where, found
        return
    if not isinstance(found, dict):
        return
    if path[0] != "*":
        if path[0] in found:
            yield from _values(found[path[0]], path[1:], where)
        return
    for key, value in found.items():
        yield from _values(value, path[1:], f"{where}, {key}" if where else key)
