"""What a noisy count says, what it refuses, and what commits to it."""

import hashlib
import subprocess
import sys
from fractions import Fraction

import pytest

from protocols.codec import decode, encode
from protocols.dp import noise
from protocols.dp.count import NoisyCount, SizeRelease, commitment, noisy_count, release
from protocols.errors import InvalidParameter, LocalError, MalformedMessage

RHO = 5_000_000


def test_a_count_says_its_scale_its_interval_and_its_price() -> None:
    noisy = noisy_count(1000, RHO)
    assert noisy.rho_nano == RHO
    assert noisy.sigma_milli == 10_001  # OpenDP puts 10.000 a rounding error above rho 0.005
    assert noisy.high - noisy.value == noisy.value - noisy.low == noise.half_width(10.001) == 21
    assert abs(noisy.value - 1000) < 120  # twelve sigma


def test_a_count_that_a_person_changes_by_three_has_three_times_the_noise() -> None:
    noisy = noisy_count(1000, RHO, 3)
    assert noisy.rho_nano == RHO
    assert noisy.sigma_milli == 30_001
    assert noisy.high - noisy.value == noise.half_width(30.001) == 60


def test_a_count_is_shown_from_zero_but_kept_as_drawn() -> None:
    noisy = NoisyCount(-7, -28, 14, 10_001, RHO)
    assert noisy.shown() == 0
    assert NoisyCount(7, -14, 28, 10_001, RHO).shown() == 7
    assert decode(NoisyCount, encode(noisy)) == noisy


@pytest.mark.parametrize(
    ("count", "rho"), [(-1, RHO), (2**48 + 1, RHO), (5, 0), (5, -1), (5, 10**11)]
)
def test_counts_and_prices_out_of_range_are_refused(count: int, rho: int) -> None:
    with pytest.raises(InvalidParameter):
        noisy_count(count, rho)


def test_noise_that_costs_more_than_was_charged_is_never_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(noise, "gaussian", lambda sigma: _Measurement(drawn, price=0.0050001))
    with pytest.raises(noise.NoiseNotProven) as caught:
        noise.draw(1000, 10.001, Fraction(RHO, 10**9))
    with pytest.raises(noise.NoiseNotProven):
        noisy_count(1000, RHO + 1)  # a price that no other test has in a cache
    assert isinstance(caught.value, LocalError)
    assert drawn == []


def test_noise_that_is_not_an_integer_is_not_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise, "gaussian", lambda sigma: _Measurement([], price=0.001, value=12.5))
    with pytest.raises(noise.NoiseNotProven):
        noise.draw(12, 10.0, Fraction(RHO, 10**9))


def test_a_release_is_committed_to_by_its_whole_encoding() -> None:
    noisy, salt = NoisyCount(990, 969, 1011, 10_001, RHO), bytes(range(32))
    released, committed = release("publisher", "noisy-size", noisy, salt)
    assert released == SizeRelease("publisher", "noisy-size", noisy, salt)
    assert committed == hashlib.sha256(encode(released)).digest() == commitment(released)
    assert release("publisher", "noisy-size", noisy, bytes(32))[1] != committed
    assert release("brand", "noisy-size", noisy, salt)[1] != committed
    assert decode(SizeRelease, encode(released)) == released


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)])
def test_a_salt_has_32_bytes(salt: bytes) -> None:
    with pytest.raises(InvalidParameter):
        release("brand", "noisy-size", NoisyCount(1, 0, 2, 1000, RHO), salt)


def test_other_bytes_are_no_release() -> None:
    with pytest.raises(MalformedMessage):
        decode(SizeRelease, encode(NoisyCount(1, 0, 2, 1000, RHO)))


def test_opendp_is_loaded_only_when_it_is_needed() -> None:
    code = "import sys, protocols.dp.count; sys.exit('opendp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class _Measurement:
    """Stands in for OpenDP's: says a price, and notes when it is asked for noise."""

    def __init__(self, drawn: list[int], price: float, value: float | None = None) -> None:
        self.drawn, self.price, self.value = drawn, price, value

    def map(self, distance: int) -> float:
        return self.price * distance

    def __call__(self, count: int) -> float:
        self.drawn.append(count)
        return count if self.value is None else self.value
