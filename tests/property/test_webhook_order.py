"""Whatever receivers, crashes and operators do: nothing is lost, overtaken, or sent once erased.

A random story is told to the real outbox and courier over SQLite; only the network is played.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from party_node.webhooks import schedule
from party_node.webhooks.addresses import AddressRules, Target
from party_node.webhooks.connection import Answer
from party_node.webhooks.parts import assemble_webhooks
from party_node.webhooks.registrations import Definition
from party_node.webhooks.sending import Sender
from party_node.webhooks.states import Cause
from party_node.webhooks.tables import WebhookDeliveryRow, WebhookEventRow, WebhookRow
from tests.support.depth import examples
from tests.support.node import NodeStorage, open_storage
from tests.support.webhooks import EventType, consent

PEOPLE = [f"{number:032x}" for number in range(2)]
LONGEST_MS = schedule.LONGEST_RETRY_AFTER_MS


class Killed(BaseException):
    """The process dies here."""


class Network(Sender):
    """Answers as the story says, and remembers which messages were taken, in their order."""

    def __init__(self) -> None:
        super().__init__(AddressRules(), lambda _host, _port: ["127.0.0.1"])
        self.answers: list[str] = []
        self.taken: list[bytes] = []
        self.seen: list[bytes] = []

    @contextmanager
    def line(self, _target: Target) -> Iterator["Network"]:
        yield self

    def post(self, _headers: Mapping[str, str], body: bytes) -> Answer:
        said = self.answers.pop() if self.answers else "yes"
        self.seen.append(body)
        if said == "no":
            return Answer(Cause.NOT_TAKEN, 500)
        self.taken.append(body)
        if said == "yes, and the node dies":
            raise Killed
        if said == "yes, and nobody hears it":
            return Answer(Cause.TIMED_OUT)
        return Answer(Cause.NONE, 200)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeStorage]:
    made = open_storage(Path(tmp_path_factory.mktemp("order")))
    yield made
    made.db.close()


ANSWERS = st.sampled_from(["yes", "no", "no", "yes, and the node dies", "yes, and nobody hears it"])
TELL = st.tuples(st.just("tell"), st.sampled_from(PEOPLE))
SEND = st.tuples(st.just("send"), st.lists(ANSWERS, max_size=4))
WAIT = st.tuples(st.just("wait"), st.sampled_from([1, 6_000, LONGEST_MS]))
RARE = st.one_of(
    st.tuples(st.just("erase"), st.sampled_from(PEOPLE)),
    st.tuples(st.sampled_from(["pause", "resume", "retry", "retry", "sweep"]), st.none()),
)
ACTS = st.one_of(TELL, SEND, WAIT, TELL, SEND, WAIT, RARE)


class Story:
    def __init__(self, storage: NodeStorage) -> None:
        self.storage, self.network = storage, Network()
        self.hooks = self.parts()
        with storage.db.writing() as session:
            for table in (WebhookDeliveryRow, WebhookEventRow, WebhookRow):
                session.execute(delete(table))
        definition = Definition("http://localhost/", loopback=True)
        self.hooks.registrations.add("crm", definition, storage.clock())
        self.told: dict[str, list[int]] = {person: [] for person in PEOPLE}
        self.index = 0

    def parts(self):
        return assemble_webhooks(
            self.storage.db, self.storage.vault, self.storage.rng, sender=self.network
        )

    def play(self, act: str, how) -> None:
        registrations = self.hooks.registrations
        if act == "tell":
            self.index += 1
            self.told[how].append(self.index)
            with self.storage.db.writing() as session:
                data = consent(how, self.index)
                now = self.storage.clock()
                self.hooks.outbox.enqueue(session, EventType.CONSENT_CHANGED, data, now)
        elif act == "erase":
            with self.storage.db.writing() as session:
                self.hooks.outbox.purge_group(session, how)
            self.told[how] = []
            self.network.seen.clear()
        elif act == "send":
            self.network.answers = list(how)
            self.send()
        elif act == "wait":
            self.storage.clock.advance(how)
        elif act == "pause" and registrations.get("crm").row.state == "active":
            registrations.pause("crm")
        elif act == "resume":
            registrations.resume("crm")
        elif act == "retry":
            self.hooks.log.retry("crm", self.storage.clock())
        elif act == "sweep":
            self.hooks.courier.sweep(self.storage.clock())

    def send(self) -> None:
        while True:
            try:
                self.hooks.courier.deliver_due(self.storage.clock())
            except Killed:
                self.hooks = self.parts()  # a new process, which begins by sending
            else:
                return

    def indices(self, bodies: list[bytes], person: str) -> list[int]:
        return [
            int(body.split(b'"index":')[1].split(b",")[0])
            for body in bodies
            if person.encode() in body
        ]


@settings(max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTS, min_size=20, max_size=50))
def test_nothing_is_lost_and_nothing_overtakes(
    storage: NodeStorage, acts: list[tuple[str, object]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "WAITS_SECONDS", (5, 300))  # so that stories reach the end of it
        tell_story(Story(storage), acts)


def tell_story(story: Story, acts: list[tuple[str, object]]) -> None:
    erased_at: dict[str, int] = dict.fromkeys(PEOPLE, 0)
    for act, how in acts:
        story.play(act, how)
        if act == "erase":
            erased_at[str(how)] = story.index
        for person in PEOPLE:
            # What a receiver took of a person never goes back in time, except for a repetition of
            # the newest.
            taken = story.indices(story.network.taken, person)
            assert taken == sorted(taken)
            sent = story.indices(story.network.seen, person)
            assert all(index > erased_at[person] for index in sent)
    story.network.answers = []
    story.hooks.registrations.resume("crm")
    for _ in range(len(acts) + 2):
        story.send()
        story.storage.clock.advance(LONGEST_MS)
    failed = {d.seq for d in story.hooks.log.listed("crm", 1_000) if d.state == "failed"}
    for person in PEOPLE:
        taken = story.indices(story.network.taken, person)
        assert taken == sorted(taken)
        since = {index for index in taken if index > erased_at[person]}
        missing = set(story.told[person]) - since
        assert len(missing) <= len(failed)
        if not failed:
            assert not missing
    assert {d.state for d in story.hooks.log.listed("crm", 1_000)} <= {"delivered", "failed"}
