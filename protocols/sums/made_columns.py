"""A route whose matrix is made chunk by chunk when it is read: whole it would take much room.

A route asks for the same chunk many times, stretch after stretch, so the last one is kept: it can
have 67 MB. It is given back when the sum has ended; `forget` is for runs that end otherwise.
"""

import dataclasses
import functools
from collections.abc import Callable

from protocols.codec import Record
from protocols.session import Fetch, Finish, Rng, Transition, TwoParty
from protocols.sums.layout import columns_chunk

Sources = Callable[[int], tuple[str, ...]]
"""(number of a chunk) → names of the chunks that it is made of."""
Make = Callable[..., bytes]
"""(these chunks) → the chunk of the matrix, as `write_columns` makes it. A function of a module,
and of nothing but its arguments: the last chunk is remembered by both."""
_COLUMNS = columns_chunk(0).removesuffix("00000")


def columns_made(route: TwoParty, sources: Sources, make: Make, before: str = "") -> TwoParty:
    """Return the route, which finds `<before>columns/…` made, and all else as it is."""
    prefix = before + _COLUMNS

    def step(state: Record, message: Record | None, fetch: Fetch, rng: Rng) -> Transition:
        def made(name: str) -> bytes:
            if name.startswith(prefix):
                index = int(name.removeprefix(prefix))
                return _made(make, *(fetch(source) for source in sources(index)))
            return fetch(name)

        transition = route.step(state, message, made, rng)
        if isinstance(transition, Finish):
            forget()
        return transition

    return dataclasses.replace(route, step=step)


@functools.lru_cache(maxsize=1)
def _made(make: Make, *sources: bytes) -> bytes:
    return make(*sources)


def forget() -> None:
    """Give the last chunk back; should a run still go on, it is made again."""
    _made.cache_clear()
