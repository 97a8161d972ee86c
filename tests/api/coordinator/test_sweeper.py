"""What time does: expiry of jobs, agreements, invitations and abandoned mailboxes."""

import asyncio

from coordinator import store, sweeper
from coordinator.sweeper import Swept, sweep
from coordinator.tables import InvitationRow
from tests.support.coordinator import DAY_MS, JOB, START_MS, World, path


def _sweep(world: World) -> Swept:
    now_ms = world.clock()
    return world.database.write(lambda session: sweep(session, now_ms, 24))


def test_nothing_is_due(world_on_each: World) -> None:
    world_on_each.proposed()
    assert _sweep(world_on_each) == Swept(0, 0, 0, 0)


def test_jobs_expire(world_on_each: World) -> None:
    world = world_on_each
    world.running()
    before = world.brand.get(f"/v1/jobs/{JOB}").json()
    world.clock.advance(days=1)
    assert _sweep(world) == Swept(1, 0, 0, 0)
    assert _sweep(world) == Swept(0, 0, 0, 0)
    after = world.brand.get(f"/v1/jobs/{JOB}").json()
    assert (after["state"], after["cause"]) == ("expired", "job-expired")
    assert after["revision"] > before["revision"]


def test_an_ended_job_is_not_expired(world: World) -> None:
    world.proposed()
    world.say(world.brand, "cancel", "changed-my-mind")
    world.clock.advance(days=2)
    assert _sweep(world).jobs == 0


def test_agreements_lapse(world: World) -> None:
    world.agree()
    before = world.brand.get("/v1/collaborations").json()[-1]["revision"]
    world.clock.advance(days=90)
    assert _sweep(world).collaborations == 1
    (changed,) = world.brand.get(f"/v1/collaborations?after={before}").json()
    assert not changed["in_force"]


def test_old_invitations_are_forgotten(world: World) -> None:
    world.invite("newcomer")
    world.clock.advance(days=36)
    assert _sweep(world).invitations == 0
    world.clock.advance(days=2)
    assert _sweep(world).invitations == 4
    with world.database.reading() as session:
        assert session.get(InvitationRow, b"") is None


def test_abandoned_mailboxes_are_emptied(world_on_each: World) -> None:
    world = world_on_each
    world.running()
    world.brand.put(path("brand", 0), world.envelope(world.brand, 0, b"x"))
    world.brand.post(f"/v1/jobs/{JOB}/mailbox/close", {"outcome": "small-cohort"})
    world.say(world.brand, "fail", "small-cohort")
    world.clock.advance(hours=24)
    assert _sweep(world).mailboxes == 0
    world.clock.advance(seconds=1)
    assert _sweep(world).mailboxes == 1
    assert _sweep(world).mailboxes == 0
    assert world.database.read(store.count_bodies) == 0
    summary = world.brand.get(f"/v1/jobs/{JOB}/mailbox").json()
    assert summary["outcome"] == {"brand": "small-cohort", "publisher": "abandoned"}


def test_an_open_job_keeps_its_mailbox(world: World) -> None:
    world.proposed(expires_ms=START_MS + 60 * DAY_MS)
    world.brand.put(path("brand", 0), world.envelope(world.brand, 0, b"x"))
    world.clock.advance(days=50)
    _sweep(world)
    assert world.publisher.get(path("brand", 0)).status_code == 200


def test_a_sweep_empties_the_write_ahead_log(world: World) -> None:
    world.proposed()
    log = world.settings.home / "coordinator.db-wal"
    assert log.stat().st_size > 0
    asyncio.run(sweeper.sweep_once(world.app.state.services))
    assert log.stat().st_size == 0
