"""A joint score beside later outcomes at the party that has both: nothing leaves it."""

from collections.abc import Callable, Iterator

import pytest

from party_node.errors import IllegalState, MissingColumn, NotFound
from party_node.tables import BudgetChargeRow, UsePermissionRow
from party_node.tracking import by_scores, reached
from party_node.tracking.outcomes_file import parse
from protocols.dp.queries.scalars import InvalidQuery
from tests.support.insight_nodes import DATASET
from tests.support.joint_nodes import COMMON, PEOPLE, PURPOSE, QUESTION, churned, joint_nodes
from tests.support.tracking_nodes import OUTCOMES
from tests.support.two_nodes import BRAND, TwoNodes, email, key

LEFT = """\
columns: {left: {categories: ["yes", "no"]}}
where: {eq: {left: "yes"}}
"""


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with joint_nodes() as found:
        yield found


def score(world: TwoNodes) -> str:
    job = world.brand.ask("joint", question=QUESTION, route="cot")
    world.settle(job)
    assert world.job(job) == ("completed", ""), world.job(job)
    return job


def learn(world: TwoNodes, left: Callable[[int], bool]) -> None:
    """Register the brand's file again, with who has left."""
    file = world.folder / "later.csv"
    rows = [f"{key(BRAND, n)},{email(n)},{'yes' if left(n) else 'no'}" for n in PEOPLE[BRAND]]
    file.write_text("\n".join(["id,email,left", *rows]) + "\n")
    world.brand.services.datasets.register(DATASET[BRAND], file, "id", "email", None, None)


def test_three_verdicts_from_the_same_scores(world: TwoNodes) -> None:
    job = score(world)
    parts, charged = world.brand.services, len(world.brand.rows(BudgetChargeRow))
    learn(world, churned)
    good = by_scores.track(parts, job, parse(LEFT), BRAND)
    assert good["verdict"] == "as-good"
    assert (good["people"], good["withheld"]) == (len(COMMON), 0)
    assert good["with_outcome"] == sum(churned(n) for n in COMMON)
    assert good["now"]["low"] < good["now"]["auc"] < good["now"]["high"]
    assert abs(good["now"]["auc"] - good["before"]["auc"]) < 0.1
    shares = [fifth["share"] for fifth in good["fifths"]]
    assert shares[0] < 0.2 < 0.8 < shares[-1]
    learn(world, lambda n: n * 7919 % 1013 < 500)
    worse = by_scores.track(parts, job, parse(LEFT), BRAND)
    assert worse["verdict"] == "worse"
    assert worse["command"].startswith("accord job joint spring ")
    learn(world, lambda n: n in (100, 101, 102, 103))
    few = by_scores.track(parts, job, parse(LEFT), BRAND)
    assert few["verdict"] == "cannot-be-told"
    assert few["now"] is None
    assert len(world.brand.rows(BudgetChargeRow)) == charged, "nothing left, nothing is charged"
    uses = [u for u in world.brand.rows(UsePermissionRow) if u.job.startswith(f"{job}-track-")]
    assert len(uses) == 3
    assert all(use.outcome == "completed" for use in uses)


@pytest.mark.slow
def test_who_has_withdrawn_or_is_gone_from_the_file_is_not_compared(world: TwoNodes) -> None:
    job = score(world)
    gone = sorted(COMMON)[:5]
    for person in gone:
        world.brand.say("withdrawn", person, PURPOSE)
    found = by_scores.track(
        world.brand.services, job, parse(LEFT.replace("left", "churned")), BRAND
    )
    assert (found["people"], found["withheld"]) == (len(COMMON) - 5, 5)
    assert found["with_outcome"] == sum(churned(n) for n in COMMON - set(gone))


def test_what_cannot_be_compared_is_refused(world: TwoNodes) -> None:
    job = score(world)
    parts = world.brand.services
    with pytest.raises(MissingColumn, match="left"):
        by_scores.track(parts, job, parse(LEFT), BRAND)
    with pytest.raises(IllegalState, match="the job's own dataset"):
        by_scores.track(parts, job, parse("dataset: others\n" + OUTCOMES), BRAND)
    with pytest.raises(NotFound):
        by_scores.track(world.publisher.services, job, parse(OUTCOMES), BRAND)
    with pytest.raises(NotFound):
        by_scores.track(parts, "0" * 32, parse(OUTCOMES), BRAND)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("where: {eq: {a: b}}\n", "columns: is missing"),
        ("columns: {a: {categories: [b]}}\n", "where: is missing"),
        (LEFT + "seeds: 3\n", "seeds is not a key"),
        (LEFT.replace("eq: {left", "eq: {right"), "right"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(wrong: str, says: str) -> None:
    with pytest.raises(InvalidQuery, match=says):
        parse(wrong)


def test_reach_is_not_of_scores_and_the_partner_hears_that_it_has_none(world: TwoNodes) -> None:
    job = score(world)
    with pytest.raises(IllegalState, match="reach is of lookalike models"):
        reached.tracked(world.brand.services, job)
    with pytest.raises(NotFound, match="has left no model at this node"):
        reached.tracked(world.publisher.services, job)
