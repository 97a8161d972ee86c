"""A protocol whose chunks lie apart: under names of their own, beside those of another in one run.

Two protocols in a row may call their chunks alike. Where the second one's input has to be there
while the first still reads its own, the second is run apart.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from protocols.codec import Record
from protocols.session import Fetch, Rng, Role, Transition, TwoParty


def apart(protocol: TwoParty, before: str) -> TwoParty:
    """Return the same protocol, which calls a chunk `<before><name>` that was `<name>`."""

    def begin(role: Role, params: Record, ctx: bytes, given: Any, rng: Rng) -> Transition:
        return _kept(protocol.begin(role, params, ctx, given, rng), before)

    def step(state: Record, message: Record | None, fetch: Fetch, rng: Rng) -> Transition:
        found = protocol.step(state, message, lambda name: fetch(before + name), rng)
        return _kept(found, before)

    return dataclasses.replace(protocol, begin=begin, step=step)


def named(chunks: Mapping[str, bytes], before: str) -> dict[str, bytes]:
    """Return chunks under the names by which a protocol that runs apart finds them."""
    return {before + name: data for name, data in chunks.items()}


def _kept(transition: Transition, before: str) -> Transition:
    return dataclasses.replace(transition, keep=named(transition.keep, before))
