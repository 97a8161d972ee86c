"""How long the gate takes to decide over a whole dataset, use record and checkpoint included."""

import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

from consent.defaults import DEFAULT_VOCABULARY
from party_node.capture.file_import import import_file
from party_node.clock import system_clock
from party_node.database import Database
from party_node.datasets import Datasets
from party_node.demo import bench
from party_node.demo.scene import MEASUREMENT
from party_node.gate import Gate
from party_node.home import Home
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.migrations import migrate
from party_node.stamps import Stamps
from party_node.vault import Vault
from protocols.job import OPERATIONS

REPEATS = 5


def measure(subjects: int) -> dict[str, Any]:
    """Return the median and the worst of some decisions over `subjects` consenting people."""
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as folder:
        home = Home.create(Path(folder) / "home", "brand", "Brand", rng=secrets.token_bytes)
        db = Database(home.database_url)
        migrate(db)
        vault = Vault(home.kek)
        Stamps(vault).guard(db)
        identity = Identity(db, vault, secrets.token_bytes)
        datasets = Datasets(db, home, identity)
        ledger = ConsentLedger(db, vault, "accord/brand/consent", home.ledger_seed)
        ledger.open()
        gate = Gate(ledger, datasets, identity, system_clock, secrets.token_bytes)
        rows, consents = bench.write(Path(folder), "brand", "publisher", range(subjects))
        datasets.register("customers", rows, "key", "email", None, "GB")
        began = time.perf_counter()
        import_file(consents, ledger, identity, DEFAULT_VOCABULARY, "bench", "GB", system_clock())
        imported = time.perf_counter() - began
        seconds = sorted(_decide(gate, subjects) for _ in range(REPEATS))
        db.close()
    return {
        "subjects": subjects,
        "seconds": round(seconds[REPEATS // 2], 3),
        "worst_seconds": round(seconds[-1], 3),
        "import_seconds": round(imported, 2),
    }


def _decide(gate: Gate, subjects: int) -> float:
    began = time.perf_counter()
    permission = gate.permit(
        secrets.token_hex(16), bytes(32), "customers", MEASUREMENT, "publisher",
        OPERATIONS["overlap"], "brand", 60_000,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    if len(permission.allowed) != subjects:
        raise RuntimeError("the gate did not permit everybody who consented")
    return seconds
