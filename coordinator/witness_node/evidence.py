"""What a witness keeps when a ledger shows two histories: both signed heads, for anybody to check.

Each head is a signed note in a file of its own. Two heads of one size with different roots and the
ledger's signature under both need no trust in the witness: the ledger has signed both.
"""

import hashlib
from pathlib import Path
from typing import Any

from consent.checkpoint import checkpoint_of
from coordinator.tables import WitnessConflictRow


def view(row: WitnessConflictRow) -> dict[str, Any]:
    """Return one conflict for reading."""
    return {
        "origin": row.origin,
        "kind": row.kind,
        "seen_ms": row.seen_ms,
        "held_size": checkpoint_of(row.held).size,
        "offered_size": checkpoint_of(row.offered).size,
        "held": row.held.decode(),
        "offered": row.offered.decode(),
    }


def export(row: WitnessConflictRow, folder: Path) -> list[str]:
    """Write both heads of a conflict; return the names of the files.

    The same conflict always has the same names. Raises: OSError.
    """
    origin = hashlib.sha256(row.origin.encode()).hexdigest()[:16]
    stem = f"{row.kind}-{origin}-{row.digest.hex()[:16]}"
    names = []
    for which, note in (("held", row.held), ("offered", row.offered)):
        name = f"{stem}.{which}.txt"
        (folder / name).write_bytes(note)
        names.append(name)
    return names
