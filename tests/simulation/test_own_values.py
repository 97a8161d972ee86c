"""Values of the brand's own people over people in common, as jobs through the coordinator: their
sum and mean in each cell of the publisher's, and by arm of a campaign.
"""

import dataclasses
from collections.abc import Iterator

import pytest

from party_node import disclosures, job_checks, job_words
from party_node.api.jobs import result_chart, result_table
from party_node.errors import JobRefused
from party_node.insight.question_file import parse
from protocols.codec import encode
from protocols.sums.insight import params_for, question_of
from tests.support.insight_nodes import COMMON, PEOPLE, SILENT, insight_nodes, segment, spend, tier
from tests.support.two_nodes import (
    BRAND,
    COLLABORATION,
    NOISE,
    PARTIES,
    PUBLISHER,
    TwoNodes,
    email,
    key,
)

TIERS = ("gold", "silver", "bronze")
VALUED = """\
query: histogram
dataset: audience
columns: {tier: {categories: [gold, silver, bronze]}}
by: tier
price: {rho: "8"}
ours:
  columns: {spend: {bounds: [0, 42], decimals: 1}}
  value: spend
  levels: 5
"""
LIFT = """\
query: lift
dataset: audience
columns: {tier: {categories: [gold, silver, bronze]}}
arm: tier
baseline: bronze
converted: [loyal]
price: {rho: "8"}
ours:
  columns: {segment: {categories: [new, loyal]}, spend: {bounds: [0, 42], decimals: 1}}
  by: segment
  value: spend
  levels: 5
"""
Table = dict[tuple[str, ...], dict]


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with insight_nodes() as found:
        yield found


def answer(world: TwoNodes, question: str, **more: object) -> tuple[Table, dict]:
    job = world.complete("insight", question=question, **more)
    found = world.brand.result(job)
    assert found is not None
    charged = {p: [(c.to_party, c.what) for c in world.nodes[p].charges(job)] for p in PARTIES}
    assert charged == {BRAND: [], PUBLISHER: [(BRAND, "statistics")]}
    statistics = found["statistics"]
    return {tuple(row["key"]): row for row in statistics["rows"]}, statistics


def test_the_sum_of_the_brands_own_values_in_each_cell_of_the_publisher(world: TwoNodes) -> None:
    found, statistics = answer(world, VALUED)
    assert statistics["keys"] == ["tier", "measure"]
    for name in TIERS:
        people = [n for n in COMMON if tier(n) == name]
        total = sum(spend(n) for n in people)
        assert abs(found[name, "people"]["value"] - len(people)) <= 3 * NOISE
        row = found[name, "sum"]
        # Three times what 95 % are within: nearly six standard errors.
        assert abs(row["value"] - total) <= 3 * (row["high"] - row["value"])
        assert found[name, "mean"]["value"] == pytest.approx(
            row["value"] / found[name, "people"]["value"]
        )
    assert found["(missing)", "sum"]["hidden"] == "small-cohort"
    assert any("clipped" in note for note in statistics["notes"])


@pytest.mark.parametrize("route", [pytest.param("bfv", marks=pytest.mark.slow), "cot"])
def test_value_by_arm_of_a_campaign(world: TwoNodes, route: str) -> None:
    found, statistics = answer(world, LIFT, route=route)
    arms = {a: [n for n in COMMON if tier(n) == a] for a in TIERS}
    loyal = {a: [n for n in people if segment(n) == "loyal"] for a, people in arms.items()}
    per_person = {}
    for arm, people in arms.items():
        total = sum(spend(n) for n in loyal[arm])
        per_person[arm] = total / len(people)
        assert abs(found[arm, "people", "noise"]["value"] - len(people)) <= 3 * NOISE
        assert abs(found[arm, "conversions", "noise"]["value"] - len(loyal[arm])) <= 3 * NOISE
        value = found[arm, "value", "noise"]
        assert abs(value["value"] - total) <= 3 * (value["high"] - value["value"])
        mean = found[arm, "value-per-person", "both"]
        assert mean["low"] < per_person[arm] < mean["high"]
    for arm in ("gold", "silver"):
        row = found[arm, "value-lift", "both"]
        assert row["low"] < per_person[arm] - per_person["bronze"] < row["high"]
        more = found[arm, "incremental-value", "both"]
        assert more["low"] < more["value"] < more["high"]
    assert ("bronze", "value-lift", "both") not in found
    lines = list(job_words.statistics(statistics))
    assert any(line.startswith("  gold, incremental-value, both: ") for line in lines)


def test_all_purchases_of_a_person_are_added_up_and_clipped(world: TwoNodes) -> None:
    """Everybody has bought twice for 10, and once without a price: 20 each, whatever else."""
    path = world.folder / "purchases.csv"
    rows = [
        f"{key(BRAND, n)},{email(n)},{spent}\n"
        for n in PEOPLE[BRAND]
        for spent in ("10", "10.0", "")
    ]
    path.write_text("key,email,spend\n" + "".join(rows))
    world.brand.services.datasets.register("customers", path, "key", "email", None, "GB")
    found, statistics = answer(world, VALUED)
    for name in TIERS:
        row, people = found[name, "sum"], found[name, "people"]
        # All stand at one level, which is exact: only people are off.
        assert row["value"] == pytest.approx(20 * people["value"])
        assert found[name, "mean"]["value"] == pytest.approx(20)
        assert abs(people["value"] - len([n for n in COMMON if tier(n) == name])) <= NOISE
    assert not any("in common" in note for note in statistics["notes"])


