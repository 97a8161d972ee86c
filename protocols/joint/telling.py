"""Between a look and the sums of a joint model: the tables go from the brand to the partner.

    brand (initiator)                                         partner (responder)
             ── Tables: for some features and pairs, an entry for each cell ──►

**Who learns what.** The partner: the tables. The brand: nothing.

**What they tell the partner.** Of each cell with ten people of both or more, in which of 33 steps
what the brand's columns leave of the label lies there, drawn to the middle where people are few. So
they tell it, where it knows the others of a cell, of a single person in it.

**Assumed public.** The length of the message, which follows from which tables there are.
"""

from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record, encode
from protocols.errors import InvalidParameter, MalformedMessage
from protocols.joint.records import TableParams
from protocols.joint.tables import Tables
from protocols.psi.chunks import unexpected
from protocols.session import Fetch, Finish, Progress, Rng, Role, Transition, TwoParty, Wait

TABLES = "joint-tables"
"""Chunk of either side: the encoded `Tables`."""


@dataclass(frozen=True, slots=True)
class TablesGiven(Record):
    """The input: at the brand the tables; at the partner none."""

    KIND: ClassVar[str] = "joint-tables-given/1"
    rows: int
    """Of the partner, passed on."""
    tables: Tables


@dataclass(frozen=True, slots=True)
class Listening(Record):
    """The partner waits for tables."""

    KIND: ClassVar[str] = "joint-listening/1"
    params: TableParams
    rows: int


@dataclass(frozen=True, slots=True)
class Told(Record):
    """The end at either side: the tables lie in the chunk `TABLES`."""

    KIND: ClassVar[str] = "joint-told/1"
    rows: int


def begin(role: Role, params: Record, ctx: bytes, given: TablesGiven, rng: Rng) -> Transition:
    """Open one side. Raises: InvalidParameter if tables are about what was not looked at."""
    if not isinstance(params, TableParams) or not isinstance(given, TablesGiven):
        raise InvalidParameter("these are not the parameters and the input of this protocol")
    if role is Role.RESPONDER:
        return Wait(Listening(params, given.rows))
    given.tables.check(params.look, params.most)
    return Finish(Told(given.rows), given.tables, {TABLES: encode(given.tables)})


def step(state: Record, message: Record | None, fetch: Fetch, rng: Rng) -> Transition:
    """Take the partner to its end."""
    match state, message:
        case Listening(params, rows), Tables():
            try:
                message.check(params.look, params.most)
            except InvalidParameter as e:
                raise MalformedMessage(str(e)) from None
            return Finish(Told(rows), keep={TABLES: encode(message)})
        case _:
            raise unexpected(state, message)


def progress(state: Record) -> Progress:
    """Return that nothing of it takes any time."""
    return Progress(0, 0)


TELLING = TwoParty(
    name="joint-telling/1",
    title="Tables for one side's columns, from the other",
    initiator_learns="nothing",
    responder_learns="the tables",
    params=TableParams,
    messages=(Tables,),
    states=(Listening,),
    outputs=(Told,),
    begin=begin,
    step=step,
    progress=progress,
)
