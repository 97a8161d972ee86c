"""Whom a node brings to a repeated question: the rule over every history, and its memory."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from sqlmodel import select

from party_node import count_noise
from party_node.errors import JobRefused
from party_node.job_tables import RememberedInputRow, ResultRow
from party_node.repeats import ANSWERS_FOR_MS, MOST, Repeats, forget_from_inputs
from protocols.codec import encode
from protocols.dp import coins
from protocols.job import JobDescription, Source
from protocols.job_params import params_of
from protocols.psi.params import PsiParams, RowParams
from tests.support.described import described
from tests.support.node import open_storage

LEAST = 5
ME, PEER = "brand", "publisher"
JOB = described(params=encode(RowParams(2**24, 2**15)), rho_nano=5_000_000)


def job(number: int, **changes: object) -> JobDescription:
    return dataclasses.replace(JOB, job=f"{number:032x}", **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    return open_storage(tmp_path_factory.mktemp("repeats"))


@pytest.fixture
def remembered(node):
    return fresh(node)


def fresh(node, least: int = LEAST) -> Repeats:
    with node.db.writing() as session:
        for row in session.exec(select(RememberedInputRow)):
            session.delete(row)
    return Repeats(node.db, node.vault, least)


PEOPLE = st.frozensets(st.integers(0, 11), max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.lists(PEOPLE, max_size=6))
def test_compared_with_any_earlier_input_enough_people_came_or_nobody(node, history):
    found = fresh(node)
    brought: list[set[int]] = []
    for number, permitted in enumerate(history):
        now = set(found.admit(job(number), ME, BitMap(permitted), number))
        assert now <= permitted
        for before in brought:
            assert len(now - before) >= LEAST or now <= before
        if not brought:
            assert now == permitted
        brought.append(now)


def test_who_is_far_from_every_earlier_input_is_brought_whole(remembered):
    remembered.admit(job(1), ME, BitMap(range(10)), 1)
    assert remembered.admit(job(2), ME, BitMap(range(5, 15)), 2) == BitMap(range(5, 15))


def test_the_same_run_asked_again_is_the_same_run(remembered):
    first = remembered.admit(job(1), ME, BitMap(range(10)), 1)
    assert remembered.admit(job(1), ME, BitMap(range(10)), 2) == first
    assert remembered.admit(job(1), ME, BitMap(range(12)), 3) == BitMap(range(12))


def test_leavers_make_no_room_for_a_newcomer(remembered):
    """Four who go and one who comes are five who differ: the one would stand out in a list."""
    remembered.admit(job(1), ME, BitMap(range(20)), 1)
    now = remembered.admit(job(2), ME, BitMap(range(LEAST - 1, 21)), 2)
    assert now == BitMap(range(LEAST - 1, 20))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "audience"},
        {"purpose": "x"},
        {"identifiers": ("phone",)},
        {"identifiers": ("phone", "email")},
        {"receiver": PEER, "senders": (Source(ME, "customers"),)},
        {"receiver_dataset": "others"},
        {"collaboration": "autumn"},
    ],
)
def test_another_question_is_no_way_around_what_was_brought(remembered, changes):
    """One who has just come would stand out between the answers to two questions, too."""
    remembered.admit(job(1, identifiers=("email", "phone")), ME, BitMap(range(10)), 1)
    assert remembered.admit(job(2, **changes), ME, BitMap(range(11)), 2) == BitMap(range(10))


def test_another_party_has_a_memory_of_its_own(remembered):
    remembered.admit(job(1), ME, BitMap(range(10)), 1)
    other = job(2, senders=(Source("another", "audience"),))
    assert remembered.admit(other, ME, BitMap(range(11)), 3) == BitMap(range(11))


def test_a_setting_of_nothing_turns_the_rule_off(node):
    off = fresh(node, least=0)
    off.admit(job(1), ME, BitMap(range(10)), 1)
    assert off.admit(job(2), ME, BitMap(range(11)), 2) == BitMap(range(11))
    assert off.nearest(PEER, BitMap(range(11)), 2) == []


def test_the_newest_are_remembered_and_no_more(remembered, node):
    for number in range(MOST + 3):
        people = BitMap(range(number * 10, number * 10 + 10))
        remembered.admit(job(number), ME, people, number)
    with node.db.reading() as session:
        kept = {row.job for row in session.exec(select(RememberedInputRow))}
    assert kept == {job(n).job for n in range(3, MOST + 3)}


def test_runs_over_another_dataset_push_nothing_out(remembered):
    """A party with two datasets in an agreement would else flush what is known of one of them."""
    remembered.admit(job(1), ME, BitMap(range(10)), 1)
    for number in range(2, MOST + 4):
        people = BitMap(range(number * 10, number * 10 + 10))
        remembered.admit(job(number, receiver_dataset="others"), ME, people, number)
    assert remembered.admit(job(0), ME, BitMap(range(11)), 999) == BitMap(range(10))


def test_an_old_or_an_empty_input_answers_nothing(remembered, node):
    """Everybody has withdrawn: nearly nobody is nearly the few who were there, and is no answer."""
    remembered.admit(job(1), ME, BitMap(range(LEAST - 1)), 1)
    with node.db.writing() as session:
        session.merge(ResultRow(job=job(1).job, document="{}", created_ms=1))
    assert remembered.nearest(PEER, BitMap([0]), ANSWERS_FOR_MS) == [job(1).job]
    assert remembered.nearest(PEER, BitMap(), ANSWERS_FOR_MS) == []
    assert remembered.nearest(PEER, BitMap([0]), ANSWERS_FOR_MS + 1) == []


def test_a_run_of_which_nothing_left_is_forgotten(remembered):
    remembered.admit(job(1), ME, BitMap(range(10)), 1)
    remembered.forget_run(job(1).job)
    remembered.forget_run(job(1).job)
    assert remembered.admit(job(2), ME, BitMap(range(11)), 2) == BitMap(range(11))


def test_an_erased_person_is_nobodys_difference(remembered, node):
    remembered.admit(job(1), ME, BitMap(range(10)), 1)
    with node.db.writing() as session:
        forget_from_inputs(session, node.vault, BitMap([3]))
        forget_from_inputs(session, node.vault, BitMap([77]))
    # Were 3 remembered still, coming back would be no news.
    now = remembered.admit(job(2), ME, BitMap(range(10)), 2)
    assert now == BitMap(range(10)) - BitMap([3])


# -- dummies in a job ------------------------------------------------------------------------------


ASKED = RowParams(2**24, 2**15)


@pytest.mark.parametrize("strict", [True, False])
def test_a_count_asks_for_as_many_dummies_as_its_price_needs(strict):
    found = count_noise.with_dummies(JOB, dataclasses.replace(ASKED, strict=strict))
    dummies = count_noise.dummies_of(found)
    assert dummies == coins.least(JOB.rho_nano, strict) > 400
    count_noise.check(found, params_of(found))
    assert count_noise.half_width(found) == coins.half_width(JOB.rho_nano, dummies)


@pytest.mark.parametrize("dummies", [0, 2, 400])
def test_a_count_with_too_few_dummies_is_refused(dummies):
    """Whoever asks for less noise than is charged would be told more than is paid for."""
    with pytest.raises(JobRefused, match="needs 438 dummies"):
        count_noise.check(JOB, dataclasses.replace(ASKED, dummies=dummies))


def test_strict_hashing_that_is_dropped_needs_more_dummies():
    strict = params_of(count_noise.with_dummies(JOB, ASKED))
    with pytest.raises(JobRefused):
        count_noise.check(JOB, dataclasses.replace(strict, strict=False))


def test_a_list_and_a_count_of_people_with_several_identifiers_ask_for_none():
    """A row that matches twice is no dummy: the count of those would have no noise anyway."""
    listing = dataclasses.replace(JOB, protocol="psi-dh-members/1", kind="audience")
    plain = count_noise.with_dummies(listing, PsiParams(9, 2**15))
    assert count_noise.dummies_of(plain) == 0
    assert count_noise.half_width(plain) == 21
    several = count_noise.with_dummies(JOB, dataclasses.replace(ASKED, per_person=2))
    assert count_noise.dummies_of(several) == 0
    count_noise.check(several, params_of(several))
    assert count_noise.half_width(several) == 40


def test_a_price_that_would_need_too_many_dummies_is_refused():
    with pytest.raises(JobRefused, match="too many dummies"):
        count_noise.with_dummies(dataclasses.replace(JOB, rho_nano=1000), ASKED)


def test_of_three_parties_each_one_s_memory_counts(remembered):
    """Who would stand out to any one of them stays out for all."""
    three = {"senders": (Source(PEER, "audience"), Source("shop", "buyers"))}
    remembered.admit(job(1), ME, BitMap(range(10)), 1)
    assert remembered.admit(job(2, **three), ME, BitMap(range(11)), 2) == BitMap(range(10))
    alone = {"senders": (Source("shop", "buyers"),)}
    assert remembered.admit(job(3, **alone), ME, BitMap(range(12)), 3) == BitMap(range(10))


def test_a_run_of_three_is_forgotten_for_each_of_them(remembered):
    three = {"senders": (Source(PEER, "audience"), Source("shop", "buyers"))}
    remembered.admit(job(1, **three), ME, BitMap(range(10)), 1)
    remembered.forget_run(job(1).job)
    assert remembered.admit(job(2, **three), ME, BitMap(range(11)), 2) == BitMap(range(11))
