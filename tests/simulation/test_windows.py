"""Conversions within days of each person's own exposure, over people in common, as a job."""

from collections.abc import Iterator

import pytest

from tests.support.insight_nodes import COMMON, PEOPLE, SILENT, insight_nodes, tier
from tests.support.two_nodes import BRAND, PUBLISHER, TwoNodes, email, key

QUESTION = """\
query: lift
dataset: audience
columns:
  tier: {categories: [gold, silver, bronze]}
  seen: {column: spend, bins: [0, 1, 2, 3, 4, 5]}
arm: tier
baseline: bronze
converted: [0 to under 2, 2 to under 4, 4 to under 6, 6 to under 20]
window: {after: seen, under: 3}
price: {rho: "8"}
ours:
  columns: {bought: {bins: [0, 2, 4, 6, 20]}}
  by: bought
"""
BINS = (0, 2, 4, 6, 20)


def seen(person: int) -> int:
    """Return the day on which the publisher has shown something; it never did to every tenth."""
    return 77 if person % 10 == 0 else person % 5


def bought(person: int) -> list[int]:
    """Return the days on which a person has bought; a quarter never did."""
    return [] if person % 4 == 1 else sorted({person * 7 % 13, person * 11 % 13})


def in_window(person: int) -> bool:
    first = min(bought(person), default=None)
    if first is None:
        return False
    edge = max(e for e in BINS[:-1] if e <= first)
    return 0 <= edge - seen(person) < 3


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with insight_nodes() as found:
        for node, name in ((found.brand, "customers"), (found.publisher, "audience")):
            path = found.folder / f"{name}-days.csv"
            rows = []
            for n in PEOPLE[node.party]:
                days = bought(n) or [""] if node.party == BRAND else [seen(n)]
                rows += [f"{key(node.party, n)},{email(n)},{tier(n)},{day}\n" for day in days]
            column = "bought" if node.party == BRAND else "spend"
            path.write_text(f"key,email,tier,{column}\n" + "".join(rows))
            node.services.datasets.register(name, path, "key", "email", None, "GB")
        yield found


def test_a_conversion_counts_if_it_is_soon_enough_after_the_persons_own_exposure(
    world: TwoNodes,
) -> None:
    job = world.complete("insight", question=QUESTION)
    result = world.brand.result(job)
    assert result is not None
    found = {tuple(row["key"]): row for row in result["statistics"]["rows"]}
    counted = {"soon": 0, "at all": 0, "noisy": 0}
    for arm in ("gold", "silver", "bronze"):
        people = [n for n in COMMON if tier(n) == arm and seen(n) < 77]
        soon = [n for n in people if in_window(n)]
        at_all = [n for n in people if bought(n)]
        assert 1 < len(soon) < len(at_all) < len(people)
        conversions = found[arm, "conversions", "noise"]["value"]
        # Noise of 25 counts, each other than 0 once in 1,500 draws: four are once in 10^9.
        assert abs(found[arm, "people", "noise"]["value"] - len(people)) <= 4
        assert abs(conversions - len(soon)) <= 4
        counted["soon"] += len(soon)
        counted["at all"] += len(at_all)
        counted["noisy"] += conversions
    assert abs(counted["noisy"] - counted["soon"]) <= 5
    assert 5 < counted["soon"] < counted["at all"] - 10
    assert any("lower edges" in note for note in result["statistics"]["notes"])


@pytest.mark.slow
def test_within_the_window_among_all_who_were_exposed(world: TwoNodes) -> None:
    """Whom the brand does not know has not converted; who was never exposed is in no arm."""
    question = QUESTION.replace("arm: tier", "arm: tier\namong: exposed")
    job = world.complete("insight", question=question)
    result = world.brand.result(job)
    assert result is not None
    found = {tuple(row["key"]): row for row in result["statistics"]["rows"]}
    for arm in ("gold", "silver", "bronze"):
        shown = [
            n for n in set(PEOPLE[PUBLISHER]) - SILENT[PUBLISHER] if tier(n) == arm and seen(n) < 77
        ]
        soon = [n for n in shown if n in COMMON and in_window(n)]
        assert len(shown) > len([n for n in shown if n in COMMON]) + 5
        assert abs(found[arm, "people", "noise"]["value"] - len(shown)) <= 4
        assert abs(found[arm, "conversions", "noise"]["value"] - len(soon)) <= 4