@pytest.mark.slow
def test_who_has_no_value_is_in_no_mean(world: TwoNodes) -> None:
    path = world.folder / "some.csv"
    rows = [f"{key(BRAND, n)},{email(n)},{'7' if n % 2 else 'unknown'}\n" for n in PEOPLE[BRAND]]
    path.write_text("key,email,spend\n" + "".join(rows))
    world.brand.services.datasets.register("customers", path, "key", "email", None, "GB")
    found, _ = answer(world, VALUED)
    for name in TIERS:
        people = len([n for n in COMMON if tier(n) == name and n % 2])
        assert abs(found[name, "people"]["value"] - people) <= NOISE


def test_too_few_have_converted_and_no_value_is_shown(world: TwoNodes) -> None:
    for n in range(41, 60):
        if n not in SILENT[BRAND]:
            world.brand.say("withdrawn", n, "audience-measurement")
    found, _ = answer(world, LIFT)
    assert {row["hidden"] for row in found.values()} == {"small-segment"}
    assert ("gold", "incremental-value", "both") in found


@pytest.mark.parametrize("route", [pytest.param("cot", marks=pytest.mark.slow), "bfv"])
def test_rates_among_all_who_were_exposed(world: TwoNodes, route: str) -> None:
    """Everybody at the publisher counts, also whom the brand does not know."""
    exposed = LIFT.replace("arm: tier", "arm: tier\namong: exposed")
    found, statistics = answer(world, exposed, route=route)
    permitted = set(PEOPLE[PUBLISHER]) - SILENT[PUBLISHER]
    for arm in TIERS:
        people = [n for n in permitted if tier(n) == arm]
        loyal = [n for n in COMMON if tier(n) == arm and segment(n) == "loyal"]
        assert len(people) > len([n for n in COMMON if tier(n) == arm]) + NOISE
        assert abs(found[arm, "people", "noise"]["value"] - len(people)) <= 3 * NOISE
        assert abs(found[arm, "conversions", "noise"]["value"] - len(loyal)) <= 3 * NOISE
        rate = found[arm, "rate", "noise"]
        assert rate["low"] <= len(loyal) / len(people) <= rate["high"]
    lines = list(job_words.statistics(statistics))
    assert lines[0].startswith("lift of all who were exposed, by tier")
    assert any("everybody of an arm" in note for note in statistics["notes"])
    assert not any("only people whom both" in note for note in statistics["notes"])


@pytest.mark.slow
def test_a_list_of_buyers_alone_has_rates_among_the_exposed(world: TwoNodes) -> None:
    """Nobody of the brand's has not converted: the others are the publisher's people."""
    path = world.folder / "buyers.csv"
    rows = [f"{key(BRAND, n)},{email(n)},loyal,8\n" for n in PEOPLE[BRAND]]
    path.write_text("key,email,segment,spend\n" + "".join(rows))
    world.brand.services.datasets.register("customers", path, "key", "email", None, "GB")
    found, _ = answer(world, LIFT.replace("arm: tier", "arm: tier\namong: exposed"))
    for arm in TIERS:
        both = [n for n in COMMON if tier(n) == arm]
        assert abs(found[arm, "conversions", "noise"]["value"] - len(both)) <= 3 * NOISE
        assert found[arm, "rate", "both"]["value"] < 0.9


def test_both_are_told_of_the_values_before_they_agree(world: TwoNodes) -> None:
    exposed = LIFT.replace("arm: tier", "arm: tier\namong: exposed")
    asked = world.brand.ask("insight", question=exposed)
    job = world.brand.services.jobs.description(asked)
    assert question_of(job.question).levels == (5, 1)
    told = {learns.who: learns.what for learns in disclosures.who_learns(job)}
    assert "with the sum of its own spend" in told[BRAND]
    assert f"all of {PUBLISHER}'s people" in told[BRAND]
    assert "that of each of its 6 groups, which are 5 levels of its spend" in told[PUBLISHER]


@pytest.mark.slow
def test_every_measure_has_a_chart_of_its_own(world: TwoNodes) -> None:
    job = world.brand.ask("insight", question=LIFT)
    world.settle(job)
    here = world.brand._running()
    drawn = bytes(result_chart(job, here).body).decode()
    assert drawn.startswith("<svg")
    for measure in ("people", "value-per-person", "incremental-value"):
        assert f">{measure}<" in drawn
    lines = bytes(result_table(job, here).body).decode().splitlines()
    assert any(line.startswith("gold,value,noise,") for line in lines)


def test_a_brand_that_asks_of_people_in_common_cannot_have_all_others_added_up_too(
    world: TwoNodes,
) -> None:
    """An altered node asks with one vector more than its question says, or with more levels."""
    asked = world.brand.ask("insight", question=LIFT)
    job = world.brand.services.jobs.description(asked)
    agreed = world.publisher.services.collaborations.current(COLLABORATION)
    now = world.clock()
    assert job_checks.check(job, agreed, now)
    for text in (
        LIFT.replace("arm: tier", "arm: tier\namong: exposed"),
        LIFT.replace("levels: 5", "levels: 6"),
    ):
        strict = job_checks.params_of(job).hides_in_small_sets()
        params = params_for(parse(text), job.minimum_size, strict=strict)
        with pytest.raises(JobRefused, match="not those of the question"):
            job_checks.check(dataclasses.replace(job, params=encode(params)), agreed, now)
