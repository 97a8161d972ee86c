"""Deciding about everybody at once: consent state as roaring bitmaps over dense subject numbers.

Entries come in as facts and move subjects in the bitmaps. A query is then a handful of set
operations: allowed = ⋃ grants − ⋃ objections − ⋃ narrowings, for the scopes that the query names.
Expiry is looked at when the query is asked. The answer for each subject equals that of
`decision.decide`; a property test says so.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from consent.choices import Choices
from consent.columns import bitmap
from consent.errors import LedgerInconsistent, MalformedRecord
from consent.facts import About, Facts, Whats, facts_of
from consent.fields import Entry
from consent.judged import NO_SCOPE, Judged
from consent.milestones import SetDigest
from consent.occurrences import Occurrences
from consent.persons import Persons
from consent.reasons import SKEW_MS, Query, Reason, Scope, forbidding_scopes, grant_scopes
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

    __slots__ = (
        "_aliases", "_choices", "_judged", "_occurrences", "_persons", "_scopes", "_subjects",
        "_whats",
    )  # fmt: skip

    def __init__(self, vocabulary: Vocabulary, whats: Whats | None = None) -> None:
        self._whats = Whats() if whats is None else whats
        self._judged = Judged(vocabulary, self._whats)
        self._persons, self._choices = Persons(self._whats), Choices(self._whats, vocabulary)
        self._occurrences = Occurrences(self._whats)
        self._scopes: dict[Scope, ScopeState] = {}
        self._subjects = BitMap()
        self._aliases: dict[int, int] = {}
        """Record that was absorbed → the one that is continued."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary that this projection decides by."""
        return self._judged.vocabulary

    @property
    def subjects(self) -> BitMap:
        """Everybody about whom there is an entry; a copy."""
        return self._subjects.copy()

    @property
    def choices(self) -> Choices:
        """The preferences of everybody."""
        return self._choices

    @property
    def occurrences(self) -> Occurrences:
        """Consents that permit only so many uses."""
        return self._occurrences

    # -- taking in ---------------------------------------------------------------------------------

    def apply(
        self,
        index: int,
        record: Entry,
        dense: int,
        recorded_at_ms: int,
        numbers: Callable[[str], int] | None = None,
    ) -> None:
        """Take in the entry at `index` of the ledger, about the subject with number `dense`.

        The order of calls does not matter, except about merges, for which `numbers` says the number
        of a subject id; and the same call again changes nothing.
        """
        if not 0 <= dense <= MAX_DENSE:
            raise LedgerInconsistent("a subject's number has 32 bits")
        self._subjects.add(self.current(dense))
        self.take_in(facts_of([About(index, recorded_at_ms, dense, record)], self._whats, numbers))

    def take_in(self, facts: Facts) -> None:
        """Take in facts; their order does not matter, and the same facts again change nothing.

        But a merge of two records is about what was known before it: what comes earlier in the
        ledger must be taken in earlier, or with it.
        """
        if len(facts) == 0:
            return
        self._judged.catch_up()
        merging = self._judged.column("merging", facts["what"])
        if merging.any():
            facts = facts[np.argsort(facts["index"], kind="stable")]
            merging = self._judged.column("merging", facts["what"])
            for part in np.split(facts, np.flatnonzero(merging)):
                if len(part) and self._judged.column("merging", part["what"])[0]:
                    self._merge(part[0])
                    part = part[1:]
                self._take_in(part)
        else:
            self._take_in(facts)

    def _take_in(self, facts: Facts) -> None:
        """Take in facts of which none is a merge."""
        if not self._aliases:
            self._take_in_of(facts, None)
            return
        absorbed = np.isin(facts["subject"], np.array(list(self._aliases), dtype=np.uint32))
        self._take_in_of(facts[~absorbed], None)
        for origin in np.unique(facts["subject"][absorbed]).tolist():
            theirs = facts[facts["subject"] == origin]
            theirs["subject"] = self._aliases[origin]
            self._take_in_of(theirs, origin)

    def _take_in_of(self, facts: Facts, origin: int | None) -> None:
        if len(facts) == 0:
            return
        self._subjects |= bitmap(np.sort(facts["subject"]))
        facts = facts[self._counts(facts)]
        self._choices.take_in(facts)
        changed = bitmap(np.array(self._occurrences.take_in(facts), dtype=np.uint32))
        changed |= bitmap(self._persons.take_in(facts))
        scope = self._judged.column("scope", facts["what"])
        self._take_in_consents(facts[scope != NO_SCOPE], scope[scope != NO_SCOPE], origin)
        if changed:
            self._refold(changed)

    def _merge(self, fact: np.void) -> None:
        """Rule 4: from here on two records are one person."""
        kept, absorbed = self.current(int(fact["subject"])), self.current(int(fact["until"]))
        self._subjects.add(kept)
        if kept == absorbed:
            return
        at_ms = int(fact["recorded"])
        for state in self._scopes.values():
            state.merge(kept, absorbed, int(fact["index"]), at_ms)
        self._persons.merge(kept, absorbed)
        self._choices.merge(kept, absorbed, at_ms)
        self._occurrences.merge(kept, absorbed)
        self._subjects.discard(absorbed)
        self._aliases = {a: kept if k == absorbed else k for a, k in self._aliases.items()}
        self._aliases[absorbed] = kept
        self._refold(BitMap([kept]))

    def current(self, subject: int) -> int:
        """Return the number that a person has now, whichever record they were known by."""
        return self._aliases.get(subject, subject)

    def forget(self, dense: int) -> None:
        """Drop all that is known about a subject, for erasure; twice is the same as once."""
        self._subjects.discard(dense)
        self._aliases = {a: k for a, k in self._aliases.items() if dense not in (a, k)}
        self._persons.forget(dense)
        self._choices.forget(dense)
        self._occurrences.forget(dense)
        for scope, state in list(self._scopes.items()):
            state.forget(dense)
            if not state.subjects:
                del self._scopes[scope]

    # -- answering ---------------------------------------------------------------------------------

    def bulk(self, query: Query, asked: BitMap | None = None) -> BulkDecision:
        """Decide about everybody in `asked`, or about everybody known.

        Raises: UnknownPurpose.
        """
        purpose = self.vocabulary.find(query.purpose)
        rest = (self._subjects if asked is None else asked).copy()
        denied: dict[Reason, BitMap] = {}
        if query.operation not in purpose.operations:
            _deny(denied, Reason.OPERATION_NOT_COVERED, rest)
            return BulkDecision(BitMap(), denied)
        forbidding = self._states(forbidding_scopes(query, self.vocabulary))
        grants = self._states(grant_scopes(query, self.vocabulary))
        for state in forbidding:
            _take(denied, rest, state.forbidden(query.at_ms, rest))
        for state in forbidding:
            early = state.newer_than(query.at_ms + SKEW_MS, rest)
            _take(denied, rest, [(Reason.EVALUATED_TOO_EARLY, early)])
        granted = (state.permitted(query.purpose, query.at_ms, rest) for state in grants)
        allowed = BitMap.union(BitMap(), *granted)
        rest -= allowed
        for state in grants:
            _take(denied, rest, state.explain(query.at_ms, rest))
        _deny(denied, Reason.NO_EVIDENCE, rest)
        _take(denied, allowed, self._choices.narrowed(query, allowed))
        return BulkDecision(allowed, denied)

    def limited(self, query: Query, allowed: BitMap) -> dict[int, int]:
        """Return who of `allowed` is permitted by a consent to so many uses, and by which grant."""
        grants: dict[int, int] = {}
        if not self._occurrences.any:
            return grants
        holders = bitmap(self._occurrences.holders()) & allowed
        for state in self._states(grant_scopes(query, self.vocabulary)):
            who = state.permitted(query.purpose, query.at_ms, holders)
            for subject, grant in state.latest_grants(who, query.purpose, query.at_ms).items():
                if self._occurrences.is_limited(grant):
                    grants.setdefault(subject, grant)
            holders -= who
        return grants

    def expired(self, after_ms: int, until_ms: int) -> Iterator[tuple[Scope, int, int]]:
        """Return (scope, subject, grant) of what ran out after one instant, up to another."""
        for scope in sorted(self._scopes):
            state = self._scopes[scope]
            who = state.expiring(after_ms, until_ms)
            for subject, grant in state.latest_grants(who, scope[0], after_ms).items():
                yield scope, subject, grant

    # -- what an auditor compares ------------------------------------------------------------------

    def sets(self) -> Iterator[SetDigest]:
        """Return the name, size and digest of every set that decides, by name.

        A replay of the same entries with the same numbers gives the same, in any order.
        """
        yield _digest("subjects", len(self._subjects), canonical_bitmap(self._subjects))
        for part in (self._persons, self._choices, self._occurrences):
            for name, size, data in part.sets():
                yield _digest(name, size, data)
        for scope in sorted(self._scopes):
            for name, size, data in self._scopes[scope].sets():
                yield _digest(f"{' '.join(scope)}: {name}", size, data)

    def digest(self) -> bytes:
        """Return 32 bytes that name this state: what a `StateSnapshot` holds."""
        return digest_of(self.vocabulary.digest(), self.sets())

    # -- inside ------------------------------------------------------------------------------------

    def _counts(self, facts: Facts) -> NDArray[np.bool_]:
        """Rules 6 and 7: grants from too far ahead or behind do not count, nor what they say of the
        age.
        """
        yes = self._judged.column("rank", facts["what"]) == 0
        ahead = facts["time"] > facts["recorded"] + SKEW_MS
        behind = facts["recorded"] - facts["time"] > self._judged.column("back", facts["what"])
        counts: NDArray[np.bool_] = ~(yes & (ahead | behind))
        return counts

    def _take_in_consents(self, facts: Facts, scope: NDArray[np.int32], origin: int | None) -> None:
        for number in np.flatnonzero(np.bincount(scope)).tolist():
            self._state(self._judged.scope(number)).take_in(facts[scope == number], origin)

    def _state(self, scope: Scope) -> ScopeState:
        state = self._scopes.get(scope)
        if state is None:
            state = ScopeState(scope, self._judged, self._persons, self._occurrences)
            self._scopes[scope] = state
        return state

    def _refold(self, subjects: BitMap) -> None:
        """Look again at the streams of whoever's age or used-up consents changed."""
        for state in self._scopes.values():
            state.refold(subjects)

    def _states(self, scopes: Iterable[Scope]) -> list[ScopeState]:
        return [self._scopes[s] for s in scopes if s in self._scopes]


