"""A dry run: what importing a file would do to the node as it stands, without writing anything.

What the file itself would add has to be remembered, because later rows meet it: a dozen bytes for
each identifier and each event, in sorted arrays, so that ten million rows fit. Keys are cut to 64
bits; that two of ten million agree by accident has a chance of one in a hundred thousand, and would
only make a number of the forecast wrong.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap64

from consent.events import ConsentEvent
from party_node.database import select_among
from party_node.identity import EMAIL, PHONE, Identity, Resolution
from party_node.keyed_digest import keyed_digest
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.writer import Submission, Submitted, event_content
from party_node.tables import SourceEventRow

_FIRST = 1 << 40
"""Number of the first person that a rehearsal makes up; no real one comes near it."""
_NONE = -1


class Rehearsal:
    """Takes in a file for show."""

    def __init__(self, ledger: ConsentLedger, identity: Identity) -> None:
        self._ledger, self._identity = ledger, identity
        self._people = _People()
        self._events = _Numbers()
        self._content = keyed_digest(ledger.vault.derive("event-content/1"))

    def resolve(self, emails: Sequence[str | None], phones: Sequence[str | None]) -> Resolution:
        """Return whom the rows would be about."""
        return self._identity.rehearse(emails, phones, self._people)

    def subject_ids(self, dense: Iterable[int]) -> dict[int, str]:
        """Return the record ids of these persons; those who are made up get one that is too."""
        wanted = set(dense)
        invented = {person: f"{person:032x}" for person in wanted if person >= _FIRST}
        return invented | self._identity.subject_ids(wanted - invented.keys())

    def submit(self, events: Sequence[ConsentEvent]) -> list[Submission]:
        """Return what would become of these events of one source; indices are 0."""
        contents = [self._content(event_content(event)) for event in events]
        keys = _first_64_bits(
            [hashlib.sha256(event.source_event_id.encode()).digest() for event in events]
        )
        earlier = self._events.find(keys).tolist()
        numbers = (_first_64_bits(contents) >> np.uint64(1)).tolist()
        stored = self._stored(events)
        fresh: dict[int, int] = {}
        fates = []
        for event, content, key, before, number in zip(
            events, contents, keys.tolist(), earlier, numbers, strict=True
        ):
            there = stored.get(event.source_event_id)
            first = fresh.get(key, before)
            if there is not None:
                same = there == content
            elif first == _NONE:
                fresh[key] = number
                fates.append(Submission(Submitted.ACCEPTED, 0))
                continue
            else:
                same = first == number
            fates.append(Submission(Submitted.REPEATED if same else Submitted.CONFLICT, 0))
        self._events.add(fresh)
        return fates

    def _stored(self, events: Sequence[ConsentEvent]) -> dict[str, bytes]:
        """Return what the node holds under the events' ids."""
        if not events:
            return {}
        ids = sorted({event.source_event_id for event in events})
        columns = ("source_event_id", "content")
        with self._ledger.database.reading() as session:
            found = select_among(
                session, SourceEventRow, columns, columns[0], ids, source_id=events[0].source_id
            )
            return {name: bytes(content) for name, content in found}


class _People:
    """The persons that a rehearsal makes up, and what it would attach to real ones."""

    def __init__(self) -> None:
        self.first_free = _FIRST
        self._numbers = {EMAIL: _Numbers(), PHONE: _Numbers()}
        self._with_email = BitMap64()

    def find(self, kind: str, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Return the persons of these digests, as far as the rehearsal attached any."""
        found = self._numbers[kind].find(_first_64_bits(digests)).tolist()
        return {d: person for d, person in zip(digests, found, strict=True) if person != _NONE}

    def has_email(self, person: int) -> bool:
        """Return whether the rehearsal attached an e-mail address to this person."""
        return person in self._with_email

    def keep(self, made: Sequence[int], attached: Sequence[tuple[str, bytes, int]]) -> None:
        """Note what would have been stored."""
        self.first_free += len(made)
        for kind, numbers in self._numbers.items():
            mine = [(digest, person) for k, digest, person in attached if k == kind]
            keys = _first_64_bits([digest for digest, _ in mine]).tolist()
            numbers.add(dict(zip(keys, (person for _, person in mine), strict=True)))
        self._with_email.update(person for kind, _, person in attached if kind == EMAIL)


class _Numbers:
    """64-bit keys and a number for each: sorted runs, merged when they become many."""

    def __init__(self) -> None:
        self._runs: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the number of each key; -1 where there is none."""
        found = np.full(len(keys), _NONE, dtype=np.int64)
        for known, numbers in self._runs:
            at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
            hit = known[at] == keys
            found[hit] = numbers[at[hit]]
        return found

    def add(self, numbers: dict[int, int]) -> None:
        """Add keys that are not there yet."""
        if not numbers:
            return
        keys = np.fromiter(numbers.keys(), dtype=np.uint64, count=len(numbers))
        values = np.fromiter(numbers.values(), dtype=np.int64, count=len(numbers))
        self._runs.append(_sorted(keys, values))
        while len(self._runs) > 1 and len(self._runs[-2][0]) <= 2 * len(self._runs[-1][0]):
            (keys, values), (more_keys, more) = self._runs.pop(), self._runs.pop()
            merged = np.concatenate((keys, more_keys)), np.concatenate((values, more))
            self._runs.append(_sorted(*merged))


def _sorted(
    keys: NDArray[np.uint64], numbers: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    order = np.argsort(keys, kind="stable")
    return keys[order], numbers[order]


def _first_64_bits(digests: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return the beginnings of 32-byte digests as numbers."""
    return np.frombuffer(b"".join(digests), dtype=np.uint64).reshape(-1, 4)[:, 0]
