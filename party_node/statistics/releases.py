"""Releases: answers with noise about this party's own people, for one recipient, kept for good.

    question    read and planned; the file has its columns; the budget can pay it
    again?      the same question, people, file and recipient: the answer of then, free
    gate        who may be used for `dp.stat`; the use record is in the ledger, under a checkpoint
    charge      on disk before any row is read
    cells       added up from permitted rows, and again if consent narrows meanwhile
    noise       drawn once; the answer is stored before anybody sees it

A crash after the charge loses the answer, never the charge. What is for everybody is charged to one
budget that no agreement fills up: the setting `public_rho`.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sqlmodel import col, select

from consent.words import EVERYBODY, SELF, Operation
from party_node.accounts import PUBLIC, PUBLIC_DELTA_EXPONENT, Account
from party_node.answers import Answer
from party_node.decisions import Price
from party_node.errors import JobRefused, MissingColumn, NodeError
from party_node.gate import Permission
from party_node.row_file import RowFile
from party_node.services import Services
from party_node.statistics import document
from party_node.statistics.aggregating import Beside, aggregate, columns_of
from party_node.statistics.errors import PeopleChanging, UnknownRelease
from party_node.statistics.tables import ReleaseRow
from protocols.codec import Record, encode
from protocols.dp.budget import MAX_RELEASE_NANO, Rho
from protocols.dp.queries.answering import answer
from protocols.dp.queries.drawing import Exact, draw
from protocols.dp.queries.plan import Plan, plan
from protocols.dp.queries.query import Lift, Query, RhoPrice
from protocols.dp.queries.scalars import InvalidQuery
from protocols.errors import BudgetExceeded, DisclosureError, ProtocolError
from protocols.question import digest
from protocols.release import STATISTICS

COMPLETED = "completed"
_TTL_MS = 60 * 60 * 1000
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a release is for, and what may be spent on them."""

    account: Account
    """Charged towards a party; or towards `PUBLIC`, for everybody."""
    collaboration: str
    """Empty for everybody."""
    limit_nano: int
    delta_exponent: int
    minimum: int

    @property
    def party(self) -> str:
        """A party, or `*` for everybody."""
        return EVERYBODY if self.account.counterparty == PUBLIC else self.account.counterparty

    @property
    def in_consent(self) -> str:
        """The recipient that people's consent must cover."""
        return SELF if self.account.counterparty == PUBLIC else self.account.counterparty


def recipient_of(parts: Services, dataset: str, collaboration: str, to: str) -> Recipient:
    """Return whom statistics about a dataset are for: everybody without a collaboration, else the
    other member or `to`.

    Raises: UnknownCollaboration, ExpiredCollaboration; JobRefused if it has no such member.
    """
    if not collaboration:
        if to:
            raise JobRefused("a release for one party is under a collaboration with it")
        limit = Rho.parse(parts.home.settings.public_rho).nano
        return Recipient(Account(PUBLIC, dataset), "", limit, PUBLIC_DELTA_EXPONENT, 0)
    agreed = parts.collaborations.current(collaboration)
    others = [m.party for m in agreed.members if m.party != parts.home.settings.party]
    if not to and len(others) == 1:
        (to,) = others
    if to not in others:
        raise JobRefused("the collaboration has no such other member")
    limit = parts.collaborations.limit_nano(agreed)
    account = parts.collaborations.account(agreed, to, dataset)
    return Recipient(account, collaboration, limit, agreed.delta_exponent, agreed.minimum_size)


def look_ahead(parts: Services, query: Query, to: Recipient) -> dict[str, Any]:
    """Return what a question would cost and how accurate it would be; nothing is read or charged.

    Raises: InvalidParameter, UnknownDataset, MissingColumn.
    """
    made = _planned(parts, query, to)
    left = parts.budgets.remaining(to.account, to.limit_nano)
    return {
        "cells": made.cells,
        "rho": Rho(made.rho_nano).decimal(),
        "left": left.decimal(),
        "affordable": made.rho_nano <= left.nano,
        "noise": document.noise(made),
    }


