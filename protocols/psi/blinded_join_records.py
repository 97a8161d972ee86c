"""Parameters, input, results and messages of `blinded_join.py`, and what stays the same in a run.

Sizes: a list is its rows' items, in chunks of `chunk_items`, the last one what is left. Points and
tags travel in the messages of psi-dh, `Blinded` and `Evaluated`, which are the same thing here.
"""

import itertools
from dataclasses import dataclass, field
from typing import ClassVar

from typing_extensions import override

from protocols.codec import Record
from protocols.disclosure import FLOOR
from protocols.dp import coins
from protocols.errors import InvalidParameter, LocalError, MalformedMessage
from protocols.psi.dh_records import Blinded, Done, Evaluated
from protocols.psi.matching_run import MatchingRun
from protocols.psi.params import LARGEST_ROW, STRICT_BELOW, PsiParams
from protocols.session import Items, Role

MOST_GROUPS = 256


@dataclass(frozen=True, slots=True)
class JoinParams(PsiParams):
    """Parameters of a blinded join; both sides must have the same.

    Raises: InvalidParameter if one is outside its range.
    """

    KIND: ClassVar[str] = "join-blinded-params/1"
    groups: int = 1
    """Into how many groups the brand's people are divided: 1 to 256."""
    least_group: int = FLOOR
    """The least size of a group, filled up: 0 to `max_items`. A smaller one is refused by both."""
    per_person: int = 1
    """Items that one person brings, on either side: 1 to 16. Position i of a list is of its row
    i // per_person. A person with fewer has random digests beside them, which match nothing."""
    dummies: int = 0
    """Agreed dummies (`padding.py`), as many in each group, each among the partner's rows by the
    toss of a coin. Half of a group's are taken off its number of matches, which so has noise. A
    multiple of 2 · `groups`, at most 2^17; only where a person brings one item."""

    @override
    def __post_init__(self) -> None:
        PsiParams.__post_init__(self)
        for name, value, low, high in (
            ("groups", self.groups, 1, MOST_GROUPS),
            ("least_group", self.least_group, 0, self.max_items),
            ("per_person", self.per_person, 1, min(LARGEST_ROW, self.max_items)),
            ("dummies", self.dummies, 0, coins.MOST if self.per_person == 1 else 0),
        ):
            if not low <= value <= high:
                raise InvalidParameter(f"{name} is {value}, outside {low} to {high}")
        if self.dummies % (2 * self.groups):
            raise InvalidParameter("each group has as many dummies, and half of them is a number")

    @property
    def dummies_each(self) -> int:
        """How many dummies each group holds."""
        return self.dummies // self.groups

    @property
    def least(self) -> int:
        """The least size of a group: without `strict` a bit of each item shows, and only in a
        large group does that say little.
        """
        return self.least_group if self.strict else max(self.least_group, STRICT_BELOW)

    def hold(self, sizes: tuple[int, ...]) -> bool:
        """Return whether groups of these sizes may be joined."""
        return len(sizes) == self.groups and min(sizes) >= self.least


@dataclass(frozen=True, slots=True)
class GroupedItems(Items):
    """The brand's input: its people group by group, each group in a secret random order of its own.

    Row i is of the first group whose end lies behind i; a list without groups is one group.
    """

    KIND: ClassVar[str] = "grouped-items/1"
    sizes: tuple[int, ...] = ()
    """Rows in each group, those that fill it up among them."""


@dataclass(frozen=True, slots=True)
class JoinedRows(Record):
    """What the brand ends with: which rows of the partner match, and in which group.

    The kept chunks `groups/…` say it of each row, in the partner's order, `chunk_items` rows in
    each but the last: 2 bytes, little-endian, 0 where nobody matches, else the number of the group,
    from 1. Dummies are among them, and nothing tells which.
    """

    KIND: ClassVar[str] = "joined-rows/1"
    rows: int
    """Rows of the partner, those that fill its list up among them."""
    matched: tuple[int, ...]
    """How many rows match in each group, less half its dummies. Without dummies exact, to be kept
    inside the node; with them it has their noise, and may be negative."""


@dataclass(frozen=True, slots=True)
class RowsShown(Record):
    """The partner's end: it learns how large the groups are, filled up, and nothing else."""

    KIND: ClassVar[str] = "rows-shown/1"
    rows: int
    """Its own rows: what it has to say of them goes in the order of its input."""
    sizes: tuple[int, ...]


# Messages


@dataclass(frozen=True, slots=True)
class JoinOpening(Record):
    """The first message of each side: proof of the same context, and the sizes of its list."""

    KIND: ClassVar[str] = "join-blinded-opening/1"
    check: bytes
    """32 bytes: SHA-256 over label, role, ctx and encoded parameters."""
    sizes: tuple[int, ...]
    """Rows: of the brand in each group, of the partner one number, all that it has."""


# What stays the same


@dataclass(frozen=True, slots=True)
class JoinRun(MatchingRun):
    """What stays the same through one side's run; the scalar is secret."""

    KIND: ClassVar[str] = "join-blinded-run/1"
    OPENING_LABEL: ClassVar[bytes] = b"accord/join-blinded-opening/1\x00"
    params: JoinParams
    ctx: bytes
    items: Items | GroupedItems
    scalar: bytes = field(repr=False)

    def __post_init__(self) -> None:
        self.check_input(self.scalar)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes that this side announces."""
        given = self.items.sizes if isinstance(self.items, GroupedItems) else ()
        return given or (self.items.count // self.params.per_person,)

    def listed(self, rows: int) -> int:
        """Return how many items a list of so many rows has."""
        return rows * self.params.per_person

    def check_own(self, role: Role) -> None:
        """Return if the own input is in whole rows, and the brand's in groups that may be joined.

        Raises: LocalError if they do not add up; InvalidParameter for other or smaller groups.
        """
        if self.listed(sum(self.sizes)) != self.items.count:
            raise LocalError("rows and groups do not add up to the input")
        if role is Role.INITIATOR and not self.params.hold(self.sizes):
            raise InvalidParameter(self._due)
        if role is Role.RESPONDER and len(self.sizes) != 1:
            raise InvalidParameter("the partner's rows are in no groups")

    def check_opened(self, opening: JoinOpening, speaker: Role) -> None:
        """Return if the opening of `speaker` fits this run.

        Raises: ContextMismatch, TooManyElements, MalformedMessage.
        """
        self.check_opening(opening.check, self.listed(sum(opening.sizes)), speaker)
        if speaker is Role.INITIATOR and not self.params.hold(opening.sizes):
            raise MalformedMessage(self._due)
        if speaker is Role.RESPONDER and len(opening.sizes) != 1:
            raise MalformedMessage("a list of rows has one size")

    @property
    def _due(self) -> str:
        return f"{self.params.groups} groups of at least {self.params.least} rows are due"


def ends(sizes: tuple[int, ...]) -> list[int]:
    """Return behind which position each group ends."""
    return list(itertools.accumulate(sizes))


MESSAGES = (JoinOpening, Blinded, Evaluated, Done)
