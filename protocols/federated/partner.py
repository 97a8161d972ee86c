"""A partner's side of secure aggregation: one answer to each question, and never two.

    aggregator                                                     partner u
    AskKeys ──────────────────────────────────────────────────────►
            ◄── Keys: a channel key; for each round a pair key s_u and a check of a seed b_u ──
    AskShares: the keys of everybody ─────────────────────────────►
            ◄── Shares: of each s_u and b_u, sealed to each partner ──
    for each round:
    AskUpdate: weights, the shares of everybody ──────────────────►   x_u = what it learns
            ◄── Masked: x_u + mask(b_u) + Σ ± mask(s_u, s_v) over all others v ──
    AskConfirmation: whose masked updates came ───────────────────►
            ◄── Confirmed: the same, signed ──
    AskOpening: everybody's confirmations ────────────────────────►
            ◄── Opened: for each who came a share of b, for each who did not a share of s ──
    at the end:
    Told: the model ──────────────────────────────────────────────►
            ◄── Heard ──

**Who learns what.** The aggregator: who takes part, who dropped out when, the sum of the updates of
each round and the model. A partner: the same but the sums of which it sees only what the model
says. With two partners left in a round, each can take its own update from the sum and has the
other's: what protects people then is the noise that is in every update (`noise.py`).

**Assumed public.** Terms, sizes, number of columns.

**Security.** Against an aggregator that does what it likes, with up to `most_colluding` partners:
it sees sums over at least `threshold` updates. Keys, shares and confirmations are signed, so it can
exchange none; a partner answers each question once, gives for every other partner one of the two
kinds of shares and never both, and only for a list of survivors that `threshold` of them signed. A
late update of one that was taken for dropped stays hidden by its own mask. What it can do: give up,
leave partners out, or tell a wrong model. A partner that does not follow the protocol can spoil the
sum, by a wrong update or by wrong shares; it does not see more.

**Source.** Bonawitz et al. 2017, "Practical secure aggregation for privacy-preserving machine
learning" (figure 4, with signatures and the consistency check). Different here: keys and shares
for all rounds are exchanged once, with separate keys for each round. Wire format:
`docs/spec/secure-aggregation.md`.
"""

import functools
import hashlib
import operator
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar

from protocols import signed
from protocols.codec import Record, decode, encode
from protocols.errors import ContextMismatch, MalformedMessage, PeerError, UnexpectedMessage
from protocols.federated import fixed_point, masks, records, shamir
from protocols.federated.fixed_point import Whole
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
    SharesFor,
    Survivors,
    Told,
    TurnKeys,
    TurnShares,
)
from protocols.federated.terms import Run
from protocols.keys import PartyKeys
from protocols.session import Rng
from protocols.signed import Signed

Learn = Callable[[int, bytes], Whole]
"""(turn, weights) → this partner's update: charged, learnt and noisy (`updates.py`, `noise.py`)."""


@dataclass(frozen=True, slots=True)
class TurnSecrets(Record):
    """What hides the update of one round."""

    KIND: ClassVar[str] = "federated-turn-secrets/1"
    pair: bytes = field(repr=False)
    own: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenedTurn(Record):
    """A round of which a partner helped to open the sum."""

    KIND: ClassVar[str] = "federated-opened-turn/1"
    turn: int
    survivors: Survivors


@dataclass(frozen=True, slots=True)
class Partner(Record):
    """One partner between two questions; `channel` and `secrets` are secret.

    The caller stores it, durably, before it sends the answer in it.
    """

    KIND: ClassVar[str] = "federated-partner/1"
    run: Run
    number: int
    channel: bytes = field(repr=False)
    secrets: tuple[TurnSecrets, ...] = field(repr=False)
    position: int = -1
    """Of the last question that was answered."""
    question: bytes = b""
    """SHA-256 of it."""
    answer: Signed | None = None
    keys: tuple[Signed, ...] = ()
    shares: tuple[Signed, ...] = ()
    survivors: tuple[int, ...] = ()
    opened: tuple[OpenedTurn, ...] = ()
    """Of each round of which this partner helped to open the sum, whose updates were in it."""
    told: Told | None = None
    """The model, once it is told."""

    @property
    def model(self) -> bytes:
        """Weights of the model; empty until they are told."""
        return b"" if self.told is None else self.told.weights


def begin(run: Run, party: str, rng: Rng) -> Partner:
    """Open one partner's side with fresh keys. Raises: InvalidParameter."""
    number = run.terms.number(party)
    secrets = tuple(TurnSecrets(rng(32), rng(32)) for _ in range(run.terms.rounds))
    return Partner(run, number, rng(32), secrets)


