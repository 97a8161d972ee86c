"""How long a file of consents takes to import, in both processes, and how much memory it needs.

    python -m benchmarks.consent_import [EVENTS]

Each case runs in a process of its own over a new home on SQLite, so that peak memory is its own.
"""

import json
import re
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from consent.defaults import DEFAULT_VOCABULARY
from party_node.capture.file_import import import_file
from party_node.clock import system_clock
from party_node.database import Database
from party_node.home import Home
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.migrations import migrate
from party_node.stamps import Stamps
from party_node.vault import Vault

TARGET_SECONDS_A_MILLION = 60.0
CASES = ("email", "email-and-phone")
_MODULE = "benchmarks.consent_import"
_HEADER = "source_event_id,email,phone,purpose,recipient,state,event_time,method,jurisdiction\n"


def measure(events: int) -> dict[str, Any]:
    """Return seconds and memory of importing `events` events about as many people, by case."""
    return {"events": events} | {case: _in_a_process(case, events) for case in CASES}


def _in_a_process(case: str, events: int) -> dict[str, Any]:
    words = [sys.executable, "-m", _MODULE, case, str(events)]
    found = subprocess.run(words, stdout=subprocess.PIPE, check=True)
    figures: dict[str, Any] = json.loads(found.stdout)
    return figures


def _run(case: str, events: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as folder:
        path = Path(folder) / "consents.csv"
        with path.open("w", encoding="ascii") as out:
            out.write(_HEADER)
            out.writelines(_lines(events, with_phone=case == CASES[1]))
        home = Home.create(Path(folder) / "home", "brand", "Brand", rng=secrets.token_bytes)
        db = Database(home.database_url)
        migrate(db)
        vault = Vault(home.kek)
        Stamps(vault).guard(db)
        identity = Identity(db, vault, secrets.token_bytes)
        ledger = ConsentLedger(db, vault, "accord/brand/consent", home.ledger_seed)
        ledger.open()
        began, here, there = time.perf_counter(), _cpu(resource.RUSAGE_SELF), _cpu_of_children()
        reader = _ReaderPeak()
        report = import_file(
            path, ledger, identity, DEFAULT_VOCABULARY, "bench", "GB", system_clock(),
            watch=reader.look,
        )  # fmt: skip
        wall = time.perf_counter() - began
        here, there = _cpu(resource.RUSAGE_SELF) - here, _cpu_of_children() - there
        db.close()
    if report.accepted != events:
        raise RuntimeError("the import did not accept every event")
    return {
        "seconds": round(wall, 2),
        "events_a_second": round(events / wall),
        "cpu_seconds": {"node": round(here, 2), "reader": round(there, 2)},
        "peak_mib": {
            "node": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "reader": round(reader.kib / 1024),
        },
    }


def _lines(events: int, *, with_phone: bool) -> Iterator[str]:
    for n in range(events):
        phone = f"0{7400 + n // 10**6} {n % 10**6:06}" if with_phone else ""
        state = "withdrawn" if n % 5 == 0 else "given"
        at = f"2026-0{1 + n % 9}-{1 + n % 28:02}T{n % 24:02}:{n % 60:02}:{n % 59:02}.000Z"
        yield (
            f"e{n},Person.{n}@Example.com,{phone},joint-audience,publisher,{state},{at},web-form,GB\n"
        )


def _cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _cpu_of_children() -> float:
    return _cpu(resource.RUSAGE_CHILDREN)


class _ReaderPeak:
    """The peak memory of the process that reads ahead, asked of the kernel while it runs.

    What a parent is told about a child that has ended counts the parent's own memory in.
    """

    def __init__(self) -> None:
        self.kib = 0

    def look(self, _report: object) -> None:
        for thread in Path("/proc/self/task").iterdir():
            for child in (thread / "children").read_text().split():
                with suppress(OSError):  # it has ended meanwhile
                    status = Path(f"/proc/{child}/status").read_text()
                    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
                    self.kib = max(self.kib, int(found[1]) if found else 0)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in CASES:
        print(json.dumps(_run(sys.argv[1], int(sys.argv[2]))))
    else:
        print(json.dumps(measure(int((*sys.argv[1:], 1_000_000)[0])), indent=2))
