"""Questions about people in common, as jobs through the coordinator: exact but for the noise, paid
by the sender, receipted, and nobody's data without consent.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator

import pytest

from party_node import job_words
from party_node.accounts import Account
from party_node.api.jobs import result_chart, result_table
from party_node.errors import IllegalState, JobRefused, MissingColumn
from party_node.job_views import job_view
from party_node.roles.callers import Caller
from party_node.roles.tokens import StaffRole
from protocols.codec import decode
from protocols.release import StatisticsRelease
from tests.support.insight_nodes import (
    COMMON,
    PURPOSE,
    fill,
    insight_nodes,
    segment,
    spend,
    tier,
)
from tests.support.two_nodes import BRAND, NOISE, PARTIES, PUBLISHER, TwoNodes

HISTOGRAM = """\
query: histogram
dataset: audience
columns: {tier: {categories: [gold, silver, bronze]}}
by: tier
price: {rho: "8"}
"""
SEGMENTED = (
    HISTOGRAM
    + """\
ours:
  columns: {segment: {categories: [new, loyal]}}
  by: segment
"""
)
SUM = """\
query: sum
dataset: audience
columns: {spend: {bounds: [0, 50], decimals: 1}}
of: spend
price: {rho: "8"}
"""


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with insight_nodes() as found:
        yield found


def answer(world: TwoNodes, question: str, **more: object) -> dict[tuple[str, ...], float]:
    job = world.complete("insight", question=question, **more)
    result = world.brand.result(job)
    assert result is not None
    return {tuple(row["key"]): row["value"] for row in result["statistics"]["rows"]}


def of_tiers(people: set[int]) -> Counter[str]:
    return Counter(
        tier(n) if tier(n) in ("gold", "silver", "bronze") else "(other)" for n in people
    )


def test_a_histogram_over_people_in_common(world: TwoNodes) -> None:
    found = answer(world, HISTOGRAM)
    wanted = of_tiers(COMMON)
    for label in ("gold", "silver", "bronze", "(other)"):
        assert abs(found[label,] - wanted[label]) <= NOISE
    assert found["(missing)",] is None, "an empty cell is below the minimum"


def test_by_the_askers_own_segments(world: TwoNodes) -> None:
    found = answer(world, SEGMENTED)
    for name in ("new", "loyal"):
        wanted = of_tiers({n for n in COMMON if segment(n) == name})
        for label in ("gold", "silver", "bronze", "(other)"):
            assert abs(found[name, label] - wanted[label]) <= NOISE
    assert found["(other)", "gold"] is None


def test_a_sum_of_clipped_values(world: TwoNodes) -> None:
    found = answer(world, SUM)
    wanted = sum(min(spend(n), 50) for n in COMMON)
    assert abs(found[()] - wanted) < 400 / 10 * 5


def test_the_answer_as_a_table_and_as_a_chart(world: TwoNodes) -> None:
    job = world.brand.ask("insight", question=SEGMENTED)
    world.settle(job)
    here = world.brand._running()
    lines = bytes(result_table(job, here).body).decode().splitlines()
    assert lines[0] == "ours: segment,tier,value,low,high,people,hidden"
    assert any(line.startswith("new,gold,") for line in lines)
    drawn = bytes(result_chart(job, here).body).decode()
    assert drawn.startswith("<svg")
    assert "silver" in drawn
    with pytest.raises(IllegalState):
        result_table(job, world.publisher._running())


def test_the_same_question_again_is_answered_from_the_first_release(world: TwoNodes) -> None:
    for node in world.nodes.values():
        node.least_change = 2
        node.restart()
    first = answer(world, HISTOGRAM)
    again = world.brand.ask("insight", question=HISTOGRAM)
    world.settle(again)
    result = world.brand.result(again)
    assert result is not None
    assert result["earlier"] is not None
    assert {tuple(r["key"]): r["value"] for r in result["statistics"]["rows"]} == first
    assert world.publisher.charges(again) == []


@pytest.mark.parametrize("route", [pytest.param("bfv", marks=pytest.mark.slow), "cot"])
def test_progress_never_goes_back(world: TwoNodes, route: str) -> None:
    seen: dict[str, list[tuple[float, int]]] = {party: [] for party in PARTIES}
    job = world.brand.ask("insight", question=HISTOGRAM, route=route)

    def look() -> None:
        world.clock.advance(seconds=2)
        for party, node in world.nodes.items():
            if any(row.job == job for row in node.services.jobs.all()):
                far = job_view(node.services, job)["progress"]
                if far is not None:
                    seen[party].append((far["rows_done"] / far["rows"], far["rows"]))
                    assert (far["seconds_left"] is None) == (far["rows_done"] == 0)

    world.settle(job, each=look)
    assert world.job(job) == ("completed", "")
    for said in seen.values():
        assert len(said) > 3
        assert [part for part, _ in said] == sorted(part for part, _ in said)
        # The whole changes once, when it is heard how many the other side has.
        assert len({rows // 2 for _, rows in said}) <= 2
    assert max(part for part, _ in seen[BRAND]) > 0.9


TWO = (Caller(StaffRole.OPERATOR, "anna"), Caller(StaffRole.COMPLIANCE, "ben"))


def test_two_people_of_who_pays_let_it_be_asked_anew_once(world: TwoNodes) -> None:
    for node in world.nodes.values():
        node.least_change = 2
        node.restart()

    def earlier(question: str = HISTOGRAM) -> tuple[str, object]:
        world.clock.advance(seconds=1)
        job = world.complete("insight", question=question)
        told = {party: world.nodes[party].result(job)["earlier"] for party in PARTIES}  # type: ignore[index]
        assert told[BRAND] == told[PUBLISHER]
        assert len(world.publisher.charges(job)) == (0 if told[BRAND] else 1)
        return job, told[BRAND] and told[BRAND]["job"]

    first, none = earlier()
    assert none is None
    assert earlier()[1] == first
    # Who asks has no answer of its own here: only who pays may let it be asked anew.
    assert world.brand.services.answers.listed(10) == []
    ((kept, answers),) = world.publisher.services.answers.listed(10)
    (paid,) = world.publisher.charges(first)
    assert (kept.job, kept.counterparty, kept.rho_nano) == (first, BRAND, paid.rho_nano)
    assert kept.release == b"", "the side that pays is not told the answer"
    assert answers
    approvals = world.publisher.services.second_approvals
    entry = approvals.refresh(kept.number, "the file was wrong", TWO)
    said = world.publisher.services.ledger.entry(entry).record
    assert said.detail == f"answer:{kept.number}, the file was wrong"  # type: ignore[union-attr]
    world.publisher.restart()
    second, none = earlier()
    assert none is None
    assert earlier()[1] == second, "once"
    listed = world.publisher.services.answers.listed(10)
    assert [(one.job, stands) for one, stands in listed] == [(second, True), (first, False)]
    spent = world.publisher.services.budgets.spent(Account(BRAND, "audience"))
    assert spent.nano == 2 * paid.rho_nano


def test_another_filter_is_another_question(world: TwoNodes) -> None:
    answer(world, HISTOGRAM)
    other = world.brand.ask("insight", question=HISTOGRAM + "where: {eq: {tier: gold}}\n")
    world.settle(other)
    result = world.brand.result(other)
    assert result is not None
    assert result["earlier"] is None
    assert len(world.publisher.charges(other)) == 1


@pytest.mark.parametrize("route", ["bfv", "cot"])
def test_a_route_may_be_forced(world: TwoNodes, route: str) -> None:
    job = world.brand.ask("insight", question=HISTOGRAM, route=route)
    world.settle(job)
    result = world.brand.result(job)
    assert result is not None
    assert result["provenance"]["protocol"] == f"sums-join-{route}/1"
    values = {r["key"][0]: r["value"] for r in result["statistics"]["rows"]}
    assert abs(values["gold"] - of_tiers(COMMON)["gold"]) <= NOISE


def test_a_column_that_is_not_offered_is_refused_before_anything_runs(world: TwoNodes) -> None:
    with pytest.raises(JobRefused, match="segment"):
        world.brand.ask("insight", question=HISTOGRAM.replace("tier", "segment"))


def test_nobody_asks_by_the_other_partys_segments(world: TwoNodes) -> None:
    with pytest.raises(JobRefused, match="gets the answer"):
        world.publisher.ask("insight", question=SEGMENTED)


def test_before_it_is_asked_price_noise_and_what_is_left_are_said(world: TwoNodes) -> None:
    ahead = world.brand.look_ahead("insight", question=HISTOGRAM)
    assert ahead["cost"]["paid_by"] == [PUBLISHER]
    assert ahead["cost"]["epsilon_alone"] > 0
    told = list(job_words.preflight(ahead, ahead["preflight"], ahead["estimate"]))
    assert any(line.startswith("price: rho 10 (epsilon ") for line in told)
    assert any("counts give or take" in line for line in told)
    assert any("questions left at ±100" in line and "nothing" in line for line in told)
    job = world.brand.ask("insight", question=HISTOGRAM)
    world.settle(job)
    (said,) = [s for party, s in job_view(world.brand.services, job)["preflights"].items()
               if party == PUBLISHER]  # fmt: skip
    assert said["questions_before"] > said["questions_after"] > 0


def test_a_misspelt_column_of_ones_own_costs_nothing(world: TwoNodes) -> None:
    with pytest.raises(MissingColumn):
        world.brand.ask(
            "insight",
            question=SEGMENTED.replace("{segment:", "{segmant:").replace(
                "by: segment", "by: segmant"
            ),
        )


def test_after_new_rows_the_same_question_is_asked_anew(world: TwoNodes) -> None:
    for node in world.nodes.values():
        node.least_change = 2
        node.restart()
    answer(world, HISTOGRAM)
    world.clock.advance(seconds=60)
    fill(world.publisher, world.folder, tier_of=lambda person: "silver")
    job = world.brand.ask("insight", question=HISTOGRAM)
    world.settle(job)
    result = world.brand.result(job)
    assert result is not None
    assert result["earlier"] is None
    values = {tuple(r["key"]): r["value"] for r in result["statistics"]["rows"]}
    assert abs(values["silver",] - len(COMMON)) <= NOISE


def test_the_commitment_in_the_receipt_is_to_the_sums_that_the_asker_has(world: TwoNodes) -> None:
    job = world.brand.ask("insight", question=HISTOGRAM)
    world.settle(job)
    result, signed = world.brand.result(job), world.publisher.receipt(job)
    assert result is not None
    assert signed is not None
    opening = world.brand.services.vault.open(
        f"opening/{job}", bytes.fromhex(result["statistics"]["opening"])
    )
    part = signed[0].part_of(PUBLISHER)
    assert part is not None
    assert part.released[0].commitment == hashlib.sha256(opening).digest()
    sums = decode(StatisticsRelease, opening).sums
    assert abs(sums.values[0] - of_tiers(COMMON)["gold"]) <= NOISE


def test_the_sender_pays_and_both_sign_what_was_given(world: TwoNodes) -> None:
    job = world.brand.ask("insight", question=HISTOGRAM)
    world.settle(job)
    receipts = [world.nodes[party].receipt(job) for party in PARTIES]
    assert receipts[0] == receipts[1]
    assert receipts[0] is not None
    whole, signatures = receipts[0]
    assert set(signatures) == set(PARTIES)
    brand, publisher = whole.part_of(BRAND), whole.part_of(PUBLISHER)
    assert brand is not None
    assert publisher is not None
    assert brand.released == ()
    (stated,) = publisher.released
    assert (stated.to, stated.what) == (BRAND, "statistics")
    charged = {p: [(c.to_party, c.what) for c in world.nodes[p].charges(job)] for p in PARTIES}
    assert charged == {BRAND: [], PUBLISHER: [(BRAND, "statistics")]}
    told = world.publisher.result(job)
    assert told is not None
    assert told["statistics"] is None
    assert told["size"] is None


def test_who_withdraws_is_not_counted_any_more(world: TwoNodes) -> None:
    leaving = {n for n in COMMON if tier(n) == "gold"}
    for person in leaving:
        world.publisher.say("withdrawn", person, PURPOSE)
    found = answer(world, HISTOGRAM)
    assert found["gold",] is None or found["gold",] <= NOISE + 2
    assert abs(found["silver",] - of_tiers(COMMON)["silver"]) <= NOISE
