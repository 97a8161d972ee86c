"""The bitmaps answer what the plain decider answers: every subject, prefix, order and instant."""

import random as random_module
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from consent.decision import Decision, Verdict, decide
from consent.events import ConsentEvent
from consent.facts import About, Whats, facts_of, read_what, write_what
from consent.merges import SubjectsMerged
from consent.projection import Projection, commit_set
from consent.reasons import SKEW_MS, Query, Reason
from consent.vocabulary import Vocabulary
from consent.words import EventState
from tests.support.consent_strategies import (
    RICH,
    SUBJECTS,
    Log,
    consent_events,
    entries_of,
    logs,
    logs_with_merges,
    merges,
    number,
    persons,
    queries,
    times,
)
from tests.support.consents import NOON, TREE
from tests.support.depth import examples

vocabularies = st.sampled_from([TREE, RICH, RICH])


def project(log: Log, vocabulary: Vocabulary) -> Projection:
    """Take in one entry at a time."""
    projection = Projection(vocabulary)
    for dense, e in log:
        projection.apply(e.index, e.record, dense, e.recorded_at_ms)
    return projection


def assert_agrees(log: Log, projection: Projection, query: Query) -> None:
    asked = BitMap([*SUBJECTS, 77])
    answer = projection.bulk(query, asked)
    for dense in asked:
        expected = decide([e for d, e in log if d == dense], query, projection.vocabulary)
        reasons = [r for r, members in answer.denied.items() if dense in members]
        if dense in answer.allowed:
            reasons.append(Reason.PERMITTED)
        assert reasons == [expected.reason], (dense, expected)


@settings(max_examples=examples(50, deep=1000))
@given(logs(), st.lists(queries, min_size=1, max_size=6), vocabularies)
def test_projection_equals_decision_at_every_prefix(
    log: Log, asked: list[Query], vocabulary: Vocabulary
) -> None:
    projection = Projection(vocabulary)
    for length in range(len(log) + 1):
        if length:
            dense, e = log[length - 1]
            projection.apply(e.index, e.record, dense, e.recorded_at_ms)
        for query in asked:
            assert_agrees(log[:length], projection, query)


@settings(max_examples=examples(40, deep=600))
@given(
    logs(), st.lists(st.integers(0, 20), max_size=3), vocabularies, st.lists(queries, max_size=3)
)
def test_facts_at_once_in_parts_or_one_by_one_come_to_the_same(
    log: Log, cuts: list[int], vocabulary: Vocabulary, asked: list[Query]
) -> None:
    whats = Whats()
    facts = facts_of([About(e.index, e.recorded_at_ms, d, e.record) for d, e in log], whats)
    projection = Projection(vocabulary, whats)
    for part in np.split(facts, sorted(cuts)):
        projection.take_in(part)
    projection_one_by_one = project(log, vocabulary)
    if len(log) == len(facts):
        assert projection.digest() == projection_one_by_one.digest()
    for query in asked:
        assert_agrees(log, projection, query)


@settings(max_examples=examples(40, deep=800))
@given(logs_with_merges(), st.lists(queries, min_size=1, max_size=6), vocabularies)
def test_merged_records_are_decided_as_one_at_every_prefix(
    log: Log, asked: list[Query], vocabulary: Vocabulary
) -> None:
    projection = Projection(vocabulary)
    for length, (dense, e) in enumerate(log, start=1):
        projection.apply(e.index, e.record, dense, e.recorded_at_ms, number)
        for query in asked:
            assert_merged_agree(log[:length], projection, query)
    whats = Whats()
    about = [About(e.index, e.recorded_at_ms, d, e.record) for d, e in log]
    at_once = Projection(vocabulary, whats)
    at_once.take_in(facts_of(about, whats, number))
    assert at_once.digest() == projection.digest()


def assert_merged_agree(log: Log, projection: Projection, query: Query) -> None:
    answer = projection.bulk(query, BitMap(SUBJECTS))
    current = persons(log)
    for dense in SUBJECTS:
        own = entries_of(log, dense) if current[dense] == dense else []
        expected = decide(own, query, projection.vocabulary)
        reasons = [r for r, members in answer.denied.items() if dense in members]
        if dense in answer.allowed:
            reasons.append(Reason.PERMITTED)
        assert reasons == [expected.reason], (dense, expected)


@settings(max_examples=examples(40, deep=600))
@given(logs(), merges, st.lists(queries, min_size=1, max_size=6), vocabularies)
def test_a_merge_permits_nothing_that_one_of_the_records_did_not(
    log: Log, merge: SubjectsMerged, asked: list[Query], vocabulary: Vocabulary
) -> None:
    before, after = project(log, vocabulary), project(log, vocabulary)
    at_ms = NOON + 20 * SKEW_MS
    kept, absorbed = number(merge.subject_id), number(merge.absorbed)
    after.apply(len(log), merge, kept, at_ms, number)
    for query in asked:
        at_merge = replace(query, at_ms=at_ms)
        allowed = before.bulk(at_merge).allowed
        if kept in after.bulk(at_merge).allowed:
            assert {kept, absorbed} <= set(allowed)


