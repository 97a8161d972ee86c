"""Long-polls: woken by a change, here or in another process, by the end of time and by shutdown."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from coordinator import relay, store
from coordinator.waiting import Bell, Kind
from tests.support.coordinator import JOB, World, path


class Looks:
    """A `look` that tells when it has looked, and finds something from a given look on."""

    def __init__(self, finds_at: int) -> None:
        self.count, self.finds_at = 0, finds_at
        self.looked = threading.Event()

    def __call__(self) -> str | None:
        self.count += 1
        self.looked.set()
        return "found" if self.count >= self.finds_at else None


def test_what_is_there_is_returned_at_once() -> None:
    assert asyncio.run(Bell().until(Kind.JOBS, Looks(1), 25)) == "found"


def test_without_waiting_it_looks_once() -> None:
    looks = Looks(2)
    assert asyncio.run(Bell().until(Kind.JOBS, looks, 0)) is None
    assert looks.count == 1


def test_a_ring_wakes_at_once() -> None:
    async def play() -> tuple[str | None, int]:
        bell, looks = Bell(look_again_seconds=60), Looks(2)
        waiting = asyncio.create_task(bell.until(Kind.JOBS, looks, 60))
        await asyncio.to_thread(looks.looked.wait)
        await bell.ring(Kind.JOBS)
        async with asyncio.timeout(10):
            return await waiting, looks.count

    assert asyncio.run(play()) == ("found", 2)


def test_a_ring_while_looking_is_not_missed() -> None:
    async def play() -> str | None:
        bell, loop = Bell(look_again_seconds=60), asyncio.get_running_loop()
        looks = Looks(2)

        def look() -> str | None:
            if not looks.count:
                asyncio.run_coroutine_threadsafe(bell.ring(Kind.JOBS), loop).result(10)
            return looks()

        async with asyncio.timeout(10):
            return await bell.until(Kind.JOBS, look, 60)

    assert asyncio.run(play()) == "found"


def test_another_kind_does_not_wake() -> None:
    async def play() -> tuple[str | None, int]:
        bell, looks = Bell(look_again_seconds=60), Looks(2)
        waiting = asyncio.create_task(bell.until(Kind.JOBS, looks, 0.2))
        await asyncio.to_thread(looks.looked.wait)
        await bell.ring(Kind.MESSAGES)
        await waiting
        return waiting.result(), looks.count

    assert asyncio.run(play()) == ("found", 2), "it looked again only when its time was over"


def test_changes_of_other_processes_are_seen_by_looking_again() -> None:
    looks = Looks(3)
    assert asyncio.run(Bell(look_again_seconds=0.01).until(Kind.JOBS, looks, 60)) == "found"


def test_closing_ends_all_waits() -> None:
    async def play() -> list[str | None]:
        bell = Bell(look_again_seconds=60)
        looks = [Looks(99) for _ in Kind]
        waiting = [
            asyncio.create_task(bell.until(kind, look, 60))
            for kind, look in zip(Kind, looks, strict=True)
        ]
        for look in looks:
            await asyncio.to_thread(look.looked.wait)
        await bell.close()
        async with asyncio.timeout(10):
            return [*(await asyncio.gather(*waiting)), await bell.until(Kind.JOBS, looks[0], 60)]

    assert asyncio.run(play()) == [None] * 4


def _while_waiting(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    looked: tuple[Any, str],
    wait: Callable[[], Any],
    act: Callable[[], Any],
) -> Any:
    """Call `act` once `wait`'s request has looked in vain."""
    seen = threading.Event()
    module, name = looked
    original = getattr(module, name)

    def watching(*args: Any) -> Any:
        found = original(*args)
        seen.set()
        return found

    monkeypatch.setattr(module, name, watching)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        assert seen.wait(10)
        act()
        return waiting.result(20)


@pytest.mark.usefixtures("overlapping")
def test_a_message_wakes_its_reader(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.proposed()
    body = world.envelope(world.brand, 0, b"x")
    answer = _while_waiting(
        world,
        monkeypatch,
        (relay, "get"),
        lambda: world.publisher.get(path("brand", 0) + "?wait=20"),
        lambda: world.brand.put(path("brand", 0), body),
    )
    assert (answer.status_code, answer.content) == (200, body)


@pytest.mark.usefixtures("overlapping")
def test_a_close_wakes_the_reader(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.proposed()
    answer = _while_waiting(
        world,
        monkeypatch,
        (relay, "get"),
        lambda: world.publisher.get(path("brand", 0) + "?wait=20"),
        lambda: world.brand.post(f"/v1/jobs/{JOB}/mailbox/close", {"outcome": "small-cohort"}),
    )
    assert (answer.status_code, answer.json()["outcome"]) == (409, "small-cohort")


@pytest.mark.usefixtures("overlapping")
def test_a_new_job_wakes_the_board(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    agreed = world.agree()
    answer = _while_waiting(
        world,
        monkeypatch,
        (store, "jobs_after"),
        lambda: world.publisher.get("/v1/jobs?after=0&wait=20"),
        lambda: world.propose(world.job(agreed)),
    )
    assert [view["job"] for view in answer.json()] == [JOB]


@pytest.mark.usefixtures("overlapping")
def test_requests_of_one_party_that_wait_are_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreed = world.agree()
    small = world.settings.model_copy(update={"max_waits": 1})
    object.__setattr__(world.app.state.services, "settings", small)
    seen: list[Any] = []

    def meanwhile() -> None:
        seen.append(world.publisher.get("/v1/jobs?after=0&wait=20"))
        seen.append(world.publisher.get("/v1/jobs?after=0"))
        seen.append(world.outsider.get("/v1/collaborations?after=0&wait=1"))
        world.propose(world.job(agreed))

    waited = _while_waiting(
        world,
        monkeypatch,
        (store, "jobs_after"),
        lambda: world.publisher.get("/v1/jobs?after=0&wait=20"),
        meanwhile,
    )
    refused, at_once, of_another = seen
    assert refused.json()["type"] == "urn:accord:error:too-many-waits"
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert (at_once.status_code, at_once.json()) == (200, []), "who does not wait is not counted"
    assert of_another.status_code == 200, "the bound is each party's own"
    assert [view["job"] for view in waited.json()] == [JOB]
    again = world.publisher.get("/v1/jobs?after=999&wait=1")
    assert again.status_code == 200, "a wait that has ended makes room"


def test_a_wait_is_cut_to_the_limit(world: World) -> None:
    services = world.app.state.services
    assert services.wait_seconds(3600) == 25
    assert services.wait_seconds(3) == 3
