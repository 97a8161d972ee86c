"""Small writes of many threads in one transaction: see `ledger/group_commit.py`."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlmodel import Session

from party_node.database import Database
from party_node.ledger.group_commit import GroupCommit

T = TypeVar("T")
Write = Callable[[Session], Any]


class GroupedWrites:
    """Runs writes; those that come while others commit share the next transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._group: GroupCommit[Write, Any] = GroupCommit(self._write_all)

    def run(self, write: Callable[[Session], T]) -> T:
        """Return what `write` returns, once it is on disk.

        Raises: what it raises, and then nothing of it is written.
        """
        result: T = self._group.run(write)
        return result

    def _write_all(self, writes: Sequence[Write]) -> list[Any]:
        with self._db.writing() as session:
            return [write(session) for write in writes]
