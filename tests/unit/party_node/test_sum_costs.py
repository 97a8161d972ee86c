"""What sums take by either route, and which is chosen for how many people and columns."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from party_node import job_requests, sum_costs
from party_node.errors import JobRefused
from party_node.job_requests import Draft, Request
from party_node.sum_costs import BFV, COT, seconds, sum_cost, sums_of
from protocols.codec import encode
from protocols.collaboration import Permitted
from protocols.dp.queries.reading import read_query
from protocols.errors import InvalidParameter
from protocols.question import params_fitting
from protocols.session import Role
from protocols.sums.alignment_params import AlignedParams
from protocols.sums.bfv import SUMS_BFV
from protocols.sums.cot_cost import sent_bytes
from protocols.sums.insight import Insight
from protocols.sums.layout import SumLayout
from protocols.sums.segments import EVERYBODY
from tests.support.aligned import drawn, params_of, run_sums
from tests.support.described import described
from tests.support.joint_runs import params_of as joint_params

COUNT = Insight(
    read_query({"query": "count", "dataset": "audience", "price": {"rho": "1"}}), EVERYBODY
)
JOINT = joint_params(2**18, 40, 30)
"""As the 20 and 30 features of `accord bench lookalike --part joint`."""


@pytest.mark.parametrize(("vectors", "rows", "columns"), [(1, 20_000, 40), (5, 3_000, 7)])
def test_what_a_run_by_bfv_sends_is_what_is_reckoned(vectors, rows, columns):
    layout = SumLayout(vectors, 3, (50,) * columns, (4,), 20_000, 8192)
    run = run_sums(drawn(layout, rows), params_of(layout), SUMS_BFV)
    sent = sum(len(message) for side in (run.receiver, run.sender) for message in side.sent)
    assert sum_cost(BFV, params_of(layout), rows).traffic_bytes == pytest.approx(sent, rel=0.01)


@pytest.mark.parametrize("rows", [3_000, 20_000, 100_000])
def test_what_a_run_by_transfers_sends_is_what_is_reckoned(rows):
    for params in sums_of(JOINT):
        sent = sum(sent_bytes(params, rows, narrow=False))
        assert sum_cost(COT, params, rows).traffic_bytes == pytest.approx(sent, rel=0.02)


def test_by_bfv_the_sums_cost_and_by_transfers_the_rows():
    """A fixed cost here and none to speak of there; a row is dear where there is none."""
    (few, more), (none, many) = (
        [seconds(route, JOINT, rows, 10_000) for rows in (2_000, 100_000)] for route in (BFV, COT)
    )
    assert few > 5 * none
    assert many > 4 * more
    assert more < 3 * few
    assert many == pytest.approx(50 * none, rel=0.4)


def test_more_people_than_there_is_room_for_take_what_there_is_room_for():
    assert seconds(BFV, JOINT, 10**9, 100) == seconds(BFV, JOINT, 2**18, 100)


def test_the_side_with_the_matrix_computes_most_by_bfv_and_as_much_as_the_other_by_transfers():
    within = sums_of(JOINT)[2]
    bfv, cot = (sum_cost(route, within, 50_000) for route in (BFV, COT))
    assert bfv.cpu_seconds(Role.RESPONDER) > 3 * bfv.cpu_seconds(Role.INITIATOR)
    assert cot.cpu_seconds(Role.RESPONDER) == cot.cpu_seconds(Role.INITIATOR)


@pytest.mark.parametrize("route", [BFV, COT])
def test_no_rows_cost_hardly_anything_but_what_comes_back(route):
    none = sum_cost(route, sums_of(JOINT)[2], 0)
    some = sum_cost(route, sums_of(JOINT)[2], 8192)
    assert none.vectors_seconds < some.vectors_seconds
    assert none.traffic_bytes < some.traffic_bytes


def test_sums_that_a_route_has_no_room_for_have_no_cost():
    too_large = params_of(SumLayout(1, 2**30, (2**30,), (), 3))
    with pytest.raises(InvalidParameter):
        sum_cost(BFV, too_large, 3)


def chosen(params: AlignedParams, people: int, bandwidth_mbit: int) -> str:
    """Return the route that is chosen where both are permitted."""
    routes = ("sums-bfv/9", "sums-cot/9")
    job = described(params=encode(params))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job_requests, "params_of", lambda _job: params)
        protocol = Draft(job, routes, bandwidth_mbit).for_people(people).protocol
    return sum_costs.route_of(protocol)


@pytest.mark.parametrize(
    ("people", "bandwidth_mbit", "route"),
    [
        (2_000, 100, COT),
        (5_000, 1_000, COT),
        (100_000, 100, BFV),
        (100_000, 10_000, BFV),
        (5_000, 10, COT),
        (20_000, 10, BFV),
    ],
)
def test_a_joint_score_of_few_people_goes_by_transfers_and_of_many_by_bfv(
    people, bandwidth_mbit, route
):
    assert chosen(JOINT, people, bandwidth_mbit) == route


@pytest.mark.parametrize("people", [1_000, 10**6])
@pytest.mark.parametrize("bandwidth_mbit", [1, 100, 10_000])
def test_a_mere_count_goes_by_transfers(people, bandwidth_mbit):
    assert chosen(params_fitting(COUNT, 50), people, bandwidth_mbit) == COT


def clauses(**asked: Any) -> list[str]:
    """Return the protocols that a count could be answered by, where both routes are permitted."""
    permitted = tuple(
        Permitted("insight", f"sums-join-{route}/1", purpose, "brand", False)
        for purpose in ("measurement", "planning")
        for route in (BFV, COT)
    )
    agreed: Any = SimpleNamespace(collaboration="spring", permitted=permitted, minimum_size=50)
    found = job_requests.clauses(agreed, Request("spring", "insight", question=COUNT, **asked))
    assert len({clause.purpose for clause in found}) == 1
    return [clause.protocol for clause in found]


def test_a_route_that_is_asked_for_is_the_only_one():
    assert clauses() == ["sums-join-bfv/1", "sums-join-cot/1"]
    assert clauses(route=BFV) == ["sums-join-bfv/1"]


def test_a_route_without_room_for_the_question_is_none(monkeypatch):
    def narrow(protocol: str, _params: object) -> None:
        if protocol in full:
            raise InvalidParameter("there is no room")

    monkeypatch.setattr(sum_costs, "check_room", narrow)
    full = {"sums-join-bfv/1"}
    assert clauses() == ["sums-join-cot/1"]
    full = {"sums-join-bfv/1", "sums-join-cot/1"}
    with pytest.raises(JobRefused, match="there is no room"):
        clauses()


def test_the_page_says_what_each_kind_of_work_takes():
    page = (Path(__file__).parents[3] / "docs/concepts/statistics.md").read_text()
    rows = re.findall(r"^\| `?(?:bfv|cot|either)`?: .* \| ([0-9.]+) (ms|µs|ns)", page, re.MULTILINE)
    told = [float(number) * {"ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit] for number, unit in rows]
    assert told == pytest.approx([
        sum(sum_costs._ENCRYPTION_SECONDS),
        sum_costs._FACTOR_SECONDS,
        sum_costs._PRODUCT_SECONDS,
        sum(sum_costs._REPLY_SECONDS),
        2 * sum_costs._TRANSFER_SECONDS,
        2 * sum_costs._ENTRY_BYTE_SECONDS,
        2 * sum_costs._PLANE_SECONDS,
        2 * sum_costs._CARRIED_BYTE_SECONDS,
    ])  # fmt: skip


def test_the_bound_is_where_the_page_says():
    assert seconds(COT, JOINT, 9_000, 100) < seconds(BFV, JOINT, 9_000, 100)
    assert seconds(COT, JOINT, 12_000, 100) > seconds(BFV, JOINT, 12_000, 100)