@settings(max_examples=examples(25, deep=300))
@given(logs(), st.randoms(use_true_random=False), queries, vocabularies)
def test_the_order_of_applying_and_repeats_change_nothing(
    log: Log, random: random_module.Random, query: Query, vocabulary: Vocabulary
) -> None:
    shuffled = log + log[: len(log) // 2]
    random.shuffle(shuffled)
    one, other = project(log, vocabulary), project(shuffled, vocabulary)
    assert one.digest() == other.digest()
    assert_agrees(log, other, query)


@settings(max_examples=examples(40, deep=800))
@given(logs(), consent_events(), times, st.lists(queries, min_size=1, max_size=6), vocabularies)
def test_a_withdrawal_never_enlarges_what_is_allowed(
    log: Log, event: ConsentEvent, recorded: int, asked: list[Query], vocabulary: Vocabulary
) -> None:
    # What the event says about the age is not part of a withdrawal: it could make a child an adult.
    withdrawal = replace(event, state=EventState.WITHDRAWN, age_band=None)
    before, after = project(log, vocabulary), project(log, vocabulary)
    after.apply(len(log), withdrawal, int(event.subject_id, 16), recorded)
    for query in asked:
        assert after.bulk(query).allowed <= before.bulk(query).allowed


@settings(max_examples=examples(25, deep=300))
@given(logs(), queries, vocabularies)
def test_forgetting_a_subject_leaves_the_others_as_they_were(
    log: Log, query: Query, vocabulary: Vocabulary
) -> None:
    projection = project(log, vocabulary)
    projection.forget(1)
    projection.forget(1)
    others = [(d, e) for d, e in log if d != 1]
    assert projection.digest() == project(others, vocabulary).digest()
    assert 1 not in projection.bulk(query).allowed
    # What was forgotten can be taken in again, and nothing of before is left in it.
    for dense, e in log:
        if dense == 1:
            projection.apply(e.index, e.record, dense, e.recorded_at_ms)
    assert projection.digest() == project(log, vocabulary).digest()


@given(logs(), queries, vocabularies)
def test_a_bulk_decision_is_a_partition_of_those_asked(
    log: Log, query: Query, vocabulary: Vocabulary
) -> None:
    projection = project(log, vocabulary)
    answer = projection.bulk(query)
    parts = [answer.allowed, *answer.denied.values()]
    assert BitMap.union(BitMap(), *parts) == projection.subjects
    assert sum(len(p) for p in parts) == len(projection.subjects)


@given(logs(), queries, vocabularies)
def test_an_allowing_decision_names_a_valid_grant(
    log: Log, query: Query, vocabulary: Vocabulary
) -> None:
    for dense in SUBJECTS:
        decision: Decision = decide([e for d, e in log if d == dense], query, vocabulary)
        if decision.outcome is Verdict.ALLOW:
            assert decision.deciding_index is not None
            grant = log[decision.deciding_index][1].record
            assert isinstance(grant, ConsentEvent)
            assert grant.state.valid_for_processing


@given(logs(), queries)
def test_a_limited_grant_that_permits_is_the_one_that_decides(log: Log, query: Query) -> None:
    projection = project(log, RICH)
    allowed = projection.bulk(query).allowed
    limited = projection.limited(query, allowed)
    assert set(limited) <= set(allowed)
    for dense in allowed:
        decision = decide([e for d, e in log if d == dense], query, RICH)
        assert decision.deciding_index is not None
        grant = log[decision.deciding_index][1].record
        assert isinstance(grant, ConsentEvent)
        assert (limited.get(dense) == decision.deciding_index) == (grant.max_uses is not None)


@given(logs())
def test_every_what_has_one_encoding(log: Log) -> None:
    whats = Whats()
    facts_of([About(e.index, e.recorded_at_ms, d, e.record) for d, e in log], whats)
    for place in range(len(whats)):
        assert read_what(write_what(whats[place])) == whats[place]
        assert whats.number(whats[place]) == place


@given(st.frozensets(st.integers(0, 2**32 - 1), max_size=50), st.integers(0, 5000))
def test_a_set_commitment_depends_on_the_set_alone(members: frozenset[int], run: int) -> None:
    salt = b"\x07" * 32
    everyone = members | set(range(run))
    built = BitMap(range(run)) | BitMap(members)
    built.run_optimize()
    assert commit_set(built, salt) == commit_set(BitMap(sorted(everyone)), salt)
    assert commit_set(built, salt) != commit_set(built ^ BitMap([4242]), salt)
    assert commit_set(built, salt) != commit_set(built, b"\x08" * 32)
