"""Laws of signals: none gives what a no of the person forbids, GPC never gives anything, nothing is
said twice, and no string that is written says more than the ledger.
"""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from consent.decision import LoggedEntry, Verdict, decide
from consent.events import ConsentEvent, EventType
from consent.purpose import BasisIn, Purpose, SignalTerms
from consent.reasons import Query
from consent.signal_records import Conclusion, SignalKind, SignalReceived
from consent.signals.concluding import Plan, conclude
from consent.signals.gpp import Gpp, encode_gpp, parse_gpp
from consent.signals.ids import Ids
from consent.signals.meaning import said_by
from consent.signals.standing import Standing
from consent.signals.tcf import encode_tc_string, parse_tc_string
from consent.signals.telling import Answer, Issuer, answers_of, gpp_of, tc_string_of
from consent.signals.us_section import us_section
from consent.statements import Method, Relation
from consent.vocabulary import Vocabulary
from consent.words import Basis, EventState, Operation
from tests.support.consents import HOUR, NOON, event
from tests.support.depth import examples
from tests.support.signals import (
    DAY_MS,
    MIDNIGHT,
    NOT_OPTED_OUT,
    NOTHING_US,
    OPT_OUTS,
    SPOKEN,
    placed,
    signal,
    tc,
)

RECIPIENTS = ["self", "shop", "paper"]
NAMES = [p.purpose_id for p in SPOKEN.purposes]
times = st.sampled_from([NOON + h * HOUR for h in (-50, -25, -2, -1)] + [NOON - 60_000, NOON])
few = st.sampled_from


@st.composite
def spoken(draw: st.DrawFn) -> ConsentEvent:
    """Something that a person, or somebody for them, said."""
    explicit = draw(st.booleans())
    return event(
        state=draw(few([EventState.GIVEN, EventState.GIVEN, EventState.WITHDRAWN, *EventState])),
        at=draw(times),
        purpose=draw(few(NAMES)),
        recipient=draw(few(RECIPIENTS)),
        source_id=draw(few(["crm", "web", "signal:gpc"])),
        source_event_id=str(draw(st.integers(0, 10**9))),
        source_trust=draw(few([0, 5])),
        event_type=EventType.EXPLICITLY_EXPRESSED if explicit else EventType.EXPRESSED,
        confirms_over=draw(few([None, None, ("gpc",)])),
        method=draw(few([Method.WEB_FORM, Method.WEB_FORM, Method.IMPORT])),
        jurisdiction=draw(few(["US-CA", "DE"])),
        listed=draw(few([(), ("score",)])),
    )


@st.composite
def signals(draw: st.DrawFn) -> SignalReceived:
    """A signal that says something, of any kind, from one of two callers."""
    kind = draw(few(list(SignalKind)))
    match kind:
        case SignalKind.GPC:
            raw = "1"
        case SignalKind.TCF:
            raw = encode_tc_string(draw(tc_strings()))
        case SignalKind.GPP:
            section = draw(us_sections())
            found = [(section.section_id, section)]
            if draw(st.booleans()):
                found.append((2, draw(tc_strings())))
            raw = encode_gpp(Gpp(tuple(sorted(found, key=lambda s: s[0]))))
    return signal(
        kind,
        raw,
        at=draw(few([NOON - 2 * DAY_MS, NOON - HOUR, NOON])),
        source_id=draw(few(["site", "other", "kids"])),
        source_event_id=str(draw(st.integers(0, 10**9))),
        recipients=draw(few([(), ("shop",), ("paper", "shop")])),
        jurisdiction=draw(few(["US-CA", "DE"])),
    )


@st.composite
def tc_strings(draw: st.DrawFn):  # type: ignore[no-untyped-def]
    vendors = few([Ids(), Ids.of([7]), Ids.of([7, 9])])
    return tc(
        purposes_consent=Ids.of(draw(st.sets(few([1, 3, 4, 7])))),
        vendor_consents=draw(vendors),
        disclosed_vendors=draw(vendors),
        last_updated_ms=MIDNIGHT - draw(few([0, 0, 1, 40])) * DAY_MS,
        policy_version=draw(few([5, 5, 3])),
    )


