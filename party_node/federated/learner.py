"""How this party's update is made: charged first, then learnt, then noisy.

The update of a round goes into a sum that every other partner learns, and any of them may take the
others' parts away from it. So each round is charged towards each of them, before anything is
learnt. What is charged is charged once for a round, whatever happens after.
"""

from collections.abc import Callable
from dataclasses import dataclass

from party_node.accounts import Account
from party_node.budgets import Budgets
from protocols.federated import noise, updates
from protocols.federated.fixed_point import Whole
from protocols.federated.learning import People
from protocols.federated.terms import FederatedTerms

People_of = Callable[[FederatedTerms], People]
"""(terms) → the people who are permitted now: asked anew for each round, so that whoever has
withdrawn is out of the next one."""


@dataclass(frozen=True, slots=True)
class Learner:
    """Makes updates under one collaboration."""

    budgets: Budgets
    collaboration: str
    limit_nano: int
    """The budget of this party towards each other party."""
    people_of: People_of
    now_ms: Callable[[], int]
    account_of: Callable[[str], Account] = Account
    """(another party) → what is charged for what it learns."""

    def __call__(self, terms: FederatedTerms, number: int, turn: int, weights: bytes) -> Whole:
        """Return the update of a round.

        Raises: BudgetExceeded and nothing is learnt; NoiseNotProven.
        """
        for other in terms.parties:
            if other != terms.parties[number]:
                account = self.account_of(other)
                self.budgets.charge(
                    terms.job,
                    self.collaboration,
                    other,
                    what_of(turn),
                    terms.rho_nano,
                    self.limit_nano,
                    self.now_ms(),
                    dataset=account.dataset,
                    monthly=account.monthly,
                )
        learnt = updates.update(terms, turn, self.people_of(terms), weights)
        return noise.add(terms, turn, learnt)


def what_of(turn: int) -> str:
    """Return what a charge of this round is for."""
    return f"federated-round-{turn + 1}"
