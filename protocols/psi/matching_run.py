"""What stays the same through one side's run of any matching protocol: parameters, context, input.

Each protocol's `Run` is this with its own secrets. How the peer's set is cut follows from the
parameters too, so a run answers for both.
"""

from typing import Any, ClassVar

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.psi import chunks, opening
from protocols.session import Items


class MatchingRun(Record):
    """Base of the runs; subclasses are frozen dataclasses and call `check_input` once they are
    made.
    """

    __slots__ = ()
    OPENING_LABEL: ClassVar[bytes]
    """Stands before what an opening of this protocol proves."""
    params: Any
    """The protocol's parameters: a record with `max_items` and `chunk_items` among its fields."""
    ctx: bytes
    items: Items

    def check_input(self, *scalars: bytes) -> None:
        """Return if context, scalars and input have the sizes that they must have.

        Raises: InvalidParameter.
        """
        if any(len(value) != 32 for value in (self.ctx, *scalars)):
            raise InvalidParameter("a context and a scalar have 32 bytes")
        if self.items.chunk_items != self.params.chunk_items:
            raise InvalidParameter("the input is cut in other chunks than the parameters say")
        if not 0 <= self.items.count <= self.params.max_items:
            raise InvalidParameter(f"the input has more than {self.params.max_items} items")

    def check_of(self, speaker: str) -> bytes:
        """Return what the opening of `speaker` proves; it differs by speaker, so none is
        reflected.
        """
        return opening.proof(self.OPENING_LABEL, speaker, self.ctx, self.params)

    def check_opening(self, shown: bytes, total: int, speaker: str) -> None:
        """Return if the opening of `speaker` fits this run.

        Raises: ContextMismatch, TooManyElements, MalformedMessage.
        """
        opening.check(shown, self.check_of(speaker), total, self.params.max_items)

    def chunks_of(self, total: int) -> int:
        """Return into how many chunks a list of `total` items is cut."""
        return chunks.chunk_count(total, self.params.chunk_items)

    def length_of(self, total: int, index: int) -> int:
        """Return how many items chunk `index` of a list of `total` has."""
        return chunks.chunk_length(total, self.params.chunk_items, index)
