"""Plays the aggregator and all partners of a federated training in memory.

Every state, question and answer crosses its encoding at each step, so that each test is one of
crash and resume too. `present` says who gets a question; `alter` what becomes of an answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from protocols.codec import Record, decode, encode
from protocols.federated import aggregator, partner
from protocols.federated.aggregator import Aggregator, Model, Stage
from protocols.federated.fixed_point import Whole
from protocols.federated.partner import Partner
from protocols.federated.terms import FederatedTerms, Run
from protocols.keys import PartyKeys
from tests.support.seeded import seeded

NAMES = ("ada", "ben", "cem", "dov", "eva", "fay", "gus")
Present = Callable[[str, Stage, int], bool]
Alter = Callable[[str, Stage, int, bytes], bytes]
Ask = Callable[[str, Record], Record]


def keys_of(party: str) -> PartyKeys:
    return PartyKeys.generate(party, seeded(f"federated/{party}"))


def terms_of(count: int = 3, **changes: object) -> FederatedTerms:
    fields: dict[str, object] = {
        "job": "0f" * 16,
        "parties": NAMES[:count],
        "sizes": tuple(1000 * (i + 1) for i in range(count)),
        "threshold": count // 2 + 1,
        "rounds": 2,
        "one_hot": (3, 2),
        "ridge_milli": 0,
        "rho_nano": 0,
    }
    return FederatedTerms(**(fields | changes))  # type: ignore[arg-type]


def run_of(terms: FederatedTerms) -> Run:
    return Run(terms, tuple(keys_of(party).public() for party in terms.parties))


def updates_of(terms: FederatedTerms, turn: int) -> dict[str, Whole]:
    """Return an update of each partner: numbers of both signs, and many people with each code."""
    found = {}
    for party in terms.parties:
        draw = seeded(f"update/{party}/{turn}")(8 * terms.entries(turn))
        found[party] = (np.frombuffer(draw, "<i8") >> 44).astype(np.int64)
        found[party][terms.columns :] += 2**22
        found[party][terms.columns] += 2**23
    return found


@dataclass
class Member:
    """One partner with its keys, and how often it learnt."""

    party: str
    keys: PartyKeys
    state: bytes
    rng: Callable[[int], bytes]
    learnt: list[int] = field(default_factory=list)

    def partner(self) -> Partner:
        return decode(Partner, self.state)

    def answer(self, question: Record, run: Run) -> bytes:
        def learn(turn: int, weights: bytes) -> Whole:
            self.learnt.append(turn)
            return updates_of(run.terms, turn)[self.party]

        asked = partner.read_question(encode(question))
        changed = partner.answer(self.partner(), asked, self.keys, learn, self.rng)
        self.state = encode(changed)
        said = self.partner().answer
        assert said is not None
        return encode(said)


@dataclass
class Federation:
    """A run, between two steps of the aggregator."""

    run: Run
    members: dict[str, Member]
    state: bytes
    seen: list[tuple[Stage, int, dict[str, bytes]]] = field(default_factory=list)
    """What the aggregator saw."""

    def aggregator(self) -> Aggregator:
        return decode(Aggregator, self.state)

    def until(self, stage: Stage, turn: int = 0, **how: object) -> Aggregator:
        """Play to the moment before that stage; return the aggregator's state."""
        while (now := self.aggregator()).stage is not stage or now.turn != turn:
            assert self.step(**how) is None  # type: ignore[arg-type]
        return now

    def step(
        self,
        present: Present = lambda party, stage, turn: True,
        alter: Alter = lambda party, stage, turn, answer: answer,
    ) -> Model | None:
        """Ask, and collect what came; return the model at the end."""
        state = self.aggregator()
        at = state.stage, state.turn
        answers = {
            party: alter(party, *at, self.members[party].answer(question, self.run))
            for party, question in aggregator.questions(state).items()
            if present(party, *at)
        }
        self.seen.append((*at, answers))
        after = aggregator.collect(state, answers)
        if isinstance(after, Model):
            return decode(Model, encode(after))
        self.state = encode(after)
        return None

    def play(self, **how: object) -> Model:
        """Play to the end."""
        while (model := self.step(**how)) is None:  # type: ignore[arg-type]
            pass
        return model


def federation(terms: FederatedTerms, seed: str = "run") -> Federation:
    """Open a run of these terms."""
    run, members = run_of(terms), {}
    for party in terms.parties:
        rng = seeded(f"{seed}/{party}")
        state = encode(partner.begin(run, party, rng))
        members[party] = Member(party, keys_of(party), state, rng)
    return Federation(run, members, encode(aggregator.begin(run)))
