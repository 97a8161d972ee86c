"""Two protocols in a row, as one: what the first finds is the ground on which the second stands.

    initiator                                                responder
             ── … the first protocol … ──────────────────►
    convert: its output → input of the second                convert: the same at this side
             ── … the second protocol … ─────────────────►

Each side keeps its role. `convert` is pure: from what the first ended with, and from chunks of the
run, it makes the input of the second and chunks to keep. That happens in the step in which the
second begins, so a crash finds all of it done or nothing. Chunks that the first kept stay.

**Who learns what.** What each protocol tells and nothing else. Both together may tell more than
each alone: a composition says so itself.

**One run.** Each part has a context of its own, which follows from that of the run, the parameters
of both and the part's number. So sides that differ in any parameter, of the way from one to the
other too, fail at the first message, and nothing that is bound to one part fits the other.

**How far.** A composition says, while the first part runs, what the second will take (`Ahead`). The
whole does not change any more where the second begins, so progress never goes back there.

**Messages** are those of both. One of the second part while the first runs is refused by the first,
like any that is not due, and the other way round.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from protocols.codec import Record, decode, encode
from protocols.errors import InvalidParameter, LocalError, UnexpectedMessage
from protocols.session import (
    Chunks,
    Continue,
    Fetch,
    Finish,
    Items,
    Progress,
    Rng,
    Role,
    Transition,
    TwoParty,
    Wait,
)

_LABEL = b"accord/in-a-row/1\x00"


@dataclass(frozen=True, slots=True)
class Begun:
    """How one side began: what it knew before the first part said anything."""

    role: Role
    params: Any
    """The parameters of both."""
    given: Any
    """The input of the first part."""


Convert = Callable[[Begun, Any, Fetch, Rng], tuple[Record, Chunks]]
"""(beginning, output of the first, fetch, rng) → input of the second, and chunks beside it."""
Ahead = Callable[[Begun, Progress], Progress]
"""(beginning, how far the first is) → what the second will take, with nothing of it done, in rows
of the first: rows that are cheaper count as fewer."""


def as_long_again(before: Begun, now: Progress) -> Progress:
    """Think the second part as long as the first: who knows better says so."""
    return Progress(0, now.total, now.per_peer_row)


# States: that of the part, encoded, and what stands around it


@dataclass(frozen=True, slots=True)
class Frame(Record):
    """What the second part will need, while the first runs."""

    KIND: ClassVar[str] = "in-a-row-frame/1"
    role: Role
    params: bytes
    """The encoded parameters of both."""
    ctx: bytes
    """The context of the run."""
    given: bytes
    """The encoded input of the first part."""


@dataclass(frozen=True, slots=True)
class InFirst(Record):
    """The first part runs."""

    KIND: ClassVar[str] = "in-a-row-first/1"
    frame: Frame
    inner: bytes = field(repr=False)
    """The part's encoded state, with its secrets."""


@dataclass(frozen=True, slots=True)
class Turning(Record):
    """The last word of this side in the first part is said; now it begins the second."""

    KIND: ClassVar[str] = "in-a-row-turning/1"
    frame: Frame
    output: bytes = field(repr=False)
    """What the first part ended with, encoded."""
    rows_before: int
    """Rows that this side worked on in the first part, for `progress`."""
    rows_ahead: int
    """What the second part takes, in such rows."""


@dataclass(frozen=True, slots=True)
class InSecond(Record):
    """The second part runs."""

    KIND: ClassVar[str] = "in-a-row-second/1"
    inner: bytes = field(repr=False)
    """The part's encoded state, with its secrets."""
    rows_before: int
    rows_ahead: int


STATES = (InFirst, Turning, InSecond)
_Rows = tuple[int, int]
"""What this side worked on in the first part, and what the second takes."""


# The protocol


def then(
    first: TwoParty,
    convert: Convert,
    second: TwoParty,
    *,
    params: type[Record],
    takes: tuple[type[Record], ...] = (Items,),
    name: str,
    title: str,
    initiator_learns: str,
    responder_learns: str,
    ahead: Ahead = as_long_again,
) -> TwoParty:
    """Return the protocol that is `first` and then `second`.

    `params` are those of both: a record that has the fields `first` and `second` among its own.
    `takes` are the records that `first` takes as its input. `ahead` says what the second takes.
    Raises: InvalidParameter if two kinds of messages have one name.
    """
    messages = tuple(dict.fromkeys((*first.messages, *second.messages)))
    if len({kind.KIND for kind in messages}) != len(messages):
        raise InvalidParameter("two kinds of messages have one name")
    row = _InARow(first, convert, second, params, takes, ahead)
    return TwoParty(
        name=name,
        title=title,
        initiator_learns=initiator_learns,
        responder_learns=responder_learns,
        params=params,
        messages=messages,
        states=STATES,
        outputs=second.outputs,
        begin=row.begin,
        step=row.step,
        progress=row.progress if first.progress and second.progress else None,
    )


def part_context(ctx: bytes, params: bytes, part: int) -> bytes:
    """Return the 32 bytes that bind part 1 or 2 of the run `ctx` with these encoded parameters."""
    return hashlib.sha256(_LABEL + ctx + bytes([part]) + params).digest()