def release(
    parts: Services, query: Query, purpose: str, to: Recipient, requester: str
) -> dict[str, Any]:
    """Answer a question, once charged; the same question again is answered from then, free.

    Raises: InvalidParameter, UnknownDataset, MissingColumn, UnknownPurpose; BudgetExceeded;
    DatasetChanged, DatasetUnreadable, PeopleChanging after the charge.
    """
    made = _planned(parts, query, to)
    asked = _asked(parts, made, purpose, to)
    before = parts.answers.find(to.account, *asked, made.rho_nano)
    if before is not None:
        return _again(parts, before)
    _require_affordable(parts, made, to)
    name = parts.rng(16).hex()
    permission = parts.gate.permit(
        name,
        hashlib.sha256(encode(made.query)).digest(),
        made.query.dataset,
        purpose,
        to.in_consent,
        (Operation.DP_STAT,),
        requester,
        _TTL_MS,
        price=Price(made.rho_nano, document.mechanism_of(made)),
    )
    outcome = "internal"
    try:
        found = _answer(parts, made, permission, to, name)
        _keep(parts, name, made, found)
        kept = parts.answers.keep(
            to.account, *asked, name, name.encode(), made.rho_nano, parts.clock_ms()
        )
        outcome = COMPLETED
    except (NodeError, ProtocolError, DisclosureError) as e:
        outcome = e.code
        raise
    finally:
        parts.gate.end(name, made.query.dataset, outcome)
    # Somebody may have been first with the same question: then that is the answer.
    return found if kept.job == name else _again(parts, kept)


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
    if isinstance(query.ask, Lift):
        raise InvalidQuery("lift is of people in common: ask by accord job insight")
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


def _asked(parts: Services, made: Plan, purpose: str, to: Recipient) -> tuple[bytes, bytes]:
    """Return what stands for the question, and for its rows and people."""
    _, people = parts.gate.permitted_now(
        made.query.dataset, purpose, to.in_consent, (Operation.DP_STAT,)
    )
    index = parts.datasets.index_id(made.query.dataset)
    free = replace(made.query, price=RhoPrice(MAX_RELEASE_NANO))
    return digest(_Asked(free, purpose)), parts.answers.snapshot(index, people)


def _again(parts: Services, before: Answer) -> dict[str, Any]:
    """Return an earlier release as the answer to a question that is asked again: it is free."""
    found = load(parts, before.job)
    cost = found["cost"] | {"rho": "0", "epsilon_alone": 0.0}
    earlier = {"release": before.job, "created_ms": before.released_ms}
    return found | {"cost": cost, "earlier": earlier}


def _require_affordable(parts: Services, made: Plan, to: Recipient) -> None:
    """Refuse before anything is recorded; the charge itself decides. Raises: BudgetExceeded."""
    left = parts.budgets.remaining(to.account, to.limit_nano)
    cost = Rho(made.rho_nano)
    if cost > left:
        missing = (cost - left).decimal()
        raise BudgetExceeded(requested=cost.decimal(), available=left.decimal(), missing=missing)


def _charge(parts: Services, made: Plan, to: Recipient, name: str) -> None:
    parts.budgets.charge(
        name, to.collaboration, to.account.counterparty, STATISTICS, made.rho_nano, to.limit_nano,
        parts.clock_ms(), dataset=to.account.dataset, monthly=to.account.monthly,
    )  # fmt: skip


def _answer(
    parts: Services, made: Plan, permission: Permission, to: Recipient, name: str
) -> dict[str, Any]:
    _charge(parts, made, to, name)
    secret = int.from_bytes(parts.rng(8), "big")
    info = parts.datasets.info(made.query.dataset)
    for _ in range(_TRIES):
        exact = _cells(parts, made, permission, secret)
        before, permission = permission, parts.gate.recheck(permission)
        if permission is before:
            break
    else:
        raise PeopleChanging
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
