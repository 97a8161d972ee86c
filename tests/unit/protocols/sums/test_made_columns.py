"""A matrix that is made when it is read: each chunk once in a row, and none kept after the sum."""

import dataclasses
from typing import Any

import pytest

from protocols.session import Transition, TwoParty
from protocols.sums import made_columns
from protocols.sums.cot import SUMS
from protocols.sums.layout import SumLayout, columns_chunk
from protocols.sums.made_columns import columns_made, forget
from tests.support.aligned import Given, drawn, params_of
from tests.support.pair import CTX, Played, play

LAYOUT = SumLayout(5, 30, (50,) * 40, (), 20_000, 2048)
CHUNKS = 3
MADE: list[bytes] = []


def turned(data: bytes) -> bytes:
    """What makes a chunk of the matrix: the bytes that were laid, backwards."""
    MADE.append(data)
    return data[::-1]


def run(given: Given, route: TwoParty = SUMS) -> Played:
    MADE.clear()
    made = columns_made(route, lambda index: (f"laid/{index}",), turned)
    laid = {f"laid/{i}": given.columns()[columns_chunk(i)][::-1] for i in range(CHUNKS)}
    return play(made, params_of(LAYOUT), CTX, [(given.rows, given.vectors()), (given.rows, laid)])


@pytest.fixture
def given() -> Given:
    return drawn(LAYOUT, 2048 * CHUNKS)


def test_a_chunk_is_made_once_for_all_that_is_read_of_it(given: Given) -> None:
    played = run(given)
    assert played.receiver.output.values == given.sums()
    assert len(MADE) == CHUNKS == len(set(MADE))


def test_no_chunk_is_kept_after_the_sum(given: Given) -> None:
    run(given)
    assert made_columns._made.cache_info().currsize == 0


def test_a_run_that_breaks_off_has_its_chunk_given_back_by_who_ends_it(given: Given) -> None:
    class Away(Exception):
        pass

    def step(*asked: Any) -> Transition:
        transition = SUMS.step(*asked)
        if MADE:
            raise Away
        return transition

    with pytest.raises(Away):
        run(given, dataclasses.replace(SUMS, step=step))
    assert made_columns._made.cache_info().currsize == 1
    forget()
    assert made_columns._made.cache_info().currsize == 0
