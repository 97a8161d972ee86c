"""A route whose matrix is made chunk by chunk when it is read: whole it would take much room."""

import dataclasses
from collections.abc import Callable

from protocols.codec import Record
from protocols.session import Fetch, Rng, Transition, TwoParty
from protocols.sums.layout import columns_chunk

Make = Callable[[Fetch, int], bytes]
"""(fetch, number of a chunk) → the chunk of the matrix, as `write_columns` makes it."""
_COLUMNS = columns_chunk(0).removesuffix("00000")


def columns_made(route: TwoParty, make: Make, before: str = "") -> TwoParty:
    """Return the route, which finds `<before>columns/…` made, and all else as it is."""
    prefix = before + _COLUMNS

    def step(state: Record, message: Record | None, fetch: Fetch, rng: Rng) -> Transition:
        def made(name: str) -> bytes:
            if name.startswith(prefix):
                return make(fetch, int(name.removeprefix(prefix)))
            return fetch(name)

        return route.step(state, message, made, rng)

    return dataclasses.replace(route, step=step)
