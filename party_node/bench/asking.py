"""What is to be measured: sizes, protocol, how many are in both sets, which way."""

import enum
import re
from dataclasses import dataclass

from party_node.job_kinds import ASKING, INSIGHT
from party_node.surface_errors import BenchRefused
from protocols.collaboration_terms import PROTOCOLS_OF_KIND
from protocols.psi.params import LARGEST_SET
from protocols.registry import REGISTRY

_SIZES = re.compile(r"([0-9][0-9_]*)x([0-9][0-9_]*)", re.ASCII)


class Way(enum.StrEnum):
    """How envelopes get from one side to the other."""

    RELAY = "relay"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class Asked:
    """One measurement."""

    receiver_items: int
    sender_items: int
    common: int
    protocol: str
    """Registered name."""
    ways: tuple[Way, ...]

    @property
    def kind(self) -> str:
        """The kind of job that this protocol serves."""
        return next(kind for kind, names in PROTOCOLS_OF_KIND.items() if self.protocol in names)


def read(sizes: str, protocol: str, through: str, common: float) -> Asked:
    """Read the words of the command line. Raises: BenchRefused, saying which word is wrong."""
    found = _SIZES.fullmatch(sizes.strip().lower())
    if found is None:
        raise BenchRefused(f"{sizes!r} is no pair of sizes", hint="as in: --sizes 1000000x100000")
    receiver, sender = (int(digits.replace("_", "")) for digits in found.groups())
    if max(receiver, sender) > LARGEST_SET:
        raise BenchRefused(f"a set has at most {LARGEST_SET:,} items")
    if not 0 <= common <= 1:
        raise BenchRefused("the common part is a fraction of the smaller set, 0 to 1")
    ways = tuple(Way) if through == "both" else tuple(w for w in Way if w == through)
    if not ways:
        raise BenchRefused(f"{through!r} is no way", hint="ways are relay, direct and both")
    return Asked(receiver, sender, round(min(receiver, sender) * common), named(protocol), ways)


def named(protocol: str) -> str:
    """Return the registered name; `psi-dh` is short for the newest `psi-dh-members/…`.

    Raises: BenchRefused, naming those that can be measured, or the command that measures this one.
    """
    for kind in sorted(ASKING):
        if protocol.partition("/")[0] in (n.partition("/")[0] for n in PROTOCOLS_OF_KIND[kind]):
            other = "sums" if kind == INSIGHT else kind
            raise BenchRefused(
                f"{protocol!r} does more than match, and is not measured by accord bench psi",
                hint=f"measure it by: accord bench {other}",
            )
    serving = frozenset[str]().union(
        *(names for kind, names in PROTOCOLS_OF_KIND.items() if kind not in ASKING)
    )
    known = sorted(name for name in REGISTRY if name in serving)
    if protocol in known:
        return protocol
    short = [name for name in known if name.partition("/")[0] in (protocol, f"{protocol}-members")]
    if not short:
        raise BenchRefused(f"{protocol!r} is no protocol", hint=f"known are {', '.join(known)}")
    return max(short, key=lambda name: int(name.partition("/")[2]))
