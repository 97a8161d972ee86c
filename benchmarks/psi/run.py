"""`make bench-psi`: `accord bench psi` beside its peers, in one run on one machine.

    python -m benchmarks.psi.run [--sizes 1000000x1000000] [--protocols psi-dh,psi-ot]
                                 [--peers all] [--peers-python PATH] [--json]

Peers live in an environment of their own (`requirements.txt` beside this file, `make
bench-psi-peers`). One that is not installed there is said not to be, and has no figure.

Compared are CPU-seconds of both parties. Ours are those through the relay, without the
coordinator's, and with the hashing of identifiers, which peers do themselves. Whoever measures
should have the machine for himself.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.psi.peer import PEERS
from party_node.bench import asking
from party_node.bench.psi import measure
from party_node.surface_errors import BenchRefused

HERE = Path(__file__).parent
PYTHON = HERE / ".venv" / "bin" / "python"
MILLION, LARGE_MIB = 10**6, {10**6: 1_000, 10**7: 4_000}


@dataclass(frozen=True, slots=True)
class Target:
    """The most that our CPU-seconds may be, divided by a peer's; at the size that it is set for."""

    ours: str
    peer: str
    at_most: float
    size: int
    only_with: str = ""
    """The back end that the target is set for, if for one."""


TARGETS = (
    Target("psi-ot", "spu-rr22", 0.55, 10**6),
    Target("psi-dh", "spu-ecdh", 0.9, 10**6, "multibuffer"),
    Target("psi-dh", "openmined", 0.1, 10**5),
    Target("psi-dh-prepared", "spu-kkrt", 0.1, 10**4),
)
RELAY_OVER_DIRECT = 1.25


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="measure matching beside its peers")
    parser.add_argument("--sizes", default="1000000x1000000")
    parser.add_argument("--protocols", default="psi-dh,psi-ot")
    parser.add_argument("--peers", default="all", help=f"of {', '.join(PEERS)}; or all, or none")
    parser.add_argument("--peers-python", type=Path, default=PYTHON)
    parser.add_argument("--common", type=float, default=0.4)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    names = {"all": list(PEERS), "none": []}.get(options.peers, options.peers.split(","))
    if unknown := set(names) - PEERS.keys():
        parser.error(f"there is no peer {min(unknown)}")
    found = {"sizes": options.sizes, "ours": {}, "peers": {}}
    for protocol in options.protocols.split(","):
        say(f"measuring {protocol} …")
        found["ours"][protocol] = ours(options.sizes, protocol, options.common)
    asked = asking.read(options.sizes, "psi-dh", "relay", options.common)
    for name in names:
        say(f"measuring {name} …")
        found["peers"][name] = peer(options.peers_python, name, asked)
    found["missing"] = [name for name, one in found["peers"].items() if "not_installed" in one]
    print(json.dumps(found, indent=2) if options.json else "\n".join(table(found)))
    for line in warnings(found):
        say(line)
    sys.exit(0 if all(one.get("exact", True) for one in found["ours"].values()) else 1)


def ours(sizes: str, protocol: str, common: float) -> dict[str, Any]:
    """Measure one of our protocols, or say why not."""
    try:
        asked = asking.read(sizes, protocol, "both", common)
    except BenchRefused as e:
        return {"failed": str(e)}
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as folder:
        return measure(Path(folder), asked)


