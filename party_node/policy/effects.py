"""Whom a change of the policy affects: the same facts judged by both vocabularies.

Everything that people ever said is folded twice, from one snapshot of the database, while the node
goes on. Asked is, for each purpose and recipient that somebody ever said yes to, whether the
purpose's first operation is permitted now; and so is every operation that only one of the two
vocabularies gives the purpose.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pyroaring import BitMap

from consent.facts import ConsentWhat, Facts, Whats
from consent.projection import Projection
from consent.reasons import Query
from consent.vocabulary import Vocabulary
from consent.words import Operation
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.fact_store import FactStore


@dataclass(frozen=True, slots=True)
class Effect:
    """How many people are permitted for one purpose and recipient, before and after."""

    purpose: str
    recipient: str
    before: int
    after: int
    gain: int
    """People who are permitted something after that they are not before."""
    lose: int


@dataclass(frozen=True, slots=True)
class Effects:
    """What a change comes to for people."""

    at_size: int
    """Entries of the ledger that it was judged by."""
    each: tuple[Effect, ...]
    """Purposes and recipients for which somebody gains or loses."""
    gain: int
    """People who gain for any purpose."""
    lose: int
    by_purpose: Mapping[str, tuple[int, int]]
    """People who gain and who lose for a purpose, where there are any."""
    said: frozenset[str]
    """Purposes about which anybody ever said anything."""
    consented: frozenset[str]
    """Purposes to which anybody ever said yes."""


def effects(ledger: ConsentLedger, before: Vocabulary, after: Vocabulary, clock_ms: int) -> Effects:
    """Judge what the ledger holds by both vocabularies. Raises: LedgerStateDamaged."""
    with ledger.database.reading() as session:
        reach = ledger.store.reach(session)
        whats, stored = Whats(), FactStore(ledger.vault)
        stored.load_whats(session, whats)
        facts = stored.load(session, reach.facts)
    return compare(facts, whats, before, after, max(clock_ms, reach.newest_ms), reach.size)


def compare(
    facts: Facts, whats: Whats, before: Vocabulary, after: Vocabulary, at_ms: int, at_size: int = 0
) -> Effects:
    """Judge facts by both vocabularies."""
    both = []
    for vocabulary in (before, after):
        projection = Projection(vocabulary, whats)
        projection.take_in(facts)
        both.append(projection)
    said = [what for what in whats.since(0) if isinstance(what, ConsentWhat)]
    given = {(w.purpose, w.recipient) for w in said if w.state.valid_for_processing}
    gaining: defaultdict[str, BitMap] = defaultdict(BitMap)
    losing: defaultdict[str, BitMap] = defaultdict(BitMap)
    each = []
    for purpose, recipient in sorted(_grantable(given, before, after)):
        old, new, gain, lose = _differing(both[0], both[1], purpose, recipient, at_ms)
        if gain or lose:
            gaining[purpose] |= gain
            losing[purpose] |= lose
            each.append(Effect(purpose, recipient, len(old), len(new), len(gain), len(lose)))
    return Effects(
        at_size=at_size,
        each=tuple(each),
        gain=len(BitMap.union(BitMap(), *gaining.values())),
        lose=len(BitMap.union(BitMap(), *losing.values())),
        by_purpose={p: (len(gaining[p]), len(losing[p])) for p in gaining},
        said=frozenset(w.purpose for w in said),
        consented=frozenset(purpose for purpose, _ in given),
    )


def _grantable(given: Iterable[tuple[str, str]], *vocabularies: Vocabulary) -> set[tuple[str, str]]:
    """Return (purpose, recipient) where a yes to the purpose or a broader one was ever said."""
    to = dict[str, set[str]]()
    for purpose, recipient in given:
        to.setdefault(purpose, set()).add(recipient)
    return {
        (p.purpose_id, recipient)
        for vocabulary in vocabularies
        for p in vocabulary.purposes
        for broader in (p.purpose_id, *vocabulary.ancestors(p.purpose_id))
        for recipient in to.get(broader, ())
    }


def _differing(
    before: Projection, after: Projection, purpose: str, recipient: str, at_ms: int
) -> tuple[BitMap, BitMap, BitMap, BitMap]:
    """Return who is permitted something before and after, who gains and who loses something."""
    old, new, gain, lose = BitMap(), BitMap(), BitMap(), BitMap()
    for operation in _operations(before.vocabulary, after.vocabulary, purpose):
        query = Query(purpose=purpose, operation=operation, at_ms=at_ms, recipient=recipient)
        was, is_now = _permitted(before, query), _permitted(after, query)
        old |= was
        new |= is_now
        gain |= is_now - was
        lose |= was - is_now
    return old, new, gain, lose


def _permitted(projection: Projection, query: Query) -> BitMap:
    known = projection.vocabulary.has(query.purpose)
    return projection.bulk(query).allowed if known else BitMap()


def _operations(before: Vocabulary, after: Vocabulary, purpose: str) -> list[Operation]:
    """Return what to ask: the first operation, and those that only one of the two knows."""
    old, new = (
        set(v.find(purpose).operations) if v.has(purpose) else set() for v in (before, after)
    )
    first = sorted(old or new)[:1]
    return sorted({*first, *(old ^ new)})
