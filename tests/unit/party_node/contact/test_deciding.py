"""Contact decisions: consent first, then choices, hours and caps; each answer in words."""

import threading
from dataclasses import replace

import pytest

from consent.contact_terms import CapTerm, HoursTerm
from consent.errors import MalformedRecord
from consent.preferences import (
    AutomatedDecisions,
    Cap,
    CapBasis,
    ChannelChoice,
    Pause,
    Per,
    Quiet,
    TimeZone,
    TopicChoice,
)
from consent.reasons import Reason
from consent.words import EventState
from party_node.contact.deciding import Answer, ContactQuestion, Contacts
from party_node.contact.reservations import Reservations
from party_node.contact.words import WORDS, ContactReason
from party_node.grouped_writes import GroupedWrites
from tests.support.node import open_storage
from tests.support.records import preference

A = "a@x.example"
HOUR, DAY = 3_600_000, 86_400_000
FIVE_THIRTY = 1_790_047_800_000
"""22 September 2026: 05:30 in Paris, 04:30 in London, 23:30 the day before in New York."""


@pytest.fixture
def node(tmp_path):
    node = open_storage(tmp_path)
    node.clock.now_ms = FIVE_THIRTY
    return node


@pytest.fixture
def ledger(node):
    ledger = node.open_ledger()
    ledger.append([node.event(A, "yes", recipient="self")])
    return ledger


@pytest.fixture
def contacts(node, ledger):
    reservations = Reservations(node.vault, node.rng)
    return Contacts(ledger, reservations, GroupedWrites(node.db), node.clock)


def choose(node, ledger, *choices):
    ledger.append(
        [
            preference(
                chosen, node.clock.now_ms, subject_id=node.person(A),
                source_event_id=f"{chosen}-{node.clock.now_ms}",
            )
            for chosen in choices
        ]
    )  # fmt: skip


def ask(node, contacts, **changes):
    question = ContactQuestion(
        subject=node.identity.find("email", A), purpose="joint-audience", channel="email"
    )
    return contacts.decide(replace(question, **changes))


def test_consent_permits_and_its_absence_denies(node, ledger, contacts):
    yes = ask(node, contacts)
    assert (yes.answer, yes.reason, yes.reservation) == (Answer.ALLOW, "permitted", None)
    assert yes.words == "The person has agreed to this."
    assert ask(node, contacts, subject=None).reason == "no-evidence"
    assert ask(node, contacts, recipient="shop").reason == "no-evidence"
    ledger.append([node.event(A, "no", recipient="self", state=EventState.WITHDRAWN)])
    no = ask(node, contacts)
    assert (no.answer, no.reason) == (Answer.DENY, "withdrawn")


def test_every_reason_has_words():
    assert set(WORDS) == {*Reason, *ContactReason}
    assert all(words.endswith(".") for words in WORDS.values())


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        (ChannelChoice(channel="email", allowed=False), "channel-refused"),
        (ChannelChoice(channel="*", allowed=False), "channel-refused"),
        (TopicChoice(topic="sport", allowed=False), "topic-refused"),
        (Cap(limit=0, per=Per.WEEK), "no-contact-at-all"),
    ],
)
def test_a_choice_against_it_is_a_no(node, ledger, contacts, choice, reason):
    choose(node, ledger, choice)
    said = ask(node, contacts, topic="sport")
    assert (said.answer, said.reason) == (Answer.DENY, reason)


def test_a_pause_is_a_no_that_says_when_it_ends(node, ledger, contacts):
    until = node.clock.now_ms + DAY
    choose(node, ledger, Pause(until_ms=until))
    said = ask(node, contacts)
    assert (said.answer, said.reason, said.not_before_ms) == (Answer.DENY, "paused", until)
    node.clock.advance(DAY)
    assert ask(node, contacts).answer is Answer.ALLOW


def test_rule_12_without_automated_choice_there_is_a_third_answer(node, ledger, contacts):
    choose(node, ledger, AutomatedDecisions(allowed=False))
    said = ask(node, contacts, reserve_ms=HOUR)
    assert (said.answer, said.reason) == (Answer.ALLOW_NON_PERSONALISED, "not-personalised")
    assert said.reservation is not None


def test_rule_16_quiet_hours_put_it_off_to_their_end_by_the_persons_clock(node, ledger, contacts):
    night = Quiet(days=tuple(range(1, 8)), start_minute=22 * 60, end_minute=6 * 60)
    choose(node, ledger, night, TimeZone(zone="Europe/Paris"))
    said = ask(node, contacts)
    assert (said.answer, said.reason) == (Answer.DEFER, "quiet-hours")
    assert said.not_before_ms == FIVE_THIRTY + HOUR // 2
    assert ask(node, contacts, at_ms=said.not_before_ms).answer is Answer.ALLOW


def test_rule_16_an_unknown_clock_is_a_no(node, ledger, contacts):
    choose(node, ledger, Quiet(days=(1,), start_minute=0, end_minute=60))
    said = ask(node, contacts)
    assert (said.answer, said.reason) == (Answer.DENY, "time-zone-unknown")


