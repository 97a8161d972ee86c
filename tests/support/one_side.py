"""One side of a two-party protocol whose peer is the test: for attacks."""

from typing import Any

from protocols.codec import Record, encode
from protocols.session import Continue, Role, TwoParty
from tests.support.pair import CTX, items_of
from tests.support.seeded import seeded


class OneSide:
    """A side that says what it has to say, and hears what the test tells it."""

    def __init__(
        self, protocol: TwoParty, role: Role, own: list[bytes], params: Any, ctx: bytes = CTX
    ) -> None:
        items, self.chunks = items_of(own, params.chunk_items)
        self.protocol, self.rng = protocol, seeded(f"one side/{role}")
        self.transition = protocol.begin(role, params, ctx, items, self.rng)
        self.chunks.update(self.transition.keep)

    def fetch(self, name: str) -> bytes:
        return self.chunks[name]

    def drain(self) -> list[Any]:
        """Step until this side waits or has finished; return what it said."""
        said = []
        while isinstance(self.transition, Continue):
            said.append(self.transition.message)
            self._step(None)
        return said

    def take(self, message: Record) -> None:
        self._step(encode(message))

    def tell(self, *messages: Record) -> list[Any]:
        """Take these messages; return everything that was said in answer."""
        said = self.drain()
        for message in messages:
            self.take(message)
            said += self.drain()
        return said

    def _step(self, message: bytes | None) -> None:
        state = encode(self.transition.state)  # type: ignore[union-attr]
        self.transition = self.protocol.resume(state, message, self.fetch, self.rng)
        self.chunks.update(self.transition.keep)
