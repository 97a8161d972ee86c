"""Contacts in any order against a model that keeps everything and counts it all each time."""

from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.durations import Duration
from consent.frequency import Basis, FrequencyCap, refusal, window
from party_node.contact.counters import Counter
from party_node.contact.reservations import Confirmed, Reservation, Reservations
from party_node.contact.time_zones import time_zone
from party_node.errors import IllegalState
from tests.support.clocks import HOUR, MINUTE, utc
from tests.support.depth import examples
from tests.support.node import NodeStorage, open_storage

# A midnight, and clocks that go back two hours later.
START = utc("2027-10-30 22:40")
LONDON = time_zone("Europe/London")
NAMES = [("email", "news"), ("email", "offers"), ("sms", "news")]
_subjects = count(1)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> NodeStorage:
    return open_storage(tmp_path_factory.mktemp("node"))


@dataclass
class Held:
    """What the model knows of a contact."""

    names: tuple[str, str]
    exempt: bool
    reserved: int
    expires: int
    state: str = "reserved"
    sent: int = 0
    late: bool = False

    def lives(self, now: int) -> bool:
        return self.state == "reserved" and now < self.expires

    def counts_at(self, now: int) -> int | None:
        """When it counts, seen from `now`; None if it does not."""
        if self.exempt or not (self.lives(now) or self.state == "confirmed"):
            return None
        return self.sent if self.state == "confirmed" else now


caps = st.lists(
    st.builds(
        FrequencyCap,
        st.integers(1, 3),
        st.sampled_from([Duration(days=1), Duration(weeks=1)]),
        st.just(Basis.CALENDAR),
    )
    | st.builds(
        FrequencyCap,
        st.integers(1, 3),
        st.integers(1, 5).map(lambda h: Duration(hours=h)),
        st.just(Basis.ROLLING),
    ),
    max_size=2,
)
keys = st.none() | st.sampled_from(["a", "b", "c"])
reserves = st.tuples(
    st.just("reserve"), st.sampled_from(NAMES[:1] * 4 + NAMES), keys, st.integers(1, 90),
    st.sampled_from([False, False, False, True]),
)  # fmt: skip
confirms = st.tuples(st.just("confirm"), st.integers(0, 9), st.integers(-300, 300))
releases = st.tuples(st.just("release"), st.integers(0, 9))
waits = st.tuples(st.just("wait"), st.sampled_from([1, 5, 20, 60, 300]))
steps = st.lists(reserves | reserves | confirms | releases | waits, max_size=25)


class Play:
    """One person's contacts, in the database and in the model."""

    def __init__(self, node: NodeStorage, several: list[FrequencyCap]) -> None:
        self.reservations, self.caps, self.subject = (
            Reservations(node.vault),
            several,
            next(_subjects),
        )
        self.now, self.held, self.keys = START, dict[str, Held](), dict[str, str]()

    def step(self, session: Any, kind: str, *values: Any) -> None:
        getattr(self, kind)(session, *values)

    def wait(self, _session: Any, minutes: int) -> None:
        self.now += minutes * MINUTE

    def reserve(
        self, session: Any, names: tuple[str, str], key: str | None, minutes: int, exempt: bool
    ) -> None:
        token = None
        if key is not None:
            key = f"{self.subject} {names} {exempt} {key}"
            token = self.keys.get(key)
        old = None if token is None else self.held[token]
        ttl = minutes * MINUTE
        answer = self.reservations.reserve(
            session, Counter(self.subject, *names), self.caps, self.now, LONDON, ttl,
            idempotency_key=key, exempt=exempt,
        )  # fmt: skip
        if old is not None and old.state == "confirmed":
            assert answer == Confirmed(token or "", old.sent, old.late)
            return
        if old is not None and old.lives(self.now):
            assert answer == Reservation(token or "", old.expires)
            return
        capped = None if exempt else self.refusal(names)
        if capped is not None:
            assert answer == capped
            return
        assert isinstance(answer, Reservation)
        assert answer.expires_ms == self.now + ttl
        assert old is None or answer.token == token
        self.held[answer.token] = Held(names, exempt, self.now, self.now + ttl)
        if key is not None:
            self.keys[key] = answer.token

    def refusal(self, names: tuple[str, str]) -> object:
        counted = [h.counts_at(self.now) for h in self.held.values() if h.names == names]
        return refusal(self.caps, [at for at in counted if at is not None], self.now, LONDON)

    def confirm(self, session: Any, number: int, minutes: int) -> None:
        if not self.held:
            return
        token = list(self.held)[number % len(self.held)]
        held, sent = self.held[token], self.now + minutes * MINUTE
        if held.state != "confirmed":
            held.late, held.state = not held.lives(self.now), "confirmed"
            held.sent = max(held.reserved, min(sent, self.now))
        answer = self.reservations.confirm(session, token, sent, self.now)
        assert answer == Confirmed(token, held.sent, held.late)

    def release(self, session: Any, number: int) -> None:
        if not self.held:
            return
        token = list(self.held)[number % len(self.held)]
        held = self.held[token]
        if held.state == "confirmed":
            with pytest.raises(IllegalState):
                self.reservations.release(session, token)
            return
        self.reservations.release(session, token)
        held.state = "released"

    def on_time(self, names: tuple[str, str]) -> list[int]:
        """When messages went out that were reserved when they were confirmed."""
        return sorted(
            h.sent
            for h in self.held.values()
            if h.names == names and h.state == "confirmed" and not h.late and not h.exempt
        )


@settings(max_examples=examples(38))
@given(caps, steps, st.integers(1, 25))
def test_contacts_do_what_the_model_does(
    node: NodeStorage, several: list[FrequencyCap], script: list[Any], together: int
) -> None:
    play = Play(node, several)
    for start in range(0, len(script), together):
        with node.db.writing() as session:
            for step in script[start : start + together]:
                play.step(session, *step)
    for names in NAMES:
        with node.db.reading() as session:
            counter = Counter(play.subject, *names)
            found = play.reservations.refusal(session, counter, several, play.now, LONDON)
        assert found == play.refusal(names)


@settings(max_examples=examples(38))
@given(caps, steps)
def test_whoever_confirms_in_time_never_exceeds_a_cap(
    node: NodeStorage, several: list[FrequencyCap], script: list[Any]
) -> None:
    """The promise itself, by the times at which messages went out, and not by what was counted."""
    play = Play(node, several)
    with node.db.writing() as session:
        for step in script:
            play.step(session, *step)
        play.wait(session, 2 * HOUR // MINUTE)
    for names in NAMES:
        sent = play.on_time(names)
        for cap in several:
            for at in sent:
                start, end = window(cap, at, LONDON)
                start = at if cap.basis is Basis.ROLLING else start
                assert sum(start <= other < end for other in sent) <= cap.limit
