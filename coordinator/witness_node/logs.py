"""The ledgers that a witness trusts: added and taken out by its operator, and by nobody else.

A ledger that is taken out leaves its last checkpoint here. Should it come back, it must continue
from there: taking out and adding again is no way to a second history.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from consent.errors import MalformedRecord
from consent.note import KeyType, Verifier, parse_vkey
from coordinator import store
from coordinator.errors import UnknownLog, UnusableLogKey
from coordinator.tables import WitnessHeadRow
from coordinator.witness_node.tables import TrustedLogRow


@dataclass(frozen=True, slots=True)
class LogView:
    """A trusted ledger, and the last that was seen of it."""

    vkey: str
    origin: str
    added_ms: int
    size: int | None
    """Of the last checkpoint that was cosigned; None if there is none yet."""
    seen_ms: int | None


def read_key(text: str) -> Verifier:
    """Read the key of a ledger.

    Raises: UnusableLogKey.
    """
    hint = "give the whole key, as in: accord.example/brand+1c6d3a9e+AQ…"
    try:
        key = parse_vkey(text.strip())
    except MalformedRecord as e:
        raise UnusableLogKey(f"this is no verifier key: {e}", hint) from e
    if key.kind is not KeyType.ED25519:
        raise UnusableLogKey("this key cosigns for a witness; a ledger signs with Ed25519", hint)
    return key


def add(session: Session, key: Verifier, now_ms: int) -> bool:
    """Trust a key for the ledger that it names; return whether it was not trusted before."""
    if session.get(TrustedLogRow, key.vkey) is not None:
        return False
    session.add(TrustedLogRow(vkey=key.vkey, origin=key.name, added_ms=now_ms))
    session.flush()
    return True


def remove(session: Session, name: str) -> Sequence[str]:
    """Trust no more a ledger, named by its origin, or one of its keys; return the keys.

    Raises: UnknownLog.
    """
    named = (col(TrustedLogRow.origin) == name) | (col(TrustedLogRow.vkey) == name)
    rows = session.exec(select(TrustedLogRow).where(named)).all()
    if not rows:
        raise UnknownLog("no trusted ledger has this origin or key", "see: accord-witness status")
    for row in rows:
        session.delete(row)
    session.flush()
    return [row.vkey for row in rows]


def trusted(session: Session, origin: str) -> tuple[Verifier, ...]:
    """Return the keys that are trusted for an origin."""
    rows = session.exec(select(TrustedLogRow).where(col(TrustedLogRow.origin) == origin)).all()
    return tuple(parse_vkey(row.vkey) for row in rows)


def listed(session: Session) -> list[LogView]:
    """Return every trusted key by origin, with what was last seen of its ledger."""
    by_origin = select(TrustedLogRow).order_by(
        col(TrustedLogRow.origin), col(TrustedLogRow.added_ms), col(TrustedLogRow.vkey)
    )
    found = []
    for row in session.exec(by_origin).all():
        head = session.get(WitnessHeadRow, row.origin)
        size, seen_ms = (None, None) if head is None else (head.size, head.seen_ms)
        found.append(LogView(row.vkey, row.origin, row.added_ms, size, seen_ms))
    return found


def count_conflicts(session: Session) -> int:
    """Return how much evidence is kept, against all ledgers."""
    return len(store.conflicts(session))
