"""Getting this node's checkpoints witnessed: the coordinator cosigns what continues what it saw
before.

The witness speaks C2SP tlog-witness: it wants a consistency proof from the size that it last saw,
and says so when ours is another. It learns the ledger's size and root, nothing of its entries. A
use record must stand under a cosigned checkpoint before any row is read for a job.
"""

from consent.note import Verifier
from party_node.consent_ledger import ConsentLedger
from party_node.coordinator_client import CoordinatorClient
from party_node.database import Database

_CURSOR = "witnessed-size"
_TRIES = 3


class Witnessing:
    """Keeps the witness up to date with this node's ledger."""

    def __init__(
        self, db: Database, ledger: ConsentLedger, client: CoordinatorClient, witness_vkey: str
    ) -> None:
        self._db, self._ledger, self._client = db, ledger, client
        self._witness = Verifier.parse(witness_vkey)

    def witness(self, size: int) -> None:
        """Have the newest checkpoint, which covers at least `size` entries, cosigned.

        Raises: CoordinatorUnreachable (try again); LedgerInconsistent if the witness has seen
        another history of this ledger, as after an old backup was restored.
        """
        raise NotImplementedError
