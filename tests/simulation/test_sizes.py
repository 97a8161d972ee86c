"""No exact size leaves a node, and no byte of one run is in another: message by message."""

import dataclasses
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

import party_node.runs
from protocols.codec import Record, decode
from protocols.dp import coins
from protocols.dp.count import NoisyCount, SizeRelease
from protocols.job import Preflight, ReceiptPart, ReceiptSignature
from protocols.psi.dh_records import MESSAGES, Blinded, Evaluated, Opening
from protocols.psi.params import Cardinality
from protocols.release import Withheld
from tests.support.two_nodes import BRAND, FLOOR, PUBLISHER, TwoNodes, consenting, two_nodes

KINDS = (*MESSAGES, Preflight, SizeRelease, Withheld, ReceiptPart, ReceiptSignature)
PLAIN = consenting(BRAND) & consenting(PUBLISHER)
NO_SIZES = {
    *("step", "index", "by", "seconds", "memory_mib", "traffic_kib"),
    *("rho_nano_before", "rho_nano_after"),
    *("rho_nano", "minimum", "sigma_milli", "low", "high", "dummies"),
    "size",  # of a ledger
}
"""Numbers that are said and are no sizes of sets; low and high follow from the noisy value."""
RHO = "0.02"
DUMMIES = coins.least(20_000_000, strict=True)


class Said(list[tuple[str, Record]]):
    """(job, message) of everything that both nodes said, before it was sealed."""

    def of(self, job: str, *kinds: type[Record]) -> list[Any]:
        return [m for j, m in self if j == job and (not kinds or isinstance(m, kinds))]


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with two_nodes() as found:
        yield found


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    found, seal = Said(), party_node.runs.seal

    def listening(keys: Any, to: Any, header: Any, body: bytes) -> bytes:
        found.append((header.job, decode(KINDS, body)))
        return seal(keys, to, header, body)

    monkeypatch.setattr(party_node.runs, "seal", listening)
    return found


def numbers(record: Record) -> Iterator[tuple[str, int]]:
    """Return every whole number in a record, with the name of its field."""
    for field in dataclasses.fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        values = value if isinstance(value, tuple) else (value,)
        for one in values:
            if isinstance(one, Record):
                yield from numbers(one)
            elif isinstance(one, int) and not isinstance(one, bool):
                yield field.name, one


@pytest.mark.parametrize(
    ("kind", "rho", "dummies"),
    [("overlap", RHO, DUMMIES), ("audience", "10", 0), ("overlap", "10", 0)],
)
def test_every_size_that_leaves_is_of_the_ladder_or_noisy(
    world: TwoNodes, said: Said, kind: str, rho: str, dummies: int
) -> None:
    job = world.complete(kind, rho)
    openings = said.of(job, Opening)
    assert [o.total for o in openings] == [FLOOR + dummies] * 2
    for message in said.of(job):
        for name, value in numbers(message):
            if name in ("asked_step", "permitted_step"):
                assert value == 0  # up to the floor
            elif name == "total":
                assert value == FLOOR + dummies
            elif name == "value":
                continue  # noisy: see below
            else:
                assert name in NO_SIZES, f"{message.KIND} says a new number: {name}"
    lengths = {len(m.points) for m in said.of(job, Blinded)}
    assert lengths == {32 * (FLOOR + dummies)}
    assert {len(m.tags) for m in said.of(job, Evaluated)} == {12 * (FLOOR + dummies)}
    told = said.of(job, SizeRelease, Withheld)
    assert len(told) == 1
    charged = [c.rho_nano for node in world.nodes.values() for c in node.charges(job)]
    assert (
        charged
        == [told[0].rho_nano if isinstance(told[0], Withheld) else told[0].noisy.rho_nano] * 2
    )


def test_the_count_that_the_receiver_holds_is_noisy(world: TwoNodes, said: Said) -> None:
    """Its state before the release has the coins' noise; what is told has the receiver's too."""
    held: list[int] = []
    for _ in range(3):
        job = world.brand.ask("overlap", RHO)
        node = world.brand
        world.settle(job, until=lambda: node.phase(job) == "release")  # noqa: B023
        record = node.services.runs.load(job).output
        held.append(decode(Cardinality, record).count)
        world.settle(job)
        for told in said.of(job, SizeRelease):
            assert isinstance(told.noisy, NoisyCount)
            assert told.noisy.dummies == DUMMIES
            width = coins.half_width(20_000_000, DUMMIES)
            assert told.noisy.high - told.noisy.value == width
    assert len(set(held)) > 1
    assert all(abs(count - len(PLAIN)) <= DUMMIES // 2 for count in held)


@pytest.mark.parametrize(
    ("kind", "rho"),
    [("overlap", RHO), pytest.param("audience", "10", marks=pytest.mark.slow)],
)
def test_two_runs_over_the_same_people_share_no_bytes(
    world: TwoNodes, said: Said, kind: str, rho: str
) -> None:
    """Of all that the protocol says, beyond the names of its records: no 8 bytes are the same."""
    runs = []
    for _ in range(3):
        job = world.brand.ask(kind, rho)
        world.settle(job)
        windows: set[bytes] = set()
        for message in said.of(job, Opening, Blinded, Evaluated):
            for field in dataclasses.fields(message):
                value = getattr(message, field.name)
                if isinstance(value, bytes):
                    windows |= {value[i : i + 8] for i in range(len(value) - 7)}
        assert len(windows) > 8 * FLOOR
        runs.append(windows)
    assert not any(one & other for one, other in pairwise([*runs, runs[0]]))
