"""Laws of the decision: what can never make an answer larger, whatever was said before."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from consent.decision import LoggedEntry
from consent.events import ConsentEvent, EventType
from consent.fields import Entry
from consent.preferences import (
    AutomatedDecisions,
    ChannelChoice,
    Pause,
    Preference,
    PreferenceEvent,
    TopicChoice,
)
from consent.projection import Projection
from consent.purpose import BasisIn
from consent.reasons import SKEW_MS, Query, Reason
from consent.recipients import Source
from consent.statements import Method, Relation
from consent.vocabulary import Vocabulary
from consent.words import ANY_CHANNEL, EVERYBODY, SELF, AgeBand, Assurance, Basis, EventState
from tests.support.consent_strategies import (
    OLD,
    RICH,
    SUBJECTS,
    Log,
    consent_events,
    logs,
    methods,
    nearly_good,
    queries,
    subject_ids,
    times,
)
from tests.support.consents import NOON
from tests.support.depth import examples

EVERYONE = BitMap([*SUBJECTS, 77])
OBJECTIONS = [Reason(s.value) for s in EventState if s.is_objection]
AFTER_ALL = NOON + 4 * SKEW_MS
"""Later than every instant at which the strategies let something happen or be recorded."""
several = st.lists(queries, min_size=1, max_size=6)
events = consent_events() | nearly_good()


def project(log: Log, vocabulary: Vocabulary = RICH) -> Projection:
    projection = Projection(vocabulary)
    for dense, e in log:
        projection.apply(e.index, e.record, dense, e.recorded_at_ms)
    return projection


def with_one_more(log: Log, record: Entry, recorded: int) -> Log:
    dense = int(record.subject_id, 16)  # type: ignore[attr-defined]
    return [*log, (dense, LoggedEntry(len(log), recorded, record))]


def change_events(log: Log, change: Callable[[ConsentEvent], ConsentEvent]) -> Log:
    return [
        (d, replace(e, record=change(e.record)) if isinstance(e.record, ConsentEvent) else e)
        for d, e in log
    ]


def by_reason(projection: Projection, query: Query) -> dict[Reason, BitMap]:
    answer = projection.bulk(query, EVERYONE)
    return {Reason.PERMITTED: answer.allowed, **answer.denied}


def assert_not_larger(after: Projection, before: Projection, asked: list[Query]) -> None:
    for query in asked:
        assert after.bulk(query).allowed <= before.bulk(query).allowed


def _no_act(event: ConsentEvent, how: str) -> ConsentEvent:
    """Return a yes that is no act of the person, in one of the ways there are."""
    yes = replace(event, state=EventState.GIVEN, age_band=None)
    match how:
        case "implied":
            return replace(yes, event_type=EventType.IMPLIED)
        case "second-hand":
            return replace(yes, source_id="crm")
        case "import" | "batch-sync":
            return replace(yes, method=Method(how))
        case _:
            return replace(yes, relation=Relation(how))


@settings(max_examples=examples(40))
@given(
    logs(),
    events,
    st.sampled_from(["implied", "second-hand", "import", "batch-sync", "staff", "machine"]),
    st.data(),
    several,
)
def test_a_yes_that_is_no_act_never_overcomes_a_no(
    log: Log, event: ConsentEvent, how: str, data: st.DataObject, asked: list[Query]
) -> None:
    said = [e.record for _, e in log if isinstance(e.record, ConsentEvent)]
    noes = [r for r in said if r.state.is_objection and RICH.has(r.purpose)]
    assume(noes)
    answered = data.draw(st.sampled_from(noes))
    yes = replace(
        event, subject_id=answered.subject_id, purpose=answered.purpose,
        recipient=answered.recipient, channel=answered.channel, source_id=answered.source_id,
        event_time_ms=data.draw(times),
    )  # fmt: skip
    more = with_one_more(log, _no_act(yes, how), data.draw(times))
    before, after = project(log), project(more)
    the_same = Query(
        purpose=answered.purpose, recipient=answered.recipient, channel=answered.channel,
        operation=RICH.find(answered.purpose).operations[0], at_ms=AFTER_ALL,
    )  # fmt: skip
    for query in (the_same, *asked):
        was, is_ = by_reason(before, query), by_reason(after, query)
        objecting = BitMap.union(BitMap(), *(was.get(r, BitMap()) for r in OBJECTIONS))
        still = BitMap.union(BitMap(), *(is_.get(r, BitMap()) for r in OBJECTIONS))
        assert objecting <= still


@settings(max_examples=examples(40))
@given(logs(), events, st.integers(1, 10 * SKEW_MS), several)
def test_a_yes_from_the_future_changes_nothing(
    log: Log, event: ConsentEvent, ahead: int, asked: list[Query]
) -> None:
    recorded = event.event_time_ms - SKEW_MS - ahead
    yes = replace(event, state=EventState.RENEWED_GIVEN)
    before, after = project(log), project(with_one_more(log, yes, recorded))
    for query in asked:
        assert by_reason(before, query) == by_reason(after, query)


@settings(max_examples=examples(40))
@given(logs(), events, several)
def test_the_last_word_being_no_is_a_no_to_all_beneath_it(
    log: Log, event: ConsentEvent, asked: list[Query]
) -> None:
    assume(RICH.has(event.purpose))
    no = replace(event, state=EventState.WITHDRAWN, event_time_ms=AFTER_ALL)
    projection = project(with_one_more(log, no, AFTER_ALL))
    for query in asked:
        beneath = no.purpose in (query.purpose, *RICH.ancestors(query.purpose))
        towards = no.recipient in (query.recipient, SELF, EVERYBODY)
        if beneath and towards and no.channel in (query.channel, ANY_CHANNEL):
            allowed = projection.bulk(replace(query, at_ms=AFTER_ALL), EVERYONE).allowed
            assert int(no.subject_id, 16) not in allowed


REFUSALS = [
    ChannelChoice(channel="email", allowed=False),
    ChannelChoice(channel="*", allowed=False),
    TopicChoice(topic="sport", allowed=False),
    AutomatedDecisions(allowed=False),
]


@settings(max_examples=examples(40))
@given(logs(), st.sampled_from(REFUSALS), subject_ids, methods, times, times, several)
def test_a_refusal_of_a_channel_a_topic_or_machines_never_enlarges(
    log: Log,
    refusal: Preference,
    who: str,
    method: Method,
    time: int,
    recorded: int,
    asked: list[Query],
) -> None:
    chosen = PreferenceEvent(
        subject_id=who, event_time_ms=time, source_id="web", source_event_id="new", method=method,
        preference=refusal,
    )  # fmt: skip
    assert_not_larger(project(with_one_more(log, chosen, recorded)), project(log), asked)


@settings(max_examples=examples(40))
@given(logs(), subject_ids, times, times, times, several)
def test_a_pause_that_is_a_first_copy_never_enlarges(
    log: Log, who: str, until: int, time: int, recorded: int, asked: list[Query]
) -> None:
    # Of several copies the last counts: that is what the other system says now.
    log = [
        (d, e)
        for d, e in log
        if not (isinstance(e.record, PreferenceEvent) and isinstance(e.record.preference, Pause))
        or (e.record.is_act and e.record.source_id == "web")
    ]
    copy = PreferenceEvent(
        subject_id=who, event_time_ms=time, source_id="web", source_event_id="new",
        method=Method.IMPORT, preference=Pause(until_ms=until),
    )  # fmt: skip
    assert_not_larger(project(with_one_more(log, copy, recorded)), project(log), asked)


@settings(max_examples=examples(40))
@given(logs(), events, st.none() | st.sampled_from(list(Assurance)), times, several)
def test_being_said_to_be_a_child_never_enlarges_what_people_consented_to_themselves(
    log: Log, event: ConsentEvent, assurance: Assurance | None, recorded: int, asked: list[Query]
) -> None:
    log = change_events(log, lambda e: replace(e, relation=Relation.SUBJECT))
    told = replace(
        event, purpose="not-in-the-vocabulary", state=EventState.UNKNOWN,
        age_band=AgeBand.UNDER_13, age_assurance=assurance,
    )  # fmt: skip
    assert_not_larger(project(with_one_more(log, told, recorded)), project(log), asked)


@settings(max_examples=examples(40))
@given(logs(), events, times, st.sampled_from(list(AgeBand)), several)
def test_what_a_child_agreed_to_is_not_permitted_when_the_child_has_grown_up(
    log: Log, event: ConsentEvent, recorded: int, child: AgeBand, asked: list[Query]
) -> None:
    assume(child.youngest < 14)
    as_child = change_events(
        log, lambda e: replace(e, relation=Relation.SUBJECT, age_band=child, age_assurance=None)
    )
    grown = replace(
        event, purpose="not-in-the-vocabulary", state=EventState.UNKNOWN, age_band=AgeBand.ADULT,
        age_assurance=Assurance.VERIFIED, event_time_ms=AFTER_ALL,
    )  # fmt: skip
    after = project(with_one_more(as_child, grown, AFTER_ALL + recorded - NOON + SKEW_MS))
    for query in asked:
        assert not after.bulk(replace(query, at_ms=AFTER_ALL + 5 * SKEW_MS)).allowed


def without_ages(log: Log) -> Log:
    """Leave out what makes a difference by age, and by ranks that a source states of itself."""
    return change_events(
        log, lambda e: replace(e, relation=Relation.SUBJECT, age_band=None, source_trust=5)
    )


@settings(max_examples=examples(40))
@given(logs(), st.sampled_from(["DE", "CN", "CN-31", "US", "nowhere", "ZZ"]), several)
def test_a_further_place_whose_law_applies_never_enlarges(
    log: Log, place: str, asked: list[Query]
) -> None:
    log = [(d, e) for d, e in without_ages(log)]
    unknown = change_events(log, lambda e: replace(e, residence=None))
    known = change_events(log, lambda e: replace(e, residence=place))
    assert_not_larger(project(known), project(unknown), asked)


def _scoring_prohibited() -> Vocabulary:
    scoring = RICH.find("scoring")
    stricter = replace(
        scoring, legal_basis=(*scoring.legal_basis, BasisIn(place="US", basis=Basis.PROHIBITED))
    )
    return replace(RICH, purposes=tuple(stricter if p is scoring else p for p in RICH.purposes))


def _renewing() -> Vocabulary:
    profiling = RICH.find("profiling")
    renewed = replace(profiling, renew_below=3)
    return replace(RICH, purposes=tuple(renewed if p is profiling else p for p in RICH.purposes))


STRICTER = {
    "a prohibition": _scoring_prohibited(),
    "a renewal": _renewing(),
    "a notice to renew": replace(RICH, notices_to_renew=RICH.notices_to_renew | {OLD}),
    "a second-hand source": replace(
        RICH, sources=(*RICH.sources, Source(source_id="web", first_hand=False))
    ),
    "the law of the controller": replace(RICH, controller_place="DE"),
}


@pytest.mark.parametrize("what", STRICTER)
@settings(max_examples=examples(15))
@given(log=logs(), asked=several)
def test_a_stricter_policy_never_enlarges(what: str, log: Log, asked: list[Query]) -> None:
    log = without_ages(log)
    assert_not_larger(project(log, STRICTER[what]), project(log), asked)


@settings(max_examples=examples(40))
@given(logs(), several, st.sampled_from([0, 1, SKEW_MS, 10**12]))
def test_time_that_passes_never_enlarges_what_consent_permits(
    log: Log, asked: list[Query], later: int
) -> None:
    # Pauses end, so preferences are left out.
    projection = project([(d, e) for d, e in log if not isinstance(e.record, PreferenceEvent)])
    for query in asked:
        now, then = (replace(query, at_ms=AFTER_ALL + d) for d in (0, later))
        assert projection.bulk(then).allowed <= projection.bulk(now).allowed