def peer(python: Path, name: str, asked: asking.Asked) -> dict[str, Any]:
    """Measure one peer with the interpreter of the peers' environment, or say why not."""
    if not python.exists():
        return {
            "not_installed": f"{PEERS[name][0]} (no environment; make it: make bench-psi-peers)"
        }
    sizes = (asked.receiver_items, asked.sender_items, asked.common)
    words = [str(python), str(HERE / "peer.py"), name, *map(str, sizes)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()  # a peer may log to standard output before
    if done.returncode != 0 or not lines:
        return {"failed": done.stderr.strip()[-500:]}
    figures: dict[str, Any] = json.loads(lines[-1])
    return figures


def cost_of(one: Mapping[str, Any]) -> float:
    """Return the CPU-seconds of ours that are compared."""
    way = one["ways"]["relay"]
    return float(way["cpu_seconds_both_parties"] + way["input_cpu_seconds_both_parties"])


def table(found: Mapping[str, Any]) -> Iterator[str]:
    """Return a line for each figure, then a line for each ratio beside its target."""
    yield f"{found['sizes']}, CPU-seconds of both parties"
    for name, one in found["ours"].items():
        if "failed" in one:
            yield f"  {name:12} NOT MEASURED: {one['failed']}"
            continue
        way, exact = one["ways"]["relay"], "exact" if one["exact"] else "NOT EXACT"
        peak = max(way["peak_mib"].values())
        yield (
            f"  {name:12} {cost_of(one):9.2f}   wall {way['wall_seconds']:8.2f}   "
            f"{sum(way['bytes'].values()) / 1e6:8.2f} MB   {peak:5} MiB   {exact}, {way['backend']}"
        )
    for name, one in found["peers"].items():
        if "not_installed" in one:
            yield f"  {name:12} NOT INSTALLED: {one['not_installed']}"
        elif "failed" in one:
            yield f"  {name:12} FAILED: {one['failed']}"
        else:
            moved = "       ?" if one["bytes"] is None else f"{one['bytes'] / 1e6:8.2f}"
            yield (
                f"  {name:12} {one['cpu_seconds_both_parties']:9.2f}   "
                f"wall {one['wall_seconds']:8.2f}   {moved} MB   "
                f"{max(one['peak_mib'].values()):5} MiB   "
                f"{'exact' if one['exact'] else 'NOT EXACT'}"
            )
    yield ""
    yield f"{'ratio':44} {'measured':>9} {'at most':>8}"
    yield from ratios(found)


def ratios(found: Mapping[str, Any]) -> Iterator[str]:
    """Return each ratio that there is, beside the target; a target counts at its own size only."""
    receiver = int(str(found["sizes"]).partition("x")[0].replace("_", ""))
    for name, one in found["ours"].items():
        if "failed" in one:
            continue
        for other, figures in found["peers"].items():
            if "cpu_seconds_both_parties" in figures:
                ratio = cost_of(one) / max(figures["cpu_seconds_both_parties"], 0.01)
                backend = one["ways"]["relay"]["backend"]
                aim = next((t for t in TARGETS if (t.ours, t.peer) == (name, other)), None)
                yield _line(f"{name} ÷ {other}, CPU-s of both", ratio, _at(aim, receiver, backend))
        yield _line(f"{name}: wall, relay ÷ direct", one["relay_over_direct"], RELAY_OVER_DIRECT)
        peak = max(one["ways"]["relay"]["peak_mib"].values())
        yield _line(f"{name}: peak memory of a party, MiB", peak, LARGE_MIB.get(receiver))


def warnings(found: Mapping[str, Any]) -> Iterator[str]:
    """Return what must not be overlooked."""
    for name in found["missing"]:
        why = found["peers"][name]["not_installed"]
        yield f"NOT INSTALLED, and so not compared: {name} ({why})"
    for name, one in (*found["ours"].items(), *found["peers"].items()):
        if not one.get("exact", True):
            yield f"NOT EXACT: {name}"


def _at(target: Target | None, size: int, backend: str) -> float | None:
    if target is None or target.size != size or target.only_with not in ("", backend):
        return None
    return target.at_most


def _line(what: str, value: float, bound: float | None) -> str:
    aim = "–" if bound is None else f"{bound:g}"
    missed = "" if bound is None or value <= bound else "MISSED"
    return f"{what:44} {value:>9.3f} {aim:>8} {missed}".rstrip()


def say(text: str) -> None:
    """Say something beside the figures."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
