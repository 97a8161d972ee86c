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
from party_node.coordinator_client import CoordinatorClient
from party_node.database import Database
from party_node.errors import CoordinatorRefused
from party_node.job_tables import CursorRow
from party_node.ledger.consent_ledger import ConsentLedger

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
                if self._cosigned() >= size:
                    return
                self._ask()
            if self._cosigned() >= size:
                return
        raise CoordinatorRefused("witness-refused", "the witness keeps changing its mind")

    def _ask(self) -> None:
        """Submit the newest checkpoint, and keep its cosignature or what the witness has seen."""
        note = self._ledger.checkpoint()
        ours, seen = checkpoint_of(note), self._witnessed()
        proof = self._ledger.consistency_proof(seen, ours.size) if seen else ()
        request = add_checkpoint_request(seen, proof, note)
        status, body = self._client.add_checkpoint(request.encode())
        if status == _OK:
            self._ledger.add_cosignature(ours.size, body, self._vkey)
            self._remember(ours.size)
        elif status == _CONFLICT:
            self._remember(self._seen_by_witness(body, ours.size))
        else:
            raise LedgerInconsistent(f"the witness refused this ledger's checkpoint ({status})")

    def _cosigned(self) -> int:
        """Return up to which size a cosignature is here: the witness's answer may have got lost."""
        note = self._ledger.latest_cosigned()
        return 0 if note is None else checkpoint_of(note).size

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
