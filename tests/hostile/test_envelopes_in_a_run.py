"""A relay that lies: altered, reflected, replayed, reordered and foreign envelopes in a real run.

Whatever it puts in place of an envelope, the run ends at both sides with a named cause, and nothing
comes out of it: no result, no list of people, nothing left to read at the relay.
"""

from collections.abc import Callable, Iterator

import httpx2
import pytest
from sqlmodel import Session, select

from coordinator.tables import BodyRow
from party_node.errors import NodeError
from protocols.codec import decode, encode
from protocols.envelope import Envelope
from protocols.keys import PartyKeys
from tests.support.seeded import seeded
from tests.support.two_nodes import PARTIES, PURPOSE, RECEIVER, TwoNodes, other, two_nodes

FORGED = "forged-envelope"

Sent = dict[tuple[str, str, int], bytes]
"""(job, sender, step) → envelope, as the relay got it."""
Forge = Callable[[Sent, str, str, int], bytes | None]
"""Gets what was sent, and the job, sender and step that is asked for; returns what to answer."""


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with two_nodes() as found:
        yield found


def record(world: TwoNodes) -> Sent:
    """Keep a copy of every envelope that is sent from now on."""
    sent: Sent = {}

    def keep(request: httpx2.Request) -> None:
        if request.method == "PUT" and "/messages/" in request.url.path:
            job, _, sender, _, step = request.url.path.split("/")[-5:]
            sent[job, sender, int(step)] = request.content

    for node in world.nodes.values():
        node.wire.on_request = keep
    return sent


