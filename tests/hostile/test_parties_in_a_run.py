"""Parties that are not who they say, and yeses that nobody gave, in a real run."""

import dataclasses
import json
from collections.abc import Iterator

import httpx2
import pytest
from sqlmodel import Session

from coordinator import store, wire
from coordinator.tables import JobRow
from party_node.coordinator_client import CoordinatorClient
from party_node.errors import CoordinatorRefused
from party_node.home import Home
from party_node.jobs import acceptances_of
from protocols.codec import decode, encode
from protocols.envelope import Header, seal
from protocols.job import Acceptance
from protocols.keys import PartyKeys
from protocols.signed import Signed, peek, sign
from tests.support.seeded import seeded
from tests.support.two_nodes import BRAND, PUBLISHER, TwoNodes, two_nodes


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with two_nodes() as found:
        yield found


@pytest.fixture
def stranger(world: TwoNodes) -> CoordinatorClient:
    """A third party of the same coordinator, properly enrolled."""
    return world.client(world.enrol("stranger").keys)


def refusal(error: pytest.ExceptionInfo[CoordinatorRefused]) -> str:
    return error.value.reason


def put_by_hand(world: TwoNodes, party: str, job: str, step: int, body: bytes) -> str:
    """Put another envelope, properly sealed by `party`, at a step; return how it was refused."""
    node, to = world.nodes[party], PUBLISHER if party == BRAND else BRAND
    public = world.nodes[to].services.home.keys.public()
    keys = node.services.home.keys
    envelope = seal(keys, public, Header(job, party, to, step), body)
    with pytest.raises(CoordinatorRefused) as refused:
        world.client(keys).put_message(job, (party, to), step, envelope)
    return refusal(refused)


