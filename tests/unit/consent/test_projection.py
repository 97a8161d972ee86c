"""The projection beyond agreeing with the decider: sets, commitments, speed of the right order."""

import time

import numpy as np
import pytest
from pyroaring import BitMap

from consent.defaults import DEFAULT_VOCABULARY
from consent.errors import LedgerInconsistent, MalformedRecord, UnknownPurpose
from consent.facts import About, Whats, facts_of
from consent.instants import FOREVER, NEVER
from consent.projection import Projection, commit_set
from consent.reasons import Reason
from consent.timed import TimedSet
from consent.words import EventState
from tests.support.consents import HOUR, NOON, event, query


def test_those_asked_about_and_not_known_are_denied() -> None:
    projection = Projection(DEFAULT_VOCABULARY)
    projection.apply(0, event(), 1, NOON)
    answer = projection.bulk(query(), BitMap([1, 2]))
    assert answer.allowed == BitMap([1])
    assert answer.denied == {Reason.NO_EVIDENCE: BitMap([2])}
    assert answer.counts() == {Reason.NO_EVIDENCE: 1}


def test_a_decision_does_not_change_what_it_was_asked_or_the_state() -> None:
    projection = Projection(DEFAULT_VOCABULARY)
    projection.apply(0, event(), 1, NOON)
    asked, digest = BitMap([1, 2]), projection.digest()
    first = projection.bulk(query(), asked)
    first.allowed.clear()
    assert asked == BitMap([1, 2])
    assert projection.digest() == digest
    assert projection.bulk(query(), asked).allowed == BitMap([1])
    projection.subjects.clear()
    assert projection.subjects == BitMap([1])


def test_an_unknown_purpose_is_an_error_and_no_empty_answer() -> None:
    with pytest.raises(UnknownPurpose):
        Projection(DEFAULT_VOCABULARY).bulk(query(purpose="nothing"))


def test_a_number_above_32_bits_is_refused() -> None:
    for dense in (-1, 2**32):
        with pytest.raises(LedgerInconsistent):
            Projection(DEFAULT_VOCABULARY).apply(0, event(), dense, NOON)


def test_the_digest_tells_states_apart() -> None:
    empty, one, two = (Projection(DEFAULT_VOCABULARY) for _ in range(3))
    one.apply(0, event(), 1, NOON)
    two.apply(0, event(valid_until_ms=NOON + HOUR), 1, NOON)
    assert len({p.digest() for p in (empty, one, two)}) == 3


def test_the_salt_of_a_commitment_has_32_bytes() -> None:
    with pytest.raises(MalformedRecord):
        commit_set(BitMap(), b"short")


def test_members_of_a_timed_set_leave_at_their_instant() -> None:
    timed = TimedSet()
    ends = {1: FOREVER, 2: 10 * HOUR, 3: 10 * HOUR + 1, 4: 9 * HOUR, 5: NEVER}
    put(timed, ends)
    everybody = BitMap(range(7))
    assert timed.among(0, everybody) == BitMap([1, 2, 3, 4])
    assert timed.among(9 * HOUR, everybody) == BitMap([1, 2, 3])
    assert timed.among(10 * HOUR, everybody) == BitMap([1, 3])
    assert timed.among(11 * HOUR, everybody) == BitMap([1])
    assert timed.among(9 * HOUR, everybody) == BitMap([1, 2, 3])
    assert timed.leaving(9 * HOUR, 10 * HOUR) == BitMap([2])
    assert timed.ends(np.arange(6, dtype=np.uint32)).tolist() == [
        NEVER, FOREVER, 10 * HOUR, 10 * HOUR + 1, 9 * HOUR, NEVER
    ]  # fmt: skip
    put(timed, {1: NEVER, 3: FOREVER, 5: 3 * HOUR})
    assert timed.among(11 * HOUR, everybody) == BitMap([3])
    assert timed.among(2 * HOUR, everybody) == BitMap([2, 3, 4, 5])


def put(timed: TimedSet, ends: dict[int, int]) -> None:
    timed.put(np.array(list(ends), dtype=np.uint32), np.array(list(ends.values())))


def test_a_hundred_thousand_people_are_decided_in_a_moment() -> None:
    entries = [
        About(n, NOON, n, event(valid_until_ms=NOON + HOUR // 2) if n % 3 else event())
        for n in range(100_000)
    ]
    entries += [
        About(100_000 + n, NOON + 1, n, event(EventState.WITHDRAWN, NOON + 1))
        for n in range(0, 100_000, 2)
    ]
    whats = Whats()
    projection = Projection(DEFAULT_VOCABULARY, whats)
    projection.take_in(facts_of(entries, whats))
    started = time.perf_counter()
    answer = projection.bulk(query(NOON + HOUR))
    commit_set(answer.allowed, b"\x01" * 32)
    elapsed = time.perf_counter() - started
    assert answer.counts() == {Reason.EXPIRED: 33_333, Reason.WITHDRAWN: 50_000}
    assert len(answer.allowed) == 16_667
    assert elapsed < 0.2