def forge(world: TwoNodes, victim: str, step: int, sent: Sent, how: Forge) -> list[int]:
    """Let the relay answer `victim` with something else when it asks for that step.

    Returns a list that gets an element each time it does.
    """
    done: list[int] = []

    def answer(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
        parts = request.url.path.split("/")
        asked = request.method == "GET" and "messages" in parts and parts[-1] == str(step)
        if not asked or response.status_code != httpx2.codes.OK:
            return response
        instead = how(sent, parts[-5], parts[-3], step)
        if instead is None:
            return httpx2.Response(httpx2.codes.NO_CONTENT)
        done.append(step)
        return httpx2.Response(httpx2.codes.OK, content=instead)

    world.nodes[victim].wire.on_answer = answer
    return done


def altered(sent: Sent, job: str, sender: str, step: int) -> bytes:
    """Flip one bit of the sealed body."""
    genuine = decode(Envelope, sent[job, sender, step])
    body = bytearray(genuine.sealed)
    body[len(body) // 2] ^= 1
    return encode(Envelope(genuine.header, bytes(body), genuine.signature))


def reflected(sent: Sent, job: str, sender: str, step: int) -> bytes:
    """Give the victim its own envelope of that step back, or its newest before."""
    own = max(n for j, s, n in sent if (j, s) == (job, other(sender)) and n <= step)
    return sent[job, other(sender), own]


def replayed(sent: Sent, job: str, sender: str, step: int) -> bytes:
    """Give an earlier envelope of the same sender once more."""
    return sent[job, sender, step - 1]


def reordered(sent: Sent, job: str, sender: str, step: int) -> bytes | None:
    """Give the following envelope first, as soon as it has been sent."""
    return sent.get((job, sender, step + 1))


def from_another_job(sent: Sent, job: str, sender: str, step: int) -> bytes:
    """Give the envelope of the same place in an earlier job."""
    return next(e for (j, s, n), e in sent.items() if j != job and (s, n) == (sender, step))


def readdressed(sent: Sent, job: str, sender: str, step: int) -> bytes:
    """Give the earlier envelope with its header rewritten to the expected one."""
    stale = decode(Envelope, sent[job, sender, step - 1])
    header = decode(Envelope, sent[job, sender, step]).header
    return encode(Envelope(header, stale.sealed, stale.signature))


def not_an_envelope(_sent: Sent, _job: str, _sender: str, _step: int) -> bytes:
    return b"<html>down for maintenance</html>"


def foreign(sent: Sent, job: str, sender: str, step: int) -> bytes:
    """Sign the genuine body under the sender's name, with a stranger's keys."""
    genuine = decode(Envelope, sent[job, sender, step])
    stranger = PartyKeys.generate(sender, seeded("stranger"))
    signature = stranger.sign(b"envelope/1", encode(genuine.header) + genuine.sealed)
    return encode(Envelope(genuine.header, genuine.sealed, signature))


ATTACKS: dict[Forge, range] = {
    altered: range(7),
    reflected: range(6),
    replayed: range(1, 7),
    reordered: range(1, 5),
    from_another_job: range(6),
    readdressed: range(1, 6),
    not_an_envelope: range(6),
    foreign: range(6),
}
"""What is done, and the steps at which it can be."""

AHEAD = {True: (1, 2), False: (1, 3, 4)}
"""Is the victim the receiver → steps after which the other side goes on without an answer."""

Place = tuple[Forge, str, str, int]


def last_step(kind: str, victim: str) -> int:
    """Return the last step that `victim` hears, when both sets fit into one chunk."""
    return 5 if victim == RECEIVER[kind] else 6


def places() -> list[Place]:
    """Return every attack on every kind, victim and step but the last that there is."""
    return [
        (how, kind, victim, step)
        for how, steps in ATTACKS.items()
        for kind in sorted(PURPOSE)
        for victim in PARTIES
        for step in steps
        if step < last_step(kind, victim)
        and (how is not reordered or step in AHEAD[victim == RECEIVER[kind]])
    ]


def name_of(place: Place) -> str:
    how, kind, victim, step = place
    return f"{how.__name__}-{kind}-{victim}-{step}"


CHOSEN = [p for i, p in enumerate(places()) if i % 14 == 4]
"""Some of each attack: the fast tests."""


def attack(world: TwoNodes, place: Place) -> str:
    """Run a job under attack to its end; return it. The attack did happen."""
    how, kind, victim, step = place
    sent = record(world)
    if how is from_another_job:
        world.settle(world.brand.ask(kind))
        world.clock.advance(seconds=1)
    done = forge(world, victim, step, sent, how)
    job = world.brand.ask(kind)
    world.settle(job)
    assert done, "the attack did not take place"
    return job


def nothing_came_out(world: TwoNodes, job: str) -> None:
    """Require that the job failed with a named cause at both sides, and left nothing."""
    state, cause = world.job(job)
    assert cause == FORGED
    assert state in ("failed", "declined", "cancelled")
    for node in world.nodes.values():
        assert node.state(job) == (state, cause)
        assert node.result(job) is None
        assert not node.has_audience(job)
        with pytest.raises(NodeError):
            node.activate(job)
        receipt = node.receipt(job)
        assert receipt is None or set(receipt[1]) == {node.party}
        assert not node.chunk_folder(job).exists()
        assert len(node.charges(job)) <= 1
        use = node.use(job)
        assert use is None or use.outcome not in ("", "completed")
    assert world.bodies(job) == []
    assert all(world.outcomes(job).values())


@pytest.mark.parametrize("place", CHOSEN, ids=name_of)
def test_a_forged_envelope_ends_the_job_and_nothing_comes_out(
    world: TwoNodes, place: Place
) -> None:
    nothing_came_out(world, attack(world, place))


@pytest.mark.slow
@pytest.mark.parametrize("place", places(), ids=name_of)
def test_every_forged_envelope_ends_the_job_and_nothing_comes_out(
    world: TwoNodes, place: Place
) -> None:
    nothing_came_out(world, attack(world, place))


@pytest.mark.parametrize("kind", sorted(PURPOSE))
@pytest.mark.parametrize("victim", PARTIES)
def test_a_forged_last_word_shows_nothing_to_whom_it_was_for(
    world: TwoNodes, kind: str, victim: str
) -> None:
    """The last envelopes carry the signatures: who has both may go on, the other has nothing."""
    job = attack(world, (altered, kind, victim, last_step(kind, victim)))
    robbed, whole = world.nodes[victim], world.nodes[other(victim)]
    assert world.job(job) == ("failed", FORGED)
    assert robbed.result(job) is None
    assert not robbed.has_audience(job)
    receipt = whole.receipt(job)
    shown = whole.result(job) is not None or whole.has_audience(job)
    assert not shown or (receipt is not None and set(receipt[1]) == set(PARTIES))


def test_bytes_changed_on_the_relays_disk_end_the_job(world: TwoNodes) -> None:
    job = world.brand.ask("audience")
    world.settle(job, until=lambda: any(b.step == 2 for b in world.bodies(job)))

    def flip(session: Session) -> None:
        for row in session.exec(select(BodyRow).where(BodyRow.job == job)):
            row.body = row.body[:-1] + bytes([row.body[-1] ^ 1])
            session.add(row)

    world.write(flip)
    world.settle(job)
    nothing_came_out(world, job)


def test_two_bodies_exchanged_on_the_relays_disk_end_the_job(world: TwoNodes) -> None:
    job = world.brand.ask("audience")

    def pending(party: str) -> list[BodyRow]:
        return sorted((b for b in world.bodies(job) if b.sender == party), key=lambda b: b.step)

    world.settle(
        job, until=lambda: any(len(pending(p)) > 1 and pending(p)[0].step for p in PARTIES)
    )
    sender = next(p for p in PARTIES if len(pending(p)) > 1)
    first, second = pending(sender)[:2]

    def exchange(session: Session) -> None:
        for row, body in ((first, second.body), (second, first.body)):
            found = session.get(BodyRow, (job, sender, row.recipient, row.step))
            assert found is not None
            found.body = body
            session.add(found)

    world.write(exchange)
    world.settle(job)
    nothing_came_out(world, job)