@dataclass(frozen=True, slots=True)
class _InARow:
    first: TwoParty
    convert: Convert
    second: TwoParty
    params: type[Record]
    takes: tuple[type[Record], ...]
    ahead: Ahead

    def begin(self, role: Role, params: Record, ctx: bytes, items: Items, rng: Rng) -> Transition:
        """Open one side of the first part. Raises: as it does."""
        if not isinstance(params, self.params) or len(ctx) != 32:
            raise InvalidParameter("these are not the parameters of this protocol")
        if type(items) not in self.takes:
            raise InvalidParameter("this is not an input of the first part")
        frame = Frame(role, encode(params), ctx, encode(items))
        part = part_context(ctx, frame.params, 1)
        begun = self.first.begin(role, _of(params, "first"), part, items, rng)
        if isinstance(begun, Finish):
            raise LocalError("a protocol that ends before it begins has nothing after it")
        return _around(begun, InFirst(frame, encode(begun.state)))

    def step(self, state: Record, message: Record | None, fetch: Fetch, rng: Rng) -> Transition:
        """Take one side one arrow further, in the part where it is."""
        match state, message:
            case InFirst(), _:
                return self._go_on(state, message, fetch, rng)
            case Turning(frame, output, before, after), None:
                found = decode(self.first.outputs, output)
                return self._turn(frame, found, (before, after), fetch, rng, {})
            case InSecond(inner, before, after), _:
                own = decode(self.second.states, inner)
                return _in_second(self.second.step(own, message, fetch, rng), (before, after))
            case _:
                raise UnexpectedMessage("a message came before the second part has begun here")

    def _go_on(self, state: InFirst, message: Record | None, fetch: Fetch, rng: Rng) -> Transition:
        own = decode(self.first.states, state.inner)
        found = self.first.step(own, message, fetch, rng)
        if not isinstance(found, Finish):
            return _around(found, InFirst(state.frame, encode(found.state)))
        rows = self._rows(state)
        if found.message is not None:
            turning = Turning(state.frame, encode(found.output), *rows)
            return Continue(turning, found.message, found.keep)
        return self._turn(state.frame, found.output, rows, fetch, rng, found.keep)

    def _turn(
        self, frame: Frame, output: Record, rows: _Rows, fetch: Fetch, rng: Rng, kept: Chunks
    ) -> Transition:
        """Begin the second part; `kept` are chunks of this same step."""
        before = self._begun(frame)
        either: Fetch = lambda name: kept[name] if name in kept else fetch(name)  # noqa: E731
        given, chunks = self.convert(before, output, either, rng)
        part = part_context(frame.ctx, frame.params, 2)
        # A protocol says itself which record its input is, and refuses any other.
        begun = self.second.begin(
            frame.role, _of(before.params, "second"), part, cast("Items", given), rng
        )
        return _in_second(begun, rows, {**kept, **chunks})

    def _begun(self, frame: Frame) -> Begun:
        params = decode(self.params, frame.params)
        return Begun(frame.role, params, decode(self.takes, frame.given))

    def _rows(self, state: InFirst) -> _Rows:
        """Return what both parts take, where the first is at its end."""
        if self.first.progress is None:
            return 0, 0
        now = _progress(self.first, state.inner)
        return now.total, self.ahead(self._begun(state.frame), now).total

    def progress(self, state: Record) -> Progress:
        """Return the rows of both parts, those of the second as what was said of them before it
        began: so the whole stays what it was, whatever the second counts.
        """
        match state:
            case InFirst(frame, inner):
                now = _progress(self.first, inner)
                then_on = self.ahead(self._begun(frame), now)
                per_peer_row = now.per_peer_row + then_on.per_peer_row
                return Progress(now.done, now.total + then_on.total, per_peer_row)
            case Turning(_, _, before, after):
                return Progress(before, before + after)
            case InSecond(inner, before, after):
                now = _progress(self.second, inner)
                # While nobody has said how many rows the other side has: no fewer than before.
                whole = now.total + round(now.per_peer_row * before)
                return Progress(before + after * now.done // max(1, whole), before + after)
            case _:
                raise LocalError("this is no state of protocols in a row")


def _progress(part: TwoParty, state: bytes) -> Progress:
    if part.progress is None:
        raise LocalError(f"{part.name} cannot say how far it is")
    return part.progress(decode(part.states, state))


def _of(params: Record, part: str) -> Record:
    found: Record = getattr(params, part)
    return found


def _around(transition: Wait | Continue, state: Record, kept: Chunks | None = None) -> Transition:
    """Return the same transition with what stands around its state, and chunks beside its own."""
    keep = {**(kept or {}), **transition.keep}
    if isinstance(transition, Continue):
        return Continue(state, transition.message, keep)
    return Wait(state, keep)


def _in_second(transition: Transition, rows: _Rows, kept: Chunks | None = None) -> Transition:
    if isinstance(transition, Finish):
        keep = {**(kept or {}), **transition.keep}
        return Finish(transition.output, transition.message, keep)
    return _around(transition, InSecond(encode(transition.state), *rows), kept)