def digest_of(policy: bytes, sets: Iterable[SetDigest]) -> bytes:
    """Return 32 bytes that name a state by the digests of its sets, in their order."""
    state = hashlib.sha256(b"accord/projection/2\x00" + policy)
    for one in sets:
        name = one.name.encode()
        state.update(len(name).to_bytes(4, "big") + name)
        state.update(one.members.to_bytes(8, "big") + one.sha256)
    return state.digest()


def commit_set(members: BitMap, salt: bytes) -> bytes:
    """Return 32 bytes that commit to a set of subject numbers under a secret random salt of 32
    bytes.

    SHA-256("accord/set/1" ‖ 0x00 ‖ salt ‖ length in 8 bytes ‖ portable serialisation without runs).
    Raises: MalformedRecord if the salt has another length.
    """
    if len(salt) != 32:
        raise MalformedRecord("the salt of a set has 32 bytes")
    return hashlib.sha256(b"accord/set/1\x00" + salt + canonical_bitmap(members)).digest()


def _deny(denied: dict[Reason, BitMap], reason: Reason, who: BitMap) -> None:
    if who:
        denied[reason] = denied[reason] | who if reason in denied else who.copy()


def _take(denied: dict[Reason, BitMap], rest: BitMap, why: Iterable[tuple[Reason, BitMap]]) -> None:
    """Deny those of `rest` for whom a reason is given, and leave the others in it."""
    for reason, who in why:
        _deny(denied, reason, who)
        rest -= who


def _digest(name: str, size: int, data: bytes) -> SetDigest:
    return SetDigest(name=name, members=size, sha256=hashlib.sha256(data).digest())
