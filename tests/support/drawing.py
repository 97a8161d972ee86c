"""A protocol of which everything that each side draws is written down, for pinned runs."""

import dataclasses
from collections.abc import Callable
from typing import Any

from protocols.session import Items, Rng
from tests.support.recorded import AnyProtocol


def drawing(
    protocol: AnyProtocol,
    draws: dict[Any, list[str]],
    whose: Callable[[Any], Any] = lambda place: place,
) -> AnyProtocol:
    """Return the same protocol; `whose` says under which key of `draws` a place's draws belong."""
    sides: dict[int, Any] = {}

    def watched(rng: Rng) -> Rng:
        def draw(size: int) -> bytes:
            drawn = rng(size)
            draws[sides[id(rng)]].append(drawn.hex())
            return drawn

        return draw

    def begin(place: Any, params: Any, ctx: bytes, items: Items, rng: Rng) -> Any:
        sides[id(rng)] = whose(place)
        return protocol.begin(place, params, ctx, items, watched(rng))

    def step(state: Any, message: Any, fetch: Any, rng: Rng) -> Any:
        return protocol.step(state, message, fetch, watched(rng))

    return dataclasses.replace(protocol, begin=begin, step=step)
