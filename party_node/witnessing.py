"""Getting this node's checkpoints witnessed: the coordinator cosigns what continues what it saw.

The witness speaks C2SP tlog-witness: it wants a consistency proof from the size that it last saw,
and says so when ours is another. It learns the ledger's size and root, nothing of its entries. A
use record must stand under a cosigned checkpoint before any row is read for a job.
"""

import threading

from consent.checkpoint import checkpoint_of
from consent.errors import ConsentError, LedgerInconsistent
from consent.note import parse_decimal
from consent.witness import add_checkpoint_request
from party_node.consent_ledger import ConsentLedger
from party_node.coordinator_client import CoordinatorClient
from party_node.database import Database
from party_node.errors import CoordinatorRefused
from party_node.job_tables import CursorRow

_CURSOR = "witnessed-size"
_TRIES = 3
_OK, _CONFLICT = 200, 409


class Witnessing:
    """Keeps the witness up to date with this node's ledger."""

    def __init__(
        self, db: Database, ledger: ConsentLedger, client: CoordinatorClient, witness_vkey: str
    ) -> None:
        self._db, self._ledger, self._client = db, ledger, client
        self._vkey = witness_vkey
        self._one_at_a_time = threading.Lock()

    def witness(self, size: int) -> None:
        """Return once a checkpoint that covers the first `size` entries is cosigned.

        Raises: CoordinatorUnreachable (try again); LedgerInconsistent if the witness has seen
        another history of this ledger, as after an old backup was restored; CoordinatorRefused.
        """
        with self._one_at_a_time:
            for _ in range(_TRIES):
                if self._witnessed() >= size or self._ask():
                    return
        raise CoordinatorRefused("witness-refused", "the witness keeps changing its mind")

    def _ask(self) -> bool:
        """Submit the newest checkpoint; return whether it was cosigned."""
        note = self._ledger.checkpoint()
        ours, seen = checkpoint_of(note), self._witnessed()
        proof = self._ledger.consistency_proof(seen, ours.size) if seen else ()
        request = add_checkpoint_request(seen, proof, note)
        status, body = self._client.add_checkpoint(request.encode())
        if status == _OK:
            self._ledger.add_cosignature(ours.size, body, self._vkey)
            self._remember(ours.size)
            return True
        if status != _CONFLICT:
            raise LedgerInconsistent(f"the witness refused this ledger's checkpoint ({status})")
        self._remember(self._seen_by_witness(body, ours.size))
        return False

    def _seen_by_witness(self, body: str, ours: int) -> int:
        try:
            seen = parse_decimal(body.strip())
        except ConsentError as e:
            raise CoordinatorRefused("wire-mismatch", "the witness did not say a size") from e
        if seen > ours:
            raise LedgerInconsistent(
                f"the witness has seen {seen} entries of this ledger, and there are {ours}:"
                " an old backup was restored, or another process writes to a copy"
            )
        return seen

    def _witnessed(self) -> int:
        with self._db.reading() as session:
            row = session.get(CursorRow, _CURSOR)
            return row.position if row else 0

    def _remember(self, size: int) -> None:
        with self._db.writing() as session:
            session.merge(CursorRow(name=_CURSOR, position=size))
