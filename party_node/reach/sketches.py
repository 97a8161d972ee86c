"""Making a sketch of the permitted people of a dataset: charged first, kept, and given again.

    …           asked, permitted and charged once (`statistics/asked_once.py`)
    buckets     from permitted people only, and again if consent narrows meanwhile
    noise       drawn once; the sketch is kept before anybody sees it

A sketch drawn a second time would cost every person epsilon again, and two of them would show more
than one: that is why the first is given. Under an agreement the minimum is decided by the sketch
itself, which counts with noise: a group that looks smaller is not handed out, and was charged.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from party_node.gate import Permission
from party_node.reach.reached import reached
from party_node.services import Services
from party_node.statistics.asked_once import Question, once, steady
from party_node.statistics.recipients import Recipient
from protocols.codec import Record, encode
from protocols.disclosure import check_minimum
from protocols.dp.budget import HALF_WIDTH, Rho, questions_left
from protocols.dp.reach import flipping
from protocols.dp.reach.errors import SketchesTooFull
from protocols.dp.reach.merging import Merged
from protocols.dp.reach.planning import half_width
from protocols.dp.reach.sketch import ReachSketch, Topic, read


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
        "questions_left": questions_left(left),
        "questions_after": questions_left(Rho(left.nano - cost.nano) if cost <= left else left),
        "half_width": HALF_WIDTH,
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
    cost = flipping.price(epsilon_milli)
    question = Question(asked.dataset, asked.purpose, asked, asked, cost, flipping.MECHANISM)

    def draw(_name: str, permission: Permission) -> bytes:
        sketch = _draw(parts, asked.topic, epsilon_milli, permission)
        _check_minimum(sketch, to.minimum)
        return encode(sketch)

    given = once(parts, question, to, requester, draw)
    charged, answer = cost if given.paid_as else Rho(0), given.answer
    return Made(
        answer.release, answer.job, charged, given.asked, given.permitted, answer.released_ms
    )


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


def _draw(parts: Services, topic: Topic, epsilon_milli: int, permission: Permission) -> ReachSketch:
    digests, _ = steady(parts, permission, lambda permission: _digests(parts, topic, permission))
    party = parts.home.settings.party
    return ReachSketch.make(party, topic, epsilon_milli, digests, parts.rng)


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