@st.composite
def us_sections(draw: st.DrawFn):  # type: ignore[no-untyped-def]
    if draw(st.booleans()):
        return us_section("usnat", NOT_OPTED_OUT)
    values = {name: draw(few([0, 1, 2, 2, 2])) for name in OPT_OUTS}
    notices = {f"{name}Notice": draw(few([0, 1, 1, 1])) for name in OPT_OUTS}
    return us_section("usnat", NOTHING_US | values | notices, gpc=draw(few([None, False, True])))


def allowed(entries: list[LoggedEntry], at: int = NOON) -> frozenset[tuple[str, str]]:
    """Return what is permitted: (purpose, recipient)."""
    return frozenset(
        (name, recipient)
        for name in NAMES
        for recipient in RECIPIENTS
        if decide(
            entries,
            Query(
                purpose=name,
                operation=SPOKEN.find(name).operations[0],
                at_ms=at,
                recipient=recipient,
            ),
            SPOKEN,
        ).outcome
        is Verdict.ALLOW
    )


def with_plan(entries: list[LoggedEntry], plan: Plan) -> list[LoggedEntry]:
    events = [e for e in plan.entries("entry") if isinstance(e, ConsentEvent)]
    first = len(entries)
    return entries + [LoggedEntry(first + n, plan.at_ms, e) for n, e in enumerate(events)]


def objected(entries: list[LoggedEntry]) -> frozenset[tuple[str, str]]:
    """Return what a standing no forbids."""
    standing = Standing(entries, SPOKEN, NOON)
    return frozenset((n, r) for n in NAMES for r in RECIPIENTS if standing.forbids(n, r))


logs = st.lists(spoken(), max_size=7)


@settings(max_examples=examples(15))
@given(logs, st.lists(signals(), min_size=1, max_size=4))
def test_no_signal_gives_what_a_person_objected_to(
    before: list[ConsentEvent], received: list[SignalReceived]
) -> None:
    entries = placed(*before, recorded=NOON)
    for one in received:
        no, had = objected(entries), allowed(entries)
        plan = conclude(one, entries, SPOKEN, NOON)
        entries = with_plan(entries, plan)
        assert not (allowed(entries) - had) & no
        assert objected(entries) >= no, "no no is ended by a signal"


@settings(max_examples=examples(15))
@given(logs, signals())
def test_gpc_never_enlarges_and_never_takes_from_what_it_is_not_about(
    before: list[ConsentEvent], other: SignalReceived
) -> None:
    entries = placed(*before, recorded=NOON)
    entries = with_plan(entries, conclude(other, entries, SPOKEN, NOON))
    had = allowed(entries)
    plan = conclude(signal(), entries, SPOKEN, NOON)
    has = allowed(with_plan(entries, plan))
    assert has <= had
    assert {purpose for purpose, _ in had - has} == set(plan.against) & {p for p, _ in had - has}
    untouched = {(p, r) for p, r in had if p in ("email", "stats")}
    assert untouched <= has
    assert (plan.conclusion is Conclusion.CONFLICT) is bool(plan.against)
    if had - has:
        assert plan.conclusion is Conclusion.CONFLICT


@settings(max_examples=examples(15))
@given(logs, signals())
def test_the_same_signal_again_writes_no_events(
    before: list[ConsentEvent], received: SignalReceived
) -> None:
    entries = placed(*before, recorded=NOON)
    entries = with_plan(entries, conclude(received, entries, SPOKEN, NOON))
    again = conclude(received, entries, SPOKEN, NOON)
    assert again.events == ()
    assert again.against == ()


@settings(max_examples=examples(10))
@given(logs, signals(), signals(), st.integers(2, 6))
def test_signals_by_turns_stop_writing(
    before: list[ConsentEvent], one: SignalReceived, other: SignalReceived, turns: int
) -> None:
    entries = placed(*before, recorded=NOON)
    for _ in range(3):
        for received in (one, other):
            entries = with_plan(entries, conclude(received, entries, SPOKEN, NOON))
    for _ in range(turns):
        for received in (one, other):
            assert conclude(received, entries, SPOKEN, NOON).events == ()


