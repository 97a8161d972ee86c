"""One round of a job at this party: ask the gate again, pay, read, learn, add noise.

Who has withdrawn since the last round is out of this one, and a use record that names the round
says so. The budget is charged before any row is read. Whatever goes wrong, nothing has left.
"""

from dataclasses import dataclass

from pyroaring import BitMap

from party_node import phase_compute
from party_node.errors import JobExpired
from party_node.execution import Execution
from party_node.federated import judging, reading
from party_node.federated.errors import UnknownTraining
from party_node.federated.learner import Learner
from party_node.federated.reading import SALT_BYTES, Read
from party_node.jobs import ENDED
from party_node.services import Services
from protocols.codec import encode
from protocols.errors import SmallCohort
from protocols.federated.asked import Federated
from protocols.federated.fixed_point import Whole
from protocols.federated.learning import People
from protocols.federated.terms import FederatedTerms
from protocols.question import read as read_question

PEOPLE = "people"
"""Chunk of a run: a salt, and whom this party brings if they still permit it."""
JUDGED = "judged-"
"""Chunk of a run: how good the model was after the round whose number follows."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """Makes the updates of this node's jobs."""

    services: Services

    def __call__(self, terms: FederatedTerms, number: int, turn: int, weights: bytes) -> Whole:
        """Return the update of a round.

        Raises: JobExpired, UnknownTraining for a job that has ended; SmallCohort, BudgetExceeded,
        ConsentError, and nothing is learnt; what reading raises.
        """
        parts = self.services
        execution = Execution.of(parts, terms.job)
        job = execution.job
        if parts.jobs.get(job.job).state in ENDED:
            raise UnknownTraining
        if parts.clock_ms() >= job.expires_ms:
            raise JobExpired
        uses = phase_compute.recheck(execution, parts.runs.load(job.job), at_round=turn + 1)
        salt, brought = people_of(execution)
        people = brought & uses.allowed
        require_many(execution, len(people))
        asked = read_question(job.question)
        assert isinstance(asked, Federated)
        accounts = {account.counterparty: account for account in execution.accounts}
        found: list[Read] = []

        def read(_terms: FederatedTerms) -> People:
            found.append(reading.read(parts, uses.reading, people, asked, salt))
            return found[0].training

        learner = Learner(
            parts.budgets,
            job.collaboration,
            parts.collaborations.limit_nano(execution.agreed),
            read,
            parts.clock_ms,
            lambda party: accounts[party],
        )
        update = learner(terms, number, turn, weights)
        if turn:
            judge(execution, terms, turn, weights, found[0])
        return update


def judge(
    execution: Execution, terms: FederatedTerms, rounds: int, weights: bytes, found: Read
) -> None:
    """Keep how good the model after so many rounds is over people that trained nothing here."""
    judged = judging.judge(terms, weights, found.held_out)
    execution.chunks.keep({f"{JUDGED}{rounds}": encode(judged)})


def people_of(execution: Execution) -> tuple[bytes, BitMap]:
    """Return the salt of a run and whom this party brings to it."""
    kept = execution.chunks.fetch(PEOPLE)
    return kept[:SALT_BYTES], BitMap.deserialize(kept[SALT_BYTES:])


def require_many(execution: Execution, people: int) -> None:
    """Refuse to train on fewer people than was agreed. Raises: SmallCohort.

    That is an exact answer about this party's people, free of charge, and all partners hear it. So
    the limit is the one that all have signed: whoever asks for a job may state a higher one, and
    could find the number of people by asking again and again.
    """
    least = execution.agreed.minimum_size
    if people < least:
        raise SmallCohort(f"fewer than {least} people of this party may be trained on")
