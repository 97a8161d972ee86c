"""Envelopes that go out and come in while this side computes."""

import threading

import pytest

from party_node.errors import CoordinatorRefused, CoordinatorUnreachable, NotFound
from party_node.job_tables import OutboxRow
from party_node.mail import Mail, MailAhead, Mails
from party_node.runs import Run
from protocols.envelope import Header, seal
from protocols.keys import PartyKeys
from tests.support.seeded import seeded

JOB = "0" * 32
BRAND, PUBLISHER, SHOP = (
    PartyKeys.generate(party, seeded(party)) for party in ("brand", "publisher", "shop")
)
PEER = "publisher"
LIMIT = 30


class Stored:
    """What `Spool` needs of a chunk store."""

    def __init__(self):
        self.kept = {}

    def keep(self, chunks):
        self.kept |= chunks

    def fetch(self, name):
        if name not in self.kept:
            raise NotFound(name)
        return self.kept[name]

    def drop(self, name):
        self.kept.pop(name, None)

    def size_of(self, prefix):
        return sum(len(data) for name, data in self.kept.items() if name.startswith(prefix))


class Outbox:
    """What `Mail` needs of the stored runs."""

    def __init__(self):
        self.keys, self.rows, self.received = BRAND, {}, {}
        self.stored = Stored()

    def queue(self, step):
        self.rows[step] = OutboxRow(
            job=JOB, step=step, recipient=PEER, envelope=b"sealed %d" % step
        )

    def next_outbound(self, _job):
        return self.rows[min(self.rows)] if self.rows else None

    def load(self, job):
        return Run(job, "protocol", received=self.received)

    def chunks(self, _job):
        return self.stored

    def confirmed(self, _job, _recipient, step):
        self.rows.pop(step, None)


class Relay:
    """Takes and gives envelopes; may be told to wait, or to be away."""

    def __init__(self):
        self.taken, self.fetched, self.acknowledged = [], [], []
        self.waiting, self.open = threading.Event(), threading.Event()
        self.open.set()
        self.silent, self.closed = set(), set()
        """Peers that have sent nothing, and peers that are done."""
        self.away, self.full = False, 0
        """`full`: how many envelopes must be acknowledged before there is room."""

    def put_message(self, _job, _route, step, _envelope):
        self.waiting.set()
        assert self.open.wait(LIMIT)
        if self.away:
            raise CoordinatorUnreachable("away")
        if self.full and len(self.acknowledged) < self.full:
            raise CoordinatorRefused("mailbox-full")
        self.taken.append(step)

    def get_message(self, job, route, step, _wait_seconds):
        self.fetched.append(step)
        if route[0] in self.closed:
            raise CoordinatorRefused("mailbox-closed")
        if route[0] in self.silent:
            return None
        if step in self.acknowledged:
            raise CoordinatorRefused("message-acknowledged")
        header = Header(job, *route, step)
        sender = PUBLISHER if route[0] == PEER else SHOP
        return seal(sender, BRAND.public(), header, b"body %d" % step) if step < 3 else None

    def acknowledge(self, _job, _route, step):
        self.acknowledged.append(step)


@pytest.fixture
def outbox():
    return Outbox()


@pytest.fixture
def relay():
    return Relay()


@pytest.fixture
def mail(outbox, relay):
    made = MailAhead(relay, outbox, PUBLISHER.public())
    yield made
    relay.open.set()
    made.close()


def at(received):
    return Run(JOB, "protocol", received={PEER: received})


def test_sending_does_not_keep_this_side_waiting(mail, outbox, relay):
    relay.open.clear()
    outbox.queue(0)
    mail.send(JOB)
    assert relay.waiting.wait(LIMIT)
    assert relay.taken == []
    relay.open.set()
    mail.flush(JOB)
    assert (relay.taken, outbox.rows) == ([0], {})


def test_no_more_than_one_step_is_ahead_of_the_relay(mail, outbox, relay):
    """What is not taken holds the next send up: the relay's limits reach the protocol."""
    relay.open.clear()
    outbox.queue(0)
    mail.send(JOB)
    assert relay.waiting.wait(LIMIT)
    outbox.queue(1)
    second = threading.Thread(target=mail.send, args=(JOB,))
    second.start()
    assert second.is_alive()
    assert relay.taken == []
    relay.open.set()
    second.join(LIMIT)
    mail.flush(JOB)
    assert relay.taken == [0, 1]


