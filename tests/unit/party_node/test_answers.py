"""The same question costs once, whatever happens in between."""

import dataclasses
from pathlib import Path

import pytest
from pyroaring import BitMap, FrozenBitMap

from party_node.accounts import Account
from party_node.answers import Answers
from party_node.errors import NotFound, RowChanged
from party_node.lineages import Lineages
from party_node.roles.callers import Caller
from party_node.roles.tokens import StaffRole
from party_node.second_approvals import SecondApprovals
from protocols import question
from protocols.codec import encode
from protocols.job import Source
from protocols.psi.params import RowParams
from tests.support.described import described
from tests.support.node import NodeStorage, open_storage

TWO = (Caller(StaffRole.OPERATOR, "anna"), Caller(StaffRole.COMPLIANCE, "ben"))
PEOPLE = BitMap(range(100))
SHOP = Account("shop", "customers")
ASKED = bytes(32)


@pytest.fixture
def node(tmp_path: Path) -> NodeStorage:
    node = open_storage(tmp_path)
    with node.db.writing() as session:
        Lineages(node.vault, node.clock).join(session, "customers", PEOPLE)
    return node


@pytest.fixture
def answers(node: NodeStorage) -> Answers:
    return Answers(node.db, node.vault)


def test_a_question_is_answered_from_its_first_release(answers: Answers) -> None:
    now = answers.snapshot("sha", PEOPLE)
    assert answers.find(SHOP, ASKED, now, 50) is None
    kept = answers.keep(SHOP, ASKED, now, "job-1", b"release", 50, 7)
    assert answers.find(SHOP, ASKED, now, 50) == kept
    assert answers.find(SHOP, ASKED, now, 20) == kept, "a better answer will do"
    assert (kept.number, kept.release, kept.job, kept.released_ms) == (1, b"release", "job-1", 7)


@pytest.mark.parametrize(
    "changes",
    [
        {"account": Account("telco", "customers")},
        {"question": b"\x01" * 32},
        {"snapshot": b"\x02" * 32},
        {"rho_nano": 51},
    ],
)
def test_another_question_is_another_answer(answers: Answers, changes: dict[str, object]) -> None:
    asked = {"account": SHOP, "question": ASKED, "snapshot": bytes(32), "rho_nano": 50}
    answers.keep(**asked, job="j", release=b"r", now_ms=1)  # type: ignore[arg-type]
    assert answers.find(**{**asked, **changes}) is None  # type: ignore[arg-type]


def test_who_asks_at_the_same_moment_is_told_what_was_kept_first(answers: Answers) -> None:
    first = answers.keep(SHOP, ASKED, ASKED, "a", b"first", 50, 1)
    assert answers.keep(SHOP, ASKED, ASKED, "b", b"second", 50, 2) == first
    assert len(answers.listed(10)) == 1


def test_a_run_that_crashed_after_it_kept_its_answer_tells_the_same(answers: Answers) -> None:
    first = answers.keep(SHOP, ASKED, ASKED, "a", b"drawn once", 50, 1)
    assert answers.keep(SHOP, ASKED, ASKED, "a", b"drawn again", 50, 2) == first


def test_a_better_answer_takes_the_place_of_a_worse_one(answers: Answers) -> None:
    answers.keep(SHOP, ASKED, ASKED, "a", b"coarse", 10, 1)
    fine = answers.keep(SHOP, ASKED, ASKED, "b", b"fine", 50, 2)
    assert answers.find(SHOP, ASKED, ASKED, 10) == fine


def test_another_name_over_the_same_people_has_the_same_answers(
    node: NodeStorage, answers: Answers
) -> None:
    kept = answers.keep(SHOP, ASKED, ASKED, "a", b"release", 50, 1)
    node.clock.advance(1)
    with node.db.writing() as session:
        Lineages(node.vault, node.clock).join(session, "renamed", PEOPLE)
    assert answers.find(Account("shop", "renamed"), ASKED, ASKED, 50) == kept


def test_two_people_let_it_be_asked_anew_once(node: NodeStorage, answers: Answers) -> None:
    ledger = node.open_ledger()
    approvals = SecondApprovals(ledger)
    kept = answers.keep(SHOP, ASKED, ASKED, "a", b"first", 50, 1)
    entry = approvals.refresh(kept.number, "the file was wrong", TWO)
    assert approvals.refresh(kept.number, "again", TWO) == entry
    assert ledger.entry(entry).record.detail == "answer:1, the file was wrong"  # type: ignore[union-attr]
    assert answers.find(SHOP, ASKED, ASKED, 50) is None
    assert [stands for _, stands in answers.listed(10)] == [False]
    second = answers.keep(SHOP, ASKED, ASKED, "b", b"second", 50, 2)
    assert answers.find(SHOP, ASKED, ASKED, 50) == second
    with pytest.raises(NotFound):
        approvals.refresh(99, "no such", TWO)


def test_an_answer_that_was_changed_in_the_database_is_not_given(
    node: NodeStorage, answers: Answers
) -> None:
    answers.keep(SHOP, ASKED, ASKED, "a", b"release", 50, 1)
    with node.db.connection() as connection:
        connection.exec_driver_sql("UPDATE released_answers SET release = x'00'")
    with pytest.raises(RowChanged):
        answers.find(SHOP, ASKED, ASKED, 50)


def test_a_snapshot_is_of_these_rows_and_people_only(node: NodeStorage, answers: Answers) -> None:
    now = answers.snapshot("sha", PEOPLE)
    assert answers.snapshot("sha", FrozenBitMap(range(100))) == now
    assert answers.snapshot("other", PEOPLE) != now
    assert answers.snapshot("sha", PEOPLE - BitMap([3])) != now
    assert answers.snapshot("sha", BitMap()) != now


# -- canonical questions ---------------------------------------------------------------------------

JOB = described(
    params=encode(RowParams.for_job(2, 2)),
    senders=(Source("publisher", "readers"),),
    identifiers=("email", "phone"),
)


def changed(**changes: object) -> bytes:
    return question.of_job(dataclasses.replace(JOB, **changes))  # type: ignore[arg-type]


def test_price_time_and_number_make_no_other_question() -> None:
    same = changed(job="b" * 32, rho_nano=1, created_ms=5, expires_ms=9, requester="publisher")
    assert same == question.of_job(JOB)
    assert changed(identifiers=("phone", "email")) == question.of_job(JOB)


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": "joint-audience"},
        {"minimum_size": 51},
        {"senders": (Source("publisher", "subscribers"),)},
        {"collaboration_hash": b"\x01" * 32},
        {"receiver": "publisher", "senders": (Source("brand", "readers"),)},
    ],
)
def test_whatever_else_is_asked_makes_another(changes: dict[str, object]) -> None:
    assert changed(**changes) != question.of_job(JOB)
