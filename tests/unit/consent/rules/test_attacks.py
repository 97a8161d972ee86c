"""Attacks on the bitmaps themselves: numbers at their edges, parts, orders, and other people.

Attacks by what is said stand with the rule that they are on.
"""

import random

import numpy as np
import pytest
from pyroaring import BitMap

from consent import scope_state
from consent.decision import LoggedEntry, decide
from consent.defaults import DEFAULT_VOCABULARY
from consent.facts import About, Whats, facts_of
from consent.grouping import by_stream, last_of_greatest
from consent.projection import Projection
from consent.reasons import Reason
from consent.statements import Method
from consent.words import AgeBand, EventState
from tests.support.consents import HOUR, NOON, event, query
from tests.support.records import preference

GIVEN, WITHDRAWN = EventState.GIVEN, EventState.WITHDRAWN
EDGES = [0, 1, 4095, 4096, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]


def test_the_no_of_one_person_is_never_somebody_elses_and_no_yes_leaks() -> None:
    for sayer in EDGES:
        projection = Projection(DEFAULT_VOCABULARY)
        for place, who in enumerate(EDGES):
            said = WITHDRAWN if who == sayer else GIVEN
            projection.apply(place, event(said), who, NOON)
        bulk = projection.bulk(query())
        assert bulk.denied == {Reason.WITHDRAWN: BitMap([sayer])}
        assert bulk.allowed == BitMap(EDGES) - BitMap([sayer])
        neighbours = BitMap([n for who in EDGES for n in (who - 1, who + 1) if 0 <= n < 2**32])
        assert not projection.bulk(query(), neighbours - BitMap(EDGES)).allowed


def test_an_age_or_a_preference_is_never_somebody_elses() -> None:
    for who in EDGES:
        projection = Projection(DEFAULT_VOCABULARY)
        for place, other in enumerate(EDGES):
            projection.apply(place, event(channel="email"), other, NOON)
        projection.apply(20, event(GIVEN, NOON + 1, age_band=AgeBand.AGE_13), who, NOON + 1)
        projection.apply(21, preference(), who, NOON)
        denied = projection.bulk(query(channel="email")).denied
        assert denied == {Reason.NOT_BY_GUARDIAN: BitMap([who])}
        projection.forget(who)
        assert projection.bulk(query(channel="email")).allowed == BitMap(EDGES) - BitMap([who])


def test_a_person_who_was_forgotten_has_to_be_told_everything_anew() -> None:
    projection = Projection(DEFAULT_VOCABULARY)
    projection.apply(0, event(WITHDRAWN), 5, NOON)
    projection.apply(1, event(GIVEN), 6, NOON)
    projection.forget(5)
    projection.forget(5)
    assert projection.bulk(query(), BitMap([5])).denied == {Reason.NO_EVIDENCE: BitMap([5])}
    # Rows that became free are given to others, and nothing of before is in them.
    projection.apply(2, event(GIVEN), 7, NOON)
    assert projection.bulk(query()).allowed == BitMap([6, 7])


@pytest.mark.parametrize("index", [0, 1, 2**31, 2**53 - 1])
def test_places_in_the_ledger_may_be_as_large_as_they_get(index: int) -> None:
    first, second = max(index - 1, 0), index + (index == 0)
    entries = [LoggedEntry(first, NOON, event(GIVEN)), LoggedEntry(second, NOON, event(WITHDRAWN))]
    projection = Projection(DEFAULT_VOCABULARY)
    for e in reversed(entries):
        projection.apply(e.index, e.record, 1, e.recorded_at_ms)
    assert decide(entries, query(), DEFAULT_VOCABULARY).deciding_index == second
    assert projection.bulk(query()).denied == {Reason.WITHDRAWN: BitMap([1])}


def _crowded(count: int) -> list[About]:
    """Return entries of which many are about the same person, source and instant."""
    rng = random.Random(count)
    states = [GIVEN, GIVEN, WITHDRAWN, EventState.UNKNOWN, EventState.RENEWED_GIVEN]
    return [
        About(
            index,
            NOON + HOUR,
            rng.choice(EDGES),
            event(
                rng.choice(states),
                NOON + rng.randrange(3),
                source_id=f"s-{rng.randrange(3)}",
                method=rng.choice([Method.WEB_FORM, Method.IMPORT]),
            ),
        )
        for index in range(count)
    ]


def _reasons(projection: Projection, entries: list[About]) -> None:
    """Hold a projection to the plain decider."""
    bulk = projection.bulk(query(NOON + HOUR))
    for who in EDGES:
        own = [LoggedEntry(e.index, e.recorded_ms, e.record) for e in entries if e.subject == who]
        reason = decide(own, query(NOON + HOUR), DEFAULT_VOCABULARY).reason
        assert who in (bulk.allowed if reason is Reason.PERMITTED else bulk.denied[reason])


@pytest.mark.parametrize("part", [1, 2, 7, 1 << 20])
def test_facts_that_are_worked_on_in_parts_come_to_the_same(
    part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scope_state, "_PART", part)
    entries = _crowded(150)
    whats = Whats()
    projection = Projection(DEFAULT_VOCABULARY, whats)
    projection.take_in(facts_of(entries, whats))
    _reasons(projection, entries)


@pytest.mark.parametrize("seed", range(5))
def test_facts_whose_indices_are_out_of_order_come_to_the_same(seed: int) -> None:
    entries = _crowded(150)
    shuffled = entries + entries[:40]
    random.Random(seed).shuffle(shuffled)
    whats = Whats()
    facts = facts_of(shuffled, whats)
    projection = Projection(DEFAULT_VOCABULARY, whats)
    for part in np.split(facts, [10, 11, 90]):
        projection.take_in(part)
    _reasons(projection, entries)


@pytest.mark.parametrize("sources", [1, 2, 2**16, 2**31, 2**32 - 1])
def test_however_many_sources_there_are_no_two_streams_run_together(sources: int) -> None:
    # So many that subject, source and position no longer fit into one number.
    rng = np.random.default_rng(sources)
    subjects = rng.choice(np.array(EDGES, dtype=np.uint32), 5000)
    source = rng.integers(max(0, sources - 3), sources, 5000).astype(np.uint32)
    order, starts = by_stream(subjects, source)
    expected = np.lexsort((source, subjects))
    assert (order == expected).all()
    pairs = list(zip(subjects[order].tolist(), source[order].tolist(), strict=True))
    assert [pairs[s] for s in starts] == sorted(set(pairs))


def test_of_equal_greatest_values_the_last_is_found() -> None:
    values = np.array([3, 3, 1, -1, -1, 5, 2, 5], dtype=np.int64)
    assert last_of_greatest(values, np.array([0, 3, 5])).tolist() == [1, 4, 7]


def test_asking_about_somebody_changes_nothing_about_anybody() -> None:
    projection = Projection(DEFAULT_VOCABULARY)
    projection.apply(0, event(valid_until_ms=NOON + HOUR), 1, NOON)
    digest = projection.digest()
    for at in (NOON + 9 * HOUR, NOON, 253_402_300_799_999, 0):
        projection.bulk(query(at), BitMap(EDGES))
        projection.limited(query(at), BitMap(EDGES))
        assert projection.digest() == digest
    assert projection.bulk(query(NOON)).allowed == BitMap([1])
