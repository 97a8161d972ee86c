"""Checking the ledger of a home that no node serves: what a damaged ledger needs, which no node
opens.
"""

from pathlib import Path

from consent.note import parse_vkey
from party_node.database import Database
from party_node.errors import HomeDamaged, NodeError
from party_node.home import Home
from party_node.home_lock import locked
from party_node.ledger import trust_policy
from party_node.ledger.findings import Findings
from party_node.ledger.fsck import Watch, fsck
from party_node.ledger.inspected import inspected
from party_node.ledger.trust_policy import TrustPolicy
from party_node.migrations import require_newest
from party_node.vault import Vault
from protocols.collaboration_terms import ledger_origin

_SQLITE = "sqlite:///"


def fsck_offline(home: Home, watch: Watch = lambda _entries: None) -> Findings:
    """Check the ledger of a home, under the home's lock; nothing of it is changed.

    Raises: AlreadyServed if a node serves it; SchemaUnknown; HomeDamaged if there is no database.
    """
    with locked(home.path):
        own = home.database_url.removeprefix(_SQLITE)
        if own != home.database_url and not Path(own).is_file():
            raise HomeDamaged(f"its database {own} is missing")
        db = Database(home.database_url)
        try:
            return _fsck(home, db, watch)
        finally:
            db.close()


def _fsck(home: Home, db: Database, watch: Watch) -> Findings:
    require_newest(db)
    party = home.keys.party
    ledger = inspected(db, Vault(home.kek), ledger_origin(party), home.ledger_seed, party)
    unusable, trust = "", None
    try:
        trust = _trust(home, ledger.vkey)
    except NodeError as e:
        unusable = str(e)
    found = fsck(ledger, ledger.identity, trust, watch)
    if unusable:
        found.add(trust_policy.FILE, unusable)
    return found


def _trust(home: Home, vkey: str) -> TrustPolicy | None:
    """Return the home's trust policy; None if it is not enrolled yet. Raises: NodeError."""
    url = home.settings.coordinator_url
    if not url:
        return None
    return trust_policy.load(home.path, parse_vkey(vkey), home.coordinator_witness, url)
