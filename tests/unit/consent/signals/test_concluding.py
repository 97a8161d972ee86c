"""Rule 5: what follows from a signal, given what the person said before."""

from typing import Any

import pytest

from consent.decision import LoggedEntry, Verdict, decide
from consent.defaults import DEFAULT_VOCABULARY
from consent.events import ConsentEvent, EventType
from consent.fields import Entry
from consent.purpose import Purpose, SignalTerms
from consent.reasons import Query, Reason
from consent.signal_records import Conclusion, SignalConcluded, SignalKind, SignalReceived
from consent.signals.concluding import LOWEST_TRUST, Plan, conclude
from consent.signals.ids import Ids
from consent.signals.standing import stream_of
from consent.statements import Method, Relation
from consent.vocabulary import Vocabulary
from consent.words import AgeBand, EventState, Operation
from tests.support.consents import HOUR, MINUTE, NOON, event
from tests.support.signals import (
    ADS,
    DAY_MS,
    EMAIL,
    NOT_OPTED_OUT,
    SCORE,
    SPOKEN,
    STATS,
    placed,
    signal,
    tc_text,
    us_text,
)

GPC, GPP, TCF = SignalKind.GPC, SignalKind.GPP, SignalKind.TCF
EXPLICIT = {"event_type": EventType.EXPLICITLY_EXPRESSED, "source_trust": 5}


def said(at: int, purpose: str = ADS, recipient: str = "shop", **changes: Any) -> ConsentEvent:
    """Return an explicit yes of the person on a web form."""
    values = {"purpose": purpose, "recipient": recipient, "jurisdiction": "US-CA", **EXPLICIT}
    return event(**{"at": at, "source_event_id": f"{purpose}-{recipient}-{at}"} | values | changes)


def weigh(
    received: SignalReceived, *before: Entry, at: int | None = None, policy: Vocabulary = SPOKEN
) -> Plan:
    now = received.event_time_ms if at is None else at
    return conclude(received, placed(*before), policy, now)


def allowed(
    entries: list[LoggedEntry], purpose: str, recipient: str, at: int, policy: Vocabulary = SPOKEN
) -> bool:
    operation = policy.find(purpose).operations[0]
    query = Query(purpose=purpose, operation=operation, at_ms=at, recipient=recipient)
    return decide(entries, query, policy).outcome is Verdict.ALLOW


def after(plan: Plan, *before: Entry) -> list[LoggedEntry]:
    """Return what stands in the ledger once the plan is written."""
    entries = placed(*before)
    events = list(plan.entries("01a3185c-5000-7091-9293-949596979899"))
    first = len(entries)
    return entries + [LoggedEntry(first + n, plan.at_ms, e) for n, e in enumerate(events)]


def scopes(plan: Plan) -> set[tuple[str, str, str]]:
    return {(e.purpose, e.recipient, e.state.value) for e in plan.events}


def confirmation(at: int, recipient: str, purpose: str = ADS, **changes: Any) -> ConsentEvent:
    return said(
        at, purpose, recipient, **{"confirms_over": ("gpc",), "source_id": "centre"} | changes
    )


# -- GPC against nothing, against a yes, against a no ----------------------------------------------


def test_rule_5_gpc_opts_out_of_what_it_is_about() -> None:
    plan = weigh(signal())
    assert plan.conclusion is Conclusion.APPLIED
    assert scopes(plan) == {(p, "self", "withdrawn") for p in (ADS, "health")}
    assert plan.against == ()
    (first, _) = plan.events
    assert (first.method, first.relation) == (Method.SIGNAL, Relation.MACHINE)
    assert (first.source_id, first.event_time_ms) == ("signal:gpc", NOON)
    assert first.source_event_id.startswith(f"site/visit-{NOON}/gpc/")
    assert first.jurisdiction == "US-CA"


def test_rule_5_gpc_against_a_standing_opt_in_is_a_conflict_and_applied() -> None:
    yes = said(NOON - HOUR)
    plan = weigh(signal(), yes)
    assert plan.conclusion is Conclusion.CONFLICT
    assert plan.against == (ADS,)
    assert (ADS, "self", "withdrawn") in scopes(plan)
    assert (ADS, "shop", "withdrawn") in scopes(plan), "so that a yes to another revives nothing"
    assert allowed(placed(yes), ADS, "shop", NOON)
    assert not allowed(after(plan, yes), ADS, "shop", NOON)


