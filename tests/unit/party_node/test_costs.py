"""The arithmetic of estimates; `tests/e2e/test_bench_psi.py` compares them with what happens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from party_node.costs import (
    BASE_MEMORY_MIB,
    JOB_SECONDS,
    MODELS,
    Sizes,
    Speed,
    cost,
    estimate,
    speed_of,
)
from party_node.insight import question_file
from party_node.joint import question_file as joint_file
from party_node.lookalike import question_file as lookalike_file
from party_node.preflight import expected, items_of, likely
from protocols.codec import encode
from protocols.disclosure import coarse
from protocols.envelope import Header, seal
from protocols.job import JobDescription
from protocols.job_params import kind_of_params
from protocols.joint.asked_again import JointAgain
from protocols.keys import PartyKeys
from protocols.psi import dh, ot, ring
from protocols.psi.params import MatchingParams, OtParams, PsiParams, RowParams
from protocols.question import params_for
from protocols.registry import REGISTRY, RINGS
from protocols.session import Role
from protocols.sums.alignment_params import JoinSumParams
from tests.support.aligned_runs import join_params, sum_params
from tests.support.circle import run_circle
from tests.support.described import described
from tests.support.pair import CTX, run_pair
from tests.support.seeded import digests, seeded

SPEED = Speed(blinding=8e-6, hashing=1e-6, strict_hashing=200e-6, cores=2)
LOOSE = PsiParams(2**24, 2**15, strict=False)
STRICT = PsiParams(2**24, 2**15, strict=True)
MEMBERS = "psi-dh-members/1"


def seconds(own, peer, params=LOOSE, speed=SPEED):
    return cost(MEMBERS, Sizes(own, peer, Role.INITIATOR), params, speed).cpu_seconds


def test_each_side_multiplies_every_row_of_both_sets():
    assert seconds(10**6, 10**6) == pytest.approx(2 * 10**6 * (8e-6 + 1.2e-6) + 1)
    assert seconds(10**6, 0) < seconds(10**6, 10**6) < seconds(10**6, 10**7)


def test_strict_hashing_is_paid_for_own_rows_only():
    assert seconds(100, 0, STRICT) - seconds(100, 0) == pytest.approx(100 * 199e-6)
    assert seconds(0, 100, STRICT) == seconds(0, 100)


def test_wall_time_is_shared_by_the_cores_and_has_what_every_job_takes():
    one = Speed(8e-6, 1e-6, 200e-6, cores=1)
    sizes = Sizes(10**6, 10**6, Role.RESPONDER)
    alone, shared = (estimate(MEMBERS, sizes, LOOSE, speed, 10**6) for speed in (one, SPEED))
    assert alone.seconds - JOB_SECONDS - 10 == pytest.approx(2 * (shared.seconds - 12), abs=2)
    nobody = estimate(MEMBERS, Sizes(0, 0, Role.RESPONDER), LOOSE, SPEED, 0)
    assert (nobody.seconds, nobody.memory_mib) == (JOB_SECONDS, BASE_MEMORY_MIB)


@pytest.mark.parametrize(
    ("protocol", "params"),
    [
        pytest.param(dh.MEMBERS, PsiParams(500, 64, strict=False), id="psi-dh"),
        pytest.param(ot.MEMBERS, OtParams(500, 64), id="psi-ot"),
        pytest.param(ot.MEMBERS, OtParams(500, 64, bucket_items=100), id="psi-ot, buckets"),
    ],
)
@pytest.mark.parametrize(("receiver", "sender"), [(300, 200), (200, 300), (1, 400), (0, 5)])
def test_the_bytes_are_those_of_the_sealed_messages(protocol, params, receiver, sender):
    played = run_pair(protocol, params, CTX, digests(range(receiver)), digests(range(sender)))
    brand, publisher = (PartyKeys.generate(p, seeded(p)) for p in ("brand", "publisher"))
    header = Header("0" * 32, "brand", "publisher", 7)
    sent = [*played.receiver.sent, *played.sender.sent]
    moved = sum(len(seal(brand, publisher.public(), header, body)) for body in sent)
    for role, sizes in ((Role.INITIATOR, (receiver, sender)), (Role.RESPONDER, (sender, receiver))):
        found = cost(protocol.name, Sizes(*sizes, role), params, SPEED).traffic_bytes
        assert moved / 1.05 < found < moved * 1.05


@pytest.mark.parametrize("protocol", [ring.MEMBERS, ring.CARDINALITY], ids=lambda p: p.name)
@pytest.mark.parametrize(("own", "peer"), [(300, 300), (40, 200), (200, 40)])
@pytest.mark.parametrize("number", [0, 1])
def test_of_many_parties_each_moves_its_own_lists_and_what_it_passes_on(
    protocol, own, peer, number
):
    params = PsiParams(500, 64, strict=True)
    sets = [digests(range(own if i == number else peer)) for i in range(4)]
    played = run_circle(protocol, params, CTX, sets)
    brand, paper = (PartyKeys.generate(p, seeded(p)) for p in ("brand", "paper"))
    header = Header("0" * 32, "brand", "paper", 7)
    bodies = [body for _, body in (*played[number].sent, *played[number].heard)]
    moved = sum(len(seal(brand, paper.public(), header, body)) for body in bodies)
    role = Role.RESPONDER if number else Role.INITIATOR
    found = cost(protocol.name, Sizes(own, peer, role, 4), params, SPEED)
    assert moved / 1.1 < found.traffic_bytes < moved * 1.1


def test_both_sides_expect_the_same_bytes():
    receiver, sender = Sizes(10**5, 10**6, Role.INITIATOR), Sizes(10**6, 10**5, Role.RESPONDER)
    found = [
        estimate(MEMBERS, sizes, LOOSE, SPEED, sizes.own).traffic_kib
        for sizes in (receiver, sender)
    ]
    assert found[0] == found[1] == pytest.approx((32 * 1.1e6 + 12 * 1e5) / 1024, rel=0.01)


def by_earlier(job, rho_nano):
    return JointAgain(job, "o", JOINT.ours, "t", JOINT.theirs, rho_nano)


COUNT = question_file.parse("{query: count, dataset: d, price: {rho: '1'}}")
ALIKE = lookalike_file.parse(
    "{population: p, features: [{column: a, kind: numeric}], price: {rho: '1'}, "
    "seeds: {dataset: s, expected: 500}}"
)
JOINT = joint_file.parse(
    "{ours: {dataset: o, features: [{column: a, kind: numeric}], "
    "label: {columns: {l: {categories: [x]}}, where: {eq: {l: x}}}}, "
    "theirs: {dataset: t, features: [{column: b, kind: numeric}]}, price: {rho: '1'}}",
    by_earlier,
)
AGAIN = joint_file.parse(f"{{by_job: {'0f' * 16}, price: {{rho: '1'}}}}", by_earlier)
QUESTIONS = (COUNT, ALIKE, JOINT, AGAIN)
ASKED = {type(params): params for params in (params_for(q, 50) for q in QUESTIONS)}
"""Parameters of the protocols that answer a question."""


def test_every_registered_protocol_has_an_estimate_and_an_unknown_one_is_taken_for_the_slowest():
    sizes = Sizes(10**5, 10**5, Role.INITIATOR)
    for name in (*REGISTRY, *RINGS):
        kind = kind_of_params(name)
        params = ASKED.get(kind) or kind.for_job()
        assert cost(name, sizes, params, SPEED).cpu_seconds > 0
        assert name.partition("/")[0] in MODELS
    assert cost("psi-new/1", sizes, LOOSE, SPEED) == cost(MEMBERS, sizes, LOOSE, SPEED)


def test_this_machine_is_measured_once():
    found = speed_of("pynacl")
    assert found is speed_of("pynacl")
    assert 0 < found.hashing < found.blinding < found.strict_hashing
    assert found.cores >= 1


@given(st.integers(0, 2**31))
def test_the_likely_size_of_a_step_is_never_far_from_the_real_one(people):
    guess = likely(coarse(people))
    if people > 1000:
        assert people / 1.6 < guess < people * 1.6
    else:
        assert guess == 500


BY_OT = "psi-ot-members/1"


def test_by_ot_extension_nothing_is_blinded_and_a_million_takes_a_few_seconds():
    sizes = [Sizes(10**6, 10**6, role) for role in Role]
    found = [cost(BY_OT, one, OtParams.for_job(), SPEED) for one in sizes]
    slow = Speed(1.0, 1.0, 1.0, cores=1)
    assert found == [cost(BY_OT, one, OtParams.for_job(), slow) for one in sizes]
    assert 2.5 < sum(side.cpu_seconds for side in found) < 6
    assert found[0].traffic_bytes == pytest.approx(108.8e6, rel=0.02)
    small = [cost(BY_OT, Sizes(100, 100, role), OtParams.for_job(), SPEED) for role in Role]
    assert sum(side.cpu_seconds for side in small) == pytest.approx(0.24, rel=0.1)


def test_memory_by_ot_extension_is_bounded_by_a_bucket_and_the_cutting():
    one, many = (
        cost(BY_OT, Sizes(n, n, Role.RESPONDER), OtParams.for_job(), SPEED).memory_bytes
        for n in (2**20, 2**24)
    )
    assert one < many <= 60 * 2**24


def job(protocol: str, params: MatchingParams, *identifiers: str) -> JobDescription:
    return described(
        protocol=protocol, params=encode(params), identifiers=identifiers or ("email",)
    )


COUNT = "psi-dh-cardinality/2"


@pytest.mark.parametrize(
    ("asked", "role", "people", "items"),
    [
        (job(MEMBERS, LOOSE), Role.INITIATOR, 5, 1000),
        (job(MEMBERS, LOOSE), Role.INITIATOR, 1001, 1250),
        (job(MEMBERS, LOOSE, "email", "phone"), Role.RESPONDER, 2000, 4000),
        (job(BY_OT, OtParams.for_job(2), "email", "phone"), Role.INITIATOR, 2001, 5000),
        (job(COUNT, RowParams(10**6, dummies=500)), Role.INITIATOR, 2001, 3000),
        (job(COUNT, RowParams(10**6, dummies=500)), Role.RESPONDER, 2001, 3000),
        (job(COUNT, RowParams(10**6, per_person=3)), Role.INITIATOR, 1300, 4800),
        (job(COUNT, RowParams(10**6, per_person=3)), Role.RESPONDER, 1300, 4000),
        (job(COUNT, RowParams(1800, per_person=3)), Role.INITIATOR, 10**6, 1800),
        (job(COUNT, RowParams(400, dummies=500)), Role.INITIATOR, 10**6, 400),
        (job(MEMBERS, PsiParams(1100)), Role.INITIATOR, 1050, 1100),
    ],
)
def test_people_are_reckoned_with_as_the_items_that_are_sent(asked, role, people, items):
    """Filled up, with dummies, with as many identifiers as each may bring."""
    assert items_of(asked, role, people) == items


@pytest.mark.parametrize(
    ("groups", "people", "strict", "items"),
    [
        (1, 5, True, 1000),
        (3, 5, True, 3000),
        (3, 4500, True, 4800),
        (3, 5, False, 30_000),
        (40, 10**6, True, 10**6),
    ],
)
def test_who_asks_fills_up_each_of_its_groups(groups, people, strict, items):
    join = join_params(groups, strict=strict, max_items=10**6)
    params = JoinSumParams(join, sum_params(groups, 1, rows=10**6))
    asked = job("sums-join-bfv/1", params)
    assert items_of(asked, Role.INITIATOR, people) == items
    assert items_of(asked, Role.RESPONDER, 4500) == 5000


def test_an_estimate_knows_what_this_side_brings_once_it_has_been_read():
    asked = job(MEMBERS, PsiParams.for_job(2), "email", "phone")
    before = expected(asked, "brand", 100_000, 100_000, "pynacl")
    after = expected(asked, "brand", 100_000, 100_000, "pynacl", 125_000)
    assert after.traffic_kib < before.traffic_kib
    assert after == expected(asked, "brand", 100_000, 100_000, "pynacl", 125_000)