def test_what_goes_wrong_meanwhile_is_raised_by_the_next_call_and_nothing_is_lost(
    mail, outbox, relay
):
    relay.away = True
    outbox.queue(0)
    mail.send(JOB)
    with pytest.raises(CoordinatorUnreachable):
        mail.flush(JOB)
    assert list(outbox.rows) == [0]
    relay.away = False
    mail.flush(JOB)
    assert (relay.taken, outbox.rows) == ([0], {})


def test_a_full_mailbox_stops_a_run_before_it_makes_more(mail, outbox, relay):
    relay.away = True
    outbox.queue(0)
    mail.send(JOB)
    outbox.queue(1)
    with pytest.raises(CoordinatorUnreachable):
        mail.send(JOB)
    for _ in range(3):
        with pytest.raises(CoordinatorUnreachable):
            mail.catch_up(JOB)
    relay.away = False
    mail.catch_up(JOB)
    assert relay.taken == [0, 1]
    mail.catch_up(JOB)
    assert relay.taken == [0, 1]


def test_a_run_that_goes_on_after_a_restart_first_sends_what_is_queued(outbox, relay):
    outbox.queue(0)
    Mail(relay, outbox, PUBLISHER.public()).catch_up(JOB)
    assert relay.taken == [0]


def test_the_next_envelope_is_fetched_ahead_and_once(mail, relay):
    assert mail.receive(at(0), PEER, 1, ahead=True) == b"body 0"
    assert mail.receive(at(1), PEER, 1, ahead=True) == b"body 1"
    assert mail.receive(at(2), PEER, 1) == b"body 2"
    assert relay.fetched == [0, 1, 2]


def test_a_fetch_for_another_step_is_not_taken_for_this_one(mail):
    """A step that failed is taken again: the envelope ahead of it waits for nobody else."""
    assert mail.receive(at(0), PEER, 1, ahead=True) == b"body 0"
    assert mail.receive(at(0), PEER, 1) == b"body 0"
    assert mail.receive(at(1), PEER, 1) == b"body 1"


def test_what_has_not_come_is_asked_for_again(mail, relay):
    assert mail.receive(at(2), PEER, 1, ahead=True) == b"body 2"
    assert mail.receive(at(3), PEER, 1, ahead=True) is None
    assert relay.fetched == [2, 3, 3]


def test_acknowledging_follows_what_was_sent_before(mail, outbox, relay):
    outbox.queue(0)
    mail.send(JOB)
    mail.acknowledge(at(1), PEER)
    mail.flush(JOB)
    assert (relay.taken, relay.acknowledged) == ([0], [0])


def test_what_is_queued_goes_out_before_this_side_waits_for_the_peer(outbox, relay):
    plain = Mail(relay, outbox, PUBLISHER.public())
    outbox.queue(0)
    assert plain.receive(at(3), PEER, 0) is None
    assert relay.taken == [0]


def test_a_run_has_one_mailbox_as_long_as_it_is_carried(outbox, relay):
    mails = Mails(relay, outbox)
    assert type(mails.of(JOB, PUBLISHER.public())) is Mail
    mails.ahead = True
    first = mails.of(JOB, PUBLISHER.public())
    assert isinstance(first, MailAhead)
    assert mails.of(JOB, PUBLISHER.public()) is first
    mails.close(JOB)
    assert mails.of(JOB, PUBLISHER.public()) is not first
    mails.close(JOB)
    mails.close(JOB)


def test_who_finds_the_mailbox_full_takes_out_what_has_come(mail, outbox, relay):
    relay.full = 2
    outbox.queue(0)
    mail.flush(JOB)
    assert (relay.taken, relay.acknowledged) == ([0], [0, 1])
    assert sorted(outbox.stored.kept) == [
        "inbound/publisher/00000000",
        "inbound/publisher/00000001",
    ]
    assert mail.receive(at(0), PEER, 1, ahead=True) == b"body 0"
    assert mail.receive(at(1), PEER, 1, ahead=True) == b"body 1"
    assert mail.receive(at(2), PEER, 1) == b"body 2"
    assert relay.fetched == [0, 1, 2]


