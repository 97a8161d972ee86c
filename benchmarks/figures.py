"""What benchmarks have in common: percentiles, CPU time, memory, a process for each measurement."""

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def in_a_process(module: str, *words: object) -> dict[str, Any]:
    """Run a benchmark module in a process of its own; return the JSON object that it prints."""
    command = [sys.executable, "-m", module, *map(str, words)]
    found = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    figures: dict[str, Any] = json.loads(found.stdout)
    return figures


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def in_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, 99th percentile and worst of durations, in milliseconds."""
    return {
        "p50_ms": round(percentile(seconds, 50) * 1e3, 3),
        "p99_ms": round(percentile(seconds, 99) * 1e3, 3),
        "worst_ms": round(max(seconds) * 1e3, 3),
    }


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> float:
    """Return the CPU seconds of this process, or of its children that have ended."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def peak_mib() -> int:
    """Return the peak memory of this process since the kernel was last asked to forget it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024)
    return 0


def forget_peak() -> None:
    """Count peak memory from now on."""
    Path("/proc/self/clear_refs").write_text("5")
