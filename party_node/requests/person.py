"""Somebody, and everything that the ledger has about them."""

from dataclasses import dataclass, field

from party_node.ledger.entries import LedgerEntry


@dataclass(frozen=True, slots=True)
class Person:
    """A person as requests see them: after a merge, all their records at once."""

    people: tuple[int, ...]
    """Number of the record that counts now, then those of records that were merged into it."""
    entries: tuple[LedgerEntry, ...] = field(repr=False)
    """All entries about them, in order."""

    @property
    def current(self) -> int:
        """Number of the record that counts now."""
        return self.people[0]