def test_rule_5_the_signal_and_what_was_concluded_are_two_entries_that_name_each_other() -> None:
    plan = weigh(signal(), said(NOON - HOUR))
    concluded, *events = plan.entries("01a3185c-5000-7091-9293-949596979899")
    assert isinstance(concluded, SignalConcluded)
    assert concluded.conclusion is Conclusion.CONFLICT
    assert concluded.against == (ADS,)
    assert {m.purpose for m in concluded.meanings} == {ADS, "health"}
    links = {e.signal_entry for e in events if isinstance(e, ConsentEvent)}
    assert links == {concluded.signal_entry} == {"01a3185c-5000-7091-9293-949596979899"}


def test_rule_5_gpc_ends_what_lies_beneath_and_says_against_what() -> None:
    plan = weigh(signal(), said(NOON - HOUR, SCORE))
    assert plan.conclusion is Conclusion.CONFLICT
    assert plan.against == (SCORE,)
    assert not allowed(after(plan, said(NOON - HOUR, SCORE)), SCORE, "shop", NOON)


def test_rule_5_gpc_does_not_touch_what_it_is_not_about() -> None:
    own = said(NOON - HOUR, EMAIL, "self")
    plan = weigh(signal(), own)
    assert plan.conclusion is Conclusion.APPLIED
    assert allowed(after(plan, own), EMAIL, "self", NOON)


def test_rule_5_no_conflict_where_nothing_is_taken_away() -> None:
    no = said(NOON - HOUR, state=EventState.WITHDRAWN)
    expired = said(NOON - HOUR, valid_until_ms=NOON - 1)
    requested = said(NOON - HOUR, state=EventState.REQUESTED)
    for before in (no, expired, requested):
        plan = weigh(signal(), before)
        assert plan.conclusion is Conclusion.APPLIED, before.state
        assert (ADS, "self", "withdrawn") in scopes(plan)


def test_rule_5_a_purpose_without_the_signal_in_it_says_nothing() -> None:
    silent = Vocabulary(purposes=(Purpose(purpose_id=ADS, title="x", operations=(Operation.PSI,)),))
    plan = weigh(signal(), said(NOON - HOUR), policy=silent)
    assert (plan.conclusion, plan.events, plan.meanings) == (Conclusion.NOTHING_SAID, (), ())


# -- again and again -------------------------------------------------------------------------------


def test_rule_5_the_same_again_writes_no_events() -> None:
    entries = after(weigh(signal(), said(NOON - HOUR)), said(NOON - HOUR))
    for later in (0, 1, HOUR, DAY_MS, 400 * DAY_MS):
        plan = conclude(signal(at=NOON + later), entries, SPOKEN, NOON + later)
        assert plan.events == ()
        assert plan.conclusion is Conclusion.APPLIED


def test_rule_5_a_later_opt_in_without_confirmation_is_opted_out_of_again() -> None:
    first = weigh(signal())
    entries = after(first)
    for recipient in ("self", "shop"):
        yes = said(NOON + HOUR, ADS, recipient)
        entries.append(LoggedEntry(len(entries), NOON + HOUR, yes))
    assert allowed(entries, ADS, "shop", NOON + HOUR)
    plan = conclude(signal(at=NOON + 2 * HOUR), entries, SPOKEN, NOON + 2 * HOUR)
    assert plan.conclusion is Conclusion.CONFLICT
    assert scopes(plan) >= {(ADS, "self", "withdrawn"), (ADS, "shop", "withdrawn")}


def test_rule_5_a_signal_that_is_reported_late_does_not_undo_what_came_after_it() -> None:
    yes = said(NOON, ADS, "self")
    plan = weigh(signal(at=NOON - HOUR), yes, at=NOON + MINUTE)
    assert plan.conclusion is Conclusion.APPLIED
    assert plan.against == ()
    assert allowed(after(plan, yes), ADS, "self", NOON + MINUTE)


# -- confirmed over --------------------------------------------------------------------------------


def confirmed(*recipients: str, at: int = NOON + HOUR, **changes: Any) -> list[LoggedEntry]:
    """Return a conflict about `shop` at noon, and confirmations of the person later."""
    entries = after(weigh(signal(), said(NOON - HOUR)), said(NOON - HOUR))
    for recipient in recipients:
        yes = confirmation(at, recipient, **changes)
        entries.append(LoggedEntry(len(entries), at, yes))
    return entries


