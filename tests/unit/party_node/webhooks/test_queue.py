"""The outbox and the courier: at least once, in order, retried, given up, erased; both databases.

The receivers are real ones on loopback; the clock is set by hand.
"""

import threading

import pytest
from sqlmodel import select
from structlog.testing import capture_logs

from party_node.errors import IllegalState, NotFound
from party_node.webhooks import schedule
from party_node.webhooks.delivery_log import Retried
from party_node.webhooks.errors import WebhookOvertaken
from party_node.webhooks.events import EventType
from party_node.webhooks.outbox import Happening
from party_node.webhooks.registrations import Definition
from party_node.webhooks.sending import Line
from party_node.webhooks.states import DeliveryState, Reason, WebhookState
from party_node.webhooks.tables import WebhookDeliveryRow, WebhookEventRow, WebhookRow
from tests.support.webhooks import ANN, BOB, DAY_MS, Rig, consent, receiving, verified

LONGEST = [seconds * 1100 for seconds in schedule.WAITS_SECONDS]
"""The longest that each wait can be."""


def rows(queue: Rig, table):
    with queue.node.db.reading() as session:
        return session.exec(select(table)).all()


def test_what_was_committed_is_delivered_and_signed(queue: Rig) -> None:
    secret = queue.add()
    index = queue.tell(ANN, "withdrawn")
    assert queue.deliver() == 1
    (got,) = queue.receiver.received
    assert got.path == "/hook"
    assert got.headers["content-type"] == "application/json"
    assert verified(secret, got.headers, got.body) == got.message
    assert int(got.headers["webhook-timestamp"]) == queue.node.clock() // 1000
    assert got.content["type"] == "consent.changed"
    assert got.content["data"] == consent(ANN, index, "withdrawn")
    assert queue.log() == [("delivered", 1, 200, "")]
    assert queue.deliver() == 0