def test_what_was_heard_is_not_kept_any_longer(outbox, relay):
    relay.full = 2
    outbox.queue(0)
    plain = Mail(relay, outbox, PUBLISHER.public())
    plain.flush(JOB)
    for received in (1, 2):
        plain.acknowledge(at(received), PEER)
    assert outbox.stored.kept == {}


def test_a_full_mailbox_with_nothing_to_take_out_is_said(outbox, relay):
    relay.full = 4
    outbox.queue(0)
    with pytest.raises(CoordinatorRefused, match="mailbox-full"):
        Mail(relay, outbox, PUBLISHER.public()).flush(JOB)
    assert (relay.acknowledged, list(outbox.rows)) == ([0, 1, 2], [0])


def test_after_a_restart_what_was_taken_out_is_passed_over(outbox, relay):
    relay.full = 1
    outbox.queue(0)
    Mail(relay, outbox, PUBLISHER.public()).flush(JOB)
    relay.full = 2
    outbox.queue(1)
    again = Mail(relay, outbox, PUBLISHER.public())
    again.flush(JOB)
    assert relay.acknowledged == [0, 1]
    assert again.receive(at(0), PEER, 1) == b"body 0"


def test_a_fetch_that_another_thread_overtook_is_answered_from_disk(outbox, relay):
    """The envelope is taken out between this side's look on its disk and its request."""
    plain = Mail(relay, outbox, PUBLISHER.public())
    ask = relay.get_message

    def overtaken(job, route, step, wait_seconds):
        if step not in relay.acknowledged:
            outbox.stored.keep({f"inbound/publisher/{step:08}": ask(job, route, step, 0)})
            relay.acknowledge(job, route, step)
        return ask(job, route, step, wait_seconds)

    relay.get_message = overtaken
    assert plain.receive(at(0), PEER, 1) == b"body 0"


def test_an_envelope_that_is_gone_and_not_here_is_an_error(outbox, relay):
    relay.acknowledged = [0]
    with pytest.raises(CoordinatorRefused, match="message-acknowledged"):
        Mail(relay, outbox, PUBLISHER.public()).receive(at(0), PEER, 1)


def test_a_peer_cannot_fill_the_disk(outbox, relay, monkeypatch):
    monkeypatch.setattr("party_node.spool.MOST_BYTES", 1)
    relay.full = 2
    outbox.queue(0)
    with pytest.raises(CoordinatorRefused, match="mailbox-full"):
        Mail(relay, outbox, PUBLISHER.public()).flush(JOB)
    assert list(outbox.stored.kept) == ["inbound/publisher/00000000"]


def test_a_mailbox_that_is_closed_takes_nothing_more(mail, outbox, relay):
    relay.full = 2
    outbox.queue(0)
    mail.close()
    with pytest.raises(CoordinatorRefused, match="mailbox-full"):
        Mail.flush(mail, JOB)
    assert relay.acknowledged == []


def test_who_waits_for_one_of_several_takes_out_what_the_others_have_sent(outbox, relay):
    """The one that is waited for may itself wait for room, which the others' messages take up."""
    relay.silent = {PEER}
    several = Mail(relay, outbox, PUBLISHER.public(), SHOP.public())
    assert several.receive(at(0), PEER, 1) is None
    assert (sorted(outbox.stored.kept), relay.acknowledged) == (
        [f"inbound/shop/{step:08}" for step in range(3)], [0, 1, 2],
    )  # fmt: skip
    assert several.receive(at(0), "shop", 1) == b"body 0"


def test_a_peer_that_is_done_does_not_stop_what_others_still_say(outbox, relay):
    relay.silent, relay.closed = {PEER}, {"shop"}
    several = Mail(relay, outbox, PUBLISHER.public(), SHOP.public())
    assert several.receive(at(0), PEER, 1) is None
    with pytest.raises(CoordinatorRefused, match="mailbox-closed"):
        several.receive(at(0), "shop", 1)
    assert outbox.stored.kept == {}


def test_of_two_parties_nothing_is_taken_out_by_who_only_waits(outbox, relay):
    plain = Mail(relay, outbox, PUBLISHER.public())
    assert plain.receive(at(3), PEER, 1) is None
    assert outbox.stored.kept == {}