def test_rule_5_a_person_who_confirmed_is_not_opted_out_again() -> None:
    entries = confirmed("self", "shop")
    later = NOON + 2 * HOUR
    assert allowed(entries, ADS, "shop", later)
    plan = conclude(signal(at=later), entries, SPOKEN, later)
    assert plan.conclusion is Conclusion.APPLIED, "health was not confirmed and stays opted out"
    assert [e for e in plan.events if e.purpose == ADS] == []
    both = [*entries]
    for recipient in ("self",):
        yes = confirmation(NOON + HOUR, recipient, "health")
        both.append(LoggedEntry(len(both), NOON + HOUR, yes))
    plan = conclude(signal(at=later), both, SPOKEN, later)
    assert (plan.conclusion, plan.events) == (Conclusion.CONFIRMED_OVER, ())


@pytest.mark.parametrize(
    "changes",
    [
        {"confirms_over": None},
        {"confirms_over": ("gpp",)},
        {"event_type": EventType.EXPRESSED},
        {"event_type": EventType.IMPLIED},
        {"method": Method.IMPORT},
        {"at": NOON - 1},
        {"at": NOON},
        {"valid_until_ms": NOON + 90 * MINUTE},
    ],
    ids=lambda c: "-".join(map(str, c.items())),
)
def test_rule_5_what_is_no_confirmation(changes: dict[str, Any]) -> None:
    entries = confirmed("self", "shop", **changes)
    later = NOON + 2 * HOUR
    plan = conclude(signal(at=later), entries, SPOKEN, later)
    assert plan.conclusion is not Conclusion.CONFIRMED_OVER
    assert not allowed(after_entries(entries, plan), ADS, "shop", later)


def after_entries(entries: list[LoggedEntry], plan: Plan) -> list[LoggedEntry]:
    new = [e for e in plan.entries("x") if isinstance(e, ConsentEvent)]
    return entries + [LoggedEntry(len(entries) + n, plan.at_ms, e) for n, e in enumerate(new)]


def test_rule_5_a_confirmation_before_any_signal_confirms_nothing() -> None:
    yes = [confirmation(NOON - HOUR, recipient) for recipient in ("self", "shop")]
    plan = weigh(signal(), *yes)
    assert plan.conclusion is Conclusion.CONFLICT
    assert (ADS, "self", "withdrawn") in scopes(plan)


def test_rule_5_a_confirmation_after_a_signal_that_met_no_opt_in_counts() -> None:
    entries = after(weigh(signal()))
    for recipient in ("self", "shop"):
        yes = confirmation(NOON + HOUR, recipient)
        entries.append(LoggedEntry(len(entries), NOON + HOUR, yes))
    later = NOON + 2 * HOUR
    plan = conclude(signal(at=later), entries, SPOKEN, later)
    assert [e for e in plan.events if e.purpose == ADS] == []
    assert allowed(after_entries(entries, plan), ADS, "shop", later)


def test_rule_5_who_was_not_confirmed_is_opted_out_and_the_other_stays() -> None:
    entries = confirmed("self", "shop")
    paper = said(NOON + HOUR + MINUTE, ADS, "paper")
    entries.append(LoggedEntry(len(entries), NOON + HOUR + MINUTE, paper))
    later = NOON + 2 * HOUR
    plan = conclude(signal(at=later), entries, SPOKEN, later)
    assert plan.conclusion is Conclusion.CONFLICT
    assert [e.recipient for e in plan.events if e.purpose == ADS] == ["paper"]
    then = after_entries(entries, plan)
    assert not allowed(then, ADS, "paper", later)
    assert allowed(then, ADS, "shop", later)


def test_rule_5_a_confirmation_for_one_revives_no_consent_to_another() -> None:
    before = [said(NOON - HOUR, ADS, "shop"), said(NOON - HOUR, ADS, "paper")]
    entries = after(weigh(signal(), *before), *before)
    for recipient in ("self", "shop"):
        yes = confirmation(NOON + HOUR, recipient)
        entries.append(LoggedEntry(len(entries), NOON + HOUR, yes))
    assert allowed(entries, ADS, "shop", NOON + HOUR)
    assert not allowed(entries, ADS, "paper", NOON + HOUR)


def test_rule_5_a_withdrawal_ends_a_confirmation_for_good() -> None:
    entries = confirmed("self", "shop")
    for at, state in ((2 * HOUR, EventState.WITHDRAWN), (3 * HOUR, EventState.GIVEN)):
        for recipient in ("self", "shop"):
            plain = said(NOON + at, ADS, recipient, state=state, source_id="centre")
            entries.append(LoggedEntry(len(entries), NOON + at, plain))
    later = NOON + 4 * HOUR
    assert allowed(entries, ADS, "shop", later)
    plan = conclude(signal(at=later), entries, SPOKEN, later)
    assert plan.conclusion is Conclusion.CONFLICT, "the new yes was not over GPC"
    assert not allowed(after_entries(entries, plan), ADS, "shop", later)


