"""Deciding about everybody at once: consent state as roaring bitmaps over dense subject numbers.

Every event moves one subject in the bitmaps of one scope. A query is then a handful of set
operations: allowed = ⋃ grants − ⋃ objections, for the scopes that the query names. Expiry is looked
at when the query is asked. The answer for each subject equals that of `decision.decide`; a property
test says so.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pyroaring import BitMap

from consent.canonical import Json
from consent.errors import LedgerInconsistent, MalformedRecord
from consent.events import ConsentEvent
from consent.rules import (
    SKEW_MS,
    Query,
    Reason,
    Scope,
    forbidding_scopes,
    grant_scopes,
    is_quarantined,
)
from consent.scope_state import ScopeState
from consent.timed import canonical_bitmap
from consent.vocabulary import Vocabulary

MAX_DENSE = 2**32 - 1


@dataclass(frozen=True, slots=True)
class BulkDecision:
    """Who is allowed, and for each reason who is denied: a partition of those asked."""

    allowed: BitMap
    denied: Mapping[Reason, BitMap]

    def counts(self) -> dict[Reason, int]:
        """Return how many are denied for each reason, in alphabetic order of the reasons."""
        return {reason: len(self.denied[reason]) for reason in sorted(self.denied)}


class Projection:
    """The state of consent after a prefix of the ledger, under one vocabulary."""

    __slots__ = ("_scopes", "_subjects", "_vocabulary")

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._scopes: dict[Scope, ScopeState] = {}
        self._subjects = BitMap()

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary that this projection decides by."""
        return self._vocabulary

    @property
    def subjects(self) -> BitMap:
        """Everybody about whom there is an event; a copy."""
        return self._subjects.copy()

    def apply(self, index: int, event: ConsentEvent, dense: int, recorded_at_ms: int) -> None:
        """Take in the event at `index` of the ledger, about the subject with number `dense`.

        The order of calls does not matter, and the same call again changes nothing.
        """
        if not 0 <= dense <= MAX_DENSE:
            raise LedgerInconsistent("a subject's number has 32 bits")
        self._subjects.add(dense)
        if is_quarantined(recorded_at_ms, event):
            return
        scope = (event.purpose, event.recipient, event.channel)
        state = self._scopes.get(scope)
        if state is None:
            if not self._vocabulary.has(event.purpose):
                return
            state = self._scopes[scope] = ScopeState(event.purpose, self._vocabulary)
        state.apply(index, event, dense, recorded_at_ms)

    def forget(self, dense: int) -> None:
        """Drop all that is known about a subject, for erasure; twice is the same as once."""
        self._subjects.discard(dense)
        for scope, state in list(self._scopes.items()):
            state.forget(dense)
            if not state.subjects:
                del self._scopes[scope]

    def bulk(self, query: Query, asked: BitMap | None = None) -> BulkDecision:
        """Decide about everybody in `asked`, or about everybody known.

        Raises: UnknownPurpose.
        """
        purpose = self._vocabulary.find(query.purpose)
        rest = (self._subjects if asked is None else asked).copy()
        denied: dict[Reason, BitMap] = {}
        if query.operation not in purpose.operations:
            _deny(denied, Reason.OPERATION_NOT_COVERED, rest)
            return BulkDecision(BitMap(), denied)
        forbidding = self._states(forbidding_scopes(query, self._vocabulary))
        grants = self._states(grant_scopes(query, self._vocabulary))
        for state in forbidding:
            for reason, members in state.forbidden(query.at_ms, rest):
                _deny(denied, reason, members)
                rest = rest - members
        for state in forbidding:
            early = state.newer_than(query.at_ms + SKEW_MS, rest)
            _deny(denied, Reason.EVALUATED_TOO_EARLY, early)
            rest = rest - early
        granted = (state.permitted_for(query.purpose, query.at_ms) for state in grants)
        allowed = BitMap.union(BitMap(), *granted) & rest
        rest = rest - allowed
        for state in grants:
            for reason, members in state.explain(query.at_ms, rest):
                _deny(denied, reason, members)
                rest = rest - members
        _deny(denied, Reason.NO_EVIDENCE, rest)
        return BulkDecision(allowed, denied)

    def digest(self) -> bytes:
        """Return 32 bytes that name this state: what a `StateSnapshot` holds.

        A replay of the same entries with the same numbers gives the same, in any order.
        """
        state = hashlib.sha256(b"accord/projection/1\x00" + self._vocabulary.digest())
        state.update(canonical_bitmap(self._subjects))
        for scope in sorted(self._scopes):
            for part in scope:
                state.update(len(part).to_bytes(4, "big") + part.encode())
            self._scopes[scope].digest_into(state)
        return state.digest()

    def dump(self) -> Iterator[tuple[Scope, list[Json], bytes]]:
        """Return each scope with its kinds and rows, in one order: what a snapshot holds."""
        for scope in sorted(self._scopes):
            yield scope, *self._scopes[scope].dump()

    def load(self, subjects: BitMap, scopes: Iterable[tuple[Scope, list[Json], bytes]]) -> None:
        """Fill an empty projection with what `dump` and `subjects` returned.

        Raises: MalformedRecord.
        """
        self._subjects = subjects.copy()
        for scope, kinds, rows in scopes:
            if scope in self._scopes or not self._vocabulary.has(scope[0]):
                raise MalformedRecord(
                    "a snapshot names a scope twice, or a purpose of another time"
                )
            state = self._scopes[scope] = ScopeState(scope[0], self._vocabulary)
            state.load(kinds, rows)

    def _states(self, scopes: Iterable[Scope]) -> list[ScopeState]:
        return [self._scopes[s] for s in scopes if s in self._scopes]


def commit_set(members: BitMap, salt: bytes) -> bytes:
    """Return 32 bytes that commit to a set of subject numbers under a secret random salt of 32
    bytes.

    SHA-256("accord/set/1" ‖ 0x00 ‖ salt ‖ length in 8 bytes ‖ portable serialisation without runs).
    Raises: MalformedRecord if the salt has another length.
    """
    if len(salt) != 32:
        raise MalformedRecord("the salt of a set has 32 bytes")
    return hashlib.sha256(b"accord/set/1\x00" + salt + canonical_bitmap(members)).digest()


def _deny(denied: dict[Reason, BitMap], reason: Reason, members: BitMap) -> None:
    if members:
        denied[reason] = denied[reason] | members if reason in denied else members.copy()
