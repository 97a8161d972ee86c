"""`kill -9` at every call that makes something durable, in a process that does what a node does.

A shim between the process and libc counts fsync, fdatasync, rename, unlink and ftruncate, and ends
the process at the n-th, before it or after it; then at the next, until the day is over unharmed.
What was acknowledged must be there when the node starts again, no size may have two checkpoints,
an erasure is whole or not at all, nothing is found by `verify` and `fsck`, and the ledger goes on.
A killed process loses nothing that it has written: what a power cut loses is in `test_torn_log.py`.
"""

import itertools
import random
from pathlib import Path

import pytest

from tests.support.busy_node import WHOLE_DAY, another
from tests.support.lives import (
    AFTER,
    BEFORE,
    HALF,
    WRITE,
    Doomed,
    Killer,
    require_one_checkpoint_of_a_size,
    require_whole,
)
from tests.support.witness import GrowingLedger

MOST_CALLS = 200
"""A day has about forty; more would mean that the test never ends."""
SPREAD = 23
"""Every so many writes one is the last: there are hundreds."""


def test_a_day_without_accident(lives: Doomed, template: Path, tmp_path: Path) -> None:
    """What the others are compared with, and that the shim counts anything at all."""
    home = another(template, tmp_path / "home")
    told = lives.live(home)
    assert told.unharmed
    assert told.erased
    assert 20 < told.counted < MOST_CALLS
    require_whole(home, told)


def test_two_checkpoints_of_one_size_would_be_found() -> None:
    one, other = GrowingLedger().grow(3), GrowingLedger().grow(3, "other")
    require_one_checkpoint_of_a_size([one.note(3), one.grow(4).note(4), one.note(3)])
    with pytest.raises(AssertionError):
        require_one_checkpoint_of_a_size([one.note(3), other.note(3)])


@pytest.mark.parametrize(("n", "when"), [(14, AFTER), (31, BEFORE)])
def test_a_process_that_is_killed_at_a_sync_loses_nothing(
    lives: Doomed, template: Path, tmp_path: Path, n: int, when: int
) -> None:
    home = another(template, tmp_path / "home")
    told = lives.live(home, n=n, when=when)
    assert not told.unharmed
    require_whole(home, told)


@pytest.mark.slow
@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_a_process_may_be_killed_at_every_sync(
    lives: Doomed, template: Path, tmp_path: Path, when: int
) -> None:
    for n in range(1, MOST_CALLS):
        home = another(template, tmp_path / f"home-{n}")
        told = lives.live(home, n=n, when=when)
        require_whole(home, told)
        if told.unharmed:
            assert n > 20
            return
    raise AssertionError("the day is never over")


@pytest.mark.slow
def test_a_process_may_be_killed_in_the_middle_of_a_write(
    lives: Doomed, template: Path, tmp_path: Path
) -> None:
    """Before a write, after it, or with half of it done."""
    moments = itertools.cycle([BEFORE, HALF, AFTER])
    for n in itertools.count(1, SPREAD):
        home = another(template, tmp_path / f"home-{n}")
        told = lives.live(home, n=n, kinds=WRITE, when=next(moments))
        require_whole(home, told)
        if told.unharmed:
            assert n > 300
            return


def live_twice(lives: Doomed, home: Path, seed: int) -> None:
    """Kill a life at a moment that the seed draws, and the next over what that one left."""
    draw = random.Random(seed)
    for _ in range(2):
        killer = Killer(draw.randrange(1, 40), draw.uniform(0, 0.05))
        told = lives.live(home, hear=killer, steps=WHOLE_DAY)
        require_whole(home, told)
        if told.needles:  # somebody is erased by now, perhaps, and cannot live the day again
            return


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_a_process_may_be_killed_from_outside_again_and_again(
    lives: Doomed, template: Path, tmp_path: Path, seed: int
) -> None:
    live_twice(lives, another(template, tmp_path / "home"), seed)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(4))
def test_a_process_that_writes_to_a_server_may_be_killed_again_and_again(
    lives: Doomed, server: tuple[Path, str], seed: int
) -> None:
    """On PostgreSQL; what is durable there is the server's own affair."""
    live_twice(lives, server[0], seed)
