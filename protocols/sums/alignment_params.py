"""Parameters of an alignment and the sums over it, in one record each: what both sides agree on."""

from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from protocols.errors import InvalidParameter
from protocols.psi.blinded_join_records import JoinParams
from protocols.psi.params import MatchingParams, OtParams
from protocols.psi.union_records import UnionParams
from protocols.sums.records import SumParams

LABEL_BYTES = 4
"""A label is the number of a row, little-endian."""


class AlignedParams(MatchingParams):
    """Base of the three; subclasses are frozen dataclasses and call `check_room` once made.

    What a node asks of matching parameters is what the first part says. There is no `strictly`: how
    many dummies there are follows from it, so `insight.params_for` makes all of them anew.
    """

    __slots__ = ()
    first: Any
    second: SumParams

    @property
    @override
    def max_items(self) -> int:  # type: ignore[override] # a field where it is not made of two
        """The most items that either side may have."""
        most: int = self.first.max_items
        return most

    @property
    @override
    def chunk_items(self) -> int:  # type: ignore[override] # as above
        """Items in every chunk of the input but the last, and of what is said of them."""
        items: int = self.first.chunk_items
        return items

    @property
    @override
    def tag_bytes(self) -> int:  # type: ignore[override] # as above
        """Bytes of a matched value."""
        size: int = self.first.tag_bytes
        return size

    @property
    @override
    def per_person(self) -> int:  # type: ignore[override] # as above
        """Items that one person brings at most."""
        items: int = self.first.per_person
        return items

    @property
    @override
    def dummies(self) -> int:  # type: ignore[override] # as above
        """Agreed dummies among the rows that are matched."""
        agreed: int = self.first.dummies
        return agreed

    @override
    def smallest_chunk(self) -> int:
        """Return the fewest items for which a side may have to send a whole message."""
        smallest: int = self.first.smallest_chunk()
        return smallest

    @override
    def hides_in_small_sets(self) -> bool:
        """Return whether nothing about an item shows, however small the sets are."""
        hides: bool = self.first.hides_in_small_sets()
        return hides

    def check_room(self, rows: int, *, same_chunks: bool) -> None:
        """Return if the layout has room for so many rows.

        With `same_chunks` rows are cut as items are, so what lies beside the items lies beside the
        rows. Raises: InvalidParameter.
        """
        layout = self.second.layout
        if layout.max_rows < rows:
            raise InvalidParameter(f"there may be {rows} rows, and the layout has room for fewer")
        if same_chunks and layout.chunk_rows != self.chunk_items:
            raise InvalidParameter("rows are cut in other chunks than items")


@dataclass(frozen=True, slots=True)
class JoinSumParams(AlignedParams):
    """Sums over the partner's rows by the groups of the brand.

    Raises: InvalidParameter if the parts do not fit together.
    """

    KIND: ClassVar[str] = "sums-join-params/1"
    first: JoinParams
    second: SumParams
    hold_out_percent: int = 0
    """Of a hundred matching rows so many are held out, 0 to 99, each by a coin that the brand
    tosses; then there are two vectors for each group, first all that stay. Without one there may be
    a vector more than groups: of the rows that match nobody (`has_rest`)."""

    def __post_init__(self) -> None:
        self.check_room(self.first.max_items, same_chunks=True)
        if not 0 <= self.hold_out_percent < 100:
            raise InvalidParameter(f"{self.hold_out_percent} of a hundred cannot be held out")
        groups, vectors = self.first.groups, self.second.layout.vectors
        if vectors not in ((2 * groups,) if self.hold_out_percent else (groups, groups + 1)):
            raise InvalidParameter("there is a vector for each group, and two with a hold-out")
        if self.second.layout.vector_bound != 1:
            raise InvalidParameter("a row is in a group or not: vectors hold 0 and 1")

    @property
    def has_rest(self) -> bool:
        """Whether the last vector is of all rows that are in no group."""
        return not self.hold_out_percent and self.second.layout.vectors > self.first.groups


@dataclass(frozen=True, slots=True)
class LabelledSumParams(AlignedParams):
    """Sums over the partner's rows with values of the brand's own people.

    Raises: InvalidParameter if the parts do not fit together.
    """

    KIND: ClassVar[str] = "sums-labelled-params/1"
    first: OtParams
    second: SumParams

    def __post_init__(self) -> None:
        self.check_room(self.first.max_items, same_chunks=True)
        if self.first.label_bytes != LABEL_BYTES:
            raise InvalidParameter(f"a label is a row's number, of {LABEL_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class UnionSumParams(AlignedParams):
    """Sums over the union of both sides' people, of which nobody knows who is in both.

    Raises: InvalidParameter if the parts do not fit together.
    """

    KIND: ClassVar[str] = "sums-union-params/1"
    first: UnionParams
    second: SumParams

    def __post_init__(self) -> None:
        rows = 2 * (self.first.max_items + self.first.dummies)
        self.check_room(rows, same_chunks=False)
