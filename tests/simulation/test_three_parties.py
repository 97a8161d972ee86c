"""Jobs of three parties, through the coordinator: what each party sees, pays and signs."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from coordinator import wire
from party_node import job_checks, phase_conclude
from party_node.collaborations import Collaborations
from party_node.errors import CoordinatorRefused, JobRefused
from party_node.tables import UsePermissionRow
from protocols.job import ReceiptPart
from protocols.release import SizeOutcome, made_out
from tests.support.three_nodes import ALL_HAVE, BRAND, PUBLISHER, SHOP, THREE, three_nodes
from tests.support.two_nodes import NOISE, RHO_NANO, TwoNodes

SIZE, LIST = ("noisy-size", RHO_NANO), ("members", RHO_NANO)


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with three_nodes() as found:
        yield found


def charged(world: TwoNodes, job: str) -> dict[str, dict[str, tuple[str, int]]]:
    return {
        party: {c.to_party: (c.what, c.rho_nano) for c in world.nodes[party].charges(job)}
        for party in THREE
    }


def waits_in(world: TwoNodes, party: str, job: str) -> bool:
    """Tell whether a party's own decision is what its run waits for."""
    node = world.nodes[party]
    return job in node.services.runs.active() and node.phase(job) == "agree"


def nothing_came_of(world: TwoNodes, job: str) -> None:
    for node in world.nodes.values():
        assert node.result(job) is None
        assert not node.has_audience(job)
    assert world.bodies(job) == []


def nothing_was_done_for(world: TwoNodes, job: str) -> None:
    nothing_came_of(world, job)
    assert charged(world, job) == {party: {} for party in THREE}
    for node in world.nodes.values():
        assert node.use(job) is None


def all_signed(world: TwoNodes, job: str) -> None:
    receipts = [world.nodes[party].receipt(job) for party in THREE]
    assert receipts[0] is not None
    assert receipts[0] == receipts[1] == receipts[2]
    whole, signatures = receipts[0]
    assert [part.party for part in whole.parts] == [whole.parts[0].party, *sorted(
        set(THREE) - {whole.parts[0].party}
    )]  # fmt: skip
    assert whole.is_consistent()
    assert set(signatures) == set(THREE)


def test_three_parties_count_what_all_have_and_all_sign(world: TwoNodes) -> None:
    job = world.complete("overlap")
    all_signed(world, job)
    for party in THREE:
        result = world.nodes[party].result(job)
        assert result is not None
        assert abs(result["size"]["value"] - len(ALL_HAVE)) <= NOISE
        assert result["with"] == " and ".join(p for p in THREE if p != party)
    assert charged(world, job) == {
        BRAND: {PUBLISHER: SIZE, SHOP: SIZE},
        PUBLISHER: {BRAND: SIZE, SHOP: SIZE},
        SHOP: {BRAND: SIZE, PUBLISHER: SIZE},
    }
    assert world.outcomes(job) == dict.fromkeys(THREE, "completed")
    assert world.bodies(job) == []


def test_a_joint_audience_is_who_all_have_and_only_its_party_learns_it(world: TwoNodes) -> None:
    job = world.complete("audience")
    all_signed(world, job)
    assert world.publisher.activate(job) == ALL_HAVE
    assert [world.nodes[party].has_audience(job) for party in THREE] == [False, True, False]
    assert charged(world, job) == {
        BRAND: {PUBLISHER: LIST, SHOP: SIZE},
        PUBLISHER: {BRAND: SIZE, SHOP: SIZE},
        SHOP: {BRAND: SIZE, PUBLISHER: LIST},
    }
    uses = {row.job: row.outcome for row in world.nodes[SHOP].rows(UsePermissionRow)}
    assert uses == {job: "completed", f"{job}-to-brand": "completed"}


def test_a_crash_of_anybody_at_any_moment_changes_nothing(world: TwoNodes) -> None:
    """Each node forgets in turn whatever is not on disk, after each of its steps."""
    job = world.brand.ask("audience")
    turns = iter(range(10_000))

    def die() -> None:
        world.nodes[THREE[next(turns) % 3]].restart()

    world.settle(job, each=die)
    assert world.job(job) == ("completed", "")
    all_signed(world, job)
    assert world.publisher.activate(job) == ALL_HAVE
    assert {len(world.nodes[party].charges(job)) for party in THREE} == {2}


