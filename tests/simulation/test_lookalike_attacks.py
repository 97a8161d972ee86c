"""Lookalike jobs among those who look where they should not, and nodes that die all the time."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from party_node.lookalike import concluding
from protocols.dp.budget import epsilon
from protocols.errors import ContextMismatch
from protocols.lookalike.card import ModelCard
from protocols.release import ModelRelease, check, read_told
from tests.support.lookalike_nodes import PEOPLE, QUESTION, SEEDS, SILENT, lookalike_nodes
from tests.support.needles import Haystack, of_identifier, of_text
from tests.support.two_nodes import BRAND, PARTIES, PUBLISHER, TwoNodes, email, key


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with lookalike_nodes() as found:
        yield found


def test_nodes_that_die_after_every_step_bring_the_job_to_its_end(world: TwoNodes) -> None:
    job = world.brand.ask("lookalike", question=QUESTION, route="cot")

    world.settle(job, each=world.restart)
    assert world.job(job) == ("completed", "")
    assert all(len(world.nodes[party].charges(job)) == 1 for party in PARTIES)
    assert world.brand.receipt(job) == world.publisher.receipt(job)
    assert len(world.publisher.activate(job)) == 60
    assert world.publisher.services.models.listed() == [job]


def test_a_curious_coordinator_finds_nobody_and_no_seed(world: TwoNodes) -> None:
    """Every byte that nodes send to it, and its files, are searched for everybody."""
    passed: list[bytes] = []

    def look(request: httpx2.Request) -> None:
        passed.append(request.content)

    for node in world.nodes.values():
        node.wire.on_request = look
    world.complete("lookalike", question=QUESTION, route="cot")
    needles = Haystack(
        form
        for person in PEOPLE
        for form in (
            *of_identifier(f"address {person}", "email", email(person)),
            *of_text(f"reader {person}", key(PUBLISHER, person)),
        )
    )
    home = next(p.parent for p in world.folder.rglob("coordinator.db"))
    passed += [p.read_bytes() for p in home.rglob("*") if p.is_file()]
    assert sum(map(len, passed)) > 100_000
    assert [found for data in passed for found in needles.find(data)] == []
    assert needles.find(b"x" + email(SEEDS[0]).encode()) != [], "they would be found"


def test_the_sizes_that_pass_do_not_tell_how_many_seeds_match(world: TwoNodes) -> None:
    """Two worlds that differ in who is a seed: number and length of messages are the same."""

    def sizes(seeds_known: bool) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []

        def look(request: httpx2.Request) -> None:
            if request.method == "PUT" and "/messages/" in request.url.path:
                found.append((request.url.path.split("/messages/")[1], len(request.content)))

        with lookalike_nodes() as other:
            if not seeds_known:
                for person in SEEDS:
                    if person % 4 == 0 and person not in SILENT:
                        other.publisher.say("withdrawn", person, "lookalike-audience")
            for node in other.nodes.values():
                node.wire.on_request = look
            question = QUESTION.replace("expected: 50", "expected: 40")
            job = other.brand.ask("lookalike", question=question, route="cot")
            other.settle(job)
            assert other.job(job) == ("completed", "")
        protocol = [(path, size) for path, size in found if size > 2_000]
        assert len(protocol) > 5
        return protocol

    one, two = sizes(seeds_known=True), sizes(seeds_known=False)
    assert [path for path, _ in one] == [path for path, _ in two]
    # Records that carry proofs differ by a hash or two as the ledger grows; the sums do not.
    assert all(abs(a - b) < 400 for (_, a), (_, b) in zip(one, two, strict=True))


def test_a_card_that_states_its_price_at_another_delta_is_refused(
    world: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a larger delta the same price is a smaller epsilon: it would look better protected."""
    honest = concluding.card

    def flattering(**said: Any) -> ModelCard:
        return honest(**(said | {"delta_exponent": 2}))

    monkeypatch.setattr(concluding, "card", flattering)
    job = world.brand.ask("lookalike", question=QUESTION, route="cot")
    world.settle(job)
    assert world.job(job) == ("failed", "context-mismatch")
    assert world.brand.result(job) is None


OTHERS: tuple[dict[str, Any], ...] = (
    {"purpose": "x"}, {"seeds_step": 25}, {"brand": "x"}, {"partner": "x"},
    {"rho_nano": 1, "epsilon_milli": round(1000 * epsilon(1, 8))},
)  # fmt: skip


def test_a_partner_cannot_hand_in_the_card_of_another_model(world: TwoNodes) -> None:
    job = world.brand.ask("lookalike", question=QUESTION, route="cot")
    world.publisher.driver.read_board()
    world.settle(job, until=lambda: world.publisher.phase(job) == "receipt")
    facts = world.publisher.services.runs.load(job).facts
    told = read_told(bytes.fromhex(facts["told"]))
    assert isinstance(told, ModelRelease)
    description = world.brand.services.jobs.description(job)
    check(told, description, BRAND)
    forged = [
        dataclasses.replace(told, card=dataclasses.replace(told.card, **other)) for other in OTHERS
    ]
    forged += [dataclasses.replace(told, model=b""), dataclasses.replace(told, to=PUBLISHER)]
    for one in forged:
        with pytest.raises(ContextMismatch):
            check(one, description, BRAND)
