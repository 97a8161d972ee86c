"""Bodies: what is proved before they are read, and how many of the unproved are held at once."""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Request

from coordinator import wire
from coordinator.errors import CoordinatorError, EnvelopeTooLarge, TooBusy
from coordinator.intake import SMALL_BYTES, Intake
from tests.support.coordinator import World, path

LIMIT = 1_000_000
LARGE = SMALL_BYTES + 1


class Sender:
    """A request whose body comes when it is let go."""

    def __init__(self, size: int, headers: dict[str, str] | None = None) -> None:
        self.asked, self.go, self.size = asyncio.Event(), asyncio.Event(), size
        given = {"content-length": str(size)} if headers is None else headers
        raw = [(name.encode(), value.encode()) for name, value in given.items()]
        self.request = Request({"type": "http", "headers": raw}, self._receive)

    async def _receive(self) -> Any:
        self.asked.set()
        await self.go.wait()
        return {"type": "http.request", "body": bytes(self.size), "more_body": False}


async def _read(intake: Intake, sender: Sender, *, proven: bool = False) -> int:
    body = await intake.read(sender.request, LIMIT, EnvelopeTooLarge, proven=proven)
    return len(body)


def _play(play: Callable[[], Any]) -> Any:
    return asyncio.run(play())


def test_large_bodies_of_strangers_take_turns() -> None:
    async def play() -> None:
        intake, senders = Intake(turns=2), [Sender(LARGE) for _ in range(3)]
        reading = [asyncio.create_task(_read(intake, sender)) for sender in senders]
        for sender in senders[:2]:
            await sender.asked.wait()
        small, known = Sender(SMALL_BYTES), Sender(LARGE)
        for sender in (small, known):
            sender.go.set()
        assert await _read(intake, small) == SMALL_BYTES, "a small body takes no turn"
        assert await _read(intake, known, proven=True) == LARGE, "nor does a proved one"
        assert not senders[2].asked.is_set(), "the third waits"
        for sender in senders:
            sender.go.set()
        assert await asyncio.gather(*reading) == [LARGE] * 3

    _play(play)


def test_a_body_of_hidden_size_counts_as_large() -> None:
    async def play() -> None:
        intake, holder = Intake(turns=1), Sender(LARGE)
        holding = asyncio.create_task(_read(intake, holder))
        await holder.asked.wait()
        without_body, hidden = Sender(0, {}), Sender(10, {"transfer-encoding": "chunked"})
        reading = asyncio.create_task(_read(intake, hidden))
        without_body.go.set()
        assert await _read(intake, without_body) == 0, "with neither header there is no body"
        assert not hidden.asked.is_set(), "it waits for its turn"
        for sender in (holder, hidden):
            sender.go.set()
        assert await asyncio.gather(holding, reading) == [LARGE, 10]

    _play(play)


@pytest.mark.parametrize("size", [10, LARGE])
def test_a_strangers_body_must_come_in_time(size: int) -> None:
    async def play() -> None:
        intake = Intake(turns=1, seconds=0.05)
        for _ in range(2):  # the turn is given back
            with pytest.raises(TooBusy):
                await _read(intake, Sender(size))

    _play(play)


def test_a_turn_that_does_not_come_in_time_is_too_busy() -> None:
    async def play() -> None:
        intake, holder = Intake(turns=1), Sender(LARGE)
        holding = asyncio.create_task(_read(intake, holder))
        await holder.asked.wait()
        intake._seconds = 0.05
        with pytest.raises(TooBusy):
            await _read(intake, Sender(LARGE))
        holder.go.set()
        assert await holding == LARGE

    _play(play)


@pytest.mark.parametrize("announced", [str(LIMIT + 1), "9" * 5000, "-1", "1e3", ""])
def test_a_length_that_is_too_large_or_none_is_refused_unread(announced: str) -> None:
    async def play() -> None:
        sender = Sender(0, {"content-length": announced})
        with pytest.raises(EnvelopeTooLarge) as refused:
            await _read(Intake(), sender)
        assert refused.value.extensions == {"limit_bytes": LIMIT}
        assert not sender.asked.is_set()

    _play(play)


def test_more_than_was_announced_is_cut_off() -> None:
    async def play() -> None:
        sender = Sender(LIMIT + 1, {"content-length": "5"})
        sender.go.set()
        with pytest.raises(CoordinatorError):
            await _read(Intake(), sender, proven=True)

    _play(play)


def _digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def _answer(world: World, headers: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
    """Send a request of the brand to the application; with None, its body must not be asked for."""
    sent: list[Any] = []

    async def receive() -> Any:
        assert body is not None, "the body was read"
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    target = path("brand", 0)
    scope = {
        "type": "http",
        "method": "PUT",
        "path": target,
        "raw_path": target.encode(),
        "query_string": b"",
        "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()],
    }
    portal = world.http.portal
    assert portal is not None
    portal.call(world.app, scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def _headers(world: World, body: bytes) -> dict[str, str]:
    signed = world.brand.headers("PUT", path("brand", 0), body)
    return signed | {"Content-Length": str(len(body)), wire.HEADER_DIGEST: _digest(body)}


def test_with_a_digest_the_signature_is_checked_before_the_body_is_read(world: World) -> None:
    world.proposed()
    body = world.envelope(world.brand, 0, bytes(100_000))
    good = _headers(world, body)
    forged = good | {wire.HEADER_DIGEST: _digest(b"another body")}
    status, problem = _answer(world, forged, None)
    assert status == 401
    assert b"bad-request-signature" in problem
    assert _answer(world, good, body)[0] == 201


def test_a_body_that_is_not_the_one_of_its_digest_is_refused(world: World) -> None:
    world.proposed()
    body = world.envelope(world.brand, 0, b"x")
    status, problem = _answer(world, _headers(world, body), body[:-1] + b"y")
    assert status == 401
    assert b"bad-request-signature" in problem


@pytest.mark.parametrize(
    "changes",
    [
        {wire.HEADER_PARTY: "nobody"},
        {wire.HEADER_PARTY: "No Name"},
        {wire.HEADER_TIME: "1"},
        {wire.HEADER_TIME: "soon"},
        {wire.HEADER_SIGNATURE: base64.b64encode(bytes(63)).decode()},
        {wire.HEADER_SIGNATURE: "%"},
    ],
)
def test_what_the_head_alone_gives_away_is_refused_before_the_body_is_read(
    world: World, changes: dict[str, str]
) -> None:
    headers = _headers(world, b"x")
    del headers[wire.HEADER_DIGEST]
    assert _answer(world, headers | changes, None)[0] == 401


@pytest.mark.parametrize("digest", ["", "sha-256=:AAAA:", "sha-512=:AAAA:", "nonsense"])
def test_a_digest_of_another_form_counts_as_none(world: World, digest: str) -> None:
    world.proposed()
    body = world.envelope(world.brand, 0, b"x")
    assert _answer(world, _headers(world, body) | {wire.HEADER_DIGEST: digest}, body)[0] == 201