def test_rule_5_the_gpc_bit_of_a_gpp_string_can_be_confirmed_over_and_an_opt_out_cannot() -> None:
    entries = confirmed("self", "shop")
    later = NOON + 2 * HOUR
    bit = signal(GPP, us_text(gpc=True), at=later)
    plan = conclude(bit, entries, SPOKEN, later)
    assert [e for e in plan.events if e.purpose == ADS] == []
    field = signal(GPP, us_text(NOT_OPTED_OUT | {"SaleOptOut": 1}, gpc=True), at=later)
    plan = conclude(field, entries, SPOKEN, later)
    assert plan.conclusion is Conclusion.CONFLICT
    assert {e.source_id for e in plan.events if e.purpose == ADS} == {"signal:gpp"}


# -- a yes -----------------------------------------------------------------------------------------


def test_rule_5_silence_permits_only_where_the_law_lets_people_opt_out() -> None:
    for place, permits in (("US-CA", True), ("US", True), ("DE", False), ("", False)):
        plan = weigh(signal(GPP, us_text(), jurisdiction=place or "XX"))
        assert allowed(after(plan), ADS, "self", NOON) is permits, place
        assert bool(plan.events) is permits, place
        assert plan.conclusion is (Conclusion.APPLIED if permits else Conclusion.NOTHING_SAID), (
            place
        )
        assert {m.state.value for m in plan.meanings} == {"given"}


def test_rule_5_a_yes_by_silence_never_takes_away_what_was_said_in_words() -> None:
    yes = said(NOON - HOUR, ADS, "self", jurisdiction="DE")
    plan = weigh(signal(GPP, us_text(), jurisdiction="DE"), yes)
    assert plan.events == ()
    assert allowed(after(plan, yes), ADS, "self", NOON)


def test_rule_5_a_tc_string_gives_to_whom_the_vendor_acts_for() -> None:
    plan = weigh(signal(TCF, tc_text(), recipients=("paper", "shop"), jurisdiction="DE"))
    assert scopes(plan) == {(ADS, "paper", "given"), (ADS, "shop", "given")}
    assert {e.source_trust for e in plan.events} == {LOWEST_TRUST}
    assert {e.event_type for e in plan.events} == {EventType.EXPRESSED}
    then = after(plan)
    assert allowed(then, ADS, "shop", NOON)
    assert not allowed(then, ADS, "self", NOON)
    alone = weigh(signal(TCF, tc_text(), jurisdiction="DE"))
    assert scopes(alone) == {(ADS, "self", "given")}


def test_rule_5_a_tc_string_refuses_to_whom_the_vendor_acts_for() -> None:
    text = tc_text(purposes_consent=Ids())
    plan = weigh(signal(TCF, text, recipients=("shop",)), said(NOON - HOUR, ADS, "paper"))
    assert (ADS, "shop", "refused") in scopes(plan)
    assert allowed(after(plan, said(NOON - HOUR, ADS, "paper")), ADS, "paper", NOON)
    assert (ADS, "self", "refused") in scopes(weigh(signal(TCF, text)))


@pytest.mark.parametrize("kind", [TCF, GPP])
@pytest.mark.parametrize("state", ["withdrawn", "refused", "revoked"])
@pytest.mark.parametrize("recipient", ["self", "shop"])
def test_rule_5_no_signal_ends_a_no_of_the_person(
    kind: SignalKind, state: str, recipient: str
) -> None:
    raw = tc_text() if kind is TCF else us_text()
    for trust in (0, 5, 9):
        no = said(NOON - DAY_MS, ADS, recipient, state=EventState(state), source_trust=trust)
        received = signal(kind, raw, recipients=("shop",))
        plan = weigh(received, no)
        assert [e for e in plan.events if e.purpose == ADS] == []
        assert not allowed(after(plan, no), ADS, "shop", NOON)


def test_rule_5_no_signal_ends_a_no_of_another_signal_or_of_its_own() -> None:
    refused, agreed = tc_text(purposes_consent=Ids()), tc_text()
    entries = after(weigh(signal(TCF, refused)))
    later = NOON + HOUR
    plan = conclude(signal(TCF, agreed, at=later), entries, SPOKEN, later)
    assert (plan.conclusion, plan.events) == (Conclusion.NOTHING_SAID, ())
    entries = after(weigh(signal()))
    for kind, raw in ((TCF, agreed), (GPP, us_text())):
        plan = conclude(signal(kind, raw, at=later), entries, SPOKEN, later)
        assert [e for e in plan.events if e.purpose == ADS] == []


