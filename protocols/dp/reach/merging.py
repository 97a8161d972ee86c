"""Sketches of several publishers, merged: how many people all of them reached together, and where.

A bucket that was set by nobody says most: its share is what people counted. Through noise, with p_j
the chance that a bit of sketch j turned over, each bit gets a weight that is right on average,

    w_j(0) = (1 - p_j) / (1 - 2 p_j)    w_j(1) = -p_j / (1 - 2 p_j)

so that the product of the weights over the sketches of a set T is on average 1 where nobody of T
has set the bucket, and else 0: the inverse of the flips. Z_T, its mean over all buckets, estimates
(1 - 1/m)^N for the N people whom T reached. By the patterns of bits alone that is all there is to
know, so where no share comes out negative it is the estimate of greatest likelihood as well.

Errors of two sets vary together. With x_T = N_T / m, and occupancy of buckets by independent
hashes (the second term),

    cov(Z_T, Z_U) = (mean(W_T · W_U) - Z_T · Z_U · (1 + x_T + x_U - x_(T and U together))) / m

from which follows the variance of any sum of unions: what is common, what is at one alone.
Intervals are 95 %, normal, and cover noise and hashing. Everything here is computed from what was
published: it costs no budget.
"""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.dp.reach import flipping
from protocols.dp.reach.errors import SketchesDiffer, SketchesTooFull
from protocols.dp.reach.sketch import ReachSketch

MAX_SKETCHES = 10

_WIDTH = 1.959963984540054
"""Standard deviations to each side of a 95 % interval."""
_CLEAR = 5
"""Empty buckets must be so many standard deviations from none for their logarithm to be used."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """People, as estimated: below zero too, because cutting off would bias what is added up."""

    value: int
    low: int
    high: int

    def shown(self) -> "Estimate":
        """Return the estimate for people to read: never below zero."""
        return Estimate(max(0, self.value), max(0, self.low), max(0, self.high))


class Merged:
    """Sketches of one topic, each of another party.

    Raises: SketchesDiffer if they cannot be merged.
    """

    def __init__(self, sketches: Sequence[ReachSketch]) -> None:
        if not 1 <= len(sketches) <= MAX_SKETCHES:
            raise SketchesDiffer(f"from 1 to {MAX_SKETCHES} sketches are merged")
        if len({s.topic for s in sketches}) > 1:
            raise SketchesDiffer(
                "campaign, period, identifier, level and size must be the same in all"
            )
        self.parties = tuple(s.party for s in sketches)
        if len(set(self.parties)) < len(sketches):
            raise SketchesDiffer("two are of the same party")
        self.topic = sketches[0].topic
        self._weights = [_weights(s.epsilon_milli) for s in sketches]
        self._patterns = _patterns(sketches) / self.topic.buckets
        self._product = functools.cache(self._products)
        self._shares = functools.cache(self._share)

    def union(self, parties: Iterable[str]) -> Estimate:
        """Return how many people at least one of these reached.

        Raises: SketchesTooFull; SketchesDiffer for a party without a sketch.
        """
        return self._sum({self._mask(parties): 1})

    def everybody(self) -> Estimate:
        """Return how many people all of them reached together. Raises: SketchesTooFull."""
        return self.union(self.parties)

    def common(self, parties: Iterable[str]) -> Estimate:
        """Return how many people each one of these reached. Raises: as `union`."""
        mask = self._mask(parties)
        subsets = [part for part in range(1, mask + 1) if part & mask == part]
        return self._sum({part: 1 if part.bit_count() % 2 else -1 for part in subsets})

    def only(self, party: str) -> Estimate:
        """Return how many people this party reached and no other. Raises: as `union`."""
        everybody = self._mask(self.parties)
        others = everybody & ~self._mask([party])
        return self._sum({everybody: 1, others: -1} if others else {everybody: 1})

    # -- inside ------------------------------------------------------------------------------------

    def _mask(self, parties: Iterable[str]) -> int:
        mask = 0
        for party in parties:
            if party not in self.parties:
                raise SketchesDiffer("there is no sketch of that party")
            mask |= 1 << self.parties.index(party)
        if not mask:
            raise SketchesDiffer("no party is named")
        return mask

    def _sum(self, coefficients: Mapping[int, int]) -> Estimate:
        """Return a sum of unions with its interval; each union is named by its mask."""
        m = self.topic.buckets
        value = variance = 0.0
        for one, times in coefficients.items():
            relative = self._relative(one, one)
            # The logarithm of an estimate is too low by half its relative variance.
            value += times * (math.log(self._shares(one)) + relative / 2) / math.log1p(-1 / m)
            for other, again in coefficients.items():
                variance += times * again * self._relative(one, other) * m * m
        width = _WIDTH * math.sqrt(max(0.0, variance))
        return Estimate(round(value), math.floor(value - width), math.ceil(value + width))

    def _relative(self, one: int, other: int) -> float:
        """Return the covariance of two shares of empty buckets, divided by both."""
        share, again, both = self._shares(one), self._shares(other), self._shares(one | other)
        seen = float(np.dot(self._patterns, self._product(one) * self._product(other)))
        filled = 1 - math.log(share) - math.log(again) + math.log(both)
        return (seen / (share * again) - filled) / self.topic.buckets

    def _share(self, mask: int) -> float:
        """Return the share of buckets that no party of a mask has set. Raises: SketchesTooFull."""
        product = self._product(mask)
        share = float(np.dot(self._patterns, product))
        spread = math.sqrt(float(np.dot(self._patterns, product * product)) / self.topic.buckets)
        if share <= _CLEAR * spread:
            raise SketchesTooFull
        return share

    def _products(self, mask: int) -> Floats:
        """Return for each pattern of bits the product of the weights of a mask's sketches."""
        patterns = np.arange(len(self._patterns))
        product = np.ones(len(patterns))
        for j, weights in enumerate(self._weights):
            if mask >> j & 1:
                product *= weights[patterns >> j & 1]
        return product


def _weights(epsilon_milli: int) -> Floats:
    p = flipping.chance(epsilon_milli)
    return np.array([float((1 - p) / (1 - 2 * p)), float(-p / (1 - 2 * p))])


def _patterns(sketches: Sequence[ReachSketch]) -> NDArray[np.int64]:
    """Return how many buckets have each pattern; bit j of a pattern's number is sketch j's."""
    patterns = np.zeros(sketches[0].topic.buckets, np.uint16)
    for j, sketch in enumerate(sketches):
        bits = np.unpackbits(np.frombuffer(sketch.bits, np.uint8))
        patterns |= bits.astype(np.uint16) << j
    return np.bincount(patterns, minlength=1 << len(sketches))
