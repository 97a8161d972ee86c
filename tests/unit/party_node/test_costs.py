"""The arithmetic of estimates; `tests/e2e/test_bench_psi.py` compares them with what happens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from party_node.costs import BASE_MEMORY_MIB, JOB_SECONDS, Sizes, Speed, cost, estimate, speed_of
from party_node.preflight import likely
from protocols.disclosure import step_down
from protocols.envelope import Header, seal
from protocols.keys import PartyKeys
from protocols.psi import dh
from protocols.psi.params import PsiParams
from protocols.registry import REGISTRY
from protocols.session import Role
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
    alone, shared = (estimate(MEMBERS, sizes, LOOSE, speed) for speed in (one, SPEED))
    assert alone.seconds - JOB_SECONDS - 10 == pytest.approx(2 * (shared.seconds - 12), abs=2)
    nobody = estimate(MEMBERS, Sizes(0, 0, Role.RESPONDER), LOOSE, SPEED)
    assert (nobody.seconds, nobody.memory_mib) == (JOB_SECONDS, BASE_MEMORY_MIB)


@pytest.mark.parametrize(("receiver", "sender"), [(300, 200), (200, 300), (1, 400), (0, 5)])
def test_the_bytes_are_those_of_the_sealed_messages(receiver, sender):
    params = PsiParams(max_items=500, chunk_items=64, tag_bytes=12, strict=False)
    played = run_pair(dh.MEMBERS, params, CTX, digests(range(receiver)), digests(range(sender)))
    brand, publisher = (PartyKeys.generate(p, seeded(p)) for p in ("brand", "publisher"))
    header = Header("0" * 32, "brand", "publisher", 7)
    sent = [*played.receiver.sent, *played.sender.sent]
    moved = sum(len(seal(brand, publisher.public(), header, body)) for body in sent)
    for role, sizes in ((Role.INITIATOR, (receiver, sender)), (Role.RESPONDER, (sender, receiver))):
        found = cost(MEMBERS, Sizes(*sizes, role), params, SPEED).traffic_bytes
        assert moved / 1.05 < found < moved * 1.05


def test_both_sides_expect_the_same_bytes():
    receiver, sender = Sizes(10**5, 10**6, Role.INITIATOR), Sizes(10**6, 10**5, Role.RESPONDER)
    found = [estimate(MEMBERS, sizes, LOOSE, SPEED).traffic_kib for sizes in (receiver, sender)]
    assert found[0] == found[1] == pytest.approx((32 * 1.1e6 + 12 * 1e5) / 1024, rel=0.01)


def test_every_registered_protocol_has_an_estimate_and_an_unknown_one_is_taken_for_the_slowest():
    sizes = Sizes(10**5, 10**5, Role.INITIATOR)
    for name in REGISTRY:
        assert cost(name, sizes, LOOSE, SPEED).cpu_seconds > 0
    assert cost("psi-new/1", sizes, LOOSE, SPEED) == cost(MEMBERS, sizes, LOOSE, SPEED)


def test_this_machine_is_measured_once():
    found = speed_of("pynacl")
    assert found is speed_of("pynacl")
    assert 0 < found.hashing < found.blinding < found.strict_hashing
    assert found.cores >= 1


@given(st.integers(0, 2**31))
def test_the_likely_size_of_a_step_is_never_far_from_the_real_one(people):
    guess = likely(step_down(people))
    if people >= 100:
        assert people / 1.6 < guess < people * 1.6
    else:
        assert guess == 50
