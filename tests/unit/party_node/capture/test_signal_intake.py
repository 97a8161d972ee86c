"""What the node keeps of signals: two appends, crashes between them, repetitions by the million."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consent.events import ConsentEvent, EventType
from consent.ledger import parse_leaf
from consent.signal_records import Conclusion, SignalConcluded, SignalKind, SignalReceived
from consent.signals.ids import Ids
from consent.statements import Method
from consent.words import EventState
from party_node.capture.confirmations import Confirmation, confirm
from party_node.capture.signals import Arrived, SignalIntake, complete_signals
from party_node.errors import IdempotencyConflict, IllegalState, LedgerDamaged
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.merging import Merging
from tests.support.migrated import node_database
from tests.support.node import NodeStorage, open_storage
from tests.support.signals import tc_text

ANN, BOB = "ann@x.example", "bob@x.example"
HOUR, DAY = 3_600_000, 86_400_000
PURPOSE = "joint-audience"


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def node(request: Any, tmp_path: Path) -> Iterator[NodeStorage]:
    if request.param == "sqlite":
        yield open_storage(tmp_path)
        return
    cluster = request.getfixturevalue("cluster")
    with node_database(cluster) as url:
        opened = open_storage(tmp_path, url=url)
        yield opened
        opened.db.close()


@pytest.fixture
def ledger(node: NodeStorage) -> ConsentLedger:
    return node.open_ledger()


@pytest.fixture
def intake(node: NodeStorage, ledger: ConsentLedger) -> SignalIntake:
    return SignalIntake(ledger, node.identity)


def person(node: NodeStorage, email: str = ANN) -> int:
    return int(node.identity.resolve([email], [None]).dense[0])


def gpc(key: str = "visit-1", **changes: Any) -> Arrived:
    values: dict[str, Any] = {
        "kind": SignalKind.GPC,
        "raw": "1",
        "source_id": "site",
        "event_id": f"{key}/gpc",
        "jurisdiction": "US-CA",
    }
    return Arrived(**values | changes)


def opt_in(node: NodeStorage, ledger: ConsentLedger, key: str = "yes", **changes: Any) -> int:
    changes = {"event_type": EventType.EXPLICITLY_EXPRESSED, "source_trust": 5} | changes
    return ledger.append([node.event(ANN, key, **changes)])[0]


def kinds(ledger: ConsentLedger, start: int = 1) -> list[str]:
    return [entry.type for entry in ledger.entries(start)]


def reason(node: NodeStorage, ledger: ConsentLedger, recipient: str = "shop") -> str:
    found = node.explain(ledger, "email", ANN, PURPOSE, recipient, "psi")
    return found.decision.reason.value


def test_a_signal_its_conclusion_and_what_follows_are_entries_in_that_order(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    opt_in(node, ledger)
    node.clock.advance(HOUR)
    outcome = intake.take(person(node), gpc())
    assert kinds(ledger) == [
        "consent-event", "signal-received", "signal-concluded", "consent-event", "consent-event",
    ]  # fmt: skip
    received, concluded, *events = list(ledger.entries(outcome.index))
    assert isinstance(received.record, SignalReceived)
    assert (received.record.raw, received.record.source_id) == ("1", "site")
    assert isinstance(concluded.record, SignalConcluded)
    assert concluded.record.signal_entry == parse_leaf(received.leaf).entry_id
    assert concluded.record.conclusion is outcome.conclusion is Conclusion.CONFLICT
    assert concluded.record.against == outcome.against == (PURPOSE,)
    assert outcome.events == (outcome.index + 2, outcome.index + 3)
    for entry in events:
        assert isinstance(entry.record, ConsentEvent)
        assert entry.record.signal_entry == parse_leaf(received.leaf).entry_id
        assert entry.record.source_id == "signal:gpc"
    assert reason(node, ledger) == "withdrawn"
    assert ledger.verify().size == 6


def test_the_same_call_again_is_answered_from_the_first(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    opt_in(node, ledger)
    first = intake.take(person(node), gpc())
    size = ledger.head()[0]
    node.clock.advance(40 * DAY)
    again = intake.take(person(node), gpc())
    assert ledger.head()[0] == size
    assert again.repeated
    assert not first.repeated
    same = ("conclusion", "meanings", "against", "index")
    assert [getattr(again, n) for n in same] == [getattr(first, n) for n in same]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": SignalKind.TCF, "raw": tc_text()},
        {"jurisdiction": "US-NV"},
        {"event_time_ms": 1_000},
        {"recipients": ("shop",)},
    ],
    ids=lambda c: next(iter(c)),
)
def test_another_signal_under_the_same_id_is_a_conflict(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake, changes: dict[str, Any]
) -> None:
    intake.take(person(node), gpc())
    size = ledger.head()[0]
    with pytest.raises(IdempotencyConflict):
        intake.take(person(node), gpc(**changes))
    with pytest.raises(IdempotencyConflict):
        intake.take(person(node, BOB), gpc())
    found = kinds(ledger, size)
    assert found == ["anomaly", "anomaly"], "that the caller contradicted itself is written down"


# -- by the million --------------------------------------------------------------------------------


def test_rule_5_a_thousand_page_views_of_a_day_are_one_signal(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    opt_in(node, ledger)
    first = intake.take(person(node), gpc())
    size = ledger.head()[0]
    for view in range(50):
        node.clock.advance(1_000)
        outcome = intake.take(person(node), gpc(f"view-{view}"))
        assert outcome.repeated
        assert (outcome.index, outcome.conclusion) == (first.index, Conclusion.CONFLICT)
    assert ledger.head()[0] == size


def test_the_next_day_the_signal_is_kept_again_without_events(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    intake.take(person(node), gpc())
    size = ledger.head()[0]
    node.clock.advance(DAY)
    outcome = intake.take(person(node), gpc("tomorrow"))
    assert kinds(ledger, size) == ["signal-received", "signal-concluded"]
    assert (outcome.conclusion, outcome.events) == (Conclusion.APPLIED, ())
    assert not outcome.repeated


def test_another_caller_or_person_is_kept_by_itself(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    intake.take(person(node), gpc())
    size = ledger.head()[0]
    intake.take(person(node), gpc("v", source_id="app"))
    assert kinds(ledger, size) == ["signal-received", "signal-concluded"]
    intake.take(person(node, BOB), gpc("w"))
    assert kinds(ledger, size + 2) == ["signal-received", "signal-concluded", "consent-event"]


def test_another_meaning_on_the_same_day_is_kept_and_by_turns_only_once(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    texts = [tc_text(purposes_consent=Ids()), tc_text(purposes_consent=Ids.of([1, 3, 4]))]

    def take(key: str, raw: str) -> bool:
        arrived = gpc(key, kind=SignalKind.TCF, raw=raw)
        return intake.take(person(node), arrived).repeated

    assert [take(f"a-{i}", raw) for i, raw in enumerate(texts)] == [False, False]
    size = ledger.head()[0]
    assert [take(f"b-{i}", texts[i % 2]) for i in range(8)] == [True] * 8
    assert ledger.head()[0] == size


def test_a_repeated_page_view_reads_only_what_is_of_the_day(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(20):
        intake.take(person(node), gpc(f"day-{day}"))
        node.clock.advance(DAY)
    intake.take(person(node), gpc("today"))
    opened = []
    plain = ledger.reader._open
    monkeypatch.setattr(ledger.reader, "_open", lambda *a: opened.append(a) or plain(*a))
    assert intake.take(person(node), gpc("today-again")).repeated
    assert len(opened) == 3, "the one event that follows, and the signal of the day with its end"


# -- crashes ---------------------------------------------------------------------------------------


@pytest.fixture
def crashed(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake, monkeypatch: pytest.MonkeyPatch
) -> ConsentLedger:
    """A ledger in which a signal was kept and nothing was concluded; the process died there."""
    opt_in(node, ledger)
    node.clock.advance(HOUR)

    def die(*_args: object, **_how: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "append", die)
        with pytest.raises(Crash):
            intake.take(person(node), gpc())
    assert kinds(ledger) == ["consent-event", "signal-received"]
    assert reason(node, ledger) == "permitted"
    return ledger


def test_rule_5_the_same_call_completes_what_a_crash_interrupted(
    node: NodeStorage, crashed: ConsentLedger
) -> None:
    again = node.open_ledger()
    node.clock.advance(DAY)
    outcome = SignalIntake(again, node.identity).take(person(node), gpc())
    assert outcome.conclusion is Conclusion.CONFLICT
    assert kinds(again) == [
        "consent-event", "signal-received", "signal-concluded", "consent-event", "consent-event",
    ]  # fmt: skip
    assert reason(node, again) == "withdrawn"
    size = again.head()[0]
    SignalIntake(again, node.identity).take(person(node), gpc())
    assert again.head()[0] == size


def test_rule_5_the_next_start_completes_what_a_crash_interrupted(
    node: NodeStorage, crashed: ConsentLedger
) -> None:
    again = node.open_ledger()
    complete_signals(again, node.identity)
    assert reason(node, again) == "withdrawn"
    size = again.head()[0]
    complete_signals(again, node.identity)
    assert again.head()[0] == size, "once"
    assert SignalIntake(again, node.identity).take(person(node), gpc()).repeated
    assert again.head()[0] == size


def test_a_crash_before_the_first_append_leaves_nothing(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "submit", die)
        with pytest.raises(Crash):
            intake.take(person(node), gpc())
    assert kinds(ledger) == []
    assert intake.take(person(node), gpc()).conclusion is Conclusion.APPLIED


def test_a_crash_inside_the_second_append_is_as_one_before_it(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    def die(_session: object, entries: Any) -> None:
        if any(isinstance(e.record, SignalConcluded) for e in entries):
            raise Crash

    ledger.on_appended.append(die)
    with pytest.raises(Crash):
        intake.take(person(node), gpc())
    ledger.on_appended.clear()
    assert kinds(ledger) == ["signal-received"]
    assert intake.take(person(node), gpc()).conclusion is Conclusion.APPLIED
    assert kinds(ledger) == ["signal-received", "signal-concluded", "consent-event"]


def test_a_signal_of_the_day_without_a_conclusion_does_not_stand_in_for_another(
    node: NodeStorage, crashed: ConsentLedger
) -> None:
    outcome = SignalIntake(crashed, node.identity).take(person(node), gpc("other visit"))
    assert not outcome.repeated
    assert reason(node, crashed) == "withdrawn"


def test_a_damaged_ledger_does_not_keep_a_node_from_starting(
    node: NodeStorage, ledger: ConsentLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_args: object, **_how: object) -> None:
        raise LedgerDamaged

    monkeypatch.setattr(ledger.reader, "read", damaged)
    complete_signals(ledger, node.identity)
    assert ledger.head()[0] == 1


def test_callers_at_once_write_one_signal(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    dense = person(node)
    found = []

    def call(key: str) -> None:
        found.append(intake.take(dense, gpc(key)))

    threads = [threading.Thread(target=call, args=(f"visit-{n % 3}",)) for n in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 9
    assert len({outcome.index for outcome in found}) == 1
    assert [outcome.repeated for outcome in found].count(False) == 1
    assert kinds(ledger) == ["signal-received", "signal-concluded", "consent-event"]


# -- confirming ------------------------------------------------------------------------------------


def confirmation(key: str = "answer", **changes: Any) -> Confirmation:
    values: dict[str, Any] = {
        "purpose": PURPOSE,
        "recipients": ("shop",),
        "separate": False,
        "source_id": "site",
        "event_id": key,
        "jurisdiction": "US-CA",
        "method": Method.WEB_FORM,
    }
    return Confirmation(**values | changes)


def test_rule_5_who_confirms_at_once_is_heard_and_not_opted_out_again(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    opt_in(node, ledger)
    node.clock.advance(HOUR)
    dense = person(node)
    intake.take(dense, gpc())
    node.clock.advance(2_000)
    indices = confirm(ledger, node.identity, dense, confirmation())
    assert len(indices) == 2
    assert reason(node, ledger) == "permitted"
    for wait in (1_000, DAY, 300 * DAY):
        node.clock.advance(wait)
        outcome = intake.take(dense, gpc(f"after-{wait}"))
        assert (outcome.conclusion, outcome.events) == (Conclusion.CONFIRMED_OVER, ())
        assert reason(node, ledger) == "permitted"
    size = ledger.head()[0]
    intake.take(dense, gpc("once more"))
    assert ledger.head()[0] == size


def test_rule_5_a_confirmation_names_the_signal_that_it_answers(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    dense = person(node)
    outcome = intake.take(dense, gpc())
    node.clock.advance(1)
    for index in confirm(ledger, node.identity, dense, confirmation(separate=True)):
        record = ledger.entry(index).record
        assert isinstance(record, ConsentEvent)
        assert record.signal_entry == parse_leaf(ledger.entry(outcome.index).leaf).entry_id
        assert record.confirms_over == ("gpc",)
        assert record.state is EventState.GIVEN
        assert record.separate is (record.recipient == "shop")
        assert record.event_type is EventType.EXPLICITLY_EXPRESSED


def test_rule_5_a_confirmation_is_recorded_once(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    dense = person(node)
    intake.take(dense, gpc())
    node.clock.advance(1)
    first = confirm(ledger, node.identity, dense, confirmation())
    node.clock.advance(DAY)
    intake.take(dense, gpc("later"))
    assert confirm(ledger, node.identity, dense, confirmation()) == first
    for other in ({"recipients": ()}, {"recipients": ("paper", "shop")}, {"separate": True}):
        with pytest.raises(IdempotencyConflict):
            confirm(ledger, node.identity, dense, confirmation(**other))


def test_rule_5_nobody_confirms_over_a_signal_that_was_never_heard(
    node: NodeStorage, ledger: ConsentLedger
) -> None:
    opt_in(node, ledger)
    size = ledger.head()[0]
    with pytest.raises(IllegalState):
        confirm(ledger, node.identity, person(node), confirmation())
    assert ledger.head()[0] == size


def test_rule_5_a_withdrawal_after_a_confirmation_counts_and_gpc_too_from_then_on(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    dense = person(node)
    intake.take(dense, gpc())
    node.clock.advance(1)
    confirm(ledger, node.identity, dense, confirmation())
    node.clock.advance(HOUR)
    for recipient in ("self", "shop"):
        opt_in(node, ledger, f"no-{recipient}", recipient=recipient, state=EventState.WITHDRAWN)
    node.clock.advance(HOUR)
    outcome = intake.take(dense, gpc("after"))
    assert outcome.conclusion is Conclusion.APPLIED
    assert reason(node, ledger) == "withdrawn"


def test_a_signal_is_weighed_against_all_records_of_a_merged_person(
    node: NodeStorage, ledger: ConsentLedger, intake: SignalIntake
) -> None:
    """The consent stands at one record, the signal comes in by the other: it is a conflict."""
    opt_in(node, ledger)
    other = person(node, "ann@new.example")
    ledger.append([node.event("ann@new.example", "new yes")])
    Merging(ledger, node.identity, node.datasets).merge(other, person(node), "proved", "op")
    assert person(node) == other
    node.clock.advance(HOUR)
    outcome = intake.take(other, gpc())
    assert (outcome.conclusion, outcome.against) == (Conclusion.CONFLICT, (PURPOSE,))
    assert reason(node, ledger) == "withdrawn"
    node.clock.advance(HOUR)
    confirm(ledger, node.identity, other, confirmation())
    assert reason(node, ledger) == "permitted"