def test_two_bodies_for_one_step_get_409(world: TwoNodes) -> None:
    """A step is said once: the second body is refused, and the job goes on with the first."""
    sent: list[tuple[str, str, int]] = []
    seen: list[str] = []
    codes: list[int] = []

    def remember(request: httpx2.Request) -> None:
        parts = request.url.path.split("/")
        if request.method == "PUT" and "messages" in parts:
            sent.append((parts[-5], parts[-3], int(parts[-1])))

    def contradict() -> bool:
        while len(seen) < len(sent):
            job, sender, step = sent[len(seen)]
            seen.append(put_by_hand(world, sender, job, step, b"another body"))
        return False

    def status(_request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        codes.append(answer.status_code)
        return answer

    for node in world.nodes.values():
        node.wire.on_request, node.wire.on_answer = remember, status
    job = world.brand.ask("overlap")
    world.settle(job, until=contradict)
    assert len(seen) == 13
    assert set(seen) <= {"step-conflict", "mailbox-closed"}
    assert "step-conflict" in seen
    assert 409 not in codes
    assert world.job(job) == ("completed", "")


def test_a_contradicted_step_is_409_by_status(world: TwoNodes) -> None:
    job = world.brand.ask("overlap")
    world.brand.turn()
    world.brand.turn()
    node = world.brand
    keys, to = node.services.home.keys, world.publisher.services.home.keys.public()
    other_body = seal(keys, to, Header(job, BRAND, PUBLISHER, 0), b"another body")
    statuses: list[int] = []

    def status(_request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        statuses.append(answer.status_code)
        return answer

    node.wire.on_answer = status
    with pytest.raises(CoordinatorRefused):
        node.services.client.put_message(job, (BRAND, PUBLISHER), 0, other_body)
    assert statuses == [httpx2.codes.CONFLICT]


def test_a_stranger_reads_and_says_nothing_in_a_job(
    world: TwoNodes, stranger: CoordinatorClient
) -> None:
    """To a third party the job does not exist, and it stays unharmed."""
    job = world.brand.ask("audience")
    world.settle(job, until=lambda: bool(world.bodies(job)))
    envelope = world.bodies(job)[0].body
    attempts = [
        lambda: stranger.job(job),
        lambda: stranger.get_message(job, (BRAND, PUBLISHER), 0, 0),
        lambda: stranger.put_message(job, (BRAND, PUBLISHER), 1, envelope),
        lambda: stranger.acknowledge(job, (BRAND, PUBLISHER), 0),
        lambda: stranger.close_mailbox(job, "failed"),
        lambda: stranger.say(job, wire.JobEventBody(event=wire.JobEvent.FAIL, cause="internal")),
        lambda: stranger.say(job, wire.JobEventBody(event=wire.JobEvent.CANCEL, cause="internal")),
    ]
    for attempt in attempts:
        with pytest.raises(CoordinatorRefused) as refused:
            attempt()
        assert refusal(refused) == "unknown-job"
    assert stranger.jobs_after(0, 0) == []
    world.settle(job)
    assert world.job(job) == ("completed", "")


def test_a_party_that_answers_as_another_is_refused(
    world: TwoNodes, stranger: CoordinatorClient
) -> None:
    """Another's name with one's own keys is no signature of that name; nor may sides be changed."""
    job = world.brand.ask("audience")
    world.settle(job, until=lambda: bool(world.bodies(job)))
    envelope = world.bodies(job)[0].body
    thief = world.client(PartyKeys.generate(PUBLISHER, seeded("thief")))
    for attempt in (
        lambda: thief.put_message(job, (PUBLISHER, BRAND), 1, envelope),
        lambda: thief.get_message(job, (BRAND, PUBLISHER), 0, 0),
        lambda: thief.jobs_after(0, 0),
        lambda: thief.say(job, wire.JobEventBody(event=wire.JobEvent.FAIL, cause="internal")),
    ):
        with pytest.raises(CoordinatorRefused) as refused:
            attempt()
        assert refusal(refused) == "bad-request-signature"
    brand = world.client(world.brand.services.home.keys)
    for attempt in (
        lambda: brand.put_message(job, (PUBLISHER, BRAND), 0, envelope),
        lambda: brand.get_message(job, (BRAND, PUBLISHER), 0, 0),
        lambda: brand.acknowledge(job, (BRAND, PUBLISHER), 0),
    ):
        with pytest.raises(CoordinatorRefused) as refused:
            attempt()
        assert refusal(refused) == "not-your-mailbox"
    world.settle(job)
    assert world.job(job) == ("completed", "")


def test_a_stranger_cannot_enrol_under_a_known_name(world: TwoNodes) -> None:
    home = Home.create(world.folder / "thief", PUBLISHER, "The real one", rng=seeded("thief"))
    with pytest.raises(CoordinatorRefused) as refused:
        world.invite(home, PUBLISHER)
    assert refusal(refused) == "party-exists"


def accepted_by_nobody(world: TwoNodes, job: str, acceptance: bytes) -> None:
    """Let the coordinator claim, on its own disk, that the publisher has accepted."""

    def claim(session: Session) -> None:
        row = session.get(JobRow, job)
        assert row is not None
        said = {PUBLISHER: acceptance.hex()} if acceptance else {}
        row.state, row.acceptances = wire.JobState.ACCEPTED.value, json.dumps(said)
        row.revision = store.next_revision(session)
        session.add(row)

    world.write(claim)


def no_row_was_read(world: TwoNodes, job: str) -> None:
    """Require that no side recorded or paid for anything, and that the brand's run has ended."""
    assert world.brand.state(job)[0] in ("failed", "cancelled", "declined")
    for node in world.nodes.values():
        assert node.use(job) is None
        assert node.charges(job) == []
        assert node.result(job) is None


@pytest.mark.parametrize("what", ["nothing", "of-another-job", "by-the-coordinator", "no-reveal"])
def test_a_yes_that_the_owner_never_gave_is_refused(world: TwoNodes, what: str) -> None:
    """The requester's node verifies the acceptance itself, whatever the coordinator claims."""
    owner = world.publisher.services.home.keys
    earlier = world.brand.ask("audience")
    world.settle(earlier)
    world.publisher.services.rules.remove("all-audience")
    job = world.brand.ask("audience")
    said = acceptances_of(world.publisher.services.jobs.get(earlier))
    genuine = peek(Acceptance, decode(Signed, said[PUBLISHER]))
    row = world.brand.services.jobs.get(job)
    forged = dataclasses.replace(genuine, job_hash=row.job_hash)
    claimed = {
        "nothing": b"",
        "of-another-job": encode(sign(owner, genuine)),
        "by-the-coordinator": encode(
            sign(PartyKeys.generate(PUBLISHER, seeded("coordinator")), forged)
        ),
        "no-reveal": encode(sign(owner, dataclasses.replace(forged, reveal=False))),
    }[what]
    world.settle(job, until=lambda: world.brand.phase(job) == "agree")
    accepted_by_nobody(world, job, claimed)
    for _ in range(6):
        world.brand.turn()
    no_row_was_read(world, job)
