"""Federated jobs through the coordinator: what each party sees, pays and signs."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from consent.uses import UseRecord
from party_node import disclosures
from party_node.api.audit import use_views
from party_node.collaborations import Collaborations
from party_node.errors import CoordinatorRefused, JobRefused, NotFound, ScoringNotAgreed
from party_node.federated import reading
from party_node.federated.errors import UnknownTraining
from party_node.scoring import again
from party_node.services import Services
from protocols.codec import Record, encode
from protocols.federated.records import AskConfirmation, AskOpening, AskUpdate, Told
from tests.support.federated_nodes import (
    HELD,
    PURPOSE,
    QUESTION,
    SHOP,
    SILENT,
    THREE,
    TWO,
    MemoryLine,
    federated_nodes,
)
from tests.support.two_nodes import (
    BRAND,
    COLLABORATION,
    PUBLISHER,
    Node,
    TwoNodes,
    email,
    key,
)

EACH = 4_000_000_000


@pytest.fixture
def two() -> Iterator[tuple[TwoNodes, MemoryLine]]:
    with federated_nodes(TWO) as found:
        yield found


@pytest.fixture
def three() -> Iterator[tuple[TwoNodes, MemoryLine]]:
    with federated_nodes(THREE) as found:
        yield found


def restart_coordinator(world: TwoNodes) -> None:
    world.start_coordinator()


def once_at(line: MemoryLine, kind: type[Record], act: Callable[[], None]) -> list[bool]:
    """Do something when a question of that kind first passes; return whether it has."""
    done: list[bool] = []
    before = line.present

    def present(party: str, question: Record) -> bool:
        if isinstance(question, kind) and not done:
            done.append(True)
            act()
        return before(party, question)

    line.present = present
    return done


def turn_of(question: Record) -> int:
    match question:
        case AskUpdate(turn=turn) | AskConfirmation(turn=turn) | AskOpening(turn=turn):
            return turn
        case Told():
            return 99
        case _:
            return 0


def in_training(world: TwoNodes, job: str, count: int) -> bool:
    return phases(world, job) == ["train"] * count


def phases(world: TwoNodes, job: str) -> list[str]:
    known = [n for n in world.nodes.values() if job in n.services.runs.active()]
    return [n.phase(job) for n in known]


def used_in(node: Node, job: str) -> list[UseRecord]:
    ledger = node.services.ledger
    records = (entry.record for entry in ledger.entries())
    return [r for r in records if isinstance(r, UseRecord) and r.job == job]


def nothing_came_of(world: TwoNodes, job: str) -> None:
    for node in world.nodes.values():
        assert node.result(job) is None
        assert not list(node.services.home.models.glob("*.trained"))


def settle(world: TwoNodes, line: MemoryLine, job: str, each=lambda: None) -> None:
    world.settle(job, each=lambda: (line.turn(job), each()))


def test_before_it_begins_each_party_reads_whose_sums_it_and_the_coordinator_see(two) -> None:
    world, _ = two
    job = world.brand.ask("federated", question=QUESTION)
    said = {
        one.who: one.what
        for one in disclosures.who_learns(world.brand.services.jobs.description(job))
    }
    assert "with two partners the other's noisy sums" in said[BRAND]
    assert said[BRAND] == said[PUBLISHER]
    assert "the sums of each round" in said["coordinator"]
    assert "never one partner's sums" in said["coordinator"]


def test_a_column_that_is_not_offered_is_named(two) -> None:
    world, _ = two
    with pytest.raises(JobRefused, match="all columns of the question: agee"):
        world.brand.ask("federated", question=QUESTION.replace("column: age", "column: agee"))


def test_two_parties_train_two_rounds_and_both_sign(two) -> None:
    world, line = two
    job = world.brand.ask("federated", question=QUESTION)
    settle(world, line, job)
    assert world.job(job) == ("completed", "")
    receipts = [world.nodes[party].receipt(job) for party in TWO]
    assert receipts[0] is not None
    assert receipts[0] == receipts[1]
    whole, signatures = receipts[0]
    assert set(signatures) == set(TWO)
    assert whole.is_consistent()
    made = [world.nodes[party].services.trained.load(job) for party in TWO]
    assert made[0] == made[1]
    assert made[0].contributed() == (TWO, TWO)
    for party in TWO:
        result = world.nodes[party].result(job)
        assert result is not None
        model = result["model"]
        assert [at["partners"] for at in model["rounds"]] == [list(TWO)] * 2
        assert 0 <= model["rounds"][1]["auc"] <= 1
        other = PUBLISHER if party == BRAND else BRAND
        charges = [(c.to_party, c.what, c.rho_nano) for c in world.nodes[party].charges(job)]
        assert charges == [
            (other, "federated-round-1", EACH), (other, "federated-round-2", EACH),
        ]  # fmt: skip
        part = whole.part_of(party)
        assert part is not None
        assert [(r.to, r.what, r.rho_nano, r.commitment) for r in part.released] == [
            (other, "federated-model", 2 * EACH, made[0].commitment())
        ]


@pytest.mark.slow
def test_everybody_may_die_after_every_step_and_nothing_changes(two) -> None:
    world, line = two
    turns = iter(range(10_000))

    def die() -> None:
        n = next(turns)
        world.nodes[TWO[n % 2]].restart()
        if n % 5 == 0:
            restart_coordinator(world)

    job = world.brand.ask("federated", question=QUESTION)
    settle(world, line, job, die)
    assert world.job(job) == ("completed", "")
    for party in TWO:
        assert len(world.nodes[party].charges(job)) == 2
        assert world.nodes[party].result(job) is not None


def test_whoever_withdraws_is_out_of_the_next_round_and_the_record_names_it(
    two, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, line = two
    gone = range(20, 30)
    seen: dict[str, list[reading.Read]] = {BRAND: [], PUBLISHER: []}
    honest = reading.read

    def read_and_note(services: Services, *rest: Any) -> reading.Read:
        found = honest(services, *rest)
        seen[services.home.keys.party].append(found)
        return found

    monkeypatch.setattr(reading, "read", read_and_note)

    def withdraw() -> None:
        for person in gone:
            world.brand.say("withdrawn", person, PURPOSE)

    met = once_at(line, AskConfirmation, withdraw)
    job = world.brand.ask("federated", question=QUESTION)
    settle(world, line, job)
    assert met == [True]
    assert world.job(job) == ("completed", "")
    uses = used_in(world.brand, job)
    assert [use.round for use in uses] == [None, 2]
    assert uses[0].allowed - uses[1].allowed == len(gone)
    listed = use_views(world.brand.services, 10, job[:12])
    assert [(use["round"], use["allowed"], use["outcome"]) for use in listed] == [
        (use.round, use.allowed, "completed") for use in reversed(uses)
    ]
    # The second round read fewer rows: the people whom it learnt from are those who were left.
    read = [len(found.training.labels) + len(found.held_out.labels) for found in seen[BRAND]]
    assert read == [uses[0].allowed, uses[1].allowed, uses[1].allowed]


def test_a_budget_for_one_round_only_ends_it_before_anything_is_learnt(two, monkeypatch) -> None:
    world, line = two
    monkeypatch.setattr(Collaborations, "limit_nano", lambda _self, _agreed: 2 * EACH - 1)
    job = world.brand.ask("federated", question=QUESTION)
    settle(world, line, job)
    assert world.job(job)[1] == "budget-exceeded"
    nothing_came_of(world, job)
    assert [world.nodes[party].charges(job) for party in TWO] == [[], []]
    assert line.seen == []


def test_a_budget_that_is_spent_meanwhile_ends_it_before_the_next_round(two) -> None:
    world, line = two

    def spend() -> None:
        limit = world.brand.services.collaborations.limit_nano(
            world.brand.services.jobs.agreement(world.brand.services.jobs.description(job))
        )
        world.brand.services.budgets.charge(
            "0" * 32, COLLABORATION, PUBLISHER, "noisy-size", limit - EACH, limit, 1, "people"
        )

    once_at(line, AskConfirmation, spend)
    job = world.brand.ask("federated", question=QUESTION)
    settle(world, line, job)
    assert world.job(job) == ("failed", "budget-exceeded")
    nothing_came_of(world, job)
    assert [c.what for c in world.brand.charges(job)] == ["federated-round-1"]


@pytest.mark.slow
def test_too_few_who_permit_it_end_it_before_anything_is_charged(two) -> None:
    world, line = two
    for person in HELD[PUBLISHER]:
        if person not in SILENT and person >= HELD[PUBLISHER][40]:
            world.publisher.say("withdrawn", person, PURPOSE)
    job = world.brand.ask("federated", question=QUESTION)
    settle(world, line, job)
    assert world.job(job) == ("failed", "small-cohort")
    nothing_came_of(world, job)
    assert [world.nodes[party].charges(job) for party in TWO] == [[], []]


def test_whoever_asks_does_not_find_out_how_many_people_a_partner_has(two) -> None:
    """By a limit of its own it could halve the range with each job, and nobody would be charged."""
    world, line = two
    job = world.brand.ask("federated", question=QUESTION, minimum_size=5000)
    assert (
        world.publisher.services.jobs.agreement(
            world.brand.services.jobs.description(job)
        ).minimum_size
        < len(HELD[PUBLISHER])
        < world.brand.services.jobs.description(job).minimum_size
    )
    settle(world, line, job)
    assert world.job(job) == ("completed", "")


def test_a_partner_that_calls_it_off_in_a_round_ends_it_for_all(two) -> None:
    world, line = two
    once_at(line, AskConfirmation, lambda: world.publisher.services.jobs.cancel(job))
    job = world.brand.ask("federated", question=QUESTION)
    settle(world, line, job)
    assert world.job(job) == ("failed", "cancelled-by-party")
    nothing_came_of(world, job)
    for party in TWO:
        with pytest.raises(UnknownTraining):
            world.nodes[party].services.trainings.state(job)
    assert world.app.state.services.trainings.turn(job)
    assert not world.app.state.services.trainings.joined.jobs()


def test_a_training_that_an_earlier_version_left_in_a_round_ends_for_all_with_the_cause(
    two,
) -> None:
    world, line = two
    states = world.app.state.services.trainings.states

    def upgrade() -> None:
        (path,) = states.folder.iterdir()
        here, earlier = b"federated-aggregator/2", b"federated-aggregator/1"
        assert here in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(here, earlier))
        line.present = lambda party, question: True

    def present(party: str, question: Record) -> bool:
        return not isinstance(question, AskOpening)

    line.present = present
    job = world.brand.ask("federated", question=QUESTION)
    settle(
        world,
        line,
        job,
        each=lambda: upgrade() if line.refused and line.present is present else None,
    )
    assert line.refused == [("coordinator", "too-few-partners")]
    assert world.job(job) == ("failed", "training-outdated")
    assert world.app.state.services.trainings.told(job) is None
    nothing_came_of(world, job)


@pytest.mark.slow
def test_one_that_was_away_when_the_model_was_told_asks_for_it(two) -> None:
    world, line = two
    line.present = lambda party, question: not isinstance(question, Told)
    job = world.brand.ask("federated", question=QUESTION)
    settle(world, line, job)
    assert world.job(job) == ("completed", "")


# -- three -----------------------------------------------------------------------------------------


def test_of_three_one_drops_out_and_the_others_end(three) -> None:
    world, line = three
    line.present = lambda party, question: party != SHOP or turn_of(question) == 0
    job = world.brand.ask("federated", question=QUESTION)
    world.settle(job, until=lambda: in_training(world, job, 3))
    line.turn(job)  # it takes part in the first round; then it is gone
    shop = world.nodes.pop(SHOP)
    settle(world, line, job)
    assert world.job(job) == ("completed", "")
    made = world.brand.services.trained.load(job)
    assert made.contributed() == (THREE, TWO)
    assert made.signers() == TWO
    found = world.brand.receipt(job)
    assert found is not None
    assert found == world.publisher.receipt(job)
    whole, signatures = found
    assert [part.party for part in whole.parts] == list(TWO)
    assert set(signatures) == set(TWO)
    prices = {r.to: r.rho_nano for r in whole.parts[0].released}
    assert prices == {PUBLISHER: 2 * EACH, SHOP: 2 * EACH}
    with pytest.raises(NotFound, match="has trained no model here"):
        again.score(shop.services, job, SHOP)
    # When it comes back it hears what the others signed, and has the model too.
    world.nodes[SHOP] = shop
    settle(world, line, job)
    assert shop.receipt(job) == found
    assert shop.services.trained.load(job) == made
    with pytest.raises(ScoringNotAgreed):
        again.score(shop.services, job, SHOP)  # it was agreed on for training alone
    assert len(shop.charges(job)) == 2
    result = shop.result(job)
    assert result is not None
    assert result["cost"]["rho"] == "4"


@pytest.mark.slow
def test_one_that_was_gone_before_the_first_question_has_the_model_too_when_it_is_back(
    three,
) -> None:
    world, line = three
    line.present = lambda party, question: party != SHOP
    job = world.brand.ask("federated", question=QUESTION)
    world.settle(job, until=lambda: in_training(world, job, 3))
    shop = world.nodes.pop(SHOP)
    settle(world, line, job)
    world.nodes[SHOP] = shop
    settle(world, line, job)
    assert line.refused == []
    assert shop.services.trained.load(job) == world.brand.services.trained.load(job)
    assert shop.receipt(job) == world.brand.receipt(job)
    assert shop.charges(job) == []


@pytest.mark.slow
def test_two_of_three_that_join_begin_without_the_third_when_it_does_not_come(
    three, monkeypatch
) -> None:
    world, line = three
    monkeypatch.setattr("coordinator.federated.carrying.GATHER_SECONDS", 0)
    job = world.brand.ask("federated", question=QUESTION)
    world.settle(job, until=lambda: phases(world, job)[2:] == ["enter"])
    del world.nodes[SHOP]
    settle(world, line, job)
    assert world.job(job) == ("completed", "")
    assert world.brand.services.trained.load(job).contributed() == (TWO, TWO)


@pytest.mark.slow
def test_without_enough_partners_it_waits_and_goes_on_when_they_are_back(three) -> None:
    world, line = three
    line.present = lambda party, question: party == BRAND
    job = world.brand.ask("federated", question=QUESTION)
    world.settle(job, until=lambda: in_training(world, job, 3))
    for _ in range(3):
        line.turn(job)
    assert ("coordinator", "too-few-partners") in line.refused
    assert world.job(job)[0] == "running"
    line.present = lambda party, question: True
    settle(world, line, job)
    assert world.job(job) == ("completed", "")
    assert world.brand.services.trained.load(job).contributed() == (THREE, THREE)


# -- who lies --------------------------------------------------------------------------------------


def test_a_model_that_is_told_differently_to_two_partners_gets_no_receipt(two) -> None:
    world, line = two
    line.alter = lambda party, question: (
        dataclasses.replace(question, weights=bytes(len(question.weights)))
        if isinstance(question, Told) and party == BRAND
        else question
    )
    job = world.brand.ask("federated", question=QUESTION)
    settle(world, line, job)
    assert world.job(job) == ("failed", "context-mismatch")
    nothing_came_of(world, job)


def test_a_partner_cannot_join_by_other_terms_or_with_anothers_keys(two) -> None:
    world, _ = two
    job = world.brand.ask("federated", question=QUESTION)
    world.settle(job, until=lambda: in_training(world, job, 2))
    run = world.brand.services.trainings.state(job).run
    client = world.client(world.brand.services.home.keys)
    twisted = [
        dataclasses.replace(run, terms=dataclasses.replace(run.terms, rounds=1)),
        dataclasses.replace(run, terms=dataclasses.replace(run.terms, rho_nano=0)),
        dataclasses.replace(run, terms=dataclasses.replace(run.terms, sizes=(1, 1))),
        dataclasses.replace(
            run, publics=(run.publics[0], dataclasses.replace(run.publics[1], signing=bytes(32)))
        ),
    ]
    for wrong in twisted:
        with pytest.raises(CoordinatorRefused) as refused:
            client.join_training(job, encode(wrong))
        assert refused.value.reason == "training-refused"
    with pytest.raises(CoordinatorRefused):
        client.join_training(job, b"\x00")
    client.join_training(job, encode(run))


@pytest.mark.slow
def test_the_coordinator_sees_no_row_no_name_and_no_single_update(two) -> None:
    world, line = two
    job = world.brand.ask("federated", question=QUESTION)
    settle(world, line, job)
    assert world.job(job) == ("completed", "")
    passed = b"".join(part for _, *parts in line.seen for part in parts)
    disk = b"".join(
        p.read_bytes() for p in (world.folder / "coordinator").rglob("*") if p.is_file()
    )
    for party in TWO:
        for person in list(HELD[party])[:50]:
            assert email(person).encode() not in passed + disk
            assert key(party, person).encode() not in passed + disk