def read_question(data: bytes) -> Record:
    """Read a question from the wire. Raises: MalformedMessage."""
    return decode(records.QUESTIONS, data)


def answer(state: Partner, question: Record, keys: PartyKeys, learn: Learn, rng: Rng) -> Partner:
    """Return the state with the answer to `question` in it.

    The same question again gets the same answer, and nothing is learnt again. Raises: PeerError;
    whatever `learn` raises.
    """
    ctx, place = state.run.context(), _place(state.run, question)
    if getattr(question, "ctx", None) != ctx:
        raise ContextMismatch("the question belongs to another run")
    digest = hashlib.sha256(encode(question)).digest()
    if place == state.position and digest == state.question:
        return state
    if place <= state.position:
        raise UnexpectedMessage("a question like this was answered before")
    said, changed = _work(state, ctx, question, learn, rng)
    return replace(changed, position=place, question=digest, answer=signed.sign(keys, said))


def _place(run: Run, question: Record) -> int:
    """Return the position of a question in the run: it only ever grows."""
    match question:
        case AskKeys():
            return 0
        case AskShares():
            return 1
        case AskUpdate(turn=turn) | AskConfirmation(turn=turn) | AskOpening(turn=turn):
            if not 0 <= turn < run.terms.rounds:
                raise UnexpectedMessage("there is no such round")
            kinds: list[type[Record]] = [AskUpdate, AskConfirmation, AskOpening]
            return 2 + 3 * turn + kinds.index(type(question))
        case Told():
            return 2 + 3 * run.terms.rounds
        case _:
            raise UnexpectedMessage("this is not a question")


def _work(
    state: Partner, ctx: bytes, question: Record, learn: Learn, rng: Rng
) -> tuple[Answer, Partner]:
    """Answer a question whose turn it is."""
    at, number = state.position, state.number
    match question:
        case AskKeys():
            return _own_keys(state, ctx), state
        case AskShares() if at == 0:
            return _deal(state, ctx, question, rng)
        case AskUpdate() if at >= 1:
            return _mask(state, ctx, question, learn)
        case AskConfirmation(turn=turn, survivors=survivors) if at == 2 + 3 * turn:
            _check_survivors(state, ctx, survivors)
            confirmed = Confirmed(ctx, number, turn, survivors)
            return confirmed, replace(state, survivors=survivors)
        case AskOpening(turn=turn) if at == 3 + 3 * turn:
            opened = (*state.opened, OpenedTurn(turn, Survivors(state.survivors)))
            return _open(state, ctx, question), replace(state, opened=opened)
        case Told():  # at any time: who was away from the start hears the end too
            _check_told(state, question)
            return Heard(ctx, number), replace(state, told=question)
        case _:
            raise UnexpectedMessage(f"{question.KIND} came after question {at}")


def _own_keys(state: Partner, ctx: bytes) -> Keys:
    turns = tuple(
        TurnKeys(masks.public_of(s.pair), masks.check_of(ctx, state.number, turn, s.own))
        for turn, s in enumerate(state.secrets)
    )
    return Keys(ctx, state.number, masks.public_of(state.channel), turns)


def _deal(state: Partner, ctx: bytes, asked: AskShares, rng: Rng) -> tuple[Shares, Partner]:
    """Share the secrets of every round among those that take part."""
    terms = state.run.terms
    taking_part = {k.number: k for k in records.read_all(state.run, ctx, Keys, asked.keys)}
    if len(taking_part) < terms.threshold:
        raise MalformedMessage("fewer take part than was agreed")
    if taking_part.get(state.number) != _own_keys(state, ctx):
        raise ContextMismatch("this partner's own keys are others")
    count = len(terms.parties)
    dealt = [
        (
            shamir.deal(s.pair, terms.threshold, count, rng),
            shamir.deal(s.own, terms.threshold, count, rng),
        )
        for s in state.secrets
    ]
    sealed = [b""] * count
    for number, theirs in taking_part.items():
        body = encode(SharesFor(tuple(TurnShares(p[number], o[number]) for p, o in dealt)))
        ours, other = (state.number, state.channel), (number, theirs.channel)
        sealed[number] = masks.seal_shares(ctx, ours, other, body)
    return Shares(ctx, state.number, tuple(sealed)), replace(state, keys=asked.keys)


