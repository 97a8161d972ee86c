"""The node process: lock, address, start and stop; and enrolment before it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator import parties, server
from coordinator.settings import build
from party_node import enrolment
from party_node.errors import CoordinatorRefused
from party_node.home import Home
from party_node.home_lock import locked
from party_node.ledger.trust_policy import FILE
from party_node.serve import announce, serve
from party_node.surface_errors import AlreadyServed, CoordinatorMismatch, InvitationUnreadable
from tests.support.coordinator import World, running_world
from tests.support.node import SeededRng
from tests.support.running_node import connecting

SECONDS = 60


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is enrolled with a coordinator that nobody runs."""
    made = Home.create(tmp_path / "home", "shop", "Shop", listen_port=0, rng=SeededRng())
    vkey = "hub/witness+a0a36135+BOjWchw7jYoWaZ9bnbNeqbRqf8MKk9CLGH7w7ntuLEHu"
    away = {"coordinator_url": "http://127.0.0.1:9", "witness_vkey": vkey}
    made.save(made.settings.model_copy(update=away))
    return made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path / "coordinator") as made:
        yield made


def test_one_process_at_a_time(home: Home) -> None:
    with locked(home.path), pytest.raises(AlreadyServed), locked(home.path):
        pass
    with locked(home.path):
        assert (home.path / "lock").stat().st_mode & 0o777 == 0o600


def test_the_address_is_for_the_owner_only(home: Home) -> None:
    for url in ("http://127.0.0.1:1", "http://127.0.0.1:2"):
        announce(home.path, url)
    assert (home.path / "url").read_text() == "http://127.0.0.1:2\n"
    assert (home.path / "url").stat().st_mode & 0o777 == 0o600


def test_linear_algebra_takes_as_many_threads_as_are_set(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Limited(Exception):
        pass

    def limit(count: int, _environ: object) -> None:
        raise Limited(count)

    monkeypatch.setattr("party_node.serve.limit_threads", limit)
    monkeypatch.setattr("coordinator.server.limit_threads", limit)
    home.save(home.settings.model_copy(update={"blas_threads": 3}))
    with pytest.raises(Limited, match="3"):
        serve(home)
    with pytest.raises(Limited, match="1"):
        asyncio.run(server.serve(build({"home": home.path})))


@pytest.mark.e2e
@pytest.mark.slow
def test_a_process_starts_refuses_a_second_one_and_stops(home: Home) -> None:
    words = [sys.executable, "-m", "party_node", "node", "serve", "--home", str(home.path)]
    log = home.path.parent / "log"
    with log.open("wb") as file, subprocess.Popen(words, stderr=file) as process:
        try:
            limit = time.monotonic() + SECONDS
            while not (home.path / "url").exists() and time.monotonic() < limit:
                assert process.poll() is None, log.read_text()
                os.sched_yield()
            second = subprocess.run(words, capture_output=True, text=True, check=False)
            assert second.returncode == 75
            assert "accord: error: another process holds" in second.stderr
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS) == 0
        finally:
            process.kill()
    assert not (home.path / "url").exists()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    events = [line["event"] for line in lines]
    assert {"node-ready", "node-stopped"} <= set(events)
    assert "coordinator-unreachable" in [line.get("cause") for line in lines]
    assert home.token not in log.read_text()


def token(world: World, party: str = "shop", **changes: str) -> str:
    info = connecting(world)("http://coordinator").info()
    fields = {
        "url": "http://coordinator",
        "coordinator": info.name,
        "witness_vkey": info.witness_vkey,
        "party": party,
        "secret": world.invite(party, str(changes)),
    }
    return parties.token(**fields | changes)


def test_enrolment_is_remembered_and_may_be_repeated(world: World, tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home", "shop", "Shop", rng=SeededRng())
    invited = token(world)
    for _ in range(2):
        enrolment.enrol(home, invited, connecting(world))
    stored = Home.open(tmp_path / "home", environ={}).settings
    assert stored.coordinator_url == "http://coordinator"
    assert stored.witness_vkey


def test_enrolling_again_keeps_the_policy_unless_it_is_for_another_coordinator(
    world: World, tmp_path: Path
) -> None:
    home = Home.create(tmp_path / "home", "shop", "Shop", rng=SeededRng())
    invited, policy = token(world), home.path / FILE
    enrolment.enrol(home, invited, connecting(world))
    first = policy.read_text()
    assert first.endswith(f"witness coordinator {home.settings.witness_vkey}\nquorum coordinator\n")
    renamed = first.replace("witness coordinator ", "witness hub ").replace(
        "m coordinator", "m hub"
    )
    for kept in (f"# with a word of our own\n{first}", renamed):
        policy.write_text(kept)
        enrolment.enrol(home, invited, connecting(world))
        assert policy.read_text() == kept
    policy.write_text("quorum none\n")
    enrolment.enrol(home, invited, connecting(world))
    assert policy.read_text() == first


def test_a_coordinator_that_the_invitation_does_not_name(world: World, tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home", "shop", "Shop", rng=SeededRng())
    for wrong in ({"coordinator": "other"}, {"witness_vkey": "other"}):
        with pytest.raises(CoordinatorMismatch):
            enrolment.enrol(home, token(world, **wrong), connecting(world))
    with pytest.raises(CoordinatorRefused):
        enrolment.enrol(home, token(world, secret="0" * 64), connecting(world))
    assert not home.settings.coordinator_url


def test_an_invitation_for_somebody_else(world: World, tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home", "shop", "Shop", rng=SeededRng())
    with pytest.raises(InvitationUnreadable, match="invites paper"):
        enrolment.enrol(home, token(world, "paper"), connecting(world))


@pytest.mark.parametrize(
    "text", ["", "accord-invite:", "accord-invite:e30", "accord-invite:%%", "something else"]
)
def test_what_is_no_invitation(text: str) -> None:
    with pytest.raises(InvitationUnreadable):
        enrolment.read(text)
