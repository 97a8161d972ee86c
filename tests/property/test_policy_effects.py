"""Whom a change of the policy affects is what deciding person by person under both finds."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.decision import Verdict, decide
from consent.facts import About, Whats, facts_of
from consent.purpose import BasisIn
from consent.reasons import SKEW_MS, Query
from consent.vocabulary import Vocabulary
from consent.words import Basis, Operation
from party_node.policy.effects import Effect, compare
from tests.support.consent_strategies import OLD, RICH, Log, entries_of, logs, number, persons
from tests.support.consents import NOON
from tests.support.depth import examples

NOW = NOON + 10 * SKEW_MS


def changed(name: str, **fields: object) -> Vocabulary:
    purposes = (
        replace(p, **fields) if p.purpose_id == name else p  # type: ignore[arg-type]
        for p in RICH.purposes
    )
    return replace(RICH, purposes=tuple(purposes))


OTHERS = (
    RICH,
    replace(RICH, purposes=tuple(p for p in RICH.purposes if p.purpose_id != "scoring")),
    changed("profiling", renew_below=3, version=3),
    changed("scoring", requires_separate_consent=(), legal_basis=()),
    changed("scoring", operations=(Operation.SHARE,)),
    changed("marketing", legal_basis=(BasisIn(place="*", basis=Basis.PROHIBITED),)),
    replace(RICH, sources=(), regimes=tuple(replace(r, guardian_below=0) for r in RICH.regimes)),
    replace(RICH, recipients=(), notices=(), notices_to_renew=frozenset({OLD})),
)


def operations(one: Vocabulary, other: Vocabulary, purpose: str) -> set[Operation]:
    old, new = (set(v.find(purpose).operations) if v.has(purpose) else set() for v in (one, other))
    return {*sorted(old or new)[:1], *(old ^ new)}


def permitted(log: Log, vocabulary: Vocabulary, query: Query) -> set[int]:
    if not vocabulary.has(query.purpose):
        return set()
    found = {
        person: decide(entries_of(log, person), query, vocabulary).outcome
        for person in set(persons(log).values())
    }
    return {person for person, outcome in found.items() if outcome is Verdict.ALLOW}


@settings(max_examples=examples(30))
@given(logs(), st.sampled_from(OTHERS), st.sampled_from(OTHERS))
def test_effects_are_those_of_deciding_about_each_person(
    log: Log, before: Vocabulary, after: Vocabulary
) -> None:
    whats = Whats()
    about = [About(e.index, e.recorded_at_ms, subject, e.record) for subject, e in log]
    found = compare(facts_of(about, whats, number), whats, before, after, NOW)
    gaining, losing, each = set[int](), set[int](), list[Effect]()
    by_purpose = dict[str, tuple[int, int]]()
    names = {p.purpose_id for v in (before, after) for p in v.purposes}
    for purpose in sorted(names):
        gain_here, lose_here = set[int](), set[int]()
        for recipient in ("*", "partner", "printer", "self"):
            old, new, gain, lose = set[int](), set[int](), set[int](), set[int]()
            for operation in operations(before, after, purpose):
                query = Query(purpose=purpose, operation=operation, at_ms=NOW, recipient=recipient)
                was, is_now = (permitted(log, v, query) for v in (before, after))
                old |= was
                new |= is_now
                gain |= is_now - was
                lose |= was - is_now
            gain_here |= gain
            lose_here |= lose
            if gain or lose:
                each.append(Effect(purpose, recipient, len(old), len(new), len(gain), len(lose)))
        gaining |= gain_here
        losing |= lose_here
        if gain_here or lose_here:
            by_purpose[purpose] = len(gain_here), len(lose_here)
    assert found.each == tuple(each)
    assert found.by_purpose == by_purpose
    assert (found.gain, found.lose) == (len(gaining), len(losing))
    if before.digest() == after.digest():
        assert found.each == ()
