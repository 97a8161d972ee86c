"""Time left is judged by the time at work: a node that was down has not become slower."""

import dataclasses

import pytest

from party_node.progress import LONGEST_STEP_MS, Standing, paced, standing
from party_node.runs import Run
from protocols.codec import encode
from protocols.psi import dh
from protocols.psi.dh_records import ReceiverEvaluating, ReceiverSending
from protocols.psi.dh_records import Run as DhRun
from protocols.psi.params import PsiParams
from protocols.session import Items

PARAMS = PsiParams(max_items=1_000, chunk_items=100, strict=False)
MINE = DhRun(PARAMS, bytes(32), Items(400, 100), bytes(32))
START = 1_000_000


def run_in(state, facts):
    return Run("0" * 32, "protocol", state=encode(state), facts=facts)


def test_time_left_is_what_is_left_at_the_pace_so_far():
    facts = paced(paced({}, START), START + 10_000)
    found = standing(dh.MEMBERS, run_in(ReceiverEvaluating(MINE, 600, 1), facts), 0, START + 10_000)
    assert found == Standing(rows_done=500, rows=1_000, seconds_left=10)


def test_an_unknown_size_is_taken_from_the_pre_flight():
    facts = paced({}, START)
    found = standing(dh.MEMBERS, run_in(ReceiverSending(MINE, 2), facts), 800, START + 5_000)
    assert found == Standing(rows_done=200, rows=1_200, seconds_left=25)


def test_a_pause_counts_as_a_minute_at_most():
    facts = paced(paced({}, START), START + 86_400_000)
    assert facts["worked_ms"] == LONGEST_STEP_MS
    resumed = paced(facts, START + 86_400_000 + 2_000)
    assert resumed["worked_ms"] == LONGEST_STEP_MS + 2_000


def test_a_clock_that_goes_back_takes_nothing_away():
    facts = paced(paced({}, START), START - 5_000)
    assert facts["worked_ms"] == 0


@pytest.mark.parametrize("after_ms", [0, 5_000])
def test_before_anything_is_done_nobody_guesses(after_ms):
    found = standing(
        dh.MEMBERS, run_in(ReceiverSending(MINE, 0), paced({}, START)), 5, START + after_ms
    )
    assert found == Standing(0, 405, None)


def test_a_protocol_that_cannot_say_says_nothing():
    silent = dataclasses.replace(dh.MEMBERS, progress=None)
    assert standing(silent, run_in(ReceiverSending(MINE, 1), {}), 5, START) is None