def _mask(state: Partner, ctx: bytes, asked: AskUpdate, learn: Learn) -> tuple[Masked, Partner]:
    """Learn, and hide what was learnt."""
    terms, me = state.run.terms, state.number
    given = records.read_all(state.run, ctx, Shares, asked.shares)
    keys = {k.number: k for k in records.read_all(state.run, ctx, Keys, state.keys)}
    dealers = [s.number for s in given]
    if len(dealers) < terms.threshold or me not in dealers or not set(dealers) <= set(keys):
        raise MalformedMessage("shares are of too few, or of partners that do not take part")
    fixed_point.read_whole(terms, asked.weights)
    mine, turn = state.secrets[asked.turn], asked.turn
    if turn == 0 and asked.weights != fixed_point.start(terms):
        raise MalformedMessage("the first round starts from 0")
    entries = terms.entries(turn)
    hiding = [masks.self_mask(ctx, turn, me, mine.own, entries)]
    for other in dealers:
        if other != me:
            theirs = other, keys[other].turns[turn].pair
            hiding.append(masks.pair_mask(ctx, turn, (me, mine.pair), theirs, entries))
    # Last, because it is charged: nothing that is asked may be refused after it.
    update = fixed_point.to_modular(learn(turn, asked.weights))
    values = functools.reduce(operator.add, hiding, update).astype("<u8").tobytes()
    return Masked(ctx, me, turn, values), replace(state, shares=asked.shares, survivors=())


def _check_survivors(state: Partner, ctx: bytes, survivors: tuple[int, ...]) -> None:
    dealers = {s.number for s in records.read_all(state.run, ctx, Shares, state.shares)}
    in_order = list(survivors) == sorted(set(survivors))
    if not in_order or not {state.number} <= set(survivors) <= dealers:
        raise MalformedMessage("survivors gave shares, come in order, and this partner is one")
    if len(survivors) < state.run.terms.threshold:
        raise MalformedMessage("the sum would be over fewer than was agreed")


def _open(state: Partner, ctx: bytes, asked: AskOpening) -> Opened:
    """Give one share of each: of survivors of the one kind, of the others of the other."""
    confirmed = records.read_all(state.run, ctx, Confirmed, asked.confirmed)
    for said in confirmed:
        if (said.turn, said.survivors) != (asked.turn, state.survivors):
            raise ContextMismatch("another partner confirmed another sum")
    if not {said.number for said in confirmed} <= set(state.survivors):
        raise MalformedMessage("one that dropped out does not confirm")
    if len(confirmed) < state.run.terms.threshold:
        raise MalformedMessage("fewer confirmed than was agreed")
    keys = {k.number: k for k in records.read_all(state.run, ctx, Keys, state.keys)}
    dealt = records.read_all(state.run, ctx, Shares, state.shares)
    shares = tuple(_share(state, ctx, asked.turn, dealer, keys[dealer.number]) for dealer in dealt)
    return Opened(ctx, state.number, asked.turn, shares)


def _check_told(state: Partner, told: Told) -> None:
    """Check what is told of the rounds by what this partner saw of them."""
    terms = state.run.terms
    fixed_point.read_weights(terms, told.weights)
    everybody = range(len(terms.parties))
    for numbers in (*(turn.numbers for turn in told.turns), told.present):
        if list(numbers) != sorted(set(numbers)) or not set(numbers) <= set(everybody):
            raise MalformedMessage("partners come in their order, each once")
        if len(numbers) < terms.threshold:
            raise MalformedMessage("a sum would be over fewer than was agreed")
    if len(told.turns) != terms.rounds or not set(told.present) <= set(told.turns[-1].numbers):
        raise MalformedMessage("there is not one sum for each round")
    if any(told.turns[one.turn] != one.survivors for one in state.opened):
        raise ContextMismatch("another sum was opened than is told")
    was_there = any(one.turn == terms.rounds - 1 for one in state.opened)
    if state.number in told.present and not was_there:
        raise ContextMismatch("this partner did not help to open the last sum")


def _share(state: Partner, ctx: bytes, turn: int, dealer: Shares, keys: Keys) -> bytes:
    """Return our share of what `dealer` hides its update by; empty if it gave us none."""
    ours, theirs = (state.number, state.channel), (dealer.number, keys.channel)
    try:
        body = masks.open_shares(ctx, ours, theirs, dealer.sealed[state.number])
        turns = decode(SharesFor, body).turns
    except PeerError:  # its own harm, if it then drops out; the others' shares may do
        return b""
    if len(turns) != state.run.terms.rounds:
        return b""
    return turns[turn].own if dealer.number in state.survivors else turns[turn].pair