def test_what_was_not_committed_is_not_told(queue: Rig) -> None:
    queue.add()

    def fail() -> None:
        with queue.node.db.writing() as session:
            data = consent(ANN, 1)
            queue.hooks.outbox.enqueue(session, EventType.CONSENT_CHANGED, data, 1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert rows(queue, WebhookEventRow) == []
    assert not queue.hooks.woken.is_set()
    assert queue.deliver() == 0


def test_a_commit_wakes_the_worker_once(queue: Rig) -> None:
    queue.add()
    with queue.node.db.writing() as session:
        for index in (1, 2):
            data = consent(ANN, index)
            queue.hooks.outbox.enqueue(session, EventType.CONSENT_CHANGED, data, 1)
        assert not queue.hooks.woken.is_set()
    assert queue.hooks.woken.is_set()


def test_nothing_is_written_where_nobody_listens(queue: Rig) -> None:
    queue.add("alarms", "", EventType.LEDGER_ALARM)
    queue.tell()
    assert rows(queue, WebhookEventRow) == []
    with queue.node.db.writing() as session:
        alarm = {"reason": "ledger-damaged"}
        told = queue.hooks.outbox.enqueue(session, EventType.LEDGER_ALARM, alarm, 1, group="ledger")
    assert told == 1
    assert queue.deliver() == 1


def test_each_webhook_gets_what_it_wants(queue: Rig) -> None:
    queue.add("every")
    with receiving() as other:
        queue.add("alarms", other.url, EventType.LEDGER_ALARM, EventType.CONSENT_CHANGED)
        queue.tell()
        with queue.node.db.writing() as session:
            gone = {"subject": ANN, "index": 2}
            queue.hooks.outbox.enqueue(session, EventType.SUBJECT_ERASED, gone, 1)
        assert queue.deliver() == 2  # the erasure waits for the change of the same person
        assert queue.deliver() == 1
        assert [r.content["type"] for r in other.received] == ["consent.changed"]
        verified(queue.secrets["alarms"], other.received[0].headers, other.received[0].body)
    assert [r.content["type"] for r in queue.receiver.received] == [
        "consent.changed",
        "subject.erased",
    ]


def test_many_events_in_one_transaction_keep_their_order(queue: Rig) -> None:
    queue.add()
    told = [
        Happening(EventType.CONSENT_CHANGED, consent(ANN if i % 2 else BOB, i)) for i in range(40)
    ]
    with queue.node.db.writing() as session:
        assert queue.hooks.outbox.enqueue_all(session, told, queue.node.clock()) == 40
    while queue.deliver():
        pass
    by_person = {ANN: [], BOB: []}
    for got in queue.receiver.received:
        by_person[got.content["data"]["subject"]].append(got.content["data"]["index"])
    assert by_person == {ANN: list(range(1, 40, 2)), BOB: list(range(0, 40, 2))}


def test_the_waits_are_those_of_the_table(queue: Rig) -> None:
    queue.add()
    queue.tell()
    queue.receiver.answer(500)
    for number, longest in enumerate(LONGEST, start=1):
        assert queue.deliver() == 1
        assert queue.log() == [("waiting", number, 500, "not-taken")]
        assert queue.after(schedule.WAITS_SECONDS[number - 1] * 900 - 1) == 0
        queue.node.clock.advance(longest - schedule.WAITS_SECONDS[number - 1] * 900 + 1)
    assert queue.deliver() == 1
    assert queue.log() == [("failed", len(LONGEST) + 1, 500, "not-taken")]
    assert len(set(queue.receiver.messages)) == 1
    assert len(queue.receiver.messages) == 14
    times = [int(got.headers["webhook-timestamp"]) for got in queue.receiver.received]
    assert sorted(set(times)) == times  # the time is the attempt's


def test_a_failure_in_between_loses_nothing(queue: Rig) -> None:
    secret = queue.add()
    queue.tell()
    queue.receiver.answer(503)
    queue.deliver()
    queue.receiver.answer(204)
    assert queue.after(LONGEST[0]) == 1
    assert queue.log() == [("delivered", 2, 204, "")]
    for got in queue.receiver.received:
        verified(secret, got.headers, got.body)


def test_events_of_one_person_never_overtake_each_other(queue: Rig) -> None:
    queue.add()
    first, second, other = queue.tell(ANN), queue.tell(ANN, "withdrawn"), queue.tell(BOB)
    queue.receiver.answers = lambda got: (500 if got.content["data"]["index"] == first else 200, {})
    queue.deliver()
    assert queue.receiver.indices == [first]
    queue.after(LONGEST[0])
    assert set(queue.receiver.indices) == {first, other}
    queue.receiver.answer(200)
    queue.after(LONGEST[1])
    queue.deliver()
    assert queue.receiver.indices[-2:] == [first, second]
    assert second not in queue.receiver.indices[:-1]


def test_what_is_given_up_lets_the_next_one_pass(queue: Rig) -> None:
    queue.add()
    first, second = queue.tell(), queue.tell()
    queue.receiver.answers = lambda got: (422 if got.content["data"]["index"] == first else 200, {})
    while queue.log()[0][0] == "waiting":
        assert second not in queue.receiver.indices
        queue.tell(BOB)  # is taken: one message that a receiver refuses does not disable it
        queue.after(LONGEST[-1])
    assert queue.log()[0] == ("failed", 14, 422, "not-taken")
    queue.after(schedule.LONGEST_HOLD_MS)
    assert second in queue.receiver.indices
    assert queue.standing().row.state == WebhookState.ACTIVE


def test_an_erased_person_is_not_told_about_any_more(queue: Rig) -> None:
    queue.add()
    queue.tell(ANN)
    queue.tell(BOB)
    queue.deliver()
    queue.tell(ANN, "withdrawn")
    with queue.node.db.writing() as session:
        assert queue.hooks.outbox.purge_group(session, ANN) == 2
        assert queue.hooks.outbox.purge_group(session, ANN) == 0
        gone = {"subject": ANN, "index": 9}
        queue.hooks.outbox.enqueue(session, EventType.SUBJECT_ERASED, gone, queue.node.clock())
    queue.deliver()
    types = [(r.content["type"], r.content["data"]["subject"]) for r in queue.receiver.received]
    assert types == [("consent.changed", ANN), ("consent.changed", BOB), ("subject.erased", ANN)]
    assert len(rows(queue, WebhookDeliveryRow)) == 2


def test_a_person_erased_during_a_batch_is_not_told_about_a_moment_later(queue: Rig) -> None:
    queue.add()
    queue.tell(ANN)
    queue.tell(BOB)

    def erase(_got) -> tuple[int, dict[str, str]]:
        with queue.node.db.writing() as session:
            queue.hooks.outbox.purge_group(session, BOB)
            queue.hooks.outbox.purge_group(session, ANN)
        return 200, {}

    queue.receiver.answers = erase
    assert queue.deliver() == 1
    assert [r.content["data"]["subject"] for r in queue.receiver.received] == [ANN]
    assert rows(queue, WebhookDeliveryRow) == rows(queue, WebhookEventRow) == []


def test_neither_person_nor_payload_stands_in_the_database_in_clear(queue: Rig) -> None:
    secret = queue.add()
    queue.tell(ANN, "withdrawn")
    (event,) = rows(queue, WebhookEventRow)
    (delivery,) = rows(queue, WebhookDeliveryRow)
    (webhook,) = rows(queue, WebhookRow)
    kept = event.body + delivery.grouped + webhook.secret
    for word in (ANN, "withdrawn", "partner-marketing", secret, secret[6:]):
        assert word.encode() not in kept
    assert queue.hooks.outbox.open_body(event).startswith(b'{"type":"consent.changed"')


def test_a_payload_is_erased_when_every_webhook_has_it(queue: Rig) -> None:
    queue.add("first")
    with receiving() as slow:
        queue.add("second", slow.url)
        slow.answer(500)
        queue.tell()
        queue.deliver()
        assert rows(queue, WebhookEventRow)[0].body
        slow.answer(200)
        queue.after(LONGEST[0])
    assert rows(queue, WebhookEventRow)[0].body == b""


def test_crash_between_commit_and_delivery_loses_nothing(queue: Rig) -> None:
    queue.add()
    index = queue.tell()
    queue.restart()
    assert queue.deliver() == 1
    assert queue.receiver.indices == [index]


def test_crash_after_the_receiver_got_it_sends_the_same_id_again(
    queue: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = queue.add()
    queue.tell()

    class Killed(BaseException):
        pass

    def post(self, headers, body):
        sent(self, headers, body)
        raise Killed

    sent = Line.post
    monkeypatch.setattr(Line, "post", post)
    with pytest.raises(Killed):
        queue.deliver()
    monkeypatch.undo()
    queue.restart()
    queue.node.clock.advance(1_000)
    assert queue.deliver() == 1
    first, second = queue.receiver.received
    assert first.message == second.message
    assert first.body == second.body
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    for got in (first, second):
        verified(secret, got.headers, got.body)


def test_a_pause_keeps_what_happens_for_later(queue: Rig) -> None:
    queue.add()
    queue.hooks.registrations.pause("crm")
    told = [queue.tell(ANN), queue.tell(ANN)]
    assert queue.after(DAY_MS) == 0
    assert queue.standing().waiting == 2
    assert queue.standing().oldest_waiting_ms == queue.node.clock() - DAY_MS
    queue.hooks.registrations.resume("crm")
    queue.deliver()
    queue.deliver()
    assert queue.receiver.indices == told


def test_410_disables_the_webhook_and_keeps_the_message(queue: Rig) -> None:
    queue.add()
    queue.tell()
    queue.receiver.answer(410)
    queue.deliver()
    row = queue.standing().row
    assert (row.state, row.reason) == (WebhookState.DISABLED, Reason.GONE)
    assert queue.after(DAY_MS) == 0
    with pytest.raises(IllegalState):
        queue.hooks.registrations.pause("crm")
    queue.receiver.answer(200)
    queue.hooks.registrations.resume("crm")
    assert queue.deliver() == 1
    assert queue.standing().row.reason == ""


def test_a_webhook_that_fails_for_three_days_is_disabled(queue: Rig) -> None:
    queue.add()
    queue.receiver.answer(500)
    with capture_logs() as logs:
        for _ in range(12):
            queue.tell(BOB)
            queue.tell(ANN)
            queue.deliver()
            assert queue.standing().row.state == WebhookState.ACTIVE
            queue.node.clock.advance(6 * 3_600_000)
        queue.deliver()
    row = queue.standing().row
    assert (row.state, row.reason) == (WebhookState.DISABLED, Reason.FAILING)
    assert [log["reason"] for log in logs if log["event"] == "webhook-disabled"] == ["failing"]
    queue.receiver.answer(200)
    queue.hooks.registrations.resume("crm")
    assert queue.deliver() > 0
    assert queue.standing().row.failing_since_ms == 0


def test_a_success_in_between_starts_the_three_days_anew(queue: Rig) -> None:
    queue.add()
    for day in range(6):
        queue.receiver.answer(200 if day == 2 else 500)
        queue.tell(f"{day:032x}")
        assert queue.after(DAY_MS) > 0
        assert queue.standing().row.state == WebhookState.ACTIVE, day
    queue.after(DAY_MS)
    assert queue.standing().row.reason == Reason.FAILING


def test_a_receiver_that_is_down_is_not_flooded(queue: Rig) -> None:
    queue.add()
    for number in range(50):
        queue.tell(f"{number:032x}")
    queue.receiver.answer(503)
    sent = sum(queue.after(10_000) for _ in range(360))  # an hour
    assert sent == len(queue.receiver.received) < 40
    queue.receiver.answer(200)
    queue.node.clock.advance(schedule.LONGEST_HOLD_MS)
    while queue.deliver():
        pass
    queue.node.clock.advance(LONGEST[-1])
    while queue.deliver():
        pass
    assert {state for state, *_ in queue.log()} == {"delivered"}


def test_retry_after_is_respected_up_to_an_hour(queue: Rig) -> None:
    queue.add()
    queue.tell()
    queue.receiver.answer(429, Retry_After="600")
    queue.deliver()
    assert queue.after(599_999) == 0
    queue.receiver.answer(503, Retry_After="999999")
    assert queue.after(1) == 1
    assert queue.after(schedule.LONGEST_RETRY_AFTER_MS - 1) == 0
    queue.receiver.answer(200)
    assert queue.after(1) == 1


def test_what_failed_is_sent_once_more_by_hand(queue: Rig) -> None:
    queue.add()
    told = queue.tell()
    queue.receiver.answer(500)
    for longest in (*LONGEST, 0):
        queue.deliver()
        queue.node.clock.advance(longest)
    (failed,) = queue.hooks.log.listed("crm", 10, DeliveryState.FAILED)
    queue.hooks.registrations.resume("crm")
    assert queue.deliver() == 0
    queue.receiver.answer(200)
    found = queue.hooks.log.retry("crm", queue.node.clock(), failed.message)
    assert (found.queued, found.overtaken) == (1, 0)
    assert queue.deliver() == 1
    assert queue.receiver.indices[-1] == told
    with pytest.raises(IllegalState):
        queue.hooks.log.retry("crm", queue.node.clock(), failed.message)
    with pytest.raises(NotFound):
        queue.hooks.log.retry("crm", queue.node.clock(), "msg_" + "0" * 32)


def fail_all(queue: Rig) -> None:
    """Mark everything that waits as given up, as fourteen attempts would."""
    with queue.node.db.writing() as session:
        for row in session.exec(select(WebhookDeliveryRow)):
            if row.state == DeliveryState.WAITING:
                row.state = DeliveryState.FAILED


def test_what_was_overtaken_is_not_sent_as_if_it_were_new(queue: Rig) -> None:
    queue.add()
    queue.tell(ANN)
    queue.tell(BOB)
    fail_all(queue)
    queue.tell(ANN, "withdrawn")
    queue.deliver()
    old = next(d for d in queue.hooks.log.listed("crm", 10) if d.seq == 0)
    with pytest.raises(WebhookOvertaken):
        queue.hooks.log.retry("crm", queue.node.clock(), old.message)
    found = queue.hooks.log.retry("crm", queue.node.clock())
    assert (found.queued, found.overtaken) == (1, 1)
    queue.deliver()
    assert queue.receiver.indices == [3, 2]
    now = queue.node.clock()
    assert queue.hooks.log.retry("crm", now, old.message, overtaken_too=True).queued == 1
    queue.deliver()
    assert queue.receiver.indices == [3, 2, 1]


def test_what_the_receiver_may_have_taken_counts_as_newer(queue: Rig) -> None:
    """The answer to the newer one was lost on the way: nobody knows whether it was taken."""
    queue.add()
    queue.tell(ANN)
    fail_all(queue)
    queue.tell(ANN, "withdrawn")
    queue.receiver.answer(503)
    queue.deliver()
    queue.hooks.log.retry("crm", queue.node.clock())
    assert queue.log()[0][0] == "waiting"  # a 503 says that it was not taken
    fail_all(queue)
    queue.tell(ANN, "given")
    queue.receiver.cut = True
    queue.after(schedule.LONGEST_HOLD_MS)
    assert queue.log()[2] == ("waiting", 1, 0, "bad-answer")
    assert queue.hooks.log.retry("crm", queue.node.clock()).overtaken == 2


def test_a_retry_waits_for_what_is_just_being_sent(hooks: Rig) -> None:
    """The newer one is with the receiver, and not yet recorded, when the operator retries."""
    hooks.add()
    hooks.tell(ANN)
    fail_all(hooks)
    hooks.tell(ANN, "withdrawn")
    found: list[Retried] = []
    retrying = threading.Thread(
        target=lambda: found.append(hooks.hooks.log.retry("crm", hooks.node.clock()))
    )

    def answer(_got) -> tuple[int, dict[str, str]]:
        retrying.start()
        assert not found
        return 200, {}

    hooks.receiver.answers = answer
    assert hooks.deliver() == 1
    retrying.join()
    assert [(r.queued, r.overtaken) for r in found] == [(0, 1)]


def test_a_retry_goes_back_to_its_place_in_the_order(queue: Rig) -> None:
    queue.add()
    first = queue.tell()
    fail_all(queue)
    second = queue.tell(ANN, "withdrawn")
    queue.hooks.log.retry("crm", queue.node.clock())
    assert queue.deliver() == 1
    queue.deliver()
    assert queue.receiver.indices == [first, second]


def test_the_secret_before_signs_too_for_a_while(queue: Rig) -> None:
    old = queue.add()
    new = queue.hooks.registrations.rotate("crm", queue.node.clock(), overlap_hours=1)
    queue.tell()
    queue.deliver()
    got = queue.receiver.received[-1]
    assert got.headers["webhook-signature"].count("v1,") == 2
    verified(old, got.headers, got.body)
    verified(new, got.headers, got.body)
    queue.node.clock.advance(3_600_000)
    queue.tell()
    queue.deliver()
    got = queue.receiver.received[-1]
    verified(new, got.headers, got.body)
    with pytest.raises(AssertionError):
        verified(old, got.headers, got.body)
    assert rows(queue, WebhookRow)[0].previous_secret
    queue.hooks.courier.sweep(queue.node.clock())
    assert rows(queue, WebhookRow)[0].previous_secret == b""


def test_without_overlap_the_old_secret_ends_at_once(queue: Rig) -> None:
    old = queue.add()
    queue.hooks.registrations.rotate("crm", queue.node.clock(), overlap_hours=0)
    queue.tell()
    queue.deliver()
    got = queue.receiver.received[-1]
    assert got.headers["webhook-signature"].count("v1,") == 1
    with pytest.raises(AssertionError):
        verified(old, got.headers, got.body)


def test_a_test_message_is_sent_at_once_and_kept_nowhere(queue: Rig) -> None:
    secret = queue.add()
    queue.hooks.registrations.pause("crm")
    answer = queue.hooks.courier.test("crm", queue.node.clock())
    assert (answer.delivered, answer.status) == (True, 200)
    (got,) = queue.receiver.received
    verified(secret, got.headers, got.body)
    assert got.content["type"] == "webhook.test"
    assert got.content["data"] == {"webhook": "crm"}
    assert rows(queue, WebhookEventRow) == []
    queue.receiver.answer(500)
    assert queue.hooks.courier.test("crm", 0).cause == "not-taken"


def test_removing_a_webhook_takes_everything_with_it(queue: Rig) -> None:
    queue.add("one")
    queue.add("two")
    queue.tell()
    queue.hooks.registrations.remove("one")
    assert len(rows(queue, WebhookEventRow)) == 1
    queue.hooks.registrations.remove("two")
    assert rows(queue, WebhookEventRow) == rows(queue, WebhookDeliveryRow) == []
    assert rows(queue, WebhookRow) == []
    with pytest.raises(NotFound):
        queue.hooks.registrations.remove("two")


def test_another_address_is_used_at_once(queue: Rig) -> None:
    queue.add()
    queue.tell()
    queue.receiver.answer(500)
    queue.deliver()
    with receiving() as moved:
        queue.hooks.registrations.change("crm", Definition(moved.url, loopback=True))
        assert queue.after(LONGEST[0]) == 1
        assert moved.indices == [1]


def test_logs_are_swept_after_two_weeks_and_the_rest_after_thirty_days(queue: Rig) -> None:
    queue.add()
    queue.tell(ANN)
    queue.deliver()
    queue.hooks.registrations.pause("crm")
    queue.tell(BOB)
    queue.node.clock.advance(schedule.KEEP_LOG_MS - 1)
    queue.hooks.courier.sweep(queue.node.clock())
    assert len(queue.log()) == 2
    queue.node.clock.advance(1)
    queue.hooks.courier.sweep(queue.node.clock())
    assert queue.log() == [("waiting", 0, 0, "")]
    queue.node.clock.advance(schedule.GIVE_UP_AFTER_MS - schedule.KEEP_LOG_MS)
    queue.hooks.courier.sweep(queue.node.clock())
    assert queue.log() == [("failed", 0, 0, "expired")]
    queue.node.clock.advance(schedule.KEEP_LOG_MS)
    queue.hooks.courier.sweep(queue.node.clock())
    assert rows(queue, WebhookEventRow) == rows(queue, WebhookDeliveryRow) == []


def test_a_body_that_only_a_removed_webhook_waited_for_is_swept(queue: Rig) -> None:
    queue.add("one")
    queue.add("two")
    queue.tell()
    queue.hooks.registrations.pause("two")
    queue.deliver()
    queue.hooks.registrations.remove("two")
    queue.hooks.courier.sweep(queue.node.clock())
    assert rows(queue, WebhookEventRow)[0].body == b""


def test_a_clock_that_was_set_back_holds_nothing_up(queue: Rig) -> None:
    queue.add()
    queue.node.clock.advance(400 * DAY_MS)  # wrong by more than a year
    queue.tell()
    queue.receiver.answer(500)
    queue.deliver()
    queue.node.clock.advance(-400 * DAY_MS)
    queue.receiver.answer(200)
    assert queue.deliver() == 0
    queue.hooks.courier.sweep(queue.node.clock())
    assert queue.deliver() == 1


def test_deliveries_are_listed_newest_first_page_by_page(queue: Rig) -> None:
    queue.add()
    for number in range(5):
        queue.tell(f"{number:032x}")
    queue.deliver()
    queue.tell()
    listed = queue.hooks.log.listed("crm", 4)
    assert [d.seq for d in listed] == [5, 4, 3, 2]
    assert [d.seq for d in queue.hooks.log.listed("crm", 4, before=2)] == [1, 0]
    assert [d.seq for d in queue.hooks.log.listed("crm", 4, DeliveryState.WAITING)] == [5]
    with pytest.raises(NotFound):
        queue.hooks.log.listed("nobody", 4)


def test_a_slow_receiver_ends_its_batch(queue: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.add()
    queue.tell(ANN)
    queue.tell(BOB)
    monkeypatch.setattr("party_node.webhooks.courier._BATCH_MS", -1)
    assert queue.deliver() == 1
    assert queue.deliver() == 1


def test_no_secret_and_nobody_s_id_in_the_logs(queue: Rig) -> None:
    with capture_logs() as logs:
        secret = queue.add("crm", queue.receiver.url + "?token=hush-hush")
        queue.tell(ANN, "withdrawn")
        queue.receiver.answer(500)
        for longest in (*LONGEST, 0):
            queue.deliver()
            queue.node.clock.advance(longest)
        queue.hooks.registrations.rotate("crm", queue.node.clock())
    assert {log["event"] for log in logs} >= {"webhook-not-delivered", "webhook-given-up"}
    said = str(logs)
    for word in (secret[6:], ANN, "withdrawn", "hush-hush", "127.0.0.1", "partner-marketing"):
        assert word not in said
