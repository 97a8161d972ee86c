"""Questions about people in common while nodes die: each job ends as it should, on both routes, and
nobody's budget is ever overspent.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

import httpx2
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from party_node.accounts import Account
from protocols.dp.budget import Rho
from protocols.release import STATISTICS
from tests.support.insight_nodes import COMMON, insight_nodes, tier
from tests.support.two_nodes import (
    BRAND,
    COLLABORATION,
    NOISE,
    PARTIES,
    PUBLISHER,
    Node,
    TwoNodes,
)

ROUTES = ("bfv", "cot")
GOLD = """\
query: count
dataset: audience
columns: {tier: {categories: [gold, silver, bronze]}}
where: {eq: {tier: gold}}
price: {rho: "8"}
"""
LIMIT, LEFT = Rho.parse("1000"), Rho.parse("20")
"""What is agreed, and what earlier answers have left of it."""


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def world() -> Iterator[TwoNodes]:
    with insight_nodes() as found:
        yield found


def as_if_nothing_had_happened(world: TwoNodes, job: str) -> None:
    """Require the one right end: completed, paid once by who is asked, the plain answer."""
    assert world.job(job) == ("completed", "")
    assert all(node.state(job) == ("completed", "") for node in world.nodes.values())
    assert [len(world.nodes[party].charges(job)) for party in PARTIES] == [0, 1]
    result = world.brand.result(job)
    assert result is not None
    (row,) = result["statistics"]["rows"]
    assert abs(row["value"] - sum(tier(n) == "gold" for n in COMMON)) <= NOISE
    assert world.brand.receipt(job) == world.publisher.receipt(job)
    assert [one.job for one, _ in world.publisher.services.answers.listed(10)] == [job]
    assert world.bodies(job) == []
    assert not any(node.chunk_folder(job).exists() for node in world.nodes.values())


def kill_at(node: Node, number: int, *, heard: bool) -> list[int]:
    """Let a node die at its n-th changing request, before it leaves or before its answer."""
    died: list[int] = []
    counted = itertools.count()
    due = False

    def on_request(request: httpx2.Request) -> None:
        nonlocal due
        due = request.method != "GET" and next(counted) >= number
        if due and not heard:
            died.append(number)
            raise Killed

    def on_answer(_request: httpx2.Request, answer: httpx2.Response) -> httpx2.Response:
        if due:
            died.append(number)
            raise Killed
        return answer

    node.wire.on_request, node.wire.on_answer = on_request, on_answer
    return died


def come_back(node: Node) -> None:
    node.wire.on_request = node.wire.on_answer = None
    node.restart()


@pytest.mark.parametrize("route", ["cot", pytest.param("bfv", marks=pytest.mark.slow)])
def test_nodes_that_die_after_every_step_bring_the_question_to_its_end(
    world: TwoNodes, route: str
) -> None:
    job = world.brand.ask("insight", question=GOLD, route=route)

    world.settle(job, each=world.restart)
    as_if_nothing_had_happened(world, job)


def dies_once(world: TwoNodes, route: str, party: str, number: int, *, heard: bool) -> bool:
    """Run a question in which a node dies there and comes back; return whether it came to that."""
    node, job = world.nodes[party], world.brand.ask("insight", question=GOLD, route=route)
    died = kill_at(node, number, heard=heard)
    try:
        world.settle(job)
    except Killed:
        come_back(node)
        world.settle(job)
    as_if_nothing_had_happened(world, job)
    return bool(died)


@pytest.mark.parametrize(
    ("route", "party", "number", "heard"),
    [
        ("bfv", PUBLISHER, 4, True),
        ("cot", BRAND, 9, False),
    ],
)
def test_a_node_that_dies_at_a_request_goes_on_after_it(
    world: TwoNodes, route: str, party: str, number: int, heard: bool
) -> None:
    assert dies_once(world, route, party, number, heard=heard)


@pytest.mark.slow
@pytest.mark.parametrize("heard", [True, False])
@pytest.mark.parametrize("party", PARTIES)
@pytest.mark.parametrize("route", ROUTES)
def test_a_node_may_die_at_any_request(route: str, party: str, heard: bool) -> None:
    number, more = 0, True
    while more:
        with insight_nodes() as world:
            more = dies_once(world, route, party, number, heard=heard)
        number += 1
    assert number > 15


# Never overspent


def ask_last(world: TwoNodes, tiers: Sequence[str], rho: str) -> list[str]:
    """Ask a question for each tier at once, each of this price; little of the budget is left."""
    before = LIMIT.nano - LEFT.nano
    world.publisher.services.budgets.charge(
        "before", COLLABORATION, BRAND, STATISTICS, before, LIMIT.nano, 1, dataset="audience"
    )
    asked = [
        GOLD.replace("{tier: gold}", f"{{tier: {one}}}").replace('"8"', f'"{rho}"') for one in tiers
    ]
    return [world.brand.ask("insight", question=one, route="cot") for one in asked]


def spent_within(world: TwoNodes) -> Callable[[], None]:
    """Return a look at the budget: never more than the limit, and what was charged, once a job."""

    def look() -> None:
        parts = world.publisher.services
        spent = parts.budgets.spent(Account(BRAND, "audience"))
        charges = [c for c in parts.budgets.history() if c.to_party == BRAND]
        assert spent <= LIMIT
        assert spent.nano == sum(c.rho_nano for c in charges)
        assert len({c.job for c in charges}) == len(charges)

    return look


def all_or_refused(world: TwoNodes, jobs: Sequence[str]) -> list[str]:
    """Return the jobs that completed: paid, each; the others were for want of budget, unpaid."""
    done = [job for job in jobs if world.job(job) == ("completed", "")]
    for job in jobs:
        paid = len(world.publisher.charges(job))
        assert paid == (1 if job in done else 0), world.job(job)
        assert (world.brand.result(job) is not None) is (job in done)
        if job not in done:
            assert world.job(job)[1] == "budget-exceeded"
    return done


def test_of_three_questions_at_once_two_fit_though_nodes_die_all_the_time(world: TwoNodes) -> None:
    jobs, look = ask_last(world, ["gold", "silver", "bronze"], "8"), spent_within(world)

    def die() -> None:
        for node in world.nodes.values():
            node.restart()
        look()

    world.settle(*jobs, each=die)
    assert len(all_or_refused(world, jobs)) == 2


deaths = st.lists(
    st.tuples(st.sampled_from(PARTIES), st.integers(0, 25), st.booleans()), max_size=4
)


@pytest.mark.slow
@settings(max_examples=6, deadline=None, phases=[Phase.generate])  # to shrink would take hours
@given(
    tiers=st.lists(st.sampled_from(["gold", "silver", "bronze"]), min_size=1, max_size=4),
    rho=st.sampled_from(["1.5", "3", "5", "8"]),
    deaths=deaths,
)
def test_never_overspent_whatever_is_asked_at_once_and_whoever_dies(
    tiers: list[str], rho: str, deaths: list[tuple[str, int, bool]]
) -> None:
    with insight_nodes() as world:
        jobs, look = ask_last(world, tiers, rho), spent_within(world)
        for party, number, heard in deaths:
            node = world.nodes[party]
            kill_at(node, number, heard=heard)
            try:
                world.settle(*jobs, each=look)
            except Killed:
                look()
            come_back(node)
        world.settle(*jobs, each=look)
        done = all_or_refused(world, jobs)
        each = max((c.rho_nano for job in done for c in world.publisher.charges(job)), default=0)
        assert len(done) == len(jobs) or (len(done) + 1) * each > LEFT.nano
