"""A campaign measured over people in common, as a job through the coordinator: arms at the
publisher, conversions at the brand, one question, paid once.
"""

from collections.abc import Iterator

import pytest

from party_node import disclosures, job_words
from party_node.insight.question_file import parse
from protocols.codec import decode, encode
from protocols.dp.queries.scalars import InvalidQuery
from protocols.sums.insight import Insight
from tests.support.insight_nodes import COMMON, PEOPLE, SILENT, insight_nodes, segment, spend, tier
from tests.support.two_nodes import BRAND, NOISE, PARTIES, PUBLISHER, TwoNodes, email, key

LIFT = """\
query: lift
dataset: audience
columns: {tier: {categories: [gold, silver, bronze]}}
arm: tier
baseline: bronze
converted: [loyal]
price: {rho: "8"}
ours:
  columns: {segment: {categories: [new, loyal]}}
  by: segment
"""
Table = dict[tuple[str, ...], dict[str, object]]


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with insight_nodes() as found:
        yield found


def measured(world: TwoNodes, question: str) -> tuple[Table, dict]:
    job = world.complete("insight", question=question)
    found = world.brand.result(job)
    assert found is not None
    statistics = found["statistics"]
    charged = {p: [(c.to_party, c.what) for c in world.nodes[p].charges(job)] for p in PARTIES}
    assert charged == {BRAND: [], PUBLISHER: [(BRAND, "statistics")]}
    told = world.publisher.result(job)
    assert told is not None
    assert told["statistics"] is None
    return {tuple(row["key"]): row for row in statistics["rows"]}, statistics


def test_a_campaign_is_measured(world: TwoNodes) -> None:
    found, statistics = measured(world, LIFT)
    arms = {a: [n for n in COMMON if tier(n) == a] for a in ("gold", "silver", "bronze")}
    loyal = {a: [n for n in people if segment(n) == "loyal"] for a, people in arms.items()}
    for arm, people in arms.items():
        assert abs(found[arm, "people", "noise"]["value"] - len(people)) <= 2 * NOISE
        assert abs(found[arm, "conversions", "noise"]["value"] - len(loyal[arm])) <= NOISE
    rate = {a: len(loyal[a]) / len(arms[a]) for a in arms}
    for arm in ("gold", "silver"):
        row = found[arm, "lift", "both"]
        assert row["low"] < rate[arm] - rate["bronze"] < row["high"]
        ratio = found[arm, "relative-lift", "noise"]
        assert ratio["low"] <= rate[arm] / rate["bronze"] - 1 <= ratio["high"]
    assert found["(missing)", "rate", "both"]["hidden"] == "small-cohort"
    assert statistics["query"] == "lift"
    assert statistics["keys"] == ["tier", "measure", "interval"]
    lines = list(job_words.statistics(statistics))
    assert any(line.startswith("  gold, lift, both: ") and " points (" in line for line in lines)
    assert any("assigned by chance" in line for line in lines)


def test_windows_on_both_sides_and_conversions_by_bins(world: TwoNodes) -> None:
    """Exposures that are outside of the window are of no arm; purchases outside of theirs are no
    conversions, and who made them stays in.
    """
    question = LIFT.replace("columns: {tier", "columns: {spend: {bins: [0, 50], decimals: 1}, tier")
    question = question.replace("arm: tier", "where: {range: {spend: {from: 10}}}\narm: tier")
    question = question.replace("segment: {categories: [new, loyal]}", "spend: {bins: [20, 35]}")
    question = question.replace("by: segment", "by: spend").replace("[loyal]", "[20 to under 35]")
    found, _ = measured(world, question)
    for arm in ("gold", "silver", "bronze"):
        people = [n for n in COMMON if tier(n) == arm and spend(n) >= 10]
        bought = [n for n in people if 20 <= spend(n) < 35]
        assert 2 < len(bought) < len(people) - 2
        assert abs(found[arm, "people", "noise"]["value"] - len(people)) <= 2 * NOISE
        assert abs(found[arm, "conversions", "noise"]["value"] - len(bought)) <= NOISE


def test_too_few_of_ones_own_converted_and_nothing_is_shown(world: TwoNodes) -> None:
    """One person of the brand's own is left as converted: fewer than the agreement's minimum."""
    for n in range(41, 60):
        if n not in SILENT[BRAND]:
            world.brand.say("withdrawn", n, "audience-measurement")
    found, statistics = measured(world, LIFT)
    assert {row["hidden"] for row in found.values()} == {"small-segment"}
    assert {row["value"] for row in found.values()} == {None}
    (hidden,) = statistics["hidden"]
    assert "too few of the asking party's own people" in hidden["text"]


def test_who_has_bought_twice_has_converted_once_whatever_other_rows_say(world: TwoNodes) -> None:
    """Each loyal customer has a row that says so, between two that do not."""
    path = world.folder / "purchases.csv"
    rows = []
    for n in PEOPLE[BRAND]:
        words = ["new", "loyal", "unheard of"] if segment(n) == "loyal" else ["new"]
        rows += [f"{key(BRAND, n)},{email(n)},{word}\n" for word in words]
    path.write_text("key,email,segment\n" + "".join(rows))
    world.brand.services.datasets.register("customers", path, "key", "email", None, "GB")
    found, _ = measured(world, LIFT)
    for arm in ("gold", "silver", "bronze"):
        people = [n for n in COMMON if tier(n) == arm]
        loyal = [n for n in people if segment(n) == "loyal"]
        assert abs(found[arm, "people", "noise"]["value"] - len(people)) <= 2 * NOISE
        assert abs(found[arm, "conversions", "noise"]["value"] - len(loyal)) <= NOISE


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("converted: [loyal]", "converted: [gold]", "converted names buckets of segment"),
        ("converted: [loyal]", "converted: [new, loyal, (other), (missing)]", "leaves out"),
        ("  by: segment\n", "", "a lift needs ours"),
        ("baseline: bronze", "baseline: copper", "baseline is one of"),
    ],
)
def test_a_question_of_lift_that_cannot_be_answered_is_refused(
    old: str, new: str, rule: str
) -> None:
    assert decode(Insight, encode(parse(LIFT))) == parse(LIFT)
    with pytest.raises(InvalidQuery, match=rule):
        parse(LIFT.replace(old, new))


def test_both_are_told_who_learns_what_before_they_agree(world: TwoNodes) -> None:
    """The publisher sees how large the two groups are, in steps: that is said."""
    asked = world.brand.ask("insight", question=LIFT)
    job = world.brand.services.jobs.description(asked)
    told = {learns.who: learns.what for learns in disclosures.who_learns(job)}
    assert "the lift of tier" in told[BRAND]
    assert "10 cells" in told[BRAND]
    assert "that of each of its 2 groups" in told[PUBLISHER]