@settings(max_examples=examples(10))
@given(logs, signals())
def test_every_event_of_a_signal_is_one_of_a_machine_in_its_own_stream(
    before: list[ConsentEvent], received: SignalReceived
) -> None:
    plan = conclude(received, placed(*before, recorded=NOON), SPOKEN, NOON)
    for made in plan.events:
        assert made.source_id in {"signal:gpc", "signal:gpp", "signal:tcf"}
        assert (made.method, made.relation) == (Method.SIGNAL, Relation.MACHINE)
        assert not made.separate
        assert made.confirms_over is None
        assert made.event_time_ms <= received.event_time_ms
        assert made.state in (
            EventState.GIVEN, EventState.WITHDRAWN, EventState.REFUSED, EventState.REVOKED
        )  # fmt: skip
    ids = [(made.source_id, made.source_event_id) for made in plan.events]
    assert len(set(ids)) == len(ids)


# -- the other way round ---------------------------------------------------------------------------


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    """A few purposes that share TCF purposes, vendors and US fields in every way."""
    return Vocabulary(
        purposes=tuple(
            Purpose(
                purpose_id=f"p{n}",
                title="x",
                operations=(Operation.PSI,),
                signals=SignalTerms(
                    gpc=draw(st.booleans()),
                    gpp=tuple(sorted(draw(st.sets(few(OPT_OUTS))))),
                    tcf=tuple(sorted(draw(st.sets(st.integers(1, 5), max_size=3)))),
                    tcf_vendor=draw(few([None, 7, 9])),
                ),
                legal_basis=(BasisIn(place="US", basis=Basis.OPT_OUT),),
            )
            for n in range(draw(st.integers(1, 5)))
        )
    )


ISSUER = Issuer(cmp_id=31, language="EN", vendor_list_version=120, publisher_country="DE")
places = few(["US-CA", "US-VA", "US-IN", "US-WY", "DE", ""])


@settings(max_examples=examples(38))
@given(vocabularies(), st.data())
def test_no_string_says_more_than_the_ledger(policy: Vocabulary, data: st.DataObject) -> None:
    answers = {p.purpose_id: data.draw(few(list(Answer))) for p in policy.purposes}
    tcf = encode_tc_string(tc_string_of(answers, policy, ISSUER, NOON))
    gpp = encode_gpp(gpp_of(answers, policy, data.draw(places)))
    for kind, raw in ((SignalKind.TCF, tcf), (SignalKind.GPP, gpp)):
        for said in said_by(kind, raw, policy):
            if said.state is EventState.GIVEN:
                assert answers[said.purpose] is Answer.PERMITTED
            if kind is SignalKind.GPP and said.state.is_objection:
                assert Answer.OBJECTED in answers.values()
    assert parse_tc_string(tcf).is_valid
    assert parse_gpp(gpp).opaque_ids == ()


@settings(max_examples=examples(13))
@given(logs, signals())
def test_in_and_out_and_in_again_changes_nothing(
    before: list[ConsentEvent], received: SignalReceived
) -> None:
    entries = placed(*before, recorded=NOON)
    entries = with_plan(entries, conclude(received, entries, SPOKEN, NOON))
    had = allowed(entries)
    answers = answers_of(entries, SPOKEN, "self", NOON)
    for kind, raw in (
        (SignalKind.TCF, encode_tc_string(tc_string_of(answers, SPOKEN, ISSUER, NOON))),
        (SignalKind.GPP, encode_gpp(gpp_of(answers, SPOKEN, "US-CA"))),
    ):
        back = replace(received, signal=kind, raw=raw, recipients=(), event_time_ms=NOON)
        says = {s.purpose for s in said_by(kind, raw, SPOKEN) if s.state is EventState.GIVEN}
        permitted = {name for name, answer in answers.items() if answer is Answer.PERMITTED}
        assert says <= permitted
        has = allowed(with_plan(entries, conclude(back, entries, SPOKEN, NOON)))
        assert has <= had, "what the ledger says of itself gives nothing new"
