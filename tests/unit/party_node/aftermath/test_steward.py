"""The steward does each duty in its turn, and one that fails stops neither it nor the others."""

import threading
import time

from party_node.aftermath import steward as module
from party_node.aftermath.steward import Steward, Turn


def test_duties_come_again_and_a_failing_one_harms_no_other(monkeypatch):
    monkeypatch.setattr(module, "_TICK_SECONDS", 0.001)
    enough, seen = threading.Event(), {"good": 0, "bad": 0}

    def good():
        seen["good"] += 1
        if seen["good"] >= 3 and seen["bad"] >= 3:
            enough.set()

    def bad():
        seen["bad"] += 1
        raise RuntimeError("not today")

    steward = Steward([Turn("bad", 0.0, bad), Turn("good", 0.0, good)])
    steward.start()
    assert enough.wait(30)
    steward.stop()


def test_a_duty_waits_for_its_turn(monkeypatch):
    monkeypatch.setattr(module, "_TICK_SECONDS", 0.001)
    rare, often, enough = [], [], threading.Event()

    def count():
        often.append(1)
        if len(often) >= 5:
            enough.set()

    steward = Steward([Turn("rare", 3600.0, lambda: rare.append(1)), Turn("often", 0.0, count)])
    steward.start()
    assert enough.wait(30)
    steward.stop()
    assert len(rare) == 1


def test_stopping_waits_for_the_duty_that_is_under_way(monkeypatch):
    monkeypatch.setattr(module, "_TICK_SECONDS", 0.001)
    began, finished = threading.Event(), []

    def slow():
        began.set()
        time.sleep(0.05)
        finished.append(1)

    steward = Steward([Turn("slow", 3600.0, slow)])
    steward.start()
    assert began.wait(30)
    steward.stop()
    assert finished == [1]
