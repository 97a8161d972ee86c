"""What sizes and repeats leak, and what a node does about it: two nodes, asked again and again."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap
from sqlmodel import select

from party_node import phase_recall
from party_node.job_tables import OutboxRow, PreflightRow, RememberedInputRow, ResultRow, RunRow
from party_node.repeats import forget_from_inputs
from protocols import question
from protocols.codec import decode, encode
from protocols.job import Preflight, Source
from protocols.psi.params import RowParams
from tests.support.two_nodes import (
    BRAND,
    DATASET,
    HELD,
    NOISE,
    PARTIES,
    PUBLISHER,
    PURPOSE,
    RHO_NANO,
    Node,
    ReadyWorld,
    TwoNodes,
    consenting,
    email,
    key,
    make,
    two_nodes,
)

LEAST = 5
PLAIN = consenting(BRAND) & consenting(PUBLISHER)
SOME = sorted(PLAIN)[: LEAST + 2]
FEW = SOME[: LEAST - 1]


def _count(world: TwoNodes, folder: Path) -> None:
    make(world, folder)
    _be_careful(world)
    done(world, "overlap")


_COUNTED = ReadyWorld("counted", PARTIES, _count)


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with two_nodes() as found:
        _be_careful(found)
        yield found


@pytest.fixture
def counted() -> Iterator[TwoNodes]:
    """A world in which one count of the overlap has completed."""
    with _COUNTED.copy() as found:
        _be_careful(found)
        yield found


def _be_careful(world: TwoNodes) -> None:
    for node in world.nodes.values():
        node.least_change = LEAST
        node.restart()


def the_count(world: TwoNodes) -> str:
    (row,) = world.brand.rows(RememberedInputRow)
    return str(row.job)


def say(node: Node, state: str, kind: str, people: list[int], event: str = "") -> None:
    node.clock.advance(seconds=1)
    for person in people:
        node.say(state, person, PURPOSE[kind], f"{event}{state}-{person}" if event else "")
    node.clock.advance(seconds=1)


def done(world: TwoNodes, kind: str, rho: str = "10") -> str:
    return world.complete(kind, rho)


def brought(node: Node, job: str) -> set[int]:
    """Return who this node remembers to have brought, by number."""
    (row,) = node.rows(RememberedInputRow, job=job)
    return set(BitMap.deserialize(node.services.vault.open(f"remembered-input/{job}", row.people)))


def was_recalled(world: TwoNodes, job: str, earlier: str) -> None:
    """Require that both sides showed the earlier answer and did nothing else."""
    for node in world.nodes.values():
        found, before = node.result(job), node.result(earlier)
        assert found is not None
        assert before is not None
        assert found["earlier"]["job"] == earlier
        assert (found["size"], found["own"]) == (before["size"], before["own"])
        assert found["cost"]["rho"] == "0"
        assert node.charges(job) == []
        assert node.use(job) is None
        assert node.receipt(job) is None
        assert not node.rows(OutboxRow, job=job)
        assert [sum(json.loads(run.sent).values()) for run in node.rows(RunRow, job=job)] == [1]
        assert not node.chunk_folder(job).exists()
    assert all(world.outcomes(job).values())


@pytest.mark.parametrize("party", [None, *PARTIES])
def test_nearly_the_same_count_is_answered_from_the_earlier_release(
    counted: TwoNodes, party: str | None
) -> None:
    first = the_count(counted)
    if party is not None:
        say(counted.nodes[party], "withdrawn", "overlap", FEW)
    was_recalled(counted, done(counted, "overlap"), first)


def test_a_count_is_answered_again_after_many_small_changes(counted: TwoNodes) -> None:
    """Changes add up: what counts is the difference from what was brought, not from yesterday."""
    first = the_count(counted)
    for start in (0, 2):
        say(counted.brand, "withdrawn", "overlap", SOME[start : start + 2])
        was_recalled(counted, done(counted, "overlap"), first)
    say(counted.brand, "withdrawn", "overlap", SOME[4:])
    job = done(counted, "overlap")
    found = counted.brand.result(job)
    assert found is not None
    assert found["earlier"] is None
    assert abs(found["size"]["value"] - len(PLAIN - set(SOME))) <= NOISE
    assert [c.rho_nano for c in counted.brand.charges(job)] == [RHO_NANO]


@pytest.mark.parametrize("party", [BRAND, pytest.param(PUBLISHER, marks=pytest.mark.slow)])
def test_a_side_that_changed_much_gets_a_new_count(counted: TwoNodes, party: str) -> None:
    """The other side is the same: nothing of it can show in a difference; and both pay."""
    say(counted.nodes[party], "withdrawn", "overlap", SOME)
    job = done(counted, "overlap")
    for node in counted.nodes.values():
        assert node.result(job)["earlier"] is None
        assert len(node.charges(job)) == 1


def test_another_price_or_purpose_is_another_question(world: TwoNodes) -> None:
    first = done(world, "overlap", "9")
    better = done(world, "overlap", "10")
    assert world.brand.result(better)["earlier"] is None
    was_recalled(world, done(world, "overlap", "9.5"), better)
    assert first != better
    audience = done(world, "audience")
    assert world.publisher.activate(audience) == PLAIN


def test_newcomers_wait_until_enough_have_come(world: TwoNodes) -> None:
    """One who has just come must not show as the difference of two lists."""
    say(world.brand, "withdrawn", "audience", SOME)
    first = done(world, "audience")
    say(world.brand, "given", "audience", FEW, "again-")
    second = done(world, "audience")
    assert world.publisher.activate(first) == world.publisher.activate(second) == PLAIN - set(SOME)
    assert world.brand.result(second)["own"]["waiting"] == len(FEW)
    assert brought(world.brand, first) == brought(world.brand, second)
    say(world.brand, "given", "audience", SOME[len(FEW) :], "again-")
    third = done(world, "audience")
    assert world.publisher.activate(third) == PLAIN
    assert world.brand.result(third)["own"]["waiting"] == 0


def test_leavers_make_no_room_for_a_newcomer(world: TwoNodes) -> None:
    """Enough people differ, but one has come: who compares the lists would know who."""
    say(world.brand, "withdrawn", "audience", SOME[:1])
    first = done(world, "audience")
    say(world.brand, "withdrawn", "audience", SOME[1:LEAST])
    say(world.brand, "given", "audience", SOME[:1], "again-")
    job = done(world, "audience")
    assert world.publisher.activate(job) == PLAIN - set(SOME[:LEAST])
    assert world.brand.result(job)["own"]["waiting"] == 1
    assert first != job


def test_a_new_identifier_of_a_known_person_waits(world: TwoNodes, tmp_path: Path) -> None:
    """It stands out in the next list as much as a person who has just come."""
    known, new, services = min(PLAIN), 30, world.brand.services
    rows = [f"{key(BRAND, n)},{email(n)}" for n in [*HELD[BRAND], new]]
    path = tmp_path / "again.csv"
    path.write_text("\n".join(["key,email", *rows, ""]))
    first = done(world, "audience")
    services.datasets.register(DATASET[BRAND], path, "key", "email", None, "GB")
    say(world.brand, "given", "audience", [new])
    kept, absorbed = (services.identity.find("email", email(n)) for n in (known, new))
    assert kept is not None
    assert absorbed is not None
    services.merging.merge(kept, absorbed, "proved both addresses", "ann")
    job = done(world, "audience")
    assert world.publisher.activate(first) == PLAIN
    assert world.publisher.activate(job) == PLAIN - {known}
    assert world.brand.result(job)["own"]["waiting"] == 1


def test_a_job_that_nobody_has_accepted_tells_nothing_of_changes(counted: TwoNodes) -> None:
    """Proposing and cancelling would else say, free of charge, whether few people have changed."""
    first = the_count(counted)
    counted.publisher.services.rules.remove("all-overlap")
    job = counted.brand.ask("overlap")
    counted.settle(job, until=lambda: len(counted.brand.rows(PreflightRow, job=job)) == 2)
    said = {
        row.party: decode(Preflight, row.record)
        for row in counted.brand.rows(PreflightRow, job=job)
    }
    assert said[PUBLISHER].earlier == ""
    assert said[BRAND].earlier == first  # of its own people, to whom it asks
    counted.publisher.services.jobs.approve(job, "person:ann")
    counted.settle(job)
    found = counted.brand.result(job)
    assert found is not None
    assert found["earlier"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"senders": (Source(PUBLISHER, "others"),)},
        {"collaboration_hash": bytes(32)},
        {"params": encode(RowParams(2**24, 2**15, per_person=2))},
        {"minimum_size": 3},
        {"rho_nano": 1},
    ],
)
def test_another_count_is_not_answered_from_an_earlier_one(
    counted: TwoNodes, changes: dict[str, Any]
) -> None:
    first = the_count(counted)
    parts = counted.brand.services
    asked = dataclasses.replace(parts.jobs.description(first), requester=BRAND)
    said = decode(Preflight, counted.brand.rows(PreflightRow, job=first, party=BRAND)[0].record)
    assert phase_recall.with_earlier(said, asked, parts).earlier == first
    other = dataclasses.replace(asked, **changes)
    expected = first if "rho_nano" in changes else ""  # a better answer than is asked for
    assert phase_recall.with_earlier(said, other, parts).earlier == expected


@pytest.mark.parametrize(("per_person", "same"), [(2, True), (1, False)])
def test_another_order_of_types_is_the_same_count_where_nothing_stays_out(
    counted: TwoNodes, per_person: int, same: bool
) -> None:
    job = counted.brand.services.jobs.description(the_count(counted))
    params = encode(RowParams(2**24, 2**15, per_person=per_person))
    one, other = (
        dataclasses.replace(job, params=params, identifiers=types)
        for types in (("email", "phone"), ("phone", "email"))
    )
    assert (question.of_job(one) == question.of_job(other)) is same


@pytest.mark.parametrize("party", PARTIES)
def test_who_withdraws_is_out_at_once_however_few_they_are(world: TwoNodes, party: str) -> None:
    done(world, "audience")
    say(world.nodes[party], "withdrawn", "audience", FEW[:1])
    job = done(world, "audience")
    assert world.publisher.activate(job) == PLAIN - set(FEW[:1])
    assert len(world.brand.charges(job)) == 1


@pytest.mark.slow
def test_who_withdraws_and_comes_back_waits_too(world: TwoNodes) -> None:
    done(world, "audience")
    say(world.brand, "withdrawn", "audience", FEW)
    done(world, "audience")
    say(world.brand, "given", "audience", FEW, "again-")
    job = done(world, "audience")
    assert world.publisher.activate(job) == PLAIN - set(FEW)


@pytest.mark.slow
def test_compared_with_any_earlier_run_enough_people_came_or_nobody(world: TwoNodes) -> None:
    """The rule as it stands in ADR 14, over every pair of a history."""
    done(world, "audience")
    for i, (state, people) in enumerate(
        [
            ("withdrawn", FEW),
            ("given", FEW[:2]),
            ("withdrawn", SOME[4:]),
            ("given", [*FEW[2:], *SOME[4:]]),
            ("withdrawn", FEW[:1]),
        ]
    ):
        say(world.brand, state, "audience", people, f"{i}-")
        done(world, "audience")
    rows = sorted(world.brand.rows(RememberedInputRow), key=lambda row: row.begun_ms)
    inputs = [brought(world.brand, row.job) for row in rows]
    assert len(inputs) == 6
    for later, now in enumerate(inputs):
        for before in inputs[:later]:
            assert len(now - before) >= LEAST or now <= before


@pytest.mark.parametrize("party", [BRAND, pytest.param(PUBLISHER, marks=pytest.mark.slow)])
def test_a_node_that_dies_while_it_answers_from_memory_goes_on(
    counted: TwoNodes, party: str
) -> None:
    first = the_count(counted)
    job = counted.brand.ask("overlap")
    node = counted.nodes[party]
    for phase in ("recall", "close"):
        counted.settle(
            job, until=lambda phase=phase: phase in {r.phase for r in node.rows(RunRow, job=job)}
        )
        node.restart()
    counted.settle(job)
    was_recalled(counted, job, first)


def test_a_budget_that_is_used_up_still_answers_what_costs_nothing(world: TwoNodes) -> None:
    for node in world.nodes.values():
        node.services.budgets.charge(
            "f" * 32, "spring", PUBLISHER if node.party == BRAND else BRAND, "noisy-size",
            985_000_000_000, 10**12, node.clock(),
        )  # fmt: skip
    first = done(world, "overlap")
    was_recalled(world, done(world, "overlap"), first)
    say(world.brand, "withdrawn", "overlap", SOME)
    job = world.brand.ask("overlap")
    world.settle(job)
    assert world.job(job)[1] == "budget-exceeded"
    assert world.brand.rows(RememberedInputRow, job=job) == []


def test_sides_that_name_different_runs_count_anew(counted: TwoNodes) -> None:
    """What one side names alone brings nothing: the publisher has forgotten the first answer."""
    with counted.publisher.db.writing() as session:
        session.delete(session.exec(select(ResultRow)).one())
    job = done(counted, "overlap")
    assert counted.brand.result(job)["earlier"] is None
    assert len(counted.brand.charges(job)) == 1


def test_an_erased_person_leaves_the_remembered_inputs(counted: TwoNodes) -> None:
    job = the_count(counted)
    node = counted.brand
    before = brought(node, job)
    gone = min(before)
    with node.db.writing() as session:
        forget_from_inputs(session, node.services.vault, BitMap([gone]))
    assert brought(node, job) == before - {gone}
    services = node.services
    (person, *_rest) = sorted(before - {gone})
    services.aftermath.erasing.erase(person, "test")
    assert brought(node, job) == before - {gone, person}
    was_recalled(counted, done(counted, "overlap"), job)


def test_what_was_brought_lies_sealed(counted: TwoNodes) -> None:
    job = the_count(counted)
    (row,) = counted.brand.rows(RememberedInputRow, job=job)
    assert BitMap(brought(counted.brand, job)).serialize() not in row.people