def test_noise_of_every_sender_is_in_a_count_before_it_is_released(world: TwoNodes) -> None:
    job = world.brand.ask("overlap", rho="0.5")
    asked = world.brand.services.jobs.description(job)
    world.settle(job)
    assert world.job(job) == ("completed", "")
    result = world.nodes[SHOP].result(job)
    assert result is not None
    half = result["size"]["high"] - result["size"]["value"]
    assert abs(result["size"]["value"] - len(ALL_HAVE)) <= 4 * half
    items = {world.nodes[party].result(job)["own"]["items"] for party in THREE}  # type: ignore[index]
    (filled,) = items
    dummies = filled - 64
    assert dummies > 0
    assert dummies % 4 == 0, "two senders, and each has a middle"
    assert len(asked.senders) == 2


# -- who says yes --------------------------------------------------------------------------------


def test_a_job_waits_until_every_owner_has_accepted(world: TwoNodes) -> None:
    world.nodes[SHOP].services.rules.remove("all-overlap")
    job = world.brand.ask("overlap")
    for _ in range(8):
        for node in world.nodes.values():
            node.turn()
    assert world.job(job)[0] == "proposed"
    nothing_was_done_for(world, job)
    view = world.client(world.brand.services.home.keys).job(job)
    assert set(view.acceptances) == {PUBLISHER}
    world.nodes[SHOP].services.jobs.approve(job, "person:ann")
    world.settle(job)
    assert world.job(job) == ("completed", "")
    accepted = world.brand.services.jobs.check_acceptances(job)
    assert [(yes.party, yes.by) for yes in accepted] == [
        (PUBLISHER, "rule:all-overlap"), (SHOP, "person:ann"),
    ]  # fmt: skip


def test_one_owner_that_declines_ends_it_for_all(world: TwoNodes) -> None:
    world.nodes[SHOP].services.rules.remove("all-overlap")
    job = world.brand.ask("overlap")
    world.settle(job, until=lambda: waits_in(world, SHOP, job))
    world.nodes[SHOP].services.jobs.decline(job, "person:ann")
    world.settle(job)
    assert world.job(job) == ("declined", "declined-by-owner")
    nothing_was_done_for(world, job)


def test_a_yes_that_stands_for_another_owner_is_refused(world: TwoNodes) -> None:
    """The publisher cannot accept in the shop's place, and not twice with different words."""
    for kind in ("overlap", "audience"):
        world.nodes[SHOP].services.rules.remove(f"all-{kind}")
    job = world.brand.ask("overlap")
    world.settle(job, until=lambda: waits_in(world, SHOP, job))
    world.publisher.turn()
    client = world.client(world.publisher.services.home.keys)
    before = client.job(job).acceptances
    assert set(before) == {PUBLISHER}
    other = world.brand.ask("audience")
    world.settle(other, until=lambda: PUBLISHER in client.job(other).acceptances)
    another = client.job(other).acceptances[PUBLISHER]
    with pytest.raises(CoordinatorRefused):
        client.say(job, wire.JobEventBody(event=wire.JobEvent.ACCEPT, acceptance=another))
    assert client.job(job).acceptances == before
    assert world.job(job)[0] == "proposed"


def test_a_budget_that_is_short_towards_one_party_stops_it_before_anything(
    world: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Collaborations, "limit_nano", lambda _self, _agreed: 2 * RHO_NANO - 1)
    shop = world.nodes[SHOP].services
    shop.budgets.charge("0" * 32, "spring", PUBLISHER, "noisy-size", RHO_NANO, 2 * RHO_NANO, 1)
    job = world.brand.ask("overlap")
    world.settle(job)
    assert world.job(job)[1] == "budget-exceeded"
    nothing_was_done_for(world, job)


def test_several_types_and_several_identifiers_of_a_person_are_refused(world: TwoNodes) -> None:
    jobs = world.brand.services.jobs
    asked = jobs.description(world.brand.ask("overlap"))
    agreed = jobs.agreement(asked)
    two = dataclasses.replace(asked, identifiers=("email", "phone"))
    fewer = dataclasses.replace(asked, senders=asked.senders[:1])
    twice = dataclasses.replace(asked, senders=(*asked.senders, asked.senders[0]))
    for wrong in (two, fewer, twice, dataclasses.replace(asked, senders=())):
        with pytest.raises(JobRefused):
            job_checks.check(wrong, agreed, world.clock())


# -- who lies ------------------------------------------------------------------------------------


