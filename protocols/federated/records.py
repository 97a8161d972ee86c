"""What the aggregator asks and the partners answer, in order; `docs/spec/secure-aggregation.md`.

Every answer travels `Signed` with the partner's own key, and names the run. So the aggregator can
leave answers out, and cannot make, change or exchange any. Its questions are not signed: nothing in
them is believed but what partners signed. Partners are numbered in the order of the terms; `turn`
is the number of a round, from 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from protocols import signed
from protocols.codec import Record
from protocols.errors import ContextMismatch, MalformedMessage
from protocols.federated import masks, shamir
from protocols.federated.terms import FederatedTerms, Run
from protocols.signed import Signed

_MOST_SEALED = 2048
"""Bytes of one partner's sealed shares of all rounds: those of eight rounds have 1,329."""

# Questions


@dataclass(frozen=True, slots=True)
class AskKeys(Record):
    """Who takes part, and with what keys?"""

    KIND: ClassVar[str] = "federated-ask-keys/1"
    ctx: bytes


@dataclass(frozen=True, slots=True)
class AskShares(Record):
    """These take part. What are your shares for them?"""

    KIND: ClassVar[str] = "federated-ask-shares/1"
    ctx: bytes
    keys: tuple[Signed, ...]


@dataclass(frozen=True, slots=True)
class AskUpdate(Record):
    """These gave shares. What is your update of these weights, masked?"""

    KIND: ClassVar[str] = "federated-ask-update/1"
    ctx: bytes
    turn: int
    weights: bytes
    shares: tuple[Signed, ...]


@dataclass(frozen=True, slots=True)
class AskConfirmation(Record):
    """The updates of these have come. Do you know of it?"""

    KIND: ClassVar[str] = "federated-ask-confirmation/1"
    ctx: bytes
    turn: int
    survivors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AskOpening(Record):
    """These confirmed. What are your shares of what still hides the sum?"""

    KIND: ClassVar[str] = "federated-ask-opening/1"
    ctx: bytes
    turn: int
    confirmed: tuple[Signed, ...]


@dataclass(frozen=True, slots=True)
class Survivors(Record):
    """Whose updates the sum of one round is over."""

    KIND: ClassVar[str] = "federated-survivors/1"
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Told(Record):
    """The model, after the last round; whose updates are in it; who was there at the end."""

    KIND: ClassVar[str] = "federated-told/2"
    ctx: bytes
    weights: bytes
    turns: tuple[Survivors, ...]
    present: tuple[int, ...]
    """Partners that helped to open the last sum: these sign what came of it."""


QUESTIONS: tuple[type[Record], ...] = (
    AskKeys,
    AskShares,
    AskUpdate,
    AskConfirmation,
    AskOpening,
    Told,
)

# Answers


@dataclass(frozen=True, slots=True)
class TurnKeys(Record):
    """What a partner says before a round: its public key, and what its self-mask has to fit."""

    KIND: ClassVar[str] = "federated-turn-keys/1"
    pair: bytes
    """X25519, 32 bytes."""
    self_check: bytes
    """SHA-256, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Keys(Record):
    """A partner takes part."""

    KIND: ClassVar[str] = "federated-keys/1"
    ctx: bytes
    number: int
    channel: bytes
    """X25519, 32 bytes: shares for this partner are sealed to it."""
    turns: tuple[TurnKeys, ...]


@dataclass(frozen=True, slots=True)
class TurnShares(Record):
    """One partner's shares of what another hides its update of one round by."""

    KIND: ClassVar[str] = "federated-turn-shares/1"
    pair: bytes
    own: bytes


@dataclass(frozen=True, slots=True)
class SharesFor(Record):
    """Shares for one partner, in the clear: what lies sealed in `Shares`."""

    KIND: ClassVar[str] = "federated-shares-for/1"
    turns: tuple[TurnShares, ...]


@dataclass(frozen=True, slots=True)
class Shares(Record):
    """A partner's shares for every partner, sealed; empty for one that did not send keys."""

    KIND: ClassVar[str] = "federated-shares/1"
    ctx: bytes
    number: int
    sealed: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Masked(Record):
    """A partner's masked update."""

    KIND: ClassVar[str] = "federated-masked/2"
    ctx: bytes
    number: int
    turn: int
    values: bytes
    """uint64, little endian, as many as an update of this round has."""


@dataclass(frozen=True, slots=True)
class Confirmed(Record):
    """A partner will open the sum of these, and of no others in this round."""

    KIND: ClassVar[str] = "federated-confirmed/1"
    ctx: bytes
    number: int
    turn: int
    survivors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Opened(Record):
    """A partner's shares, one of each partner that gave shares: of a survivor's own mask, of one
    that dropped out the key of its masks in pairs. Never both of one.
    """

    KIND: ClassVar[str] = "federated-opened/1"
    ctx: bytes
    number: int
    turn: int
    shares: tuple[bytes, ...]
    """In the order of the numbers of those that gave shares."""


@dataclass(frozen=True, slots=True)
class Heard(Record):
    """A partner has the model."""

    KIND: ClassVar[str] = "federated-heard/1"
    ctx: bytes
    number: int


Answer = Keys | Shares | Masked | Confirmed | Opened | Heard
A = TypeVar("A", bound=Answer)


def read(run: Run, ctx: bytes, kind: type[A], answer: Signed) -> A:
    """Return an answer that a partner of this run signed.

    Raises: MalformedMessage, ForgedEnvelope, ContextMismatch.
    """
    if answer.signer not in run.terms.parties:
        raise MalformedMessage("the signer is none of the partners")
    number = run.terms.number(answer.signer)
    found = signed.verify(kind, answer, run.publics[number])
    if found.ctx != ctx or found.number != number:
        raise ContextMismatch("the answer belongs to another run or partner")
    if not _fits(found, run.terms):
        raise MalformedMessage("the answer does not fit the terms")
    return found


def _fits(answer: Answer, terms: FederatedTerms) -> bool:
    match answer:
        case Keys(channel=channel, turns=turns):
            checks = all(len(t.self_check) == 32 for t in turns)
            # With one that is no key all others could not go on; so its owner is left out.
            keys = all(masks.is_key(key) for key in (channel, *(t.pair for t in turns)))
            return len(turns) == terms.rounds and checks and keys
        case Shares(sealed=sealed):
            # All partners are sent these in each round: what is longer would be everybody's burden.
            fits = all(len(one) <= _MOST_SEALED for one in sealed)
            return fits and len(sealed) == len(terms.parties)
        case Opened(turn=turn, shares=shares):
            fits = all(len(share) <= shamir.SHARE_BYTES for share in shares)
            return fits and 0 <= turn < terms.rounds and len(shares) <= len(terms.parties)
        case Confirmed(turn=turn, survivors=survivors):
            return 0 <= turn < terms.rounds and len(survivors) <= len(terms.parties)
        case Masked(turn=turn, values=values):
            return 0 <= turn < terms.rounds and len(values) == 8 * terms.entries(turn)
        case _:
            return True


def read_all(run: Run, ctx: bytes, kind: type[A], answers: Iterable[Signed]) -> tuple[A, ...]:
    """Return answers of different partners, which come in the order of their numbers.

    Raises: MalformedMessage, ForgedEnvelope, ContextMismatch.
    """
    found = tuple(read(run, ctx, kind, answer) for answer in answers)
    numbers = [answer.number for answer in found]
    if numbers != sorted(set(numbers)):
        raise MalformedMessage("partners come in their order, each once")
    return found
