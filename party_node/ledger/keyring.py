"""The keys that payloads are sealed with: two for each person, two for the node's own entries.

A person's keys are random, wrapped by the vault and kept in a table of their own. Destroying that
row is what erasure means: what is left of the person's payloads anywhere, backups included, stays
closed.
"""

from collections.abc import Iterable

from pyroaring import BitMap
from sqlalchemy import select
from sqlmodel import Session, col

from consent.ledger import KEY_BYTES, SubjectKeys
from party_node.database import insert_many, select_among
from party_node.errors import SealBroken
from party_node.tables import SubjectKeyRow
from party_node.vault import Vault
from protocols.session import Rng


class Keyring:
    """Wraps, unwraps and makes the keys of persons."""

    def __init__(self, vault: Vault, rng: Rng) -> None:
        self._vault, self._rng = vault, rng
        self.of_node = SubjectKeys(vault.derive("ledger-tag/1"), vault.derive("ledger-data/1"))
        """For entries that are about no single person."""

    def load(self, session: Session, people: Iterable[int]) -> dict[int, SubjectKeys]:
        """Return the keys of these people; whoever has none (yet, or any more) is left out.

        Raises: SealBroken if the database belongs to another node's key.
        """
        found: dict[int, SubjectKeys] = {}
        wanted = sorted(set(people))
        for dense, sealed in select_among(
            session, SubjectKeyRow, ("subject", "wrapped"), "subject", wanted
        ):
            found[dense] = self._unwrap(dense, sealed)
        return found

    def load_each(
        self, session: Session, people: Iterable[int]
    ) -> tuple[dict[int, SubjectKeys], set[int]]:
        """Return the keys of these people, and whose could not be opened."""
        keys: dict[int, SubjectKeys] = {}
        broken: set[int] = set()
        rows = select_among(
            session, SubjectKeyRow, ("subject", "wrapped"), "subject", sorted(set(people))
        )
        for dense, sealed in rows:
            try:
                keys[dense] = self._unwrap(dense, sealed)
            except SealBroken:
                broken.add(dense)
        return keys, broken

    def load_or_make(self, session: Session, people: Iterable[int]) -> dict[int, SubjectKeys]:
        """Return the keys of all these people, making those that are missing."""
        wanted = sorted(set(people))
        found = self.load(session, wanted)
        missing = [dense for dense in wanted if dense not in found]
        drawn = self._rng(2 * KEY_BYTES * len(missing))
        made = {dense: _keys(drawn, 2 * KEY_BYTES * n) for n, dense in enumerate(missing)}
        rows = [
            (dense, self._vault.seal(_context(dense), keys.tag_key + keys.data_key))
            for dense, keys in made.items()
        ]
        insert_many(session, SubjectKeyRow, ("subject", "wrapped"), rows)
        return found | made

    def holders(self, session: Session) -> BitMap:
        """Return everybody who has keys: whose entries are not erased."""
        return BitMap(session.execute(select(col(SubjectKeyRow.subject))).scalars())

    def _unwrap(self, dense: int, sealed: bytes) -> SubjectKeys:
        return _keys(self._vault.open(_context(dense), sealed))


def _keys(drawn: bytes, start: int = 0) -> SubjectKeys:
    middle = start + KEY_BYTES
    return SubjectKeys(drawn[start:middle], drawn[middle : middle + KEY_BYTES])


def _context(dense: int) -> str:
    return f"subject-keys/{dense}"
