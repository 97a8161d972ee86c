"""A route of aligned sums without any protection: it stands in for the real ones in tests.

The initiator sends its vectors as they are, the responder computes. Input, parameters and outputs
are those of every route.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from protocols.codec import Record
from protocols.errors import ContextMismatch, InvalidParameter, MalformedMessage, UnexpectedMessage
from protocols.psi import chunks, opening
from protocols.session import Continue, Finish, Progress, Role, Transition, TwoParty, Wait
from protocols.sums.layout import (
    columns_chunk,
    plain_sums,
    read_columns,
    read_vector,
    vector_chunk,
)
from protocols.sums.records import AlignedRows, SumParams, Sums, SumsGiven


@dataclass(frozen=True, slots=True)
class ClearOpening(Record):
    KIND: ClassVar[str] = "sums-clear-opening/1"
    check: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class ClearVector(Record):
    KIND: ClassVar[str] = "sums-clear-vector/1"
    index: int
    entries: bytes


@dataclass(frozen=True, slots=True)
class ClearAnswer(Record):
    KIND: ClassVar[str] = "sums-clear-answer/1"
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ClearState(Record):
    KIND: ClassVar[str] = "sums-clear-state/1"
    role: Role
    params: SumParams
    rows: AlignedRows
    check: bytes
    next: int
    values: tuple[int, ...]


def begin(role: Role, params: Record, ctx: bytes, given: Any, rng: Any) -> Transition:
    if not isinstance(params, SumParams) or not isinstance(given, AlignedRows):
        raise InvalidParameter("these are not the parameters and the input of sums")
    check = opening.proof(b"clear", "", ctx, params)
    none = (0,) * (params.layout.vectors * params.layout.columns)
    state = ClearState(role, params, given, check, 0, none)
    if role is Role.INITIATOR:
        return Continue(state, ClearOpening(check, given.count))
    return Wait(state)


def step(state: Any, message: Any, fetch: Any, rng: Any) -> Transition:
    layout, due = state.params.layout, state.next
    count = chunks.chunk_count(state.rows.count, state.rows.chunk_rows)
    match state.role, message:
        case Role.INITIATOR, None if due < count:
            return Continue(_next(state), ClearVector(due, fetch(vector_chunk(due))))
        case Role.INITIATOR, None:
            return Wait(state)
        case Role.INITIATOR, ClearAnswer(values) if len(values) == _told(state):
            if not state.params.to_holder:
                return Finish(SumsGiven(state.rows.count))
            return Finish(Sums(state.rows.count, layout.vectors, values))
        case Role.RESPONDER, ClearOpening(check, rows):
            if check != state.check or rows != state.rows.count:
                raise ContextMismatch("not the same rows")
            return _answer(state) if count == 0 else Wait(state)
        case Role.RESPONDER, ClearVector(index, entries):
            if index != due:
                raise UnexpectedMessage("another chunk is due")
            columns = read_columns(layout, fetch(columns_chunk(due)))
            if len(entries) != 4 * layout.vectors * len(columns[0]):
                raise MalformedMessage("a vector of another length")
            sums = plain_sums(layout, read_vector(layout, entries), *columns)
            added = np.array(state.values) + sums.reshape(-1)
            following = _next(state, tuple(int(n) for n in added))
            return _answer(following) if due + 1 == count else Wait(following)
        case _:
            raise chunks.unexpected(state, message)


def _next(state: ClearState, values: tuple[int, ...] | None = None) -> ClearState:
    return ClearState(
        state.role, state.params, state.rows, state.check, state.next + 1, values or state.values
    )


def _told(state: ClearState) -> int:
    return len(state.values) if state.params.to_holder else 0


def _answer(state: ClearState) -> Finish:
    rows, layout = state.rows.count, state.params.layout
    if state.params.to_holder:
        return Finish(SumsGiven(rows), ClearAnswer(state.values))
    return Finish(Sums(rows, layout.vectors, state.values), ClearAnswer(()))


def progress(state: Any) -> Progress:
    done = min(state.rows.count, state.next * state.rows.chunk_rows)
    return Progress(done, state.rows.count)


CLEAR = TwoParty(
    name="sums-clear/1",
    title="Sums in the clear, for tests",
    initiator_learns="the sums",
    responder_learns="the vectors",
    params=SumParams,
    messages=(ClearOpening, ClearVector, ClearAnswer),
    states=(ClearState,),
    outputs=(Sums, SumsGiven),
    begin=begin,
    step=step,
    progress=progress,
)