def test_rule_16_the_law_has_hours_too(node, ledger, contacts):
    hours = HoursTerm(channel="phone", place="US", start_minute=8 * 60, end_minute=21 * 60)
    policy = replace(ledger.vocabulary, hours=(hours,), controller_zone="America/New_York")
    ledger.change_policy(policy, "ann")
    said = ask(node, contacts, channel="phone")
    assert (said.answer, said.reason) == (Answer.DEFER, "quiet-hours")  # half past eleven at night
    assert said.not_before_ms == FIVE_THIRTY + 8 * HOUR + HOUR // 2
    assert ask(node, contacts, channel="email").answer is Answer.ALLOW


def test_rule_17_a_cap_is_a_no_that_says_when_there_is_room(node, ledger, contacts):
    choose(node, ledger, Cap(limit=2, per=Per.WEEK), TimeZone(zone="Europe/London"))
    for key in ("1", "2"):
        assert ask(node, contacts, reserve_ms=HOUR, idempotency_key=key).answer is Answer.ALLOW
    said = ask(node, contacts, reserve_ms=HOUR)
    assert (said.answer, said.reason) == (Answer.DENY, "often-enough")
    # Monday, 28 September, 00:00 in London; unless the reservations run out before.
    assert said.not_before_ms is not None
    again = ask(node, contacts, reserve_ms=HOUR, idempotency_key="1")
    assert again.answer is Answer.ALLOW
    node.clock.advance(2 * HOUR)
    assert ask(node, contacts, reserve_ms=HOUR).answer is Answer.ALLOW


def test_rule_17_no_beats_later(node, ledger, contacts):
    night = Quiet(days=tuple(range(1, 8)), start_minute=22 * 60, end_minute=6 * 60)
    choose(node, ledger, TimeZone(zone="Europe/London"), Cap(limit=1, per=Per.DAY))
    assert ask(node, contacts, reserve_ms=DAY).answer is Answer.ALLOW
    choose(node, ledger, night)
    assert ask(node, contacts).reason == "often-enough"


def test_rule_17_the_policy_caps_everybody_and_purposes_of_a_group_together(node, ledger, contacts):
    purposes = tuple(replace(p, contact_group="marketing") for p in ledger.vocabulary.purposes)
    cap = CapTerm(limit=1, per=Per.DAY, basis=CapBasis.ROLLING, group="marketing")
    ledger.change_policy(replace(ledger.vocabulary, purposes=purposes, caps=(cap,)), "ann")
    assert ask(node, contacts, reserve_ms=HOUR).answer is Answer.ALLOW
    assert ask(node, contacts, reserve_ms=HOUR).reason == "often-enough"


def test_transactional_messages_neither_meet_a_cap_nor_use_it_up(node, ledger, contacts):
    choose(node, ledger, TimeZone(zone="Europe/London"), Cap(limit=1, per=Per.DAY))
    purposes = tuple(replace(p, transactional=True) for p in ledger.vocabulary.purposes)
    usual = ledger.vocabulary
    ledger.change_policy(replace(usual, purposes=purposes), "ann")
    for _ in range(3):
        assert ask(node, contacts, reserve_ms=HOUR).answer is Answer.ALLOW
    ledger.change_policy(usual, "ann")
    assert ask(node, contacts, reserve_ms=HOUR).answer is Answer.ALLOW
    assert ask(node, contacts, reserve_ms=HOUR).reason == "often-enough"


def test_many_at_once_never_use_the_same_last_contact(node, ledger, contacts):
    choose(node, ledger, TimeZone(zone="Europe/London"), Cap(limit=3, per=Per.DAY))
    answers = []

    def one():
        answers.append(ask(node, contacts, reserve_ms=HOUR).answer)

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(Answer.ALLOW) == 3
    assert answers.count(Answer.DENY) == 9


def test_a_contact_that_is_planned_takes_the_place_of_none_that_lives(node, ledger, contacts):
    node.clock.advance(8 * HOUR)
    choose(node, ledger, Cap(limit=1, per=Per.DAY, basis=CapBasis.ROLLING, channel="email"))
    reserve, later = {"reserve_ms": 900_000}, node.clock.now_ms + 20 * 60_000
    first = ask(node, contacts, **reserve)
    assert first.reservation is not None
    # It may still go out, though it will have expired by then.
    assert ask(node, contacts, at_ms=later, **reserve).reason == ContactReason.OFTEN_ENOUGH.value
    assert ask(node, contacts, at_ms=later).reason == ContactReason.OFTEN_ENOUGH.value
    assert ask(node, contacts, **reserve).reason == ContactReason.OFTEN_ENOUGH.value
    node.clock.advance(16 * 60_000)
    assert ask(node, contacts, **reserve).answer is Answer.ALLOW, "now it has expired"


def test_a_planned_contact_is_set_aside_from_now_until_it_went_out(node, ledger, contacts):
    node.clock.advance(8 * HOUR)
    choose(node, ledger, Cap(limit=1, per=Per.DAY, basis=CapBasis.ROLLING, channel="email"))
    planned = ask(node, contacts, at_ms=node.clock.now_ms + HOUR, reserve_ms=900_000)
    assert planned.reservation.expires_ms == node.clock.now_ms + HOUR + 900_000
    assert ask(node, contacts).reason == ContactReason.OFTEN_ENOUGH.value
    with pytest.raises(MalformedRecord, match="at most a day from now"):
        ask(node, contacts, at_ms=node.clock.now_ms + 400 * DAY, reserve_ms=900_000)