def test_rule_5_an_act_of_the_person_ends_the_no_of_a_signal() -> None:
    entries = after(weigh(signal(TCF, tc_text(purposes_consent=Ids()), at=NOON)))
    later = NOON + 2 * DAY_MS
    entries.append(LoggedEntry(len(entries), later, said(later, ADS, "self")))
    assert allowed(entries, ADS, "self", later)
    again = conclude(
        signal(TCF, tc_text(purposes_consent=Ids()), at=later + HOUR), entries, SPOKEN, later + HOUR
    )
    assert again.against == (), "the string was said before the act"
    assert allowed(after_entries(entries, again), ADS, "self", later + HOUR)
    fresh = tc_text(purposes_consent=Ids(), last_updated_ms=later // DAY_MS * DAY_MS + DAY_MS)
    again = conclude(signal(TCF, fresh, at=later + DAY_MS), entries, SPOKEN, later + DAY_MS)
    assert again.conclusion is Conclusion.CONFLICT, "this one after it"


def test_rule_5_noes_come_before_any_yes() -> None:
    raw = us_text(NOT_OPTED_OUT | {"SharingOptOut": 1})
    plan = weigh(signal(GPP, raw))
    assert [e.state.is_objection for e in plan.events] == [True, False]
    assert scopes(plan) == {(ADS, "self", "withdrawn"), (STATS, "self", "given")}


def test_rule_5_a_yes_is_said_once() -> None:
    entries = after(weigh(signal(GPP, us_text())))
    later = NOON + HOUR
    plan = conclude(signal(GPP, us_text(), at=later), entries, SPOKEN, later)
    assert (plan.conclusion, plan.events) == (Conclusion.APPLIED, ())


@pytest.mark.parametrize("source", ["kids", "second-hand"])
def test_rule_5_what_a_caller_may_not_say_no_signal_says_for_it(source: str) -> None:
    plan = weigh(signal(TCF, tc_text(), source_id=source, jurisdiction="DE"))
    assert plan.events == ()
    no = weigh(signal(TCF, tc_text(purposes_consent=Ids()), source_id=source))
    assert (ADS, "self", "refused") in scopes(no)


def test_rule_5_an_old_yes_through_a_caller_with_a_term_does_not_count() -> None:
    for days, permits in ((0, True), (2, False)):
        received = signal(TCF, tc_text(), at=NOON - days * DAY_MS, source_id="slow")
        assert bool(weigh(received, at=NOON).events) is permits, days


def test_rule_5_a_child_is_not_given_by_a_machine_nor_a_guardian_overruled() -> None:
    guardian = said(NOON - HOUR, ADS, "self", age_band=AgeBand.UNDER_13, relation=Relation.GUARDIAN)
    plan = weigh(signal(TCF, tc_text()), guardian)
    assert plan.events == ()
    assert allowed(after(plan, guardian), ADS, "self", NOON)


def test_rule_5_many_purposes_become_several_conclusions() -> None:
    many = Vocabulary(
        purposes=tuple(
            Purpose(
                purpose_id=f"p{n:03}", title="x", operations=(Operation.PSI,),
                signals=SignalTerms(gpc=True),
            )
            for n in range(600)
        )
    )  # fmt: skip
    plan = weigh(signal(), policy=many)
    entries = list(plan.entries("x"))
    concluded = [e for e in entries if isinstance(e, SignalConcluded)]
    assert [len(c.meanings) for c in concluded] == [256, 256, 88]
    assert len(entries) == 3 + 600
    assert all(e.canonical() for e in entries)
    assert plan.says_the_same(concluded)
    assert not plan.says_the_same(concluded[:2])


def test_rule_5_in_the_vocabulary_that_accord_comes_with() -> None:
    yes = event(at=NOON - HOUR, recipient="publisher", event_type=EventType.EXPLICITLY_EXPRESSED)
    plan = weigh(signal(jurisdiction="US-CA"), yes, policy=DEFAULT_VOCABULARY)
    assert (plan.conclusion, plan.against) == (Conclusion.CONFLICT, ("joint-audience",))
    query = Query(
        purpose="joint-audience", operation=Operation.PSI, at_ms=NOON, recipient="publisher"
    )
    decision = decide(after(plan, yes), query, DEFAULT_VOCABULARY)
    assert decision.reason is Reason.WITHDRAWN


def test_streams_are_named_for_their_signals() -> None:
    assert [stream_of(kind) for kind in SignalKind] == ["signal:gpc", "signal:tcf", "signal:gpp"]
