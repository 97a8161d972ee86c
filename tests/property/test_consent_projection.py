"""The bitmaps answer what the plain decider answers: every subject, prefix, order and instant."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from consent.decision import Decision, Verdict, decide
from consent.events import ConsentEvent
from consent.projection import Projection, commit_set
from consent.rules import LoggedEvent, Query, Reason
from consent.words import EventState
from tests.support.consent_strategies import SUBJECTS, consent_events, logs, queries, times
from tests.support.consents import TREE


def project(log: list[tuple[int, LoggedEvent]]) -> Projection:
    projection = Projection(TREE)
    for dense, e in log:
        projection.apply(e.index, e.event, dense, e.recorded_at_ms)
    return projection


def assert_agrees(log: list[tuple[int, LoggedEvent]], projection: Projection, query: Query) -> None:
    asked = BitMap([*SUBJECTS, 77])
    answer = projection.bulk(query, asked)
    for dense in asked:
        expected = decide([e for d, e in log if d == dense], query, TREE)
        reasons = [r for r, members in answer.denied.items() if dense in members]
        if dense in answer.allowed:
            reasons.append(Reason.PERMITTED)
        assert reasons == [expected.reason], (dense, expected)


@settings(max_examples=400, deadline=None)
@given(logs(), st.lists(queries, min_size=1, max_size=6))
def test_projection_equals_decision_at_every_prefix(
    log: list[tuple[int, LoggedEvent]], asked: list[Query]
) -> None:
    projection = Projection(TREE)
    for length in range(len(log) + 1):
        if length:
            dense, e = log[length - 1]
            projection.apply(e.index, e.event, dense, e.recorded_at_ms)
        for query in asked:
            assert_agrees(log[:length], projection, query)


@settings(max_examples=150, deadline=None)
@given(logs(), st.randoms(use_true_random=False), queries)
def test_the_order_of_applying_and_repeats_change_nothing(
    log: list[tuple[int, LoggedEvent]], random: "object", query: Query
) -> None:
    shuffled = log + log[: len(log) // 2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = project(log), project(shuffled)
    assert one.digest() == other.digest()
    assert_agrees(log, other, query)


@settings(max_examples=300, deadline=None)
@given(logs(), consent_events(), times, st.lists(queries, min_size=1, max_size=6))
def test_a_withdrawal_never_enlarges_what_is_allowed(
    log: list[tuple[int, LoggedEvent]], event: ConsentEvent, recorded: int, asked: list[Query]
) -> None:
    withdrawal = replace(event, state=EventState.WITHDRAWN)
    before, after = project(log), project(log)
    after.apply(len(log), withdrawal, int(event.subject_id, 16), recorded)
    for query in asked:
        assert after.bulk(query).allowed <= before.bulk(query).allowed


@settings(max_examples=150, deadline=None)
@given(logs(), queries)
def test_forgetting_a_subject_leaves_the_others_as_they_were(
    log: list[tuple[int, LoggedEvent]], query: Query
) -> None:
    projection = project(log)
    projection.forget(1)
    projection.forget(1)
    assert projection.digest() == project([(d, e) for d, e in log if d != 1]).digest()
    assert 1 not in projection.bulk(query).allowed


@given(logs(), queries)
def test_a_bulk_decision_is_a_partition_of_those_asked(
    log: list[tuple[int, LoggedEvent]], query: Query
) -> None:
    projection = project(log)
    answer = projection.bulk(query)
    parts = [answer.allowed, *answer.denied.values()]
    assert BitMap.union(BitMap(), *parts) == projection.subjects
    assert sum(len(p) for p in parts) == len(projection.subjects)


@given(logs(), queries)
def test_an_allowing_decision_names_a_valid_grant(
    log: list[tuple[int, LoggedEvent]], query: Query
) -> None:
    for dense in SUBJECTS:
        decision: Decision = decide([e for d, e in log if d == dense], query, TREE)
        if decision.outcome is Verdict.ALLOW:
            assert decision.deciding_index is not None
            assert log[decision.deciding_index][1].event.state.valid_for_processing


@given(st.frozensets(st.integers(0, 2**32 - 1), max_size=50), st.integers(0, 5000))
def test_a_set_commitment_depends_on_the_set_alone(members: frozenset[int], run: int) -> None:
    salt = b"\x07" * 32
    everyone = members | set(range(run))
    built = BitMap(range(run)) | BitMap(members)
    built.run_optimize()
    assert commit_set(built, salt) == commit_set(BitMap(sorted(everyone)), salt)
    assert commit_set(built, salt) != commit_set(built ^ BitMap([4242]), salt)
    assert commit_set(built, salt) != commit_set(built, b"\x08" * 32)
