"""Memory is given back after bulk work that took some, and only then: it takes time to look."""

import gc
import sys

import pytest

from party_node import memory

MIB = 2**20


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each time that memory is given back, in a process that says it holds 100 MiB."""
    noted: list[str] = []
    monkeypatch.setattr(memory, "give_back", lambda: noted.append("given"))
    monkeypatch.setattr(memory, "_held", 100 * MIB)
    return noted


@pytest.mark.parametrize(
    ("resident", "times"), [(90 * MIB, 0), (108 * MIB, 0), (108 * MIB + 1, 1), (0, 1)]
)
def test_what_has_grown_or_is_not_known_is_given_back(
    given: list[str], monkeypatch: pytest.MonkeyPatch, resident: int, times: int
) -> None:
    monkeypatch.setattr(memory, "_resident", lambda: resident)
    with memory.bulk_work():
        pass
    assert len(given) == times


def test_growth_adds_up_over_small_work_until_it_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held, collected = [100 * MIB], []
    monkeypatch.setattr(memory, "_held", held[0])
    monkeypatch.setattr(memory, "_resident", lambda: held[0])
    monkeypatch.setattr(gc, "collect", lambda: collected.append(held[0]))
    for _ in range(6):
        with memory.bulk_work():
            held[0] += 3 * MIB
    assert collected == [109 * MIB, 118 * MIB]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it in a file")
def test_the_process_says_what_it_holds() -> None:
    before = memory._resident()
    taken = bytearray(b"x" * 64 * MIB)
    assert memory._resident() - before > 48 * MIB
    del taken


def test_the_collector_is_as_it_was_after_bulk_work() -> None:
    usual = gc.get_threshold()
    with memory.bulk_work(), memory.bulk_work():
        assert gc.get_threshold()[0] > usual[0]
    assert gc.get_threshold() == usual
