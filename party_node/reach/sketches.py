"""Making a sketch of the permitted people of a dataset: charged first, kept, and given again.

    again?      the same topic, people and recipient: the sketch of then, free
    gate        who may be used for `dp.stat`; the use record is in the ledger, under a checkpoint
    charge      on disk before anything is read
    buckets     from permitted people only, and again if consent narrows meanwhile
    noise       drawn once; the sketch is kept before anybody sees it

A sketch drawn a second time would cost every person epsilon again, and two of them would show more
than one: that is why the first is given. Under an agreement the minimum is decided by the sketch
itself, which counts with noise: a group that looks smaller is not handed out, and was charged.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from consent.words import Operation
from party_node.answers import Answer
from party_node.decisions import Price
from party_node.errors import NodeError
from party_node.gate import Permission
from party_node.reach.reached import reached
from party_node.services import Services
from party_node.statistics.errors import PeopleChanging
from party_node.statistics.releases import Recipient
from protocols.codec import Record, encode
from protocols.disclosure import check_minimum
from protocols.dp.budget import Rho
from protocols.dp.reach import flipping
from protocols.dp.reach.errors import SketchesTooFull
from protocols.dp.reach.merging import Merged
from protocols.dp.reach.planning import half_width
from protocols.dp.reach.sketch import ReachSketch, Topic, read
from protocols.errors import BudgetExceeded, DisclosureError, ProtocolError
from protocols.question import digest
from protocols.release import STATISTICS

COMPLETED = "completed"
_TTL_MS = 60 * 60 * 1000
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Asked(Record):
    """What makes two sketches the same one: all but the price."""

    KIND: ClassVar[str] = "reach-question/1"
    topic: Topic
    dataset: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Made:
    """A sketch that may be handed out, and what this party alone may know of it."""

    sketch: bytes
    job: str
    """By this name it stands in the use record, the budget and the answers."""
    charged: Rho
    """Nothing, if it is one of before."""
    asked: int
    permitted: int
    made_ms: int


def look_ahead(parts: Services, asked: Asked, epsilon_milli: int, to: Recipient) -> dict[str, Any]:
    """Return what a sketch would cost and how accurate it would be alone; nothing is read or
    charged.

    Raises: InvalidParameter, UnknownDataset.
    """
    report = parts.datasets.info(asked.dataset).report
    cost, topic = flipping.price(epsilon_milli), asked.topic
    left = parts.budgets.remaining(to.account, to.limit_nano)
    return {
        "buckets": topic.buckets,
        "rho": cost.decimal(),
        "left": left.decimal(),
        "affordable": cost <= left,
        "own": {"people": report.people, "identified": report.identified.get(topic.identifier, 0)},
        "alone": [
            {"people": n, "within": half_width(topic.exponent, epsilon_milli, n)}
            for n in (topic.buckets // 16, topic.buckets // 4, topic.buckets)
        ],
    }


def make(parts: Services, asked: Asked, epsilon_milli: int, to: Recipient, requester: str) -> Made:
    """Make a sketch, once charged; the same again is the one of then, free.

    Raises: InvalidParameter, UnknownDataset, UnknownPurpose; BudgetExceeded; SmallCohort,
    DatasetChanged, PeopleChanging after the charge.
    """
    cost, question = flipping.price(epsilon_milli), digest(asked)
    everybody, people = parts.gate.permitted_now(
        asked.dataset, asked.purpose, to.in_consent, (Operation.DP_STAT,)
    )
    snapshot = _snapshot(parts, asked.dataset, people)
    before = parts.answers.find(to.account, question, snapshot, cost.nano)
    if before is not None:
        return _made(before, Rho(0), everybody, len(people))
    _require_affordable(parts, cost, to)
    name = parts.rng(16).hex()
    permission = parts.gate.permit(
        name,
        hashlib.sha256(encode(asked)).digest(),
        asked.dataset,
        asked.purpose,
        to.in_consent,
        (Operation.DP_STAT,),
        requester,
        _TTL_MS,
        price=Price(cost.nano, flipping.MECHANISM),
    )
    outcome = "internal"
    try:
        _charge(parts, cost, to, name)
        sketch = _draw(parts, asked.topic, epsilon_milli, permission)
        _check_minimum(sketch, to.minimum)
        kept = parts.answers.keep(
            to.account, question, snapshot, name, encode(sketch), cost.nano, parts.clock_ms()
        )
        outcome = COMPLETED
    except (NodeError, ProtocolError, DisclosureError) as e:
        outcome = e.code
        raise
    finally:
        parts.gate.end(name, asked.dataset, outcome)
    # Somebody may have been first with the same question: then that is the sketch.
    return _made(kept, cost, everybody, len(people))


def document(made: Made, to: Recipient) -> dict[str, Any]:
    """Return what the node says of a sketch, beside its bytes."""
    sketch = read(made.sketch)
    topic = sketch.topic
    return {
        "release": made.job,
        "party": sketch.party,
        "recipient": to.party,
        "campaign": topic.campaign,
        "period": topic.period,
        "identifier": topic.identifier,
        "at_least": topic.at_least,
        "buckets": topic.buckets,
        "epsilon": sketch.epsilon_milli / 1000,
        "cost": {
            "rho": made.charged.decimal(),
            "was": flipping.price(sketch.epsilon_milli).decimal(),
        },
        "own": {"asked": made.asked, "permitted": made.permitted},
        "made_ms": made.made_ms,
        "again": made.charged.nano == 0,
    }


# -- inside ----------------------------------------------------------------------------------------


def _snapshot(parts: Services, dataset: str, people: BitMap) -> bytes:
    return parts.answers.snapshot(parts.datasets.index_id(dataset), people)


def _made(answer: Answer, charged: Rho, asked: int, permitted: int) -> Made:
    return Made(answer.release, answer.job, charged, asked, permitted, answer.released_ms)


def _require_affordable(parts: Services, cost: Rho, to: Recipient) -> None:
    """Refuse before anything is recorded; the charge itself decides. Raises: BudgetExceeded."""
    left = parts.budgets.remaining(to.account, to.limit_nano)
    if cost > left:
        missing = (cost - left).decimal()
        raise BudgetExceeded(requested=cost.decimal(), available=left.decimal(), missing=missing)


def _charge(parts: Services, cost: Rho, to: Recipient, name: str) -> None:
    parts.budgets.charge(
        name, to.collaboration, to.account.counterparty, STATISTICS, cost.nano, to.limit_nano,
        parts.clock_ms(), dataset=to.account.dataset, monthly=to.account.monthly,
    )  # fmt: skip


def _draw(parts: Services, topic: Topic, epsilon_milli: int, permission: Permission) -> ReachSketch:
    for _ in range(_TRIES):
        digests = _digests(parts, topic, permission)
        before, permission = permission, parts.gate.recheck(permission)
        if permission is before:
            party = parts.home.settings.party
            return ReachSketch.make(party, topic, epsilon_milli, digests, parts.rng)
    raise PeopleChanging


def _digests(parts: Services, topic: Topic, permission: Permission) -> NDArray[np.uint8]:
    return parts.datasets.over_index(
        permission,
        [topic.identifier],
        lambda index, permitted: reached(index, permitted, topic.identifier, topic.at_least),
    )


def _check_minimum(sketch: ReachSketch, minimum: int) -> None:
    """Raises: SmallCohort if the sketch itself shows fewer people than may be spoken of."""
    if not minimum:
        return
    try:
        shown = Merged([sketch]).everybody().value
    except SketchesTooFull:
        return  # far from small
    check_minimum(shown, minimum)
