"""What every answer about this party's own people has in common, whatever it is.

    again?      the same question, rows, people and recipient: the answer of then, free
    gate        who may be used for `dp.stat`; the use record is in the ledger, under a checkpoint
    charge      on disk before any row is read
    make        by the caller; kept before anybody sees it

A crash after the charge loses the answer, never the charge.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from consent.words import Operation
from party_node import further_deltas
from party_node.answers import Answer
from party_node.decisions import Price
from party_node.errors import NodeError
from party_node.permission import Permission
from party_node.services import Services
from party_node.statistics.errors import PeopleChanging
from party_node.statistics.recipients import Recipient
from protocols.codec import Record, encode
from protocols.dp.budget import Rho, require
from protocols.errors import DisclosureError, ProtocolError
from protocols.question import digest

COMPLETED = "completed"
_TTL_MS = 60 * 60 * 1000
_TRIES = 5

T = TypeVar("T")
Make = Callable[[str, Permission], bytes]
"""(name of the use, permission) → what is kept as the answer; it may be told once it is kept."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one dataset."""

    dataset: str
    purpose: str
    canonical: Record
    """What makes two questions the same one: all but the price."""
    said: Record
    """The question as the use record stands for it."""
    cost: Rho
    mechanism: str
    delta_exponent: int = 0
    """10^-this is the delta that is charged beside the cost; 0 for none."""


@dataclass(frozen=True, slots=True)
class Given:
    """The answer to give, and what this party alone may know of it."""

    answer: Answer
    paid_as: str
    """Name of the use that was charged now; empty where nothing was."""
    asked: int
    permitted: int

    @property
    def again(self) -> bool:
        """Whether it is the answer of another asking: of before, or of who was first just now."""
        return self.answer.job != self.paid_as


def once(parts: Services, question: Question, to: Recipient, requester: str, make: Make) -> Given:
    """Give the answer of before, or have one made, once charged.

    Raises: UnknownDataset, UnknownPurpose; BudgetExceeded, DeltaExceeded; as `make`, after the
    charge.
    """
    operations = (Operation.DP_STAT,)
    asked, people = parts.gate.permitted_now(
        question.dataset, question.purpose, to.in_consent, operations
    )
    known = (
        digest(question.canonical),
        parts.answers.snapshot(parts.datasets.index_id(question.dataset), people),
    )
    before = parts.answers.find(to.account, *known, question.cost.nano)
    if before is not None:
        return Given(before, "", asked, len(people))
    # Refused before anything is recorded; the charge itself decides.
    require(question.cost, parts.budgets.remaining(to.account, to.limit_nano))
    what = further_deltas.word(question.delta_exponent)
    parts.budgets.check_delta(to.account.counterparty, what, to.delta_exponent)
    name, outcome = parts.rng(16).hex(), "internal"
    permission = parts.gate.permit(
        name,
        hashlib.sha256(encode(question.said)).digest(),
        question.dataset,
        question.purpose,
        to.in_consent,
        operations,
        requester,
        _TTL_MS,
        price=Price(question.cost.nano, question.mechanism),
    )
    try:
        _charge(parts, question.cost, to, name, what)
        kept = parts.answers.keep(
            to.account, *known, name, make(name, permission), question.cost.nano, parts.clock_ms()
        )
        outcome = COMPLETED
    except (NodeError, ProtocolError, DisclosureError) as e:
        outcome = e.code
        raise
    finally:
        parts.gate.end(name, question.dataset, outcome)
    return Given(kept, name, asked, len(people))


def steady(
    parts: Services, permission: Permission, read: Callable[[Permission], T]
) -> tuple[T, Permission]:
    """Read, and again while consent narrows meanwhile; return what was read, and by which
    permission.

    Raises: PeopleChanging; as `read`.
    """
    for _ in range(_TRIES):
        found = read(permission)
        before, permission = permission, parts.gate.recheck(permission)
        if permission is before:
            return found, permission
    raise PeopleChanging


def _charge(parts: Services, cost: Rho, to: Recipient, name: str, what: str) -> None:
    parts.budgets.charge(
        name, to.collaboration, to.account.counterparty, what, cost.nano, to.limit_nano,
        parts.clock_ms(), dataset=to.account.dataset, monthly=to.account.monthly,
        delta_exponent=to.delta_exponent,
    )  # fmt: skip