def test_a_receiver_that_tells_two_senders_different_sizes_gets_no_receipt(
    world: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(said: SizeOutcome, to: str) -> SizeOutcome:
        if to != SHOP:
            return made_out(said, to)
        return dataclasses.replace(made_out(said, to), salt=bytes(32))

    monkeypatch.setattr(phase_conclude, "made_out", told)
    job = world.brand.ask("overlap")
    world.settle(job)
    assert world.job(job) == ("failed", "context-mismatch")
    nothing_came_of(world, job)


Twist = Callable[[ReceiptPart], ReceiptPart]


@pytest.mark.parametrize(
    "twist",
    [
        pytest.param(
            lambda part: dataclasses.replace(part, transcripts=(part.transcripts[0], bytes(32))),
            id="another transcript",
        ),
        pytest.param(
            lambda part: dataclasses.replace(part, transcripts=part.transcripts[:1]),
            id="a transcript too few",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda part: dataclasses.replace(part, party=PUBLISHER),
            id="another's name",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda part: dataclasses.replace(part, released=part.released[:1]),
            id="a release too few",
        ),
    ],
)
def test_a_part_of_the_receipt_that_is_not_true_is_not_signed(
    world: TwoNodes, monkeypatch: pytest.MonkeyPatch, twist: Twist
) -> None:
    honest = phase_conclude.part_of

    def said(execution: Any, *rest: Any) -> ReceiptPart:
        part = honest(execution, *rest)
        return twist(part) if execution.me == SHOP else part

    monkeypatch.setattr(phase_conclude, "part_of", said)
    job = world.brand.ask("overlap")
    world.settle(job)
    assert world.job(job) == ("failed", "context-mismatch")
    nothing_came_of(world, job)


def test_a_party_does_not_read_or_send_what_is_between_two_others(world: TwoNodes) -> None:
    job = world.brand.ask("audience")
    world.settle(job, until=lambda: bool(world.bodies(job)))
    body = world.bodies(job)[0]
    outsider = next(p for p in THREE if p not in (body.sender, body.recipient))
    client = world.client(world.nodes[outsider].services.home.keys)
    route = body.sender, body.recipient
    for attempt in (
        lambda: client.get_message(job, route, body.step, 0),
        lambda: client.acknowledge(job, route, body.step),
        lambda: client.put_message(job, route, body.step + 1, body.body),
        lambda: client.get_message(job, (body.sender, body.sender), 0, 0),
    ):
        with pytest.raises(CoordinatorRefused) as refused:
            attempt()
        assert refused.value.reason == "not-your-mailbox"
    with pytest.raises(CoordinatorRefused) as refused:
        client.put_message(job, (outsider, body.sender), 7, body.body)
    assert refused.value.reason == "misrouted-envelope"
    world.settle(job)
    assert world.job(job) == ("completed", "")


def test_a_changed_message_between_two_senders_ends_it_for_all(world: TwoNodes) -> None:
    def change(request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        between = f"/messages/{PUBLISHER}/{SHOP}/2" in request.url.path
        if request.method != "GET" or not between or answer.status_code != httpx2.codes.OK:
            return answer
        changed = bytearray(answer.read())
        changed[-1] ^= 1
        return httpx2.Response(httpx2.codes.OK, content=bytes(changed))

    world.nodes[SHOP].wire.on_answer = change
    job = world.brand.ask("overlap")
    world.settle(job)
    assert world.job(job) == ("failed", "forged-envelope")
    nothing_came_of(world, job)


@pytest.mark.slow
def test_a_run_larger_than_the_mailbox_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """All speak at once, with room for a few messages in all directions together."""
    monkeypatch.setattr("party_node.job_checks.MIN_CHUNK_ITEMS", 16)
    monkeypatch.setattr("protocols.psi.params.JOB_CHUNK_ITEMS", 16)
    room, most = 6_000, 0
    with three_nodes() as world:
        services = world.app.state.services
        small = services.settings.model_copy(update={"max_pending_bytes": room})
        object.__setattr__(services, "settings", small)
        job = world.brand.ask("audience")

        def look() -> None:
            nonlocal most
            assert sum(len(row.body) for row in world.bodies(job)) <= room
            folders = (node.chunk_folder(job) for node in world.nodes.values())
            most = max(most, *(len(list(folder.glob("inbound-*"))) for folder in folders))

        world.settle(job, each=look)
        assert world.job(job) == ("completed", "")
        all_signed(world, job)
        assert world.publisher.activate(job) == ALL_HAVE
        assert most > 1
