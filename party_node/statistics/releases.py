"""Releases: answers with noise about this party's own people, for one recipient, kept for good.

    question    read and planned; the file has its columns
    …           asked, permitted and charged once (`asked_once.py`)
    cells       added up from permitted rows, and again if consent narrows meanwhile
    noise       drawn once; the answer is stored before anybody sees it

What is for everybody is charged to one
budget that no agreement fills up: the setting `public_rho`.
"""

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sqlmodel import col, select

from party_node.answers import Answer
from party_node.errors import MissingColumn
from party_node.gate import Permission
from party_node.row_file import RowFile
from party_node.services import Services
from party_node.statistics import document
from party_node.statistics.aggregating import Beside, aggregate, columns_of
from party_node.statistics.asked_once import Question, once, steady
from party_node.statistics.errors import UnknownRelease
from party_node.statistics.recipients import Recipient
from party_node.statistics.tables import ReleaseRow
from protocols.codec import Record, encode
from protocols.dp.budget import HALF_WIDTH, MAX_RELEASE_NANO, Rho, epsilon, questions_left
from protocols.dp.queries.answering import answer
from protocols.dp.queries.drawing import Exact, draw
from protocols.dp.queries.plan import Plan, plan
from protocols.dp.queries.query import Lift, Query, Reach, RhoPrice
from protocols.dp.queries.scalars import InvalidQuery


def look_ahead(parts: Services, query: Query, to: Recipient) -> dict[str, Any]:
    """Return what a question would cost and how accurate it would be; nothing is read or charged.

    Raises: InvalidParameter, UnknownDataset, MissingColumn.
    """
    made = _planned(parts, query, to)
    left = parts.budgets.remaining(to.account, to.limit_nano)
    affordable = made.rho_nano <= left.nano
    after = Rho(left.nano - made.rho_nano) if affordable else left
    return {
        "cells": made.cells,
        "rho": Rho(made.rho_nano).decimal(),
        "epsilon_alone": epsilon(made.rho_nano, to.delta_exponent),
        "delta": f"1e-{to.delta_exponent}",
        "left": left.decimal(),
        "affordable": affordable,
        "questions_left": questions_left(left),
        "questions_after": questions_left(after),
        "half_width": HALF_WIDTH,
        "noise": document.noise(made),
    }


def release(
    parts: Services, query: Query, purpose: str, to: Recipient, requester: str
) -> dict[str, Any]:
    """Answer a question, once charged; the same question again is answered from then, free.

    Raises: InvalidParameter, UnknownDataset, MissingColumn, UnknownPurpose; BudgetExceeded,
    DeltaExceeded; DatasetChanged, DatasetUnreadable, PeopleChanging after the charge.
    """
    made = _planned(parts, query, to)
    free = replace(made.query, price=RhoPrice(MAX_RELEASE_NANO))
    cost, mechanism = Rho(made.rho_nano), document.mechanism_of(made)
    further = 0 if made.keys is None else made.keys.delta_exponent
    question = Question(
        query.dataset, purpose, _Asked(free, purpose), made.query, cost, mechanism, further
    )

    def make(name: str, permission: Permission) -> bytes:
        _keep(parts, name, made, _answer(parts, made, permission, to, name))
        return name.encode()

    given = once(parts, question, to, requester, make)
    return _again(parts, given.answer) if given.again else load(parts, given.answer.job)


def load(parts: Services, name: str) -> dict[str, Any]:
    """Return a release. Raises: UnknownRelease."""
    with parts.db.reading() as session:
        row = session.get(ReleaseRow, name)
        if row is None:
            raise UnknownRelease
        found: dict[str, Any] = json.loads(row.document)
        return found


def listed(parts: Services, limit: int) -> list[dict[str, Any]]:
    """Return the newest releases first."""
    newest = select(ReleaseRow).order_by(col(ReleaseRow.created_ms).desc()).limit(limit)
    with parts.db.reading() as session:
        return [json.loads(row.document) for row in session.exec(newest)]


# -- inside ----------------------------------------------------------------------------------------


def _planned(parts: Services, query: Query, to: Recipient) -> Plan:
    """Return the plan under the recipient's minimum; the file has what it names."""
    if isinstance(query.ask, Lift | Reach):
        kind = type(query.ask).__name__.lower()
        raise InvalidQuery(f"{kind} is of people in common: ask by accord job insight")
    made = plan(replace(query, minimum=max(query.minimum, to.minimum)))
    there = parts.datasets.info(query.dataset).report.columns
    for column in columns_of(made):
        if column not in there:
            raise MissingColumn(f"the dataset {query.dataset} has no column {column!r}")
    return made


@dataclass(frozen=True, slots=True)
class _Asked(Record):
    """What makes two questions the same one: all but the price."""

    KIND: ClassVar[str] = "release-question/1"
    query: Query
    purpose: str


def _again(parts: Services, before: Answer) -> dict[str, Any]:
    """Return an earlier release as the answer to a question that is asked again: it is free."""
    found = load(parts, before.job)
    cost = found["cost"] | {"rho": "0", "epsilon_alone": 0.0}
    earlier = {"release": before.job, "created_ms": before.released_ms}
    return found | {"cost": cost, "earlier": earlier}


def _answer(
    parts: Services, made: Plan, permission: Permission, to: Recipient, name: str
) -> dict[str, Any]:
    secret = int.from_bytes(parts.rng(8), "big")
    info = parts.datasets.info(made.query.dataset)
    exact, permission = steady(
        parts, permission, lambda permission: _cells(parts, made, permission, secret)
    )
    rows = answer(made, draw(made, exact))
    return document.document(
        made,
        rows,
        release=name,
        recipient=to.party,
        delta_exponent=to.delta_exponent,
        grant=permission.grant,
        facts={"file_sha256": info.report.sha256, "collaboration": to.collaboration},
    )


def _cells(parts: Services, made: Plan, permission: Permission, secret: int) -> Exact:
    def work(file: RowFile, people: NDArray[np.int64]) -> Exact:
        return aggregate(made, Beside(file, people), secret)

    return parts.datasets.over_rows(permission, work)


def _keep(parts: Services, name: str, made: Plan, found: dict[str, Any]) -> None:
    row = ReleaseRow(
        release=name,
        question=encode(made.query),
        document=json.dumps(found, sort_keys=True),
        created_ms=parts.clock_ms(),
    )
    with parts.db.writing() as session:
        session.add(row)
