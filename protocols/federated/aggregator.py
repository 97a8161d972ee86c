"""The aggregator's side of secure aggregation: it asks, waits as long as it likes, and goes on.

What is asked and answered: `partner.py`. The aggregator is stepped with whatever answers have come
when its time is up. A partner whose answer is missing, or is not one, is left out of this round; in
the next it is asked again. `questions` is a function of the state alone: so a run that was stopped
asks the same again, and partners that had answered give the same answer.

It holds no key and no secret. It learns the sum of each round and the model.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from protocols.codec import Record, decode
from protocols.errors import ContextMismatch, LocalError, PeerError
from protocols.federated import estimate, fixed_point, records, unmasking
from protocols.federated.errors import TooFewPartners
from protocols.federated.estimate import Summed
from protocols.federated.records import (
    Answer,
    AskConfirmation,
    AskKeys,
    AskOpening,
    AskShares,
    AskUpdate,
    Confirmed,
    Heard,
    Keys,
    Masked,
    Opened,
    Shares,
    Survivors,
    Told,
)
from protocols.federated.terms import Run
from protocols.signed import Signed

NO_ANSWER = "no-answer"
"""Said of a partner whose answer had not come in time."""


class Stage(enum.StrEnum):
    """What the aggregator waits for."""

    KEYS = "keys"
    SHARES = "shares"
    UPDATE = "update"
    CONFIRMATION = "confirmation"
    OPENING = "opening"
    TOLD = "told"


@dataclass(frozen=True, slots=True)
class Absence(Record):
    """A partner gave no answer that counts: when, and why."""

    KIND: ClassVar[str] = "federated-absence/1"
    party: str
    stage: Stage
    turn: int
    code: str
    """`no-answer`, or the code of the error in its answer."""


@dataclass(frozen=True, slots=True)
class Turn(Record):
    """A round that is done: whose updates the sum is over."""

    KIND: ClassVar[str] = "federated-turn/1"
    contributed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Aggregator(Record):
    """The aggregator between two steps; nothing in it is secret."""

    KIND: ClassVar[str] = "federated-aggregator/2"
    run: Run
    stage: Stage
    turn: int
    weights: bytes
    keys: tuple[Signed, ...] = ()
    shares: tuple[Signed, ...] = ()
    masked: tuple[Signed, ...] = ()
    confirmed: tuple[Signed, ...] = ()
    turns: tuple[Turn, ...] = ()
    sums: tuple[Summed, ...] = ()
    """Of the rounds that are done: the weights follow from all of them."""
    absences: tuple[Absence, ...] = ()
    present: tuple[int, ...] = ()
    """Who helped to open the last sum, once it is open."""


@dataclass(frozen=True, slots=True)
class Model(Record):
    """What training ends with."""

    KIND: ClassVar[str] = "federated-model/2"
    weights: bytes
    turns: tuple[Turn, ...]
    absences: tuple[Absence, ...]
    told: Told
    """What partners were told; one that was away may ask for it later."""


_KINDS: Mapping[Stage, type[Answer]] = {
    Stage.KEYS: Keys,
    Stage.SHARES: Shares,
    Stage.UPDATE: Masked,
    Stage.CONFIRMATION: Confirmed,
    Stage.OPENING: Opened,
    Stage.TOLD: Heard,
}


def begin(run: Run) -> Aggregator:
    """Open a run."""
    return Aggregator(run, Stage.KEYS, 0, fixed_point.start(run.terms))


def questions(state: Aggregator) -> dict[str, Record]:
    """Return what to ask now, of whom."""
    ctx, turn = state.run.context(), state.turn
    question: Record
    match state.stage:
        case Stage.KEYS:
            return dict.fromkeys(state.run.terms.parties, AskKeys(ctx))
        case Stage.SHARES:
            asked, question = state.keys, AskShares(ctx, state.keys)
        case Stage.UPDATE:
            asked, question = state.shares, AskUpdate(ctx, turn, state.weights, state.shares)
        case Stage.CONFIRMATION:
            asked, question = state.masked, AskConfirmation(ctx, turn, _numbers(state))
        case Stage.OPENING:
            asked, question = state.confirmed, AskOpening(ctx, turn, state.confirmed)
        case _:
            asked, question = state.shares, _told(state)
    return {answer.signer: question for answer in asked}


def collect(state: Aggregator, answers: Mapping[str, bytes]) -> Aggregator | Model:
    """Take the answers that have come to `questions(state)`, and go on.

    Raises: TooFewPartners; then asking the same again may still help.
    """
    came, absences = _sorted_out(state, answers)
    state = replace(state, absences=(*state.absences, *absences))
    if state.stage is Stage.TOLD:
        return Model(state.weights, state.turns, state.absences, _told(state))
    if len(came) < state.run.terms.threshold:
        raise TooFewPartners(f"{len(came)} answered, {state.run.terms.threshold} are needed")
    match state.stage:
        case Stage.KEYS:
            return replace(state, stage=Stage.SHARES, keys=came)
        case Stage.SHARES:
            return replace(state, stage=Stage.UPDATE, shares=came)
        case Stage.UPDATE:
            return replace(state, stage=Stage.CONFIRMATION, masked=came)
        case Stage.CONFIRMATION:
            return replace(state, stage=Stage.OPENING, confirmed=came)
        case _:
            return _opened(state, came)


def _sorted_out(
    state: Aggregator, answers: Mapping[str, bytes]
) -> tuple[tuple[Signed, ...], list[Absence]]:
    """Return the answers that count, in the order of the partners, and who gave none."""
    came, absences = [], []
    for party in questions(state):
        code = NO_ANSWER
        if party in answers:
            try:
                came.append(_read(state, party, answers[party]))
                continue
            except (PeerError, LocalError) as e:
                code = e.code
        absences.append(Absence(party, state.stage, state.turn, code))
    return tuple(came), absences


def _read(state: Aggregator, party: str, data: bytes) -> Signed:
    answer = decode(Signed, data)
    if answer.signer != party:
        raise ContextMismatch("another partner's answer came")
    said = records.read(state.run, state.run.context(), _KINDS[state.stage], answer)
    fits = True
    match said:
        case Masked(turn=turn):
            fits = turn == state.turn
        case Confirmed(turn=turn, survivors=survivors):
            fits = (turn, survivors) == (state.turn, _numbers(state))
        case Opened(turn=turn, shares=shares):
            fits = (turn, len(shares)) == (state.turn, len(state.shares))
    if not fits:
        raise ContextMismatch("the answer belongs to another round or sum")
    return answer


def _numbers(state: Aggregator) -> tuple[int, ...]:
    """Return the partners whose masked updates have come."""
    return tuple(state.run.terms.number(answer.signer) for answer in state.masked)


def _opened(state: Aggregator, came: tuple[Signed, ...]) -> Aggregator:
    """Open the sum, and begin the next round."""
    run, ctx = state.run, state.run.context()
    keys = {k.number: k for k in records.read_all(run, ctx, Keys, state.keys)}
    dealers = [s.number for s in records.read_all(run, ctx, Shares, state.shares)]
    masked = records.read_all(run, ctx, Masked, state.masked)
    opened = records.read_all(run, ctx, Opened, came)
    total = unmasking.total(run, keys, dealers, masked, opened)
    survivors = _numbers(state)
    last = state.turn + 1 == run.terms.rounds
    opened_sum = Summed(state.weights, survivors, total.astype("<i8").tobytes())
    sums = (*state.sums, opened_sum)
    return replace(
        state,
        stage=Stage.TOLD if last else Stage.UPDATE,
        turn=state.turn if last else state.turn + 1,
        weights=estimate.weights(run.terms, sums),
        sums=sums,
        masked=(),
        confirmed=(),
        turns=(*state.turns, Turn(tuple(run.terms.parties[i] for i in survivors))),
        present=tuple(answer.number for answer in opened) if last else (),
    )


def _told(state: Aggregator) -> Told:
    number = state.run.terms.number
    turns = tuple(Survivors(tuple(map(number, turn.contributed))) for turn in state.turns)
    return Told(state.run.context(), state.weights, turns, state.present)
