"""Contacts on both databases: held, counted once, and never more than the caps allow."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlmodel import select

from consent.durations import Duration
from consent.errors import MalformedRecord, UnknownTimeZone
from consent.frequency import Basis, Capped, FrequencyCap
from party_node.contact.counters import Counter
from party_node.contact.reservations import MAX_TTL_MS, Confirmed, Reservation, Reservations
from party_node.contact.tables import ContactRow
from party_node.contact.time_zones import time_zone
from party_node.database import Database
from party_node.errors import IdempotencyConflict, IllegalState, NotFound
from party_node.vault import Vault
from tests.support import reserver
from tests.support.clocks import DAY, HOUR, MINUTE, utc
from tests.support.node import START_MS, open_storage

ROOT = Path(__file__).parents[4]
NEWS = Counter(7, "email", "news")
LONDON = time_zone("Europe/London")
NOON = utc("2027-01-15 12:00")
TTL = 10 * MINUTE


def rolling(limit, **length):
    return FrequencyCap(limit, Duration(**length), Basis.ROLLING)


def calendar(limit, **length):
    return FrequencyCap(limit, Duration(**length), Basis.CALENDAR)


ONE_A_DAY = [rolling(1, days=1)]


class Desk:
    """Each call in a transaction of its own."""

    def __init__(self, node, reservations):
        self.db, self._reservations = node.db, reservations

    def reserve(self, now=NOON, caps=ONE_A_DAY, counter=NEWS, zone=LONDON, ttl=TTL, **more):
        with self.db.writing() as session:
            return self._reservations.reserve(session, counter, caps, now, zone, ttl, **more)

    def refusal(self, now=NOON, caps=ONE_A_DAY, counter=NEWS):
        with self.db.reading() as session:
            return self._reservations.refusal(session, counter, caps, now, LONDON)

    def confirm(self, token, sent, now=None):
        with self.db.writing() as session:
            return self._reservations.confirm(session, token, sent, sent if now is None else now)

    def release(self, token):
        with self.db.writing() as session:
            self._reservations.release(session, token)

    def forget(self, subject):
        with self.db.writing() as session:
            return self._reservations.forget(session, subject)

    def prune(self, now, *keep):
        with self.db.writing() as session:
            return self._reservations.prune(session, now, *keep)

    def rows(self):
        with self.db.reading() as session:
            return session.exec(select(ContactRow)).all()


@pytest.fixture
def desk(node, reservations):
    return Desk(node, reservations)


def test_rule_17_what_is_reserved_takes_the_place_until_it_is_released(desk):
    first = desk.reserve()
    assert first == Reservation(first.token, NOON + TTL)
    assert len(bytes.fromhex(first.token)) == 16
    assert desk.reserve() == desk.refusal() == Capped(ONE_A_DAY[0], NOON + DAY)
    desk.release(first.token)
    assert desk.refusal() is None
    assert isinstance(desk.reserve(), Reservation)


def test_rule_17_what_is_confirmed_counts_from_when_it_was_sent(desk):
    held = desk.reserve()
    sent = NOON + MINUTE
    assert desk.confirm(held.token, sent, sent + MINUTE) == Confirmed(held.token, sent, late=False)
    assert desk.reserve(sent + DAY - 1) == Capped(ONE_A_DAY[0], sent + DAY)
    assert isinstance(desk.reserve(sent + DAY), Reservation)


def test_rule_17_what_expires_counts_no_more(desk):
    desk.reserve()
    assert isinstance(desk.reserve(NOON + TTL - 1), Capped)
    assert desk.refusal(NOON + TTL) is None
    assert isinstance(desk.reserve(NOON + TTL), Reservation)
    assert [row.counted for row in sorted(desk.rows(), key=lambda r: r.reserved_ms)] == [
        False,
        True,
    ]


def test_rule_17_what_was_sent_after_it_expired_counts_and_is_called_late(desk):
    lost, caps = desk.reserve(), [rolling(2, days=1)]
    other = desk.reserve(NOON + TTL)
    sent = NOON + TTL + MINUTE
    assert desk.confirm(lost.token, sent) == Confirmed(lost.token, sent, late=True)
    assert not desk.confirm(other.token, sent).late
    assert desk.refusal(sent, caps) == Capped(caps[0], sent + DAY), (
        "both count, one too many or not"
    )


def test_rule_17_what_was_sent_after_it_was_released_counts_and_is_called_late(desk):
    held = desk.reserve()
    desk.release(held.token)
    assert desk.confirm(held.token, NOON + 1).late
    assert isinstance(desk.refusal(NOON + 1), Capped)


def test_rule_17_repeating_changes_nothing(desk):
    held = desk.reserve()
    first = desk.confirm(held.token, NOON + 5, NOON + 9)
    assert desk.confirm(held.token, NOON + 7, NOON + DAY) == first
    with pytest.raises(IllegalState):
        desk.release(held.token)
    assert desk.confirm(held.token, NOON + 7) == first
    other = desk.reserve(caps=[])
    desk.release(other.token)
    desk.release(other.token)
    assert len(desk.rows()) == 2


def test_rule_17_a_senders_clock_moves_no_contact_out_of_its_period(desk):
    """Neither to yesterday nor to next year, where it would not count today."""
    caps = [calendar(1, days=1)]
    early = desk.reserve(caps=caps, counter=Counter(1, "email", "news"))
    assert desk.confirm(early.token, NOON - 9 * DAY, NOON + 5).sent_ms == NOON
    ahead = desk.reserve(caps=caps, counter=Counter(2, "email", "news"))
    assert desk.confirm(ahead.token, NOON + 400 * DAY, NOON + 5).sent_ms == NOON + 5
    for subject in (1, 2):
        assert desk.refusal(NOON + HOUR, caps, Counter(subject, "email", "news")) is not None


def test_rule_17_a_reservation_over_midnight_counts_on_both_days(desk):
    caps, late = [calendar(1, days=1)], utc("2027-01-15 23:55")
    held = desk.reserve(late, caps)
    assert isinstance(desk.reserve(late + 6 * MINUTE, caps), Capped), "it may go out any minute"
    desk.confirm(held.token, late + 8 * MINUTE)
    assert desk.reserve(late + 9 * MINUTE, caps) == Capped(caps[0], utc("2027-01-17 00:00"))


def test_rule_17_a_reservation_by_a_clock_slightly_ahead_is_seen(desk):
    desk.confirm(desk.reserve(NOON + 3).token, NOON + 3)
    assert isinstance(desk.reserve(NOON), Capped)


def test_rule_17_caps_count_by_person_channel_and_group(desk):
    desk.reserve()
    for other in (
        Counter(8, "email", "news"),
        Counter(7, "sms", "news"),
        Counter(7, "email", "offers"),
    ):
        assert isinstance(desk.reserve(counter=other), Reservation)
    assert isinstance(desk.reserve(), Capped)


def test_rule_17_transactional_messages_are_recorded_and_count_for_nothing(desk):
    for _ in range(3):
        held = desk.reserve(exempt=True, zone=None, caps=[calendar(1, days=1)])
        assert not desk.confirm(held.token, NOON).late
    assert [(row.exempt, row.latest_ms) for row in desk.rows()] == [(True, NOON)] * 3
    assert isinstance(desk.reserve(), Reservation)
    assert isinstance(desk.reserve(exempt=True), Reservation), "no cap is asked"


def test_rule_17_without_caps_contacts_are_recorded_and_count_later(desk):
    desk.confirm(desk.reserve(caps=[]).token, NOON)
    assert isinstance(desk.reserve(), Capped)


def test_a_calendar_cap_without_a_zone_reserves_nothing(desk):
    with pytest.raises(UnknownTimeZone):
        desk.reserve(caps=[calendar(1, days=1)], zone=None)
    assert desk.rows() == []


# The sender's own key


def test_the_same_key_is_the_same_contact(desk):
    first = desk.reserve(idempotency_key="m-1")
    assert desk.reserve(NOON + 1, idempotency_key="m-1") == first
    sent = desk.confirm(first.token, NOON + 2)
    assert desk.reserve(NOON + 3, idempotency_key="m-1") == sent, "do not send it twice"
    assert isinstance(desk.reserve(NOON + 3, idempotency_key="m-2"), Capped)
    assert len(desk.rows()) == 1


def test_a_contact_that_was_given_up_is_reserved_anew_under_its_token(desk):
    first = desk.reserve(idempotency_key="m-1")
    desk.release(first.token)
    again = desk.reserve(NOON + 1, idempotency_key="m-1")
    assert again == Reservation(first.token, NOON + 1 + TTL)
    third = desk.reserve(NOON + HOUR, idempotency_key="m-1")
    assert third == Reservation(first.token, NOON + HOUR + TTL)
    assert not desk.confirm(first.token, NOON + HOUR + 1).late
    assert len(desk.rows()) == 1


def test_a_contact_that_expired_does_not_come_back_over_a_cap(desk):
    first = desk.reserve(idempotency_key="m-1")
    desk.confirm(desk.reserve(NOON + TTL, idempotency_key="m-2").token, NOON + TTL)
    assert isinstance(desk.reserve(NOON + TTL + 1, idempotency_key="m-1"), Capped)
    assert desk.confirm(first.token, NOON + TTL + 2).late


def test_a_key_of_another_contact_is_a_conflict(desk):
    desk.reserve(idempotency_key="m-1")
    for other in (
        {"counter": Counter(8, "email", "news")},
        {"counter": Counter(7, "sms", "news")},
        {"counter": Counter(7, "email", "offers")},
        {"exempt": True},
    ):
        with pytest.raises(IdempotencyConflict) as caught:
            desk.reserve(idempotency_key="m-1", **other)
        assert "m-1" not in str(caught.value)
    assert len(desk.rows()) == 1


def test_a_refused_key_may_ask_again(desk):
    desk.reserve()
    assert isinstance(desk.reserve(NOON + 1, idempotency_key="m-1"), Capped)
    assert isinstance(desk.reserve(NOON + TTL, idempotency_key="m-1"), Reservation)


def test_a_key_that_cannot_be_is_refused(desk):
    for key in ("", "x" * 201, "line\nbreak", "naïve", "\ud800", "nul\x00"):
        with pytest.raises(MalformedRecord):
            desk.reserve(idempotency_key=key)
    assert desk.rows() == []


def test_a_key_that_names_a_person_is_not_stored(node, desk):
    key = "spring/ann@example.com"
    desk.reserve(idempotency_key=key)
    (row,) = desk.rows()
    assert "ann@" not in repr(row)
    if node.db.dialect == "sqlite":
        node.db.scrub()
        files = [path.read_bytes() for path in node.home.path.glob("*") if path.is_file()]
        assert any(row.key_digest in data for data in files)
        assert not any(b"ann@example.com" in data for data in files)


# Tokens, persons and age


def test_a_guessed_token_finds_nothing(desk):
    held = desk.reserve()
    for token in ("", "0" * 32, "zz", held.token.upper(), f"{held.token}\n", f"{held.token}0", "%"):
        with pytest.raises(NotFound):
            desk.confirm(token, NOON)
        with pytest.raises(NotFound):
            desk.release(token)


def test_erasing_a_person_erases_their_contacts(desk):
    held = desk.reserve()
    desk.confirm(desk.reserve(counter=Counter(7, "sms", "news")).token, NOON)
    other = desk.reserve(counter=Counter(8, "email", "news"))
    assert desk.forget(7) == 2
    assert desk.forget(7) == 0
    assert [row.subject for row in desk.rows()] == [8]
    with pytest.raises(NotFound):
        desk.confirm(held.token, NOON)
    assert not desk.confirm(other.token, NOON).late


def test_forgetting_and_asking_in_one_transaction(node, reservations):
    """What the session remembers must not outlive the row."""
    with node.db.writing() as session:
        held = reservations.reserve(session, NEWS, ONE_A_DAY, NOON, None, TTL)
        assert reservations.forget(session, 7) == 1
        with pytest.raises(NotFound):
            reservations.confirm(session, held.token, NOON, NOON)
        again = reservations.reserve(session, NEWS, ONE_A_DAY, NOON, None, TTL)
    assert isinstance(again, Reservation)


def test_pruning_deletes_what_no_cap_counts(desk):
    desk.confirm(desk.reserve(caps=[]).token, NOON)
    desk.release(desk.reserve(caps=[]).token)
    lapsed = desk.reserve(NOON, caps=[])
    live = desk.reserve(NOON + 8 * DAY, caps=[])
    week = 7 * DAY
    assert desk.prune(NOON + week, week) == 0, "the last contact of a full week ago still stands"
    assert desk.prune(NOON + week + 1, week) == 1
    assert desk.prune(NOON + week + TTL + 1, week) == 2
    with pytest.raises(NotFound):
        desk.confirm(lapsed.token, NOON)
    assert desk.prune(NOON + 8 * DAY, 0) == 0
    assert desk.prune(NOON + 300 * DAY) == 0
    desk.confirm(live.token, NOON + 8 * DAY)
    with pytest.raises(ValueError, match="ahead"):
        desk.prune(NOON, -1)


# One writer at a time


def test_eight_threads_race_for_a_cap_of_three(node, reservations):
    """Exactly three win, whatever the order of their clocks."""
    caps, start, outcomes = [rolling(3, days=1), calendar(3, weeks=1)], threading.Barrier(8), []

    def run(number):
        start.wait()
        try:
            with node.db.writing() as session:
                now = NOON - number
                held = Reservations(node.vault).reserve(session, NEWS, caps, now, LONDON, TTL)
            outcomes.append(type(held))
        except Exception as e:  # noqa: BLE001 - whatever it is, the test must see it
            outcomes.append(e)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(Reservation) == 3
    assert outcomes.count(Capped) == 5


def test_threads_with_one_key_hold_one_contact(node):
    start, tokens = threading.Barrier(4), []

    def run():
        start.wait()
        with node.db.writing() as session:
            held = Reservations(node.vault).reserve(
                session, NEWS, ONE_A_DAY, NOON, LONDON, TTL, idempotency_key="m-1"
            )
        tokens.append(held.token)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 4
    assert len(set(tokens)) == 1


def test_many_contacts_share_a_transaction(node, reservations):
    """A refusal ends nothing; the next contact sees those before it."""
    with node.db.writing() as session:
        answers = [
            reservations.reserve(
                session, Counter(n % 3, "email", "news"), ONE_A_DAY, NOON, None, TTL
            )
            for n in range(9)
        ]
    assert [type(a) for a in answers] == [Reservation] * 3 + [Capped] * 6


def test_a_transaction_that_fails_holds_nothing(node, reservations, desk):
    def fail():
        with node.db.writing() as session:
            reservations.reserve(session, NEWS, ONE_A_DAY, NOON, None, TTL)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert isinstance(desk.reserve(), Reservation)


def test_a_session_that_only_reads_reserves_nothing(node, reservations):
    """Two such sessions could both see the last place."""
    calls = [
        lambda s: reservations.reserve(s, NEWS, ONE_A_DAY, NOON, None, TTL),
        lambda s: reservations.confirm(s, "0" * 32, NOON, NOON),
        lambda s: reservations.release(s, "0" * 32),
        lambda s: reservations.forget(s, 7),
        lambda s: reservations.prune(s, NOON),
    ]
    for call in calls:
        with node.db.reading() as session, pytest.raises(ValueError, match="writing"):
            call(session)


def test_a_reservation_lives_for_a_while_and_not_for_ever(desk):
    for ttl in (0, -1, MAX_TTL_MS + 1):
        with pytest.raises(MalformedRecord, match="at most a day"):
            desk.reserve(ttl=ttl)


@pytest.mark.parametrize(
    ("channel", "group"), [("*", "news"), ("email", "*"), ("", "news"), ("E-Mail", "news")]
)
def test_a_contact_has_one_channel_and_one_group(channel, group):
    with pytest.raises(MalformedRecord):
        Counter(7, channel, group)


def test_a_reservation_looks_only_at_the_contacts_in_its_window(tmp_path):
    """One index has every column that is asked for."""
    node, seen = open_storage(tmp_path), []
    reservations = Reservations(node.vault)
    with node.db.writing() as session:
        raw = session.connection().connection.dbapi_connection
        raw.set_trace_callback(seen.append)
        reservations.reserve(session, NEWS, ONE_A_DAY, NOON, None, TTL)
        raw.set_trace_callback(None)
        (query,) = [q for q in seen if q.startswith("SELECT") and "latest_ms >=" in q]
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
    (step,) = [row[-1] for row in plan]
    for column in ("subject=?", "channel=?", "purpose_group=?", "counted=?", "latest_ms>?"):
        assert column in step


def test_a_killed_process_loses_no_token_and_holds_no_half_reservation(node):
    """`kill -9` between reserve and confirm, and between reserve and commit."""
    url = node.home.database_url
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.reserver", url],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        kept, lost = (process.stdout.readline().strip() for _ in range(2))
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    db, reservations = Database(url), Reservations(Vault(reserver.KEK))

    def reserve():
        with db.writing() as session:
            return reservations.reserve(
                session, reserver.COUNTER, reserver.CAPS, START_MS, None, reserver.TTL_MS
            )

    with db.writing() as session:
        assert not reservations.confirm(session, kept, START_MS + 1, START_MS + 1).late
    with db.writing() as session, pytest.raises(NotFound):
        reservations.confirm(session, lost, START_MS, START_MS)
    assert [type(reserve()) for _ in range(2)] == [Reservation, Capped]
    db.close()
