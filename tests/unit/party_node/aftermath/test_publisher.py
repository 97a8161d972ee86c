"""Whatever is acknowledged is published soon, and silent witnesses are not asked all the time."""

import pytest

from consent.checkpoint import LogSigner
from party_node.aftermath.publisher import LONGEST_WAIT_MS, Publisher
from party_node.errors import QuorumMissed
from tests.support.node import HandClock

LOG = LogSigner("accord/brand/consent", b"\x11" * 32)


class Ledger:
    def __init__(self) -> None:
        self.size = 1

    def head(self) -> tuple[int, bytes]:
        return self.size, bytes(32)


class Witnesses:
    """Publishes at once, or never answers."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.asked, self.silent, self.size = ledger, 0, False, 0

    def published(self) -> str | None:
        return LOG.sign(self.size, bytes(32)) if self.size else None

    def publish(self, size: int) -> None:
        self.asked += 1
        if self.silent:
            raise QuorumMissed("nobody answers")
        self.size = size


@pytest.fixture
def parts() -> tuple[Publisher, Ledger, Witnesses, HandClock]:
    ledger, clock = Ledger(), HandClock()
    witnesses = Witnesses(ledger)
    publisher = Publisher(ledger, witnesses, clock)  # type: ignore[arg-type]
    return publisher, ledger, witnesses, clock


def test_what_is_new_is_published_and_nothing_else(parts):
    publisher, ledger, witnesses, _ = parts
    assert publisher.publish()
    assert (witnesses.size, witnesses.asked) == (1, 1)
    assert publisher.publish()
    assert witnesses.asked == 1
    ledger.size = 5
    assert publisher.publish()
    assert (witnesses.size, witnesses.asked) == (5, 2)


def test_silent_witnesses_are_asked_ever_more_rarely_and_then_again_at_once(parts):
    publisher, ledger, witnesses, clock = parts
    witnesses.silent = True
    start, times = clock.now_ms, []
    while clock.now_ms < start + 10 * 60_000:
        before = witnesses.asked
        assert not publisher.publish()
        if witnesses.asked > before:
            times.append(clock.now_ms - start)
        clock.advance(1_000)
    assert times[:6] == [0, 2_000, 6_000, 14_000, 30_000, 62_000]
    assert times[6] - times[5] == LONGEST_WAIT_MS
    witnesses.silent = False
    clock.advance(LONGEST_WAIT_MS)
    assert publisher.publish()
    ledger.size = 2
    assert publisher.publish(), "no wait is left over"
